"""`poseflow track`: identities for the people of a video."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.progress import progress


def track(
    source: Annotated[
        str,
        typer.Argument(
            help="Video file, folder or glob of images, camera index, rtsp/http url."
        ),
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", help="Result file; - for standard output.")
    ],
    poses: Annotated[
        str | None,
        typer.Option(help="File with the people of each frame, in any known format."),
    ] = None,
    tracker: Annotated[str, typer.Option(help="released, iou, oks, default.")] = (
        "default"
    ),
    matcher: Annotated[
        str | None, typer.Option(help="How frames are matched: orb or none.")
    ] = None,
    correspondences: Annotated[
        Path | None,
        typer.Option(help="Folder with matches NAME_NAME_orb.txt or .npz to use."),
    ] = None,
    compat: Annotated[
        bool,
        typer.Option(
            "--compat", help="With --tracker released: repeat its documented faults."
        ),
    ] = False,
    render: Annotated[
        str | None, typer.Option(help="Also write an overlay video or image folder.")
    ] = None,
    format: Annotated[str, typer.Option(help="Format of the result.")] = "default",
) -> None:
    """Track the people of SOURCE and write who is who."""
    import poseflow
    from poseflow.formats import Hints, ResultWriter
    from poseflow.pipeline import drain
    from poseflow.render import OverlaySink
    from poseflow.video import open_source

    options = {"matcher": matcher, "correspondences": correspondences}
    chosen = {name: value for name, value in options.items() if value is not None}
    if compat:
        chosen["compat"] = True
    with ExitStack() as stack:
        video = stack.enter_context(open_source(source))
        frames = poseflow.track(video, poses=poses, tracker=tracker, **chosen)
        hints = Hints(size=video.size, fps=video.fps, name=video.name)
        result = stack.enter_context(ResultWriter(output, format, hints=hints))
        overlay = (
            None if render is None else stack.enter_context(OverlaySink(render, video))
        )
        sinks = [result] if overlay is None else [result, overlay]
        start = time.perf_counter()
        count, ids = drain(progress(frames, video.frame_count), sinks)
        seconds = time.perf_counter() - start
    rate = f"{count / seconds:.1f} frames/s" if seconds else "at once"
    typer.echo(f"{output}: {count} frames, {ids} identities, {rate}", err=True)
    if overlay is not None:
        typer.echo(
            f"{overlay.path}: {overlay.frames} frames, {overlay.codec}", err=True
        )
