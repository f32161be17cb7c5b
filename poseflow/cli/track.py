"""`poseflow track`: identities for the people of a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
