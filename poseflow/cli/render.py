"""`poseflow render`: draw a result over its source."""

from __future__ import annotations

from typing import Annotated

import typer

from poseflow.cli.options import (
    KeepOriginOption,
    SizeOption,
    SkeletonOption,
    parse_size,
)
from poseflow.cli.progress import progress


def render(
    source: Annotated[
        str,
        typer.Argument(
            help="Video file, folder or glob of images, camera index, rtsp/http url."
        ),
    ],
    tracked: Annotated[str, typer.Argument(help="Result of track, any known format.")],
    out: Annotated[
        str,
        typer.Argument(help="Video (.mp4 .mov .mkv .webm .avi), or folder of images."),
    ],
    trail: Annotated[
        int, typer.Option(min=0, help="Frames of each person's path to show.")
    ] = 30,
    boxes: Annotated[bool, typer.Option("--boxes", help="Also draw boxes.")] = False,
    labels: Annotated[bool, typer.Option(help="Draw the identities.")] = True,
    skeleton: SkeletonOption = None,
    size: SizeOption = None,
    keep_origin: KeepOriginOption = False,
) -> None:
    """Draw the poses of TRACKED over SOURCE."""
    import poseflow
    from poseflow.drawing import Overlay

    overlay = Overlay(trail=trail, boxes=boxes, labels=labels)
    poses = poseflow.read(
        tracked, skeleton=skeleton, size=parse_size(size), keep_origin=keep_origin
    )
    done = poseflow.render(source, poses, out, overlay=overlay, progress=progress)
    typer.echo(f"{done.path}: {done.frames} frames, {done.codec}", err=True)
