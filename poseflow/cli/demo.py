"""`poseflow demo`: a rendered scene, tracked and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.progress import progress
from poseflow.cli.say import say, show


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo"),
    suite: Annotated[str, typer.Option(help="Kind of scene.")] = "street",
    seed: Annotated[int, typer.Option(min=0, help="Which scene of that kind.")] = 8,
    frames: Annotated[int, typer.Option(min=2, help="Length of the video.")] = 150,
    tracker: Annotated[str, typer.Option(help="Name of a tracker.")] = "default",
    quality: Annotated[
        str, typer.Option(help="Of the estimator: fast, balanced or best.")
    ] = "best",
) -> None:
    """Render a street, track the people in its pixels, draw the result and score it."""
    from poseflow.demo import run_demo

    done = run_demo(
        out,
        suite=suite,
        seed=seed,
        frames=frames,
        tracker=tracker,
        quality=quality,
        progress=progress,
    )
    width = max(len(str(path)) for path in done.files)
    for path, what in done.files.items():
        say(f"{path!s:<{width}}  {what}")
    say(f"{done.identities} identities for {done.people} people")
    show(f"\n{done.report.table()}\n")
    say(f"To watch and check the result, open {done.page} in a browser.")
