"""`poseflow render`: draw a result over its source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.options import (
    DrawingOptions,
    KeepOriginOption,
    SizeOption,
    SkeletonOption,
    expand_options,
    parse_size,
)
from poseflow.cli.progress import progress
from poseflow.cli.say import say


@expand_options
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
    labels: Annotated[
        bool, typer.Option(help="Draw the identities, or the names of those named.")
    ] = True,
    *,
    drawing: DrawingOptions,
    compare: Annotated[
        str | None, typer.Option(help="Another result, drawn beside TRACKED.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Also write an image with twelve of the frames.")
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option(help="Also write an image with the timeline of the tracks."),
    ] = None,
    skeleton: SkeletonOption = None,
    size: SizeOption = None,
    keep_origin: KeepOriginOption = False,
) -> None:
    """Draw the poses of TRACKED over SOURCE."""
    import poseflow
    from poseflow.drawing import draw_timeline
    from poseflow.pipeline.render import check_image_name, write_image

    if timeline is not None:
        check_image_name(timeline)

    def read(path: str) -> poseflow.PoseSequence:
        return poseflow.read(
            path, skeleton=skeleton, size=parse_size(size), keep_origin=keep_origin
        )

    poses = read(tracked)
    other = None if compare is None else read(compare)
    names = {**(other.names if other is not None else {}), **poses.names}
    done = poseflow.render(
        source,
        poses,
        out,
        overlay=drawing.overlay(trail=trail, boxes=boxes, labels=labels, names=names),
        compare=other,
        titles=None if compare is None else (Path(tracked).stem, Path(compare).stem),
        sheet=sheet,
        progress=progress,
    )
    say(f"{done.path}: {done.frames} frames, {done.codec}", err=True)
    if timeline is not None:
        write_image(timeline, draw_timeline(poses))
