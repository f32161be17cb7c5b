"""`poseflow report`: the results page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.progress import progress
from poseflow.cli.say import say


def report(
    result: Annotated[Path, typer.Argument(help="Result of track, any known format.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page.")] = Path(
        "report.html"
    ),
    video: Annotated[
        str | None,
        typer.Option(help="Video or folder of images; without, poses alone are shown."),
    ] = None,
    gt: Annotated[
        Path | None,
        typer.Option(help="Ground truth with ids: shows the real errors, and scores."),
    ] = None,
    embed: Annotated[
        bool,
        typer.Option(
            "--embed",
            help="Put the video into the page, encoded anew if browsers do not play "
            "it; otherwise the page has a link to it.",
        ),
    ] = False,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second, where neither video nor result says."),
    ] = None,
    skeleton: SkeletonOption = None,
) -> None:
    """Write a page to watch, check and correct a result; it needs no network.

    Corrections made in the page are saved as corrections.json, for poseflow edit.
    """
    from poseflow.report import write_report

    done = write_report(
        result,
        output,
        video=video,
        gt=gt,
        embed=embed,
        fps=fps,
        skeleton=skeleton,
        progress=progress,
    )
    for note in done.notes:
        say(f"poseflow: note: {note}", err=True)
    say(
        f"{done.path}: {done.frames} frames, {done.tracks} tracks, "
        f"{done.megabytes:.1f} MB",
        err=True,
    )
