"""`poseflow convert`: a file of poses in another format or skeleton."""

from __future__ import annotations

from typing import Annotated

import typer

from poseflow.cli.options import KeepOriginOption, SizeOption, VideoOption, parse_size
from poseflow.cli.say import say


def convert(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="File of poses, gzipped or not.")
    ],
    output: Annotated[
        str, typer.Argument(metavar="OUT", help="File to write; - for standard output.")
    ],
    from_format: Annotated[
        str | None,
        typer.Option(
            "--from", help="Format of IN; default: detected from the content."
        ),
    ] = None,
    to_format: Annotated[
        str | None, typer.Option("--to", help="Format of OUT; default: by its suffix.")
    ] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(
            help="Skeleton of OUT: a name, or a YAML or JSON file; default: that of IN."
        ),
    ] = None,
    from_skeleton: Annotated[
        str | None,
        typer.Option(
            help="Skeleton of IN: a name or a file; default: by the file of poses."
        ),
    ] = None,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate", help="Estimate joints that IN lacks, where there is a rule."
        ),
    ] = False,
    size: SizeOption = None,
    video: VideoOption = None,
    keep_origin: KeepOriginOption = False,
) -> None:
    """Rewrite poses in another format, or joint by joint for another skeleton."""
    import poseflow
    from poseflow.formats import check_output
    from poseflow.formats.losses import losses
    from poseflow.skeletons.files import find_skeleton

    format = check_output(output, to_format)
    poses = poseflow.read(
        source,
        from_format,
        skeleton=from_skeleton,
        size=parse_size(size),
        keep_origin=keep_origin,
        video=video,
    )
    if skeleton is not None:
        target = find_skeleton(skeleton)
        mapping = poseflow.joint_map(poses.skeleton, target, estimate)
        for line in mapping.describe().splitlines():
            say(line, err=True)
        poses = poseflow.convert(poses, target, estimate)
    for lost in losses(poses, format):
        say(f"poseflow: format {format.name} does not keep: {lost}", err=True)
    poseflow.write(poses, output, format)
