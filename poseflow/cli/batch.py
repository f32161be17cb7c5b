"""`poseflow batch`: track many videos and folders."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poseflow.cli.options import (
    EstimatorOptions,
    TrackerOptions,
    expand_options,
    track_options,
)

if TYPE_CHECKING:
    from poseflow.batch import BatchItem, Outcome


class Engine(StrEnum):
    """Where sources are tracked."""

    LOCAL = "local"
    RAY = "ray"


@expand_options
def batch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Video files, folders or globs of images, urls, files of poses.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the results and batch.json.")
    ],
    *,
    engine: Annotated[
        Engine,
        typer.Option(help="local: processes of this machine; ray: tasks of a cluster."),
    ] = Engine.LOCAL,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Skip sources that are done, with the same options."
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Sources at once; default one for every two cores."),
    ] = None,
    estimator_options: EstimatorOptions,
    tracker_options: TrackerOptions,
    render: Annotated[
        bool, typer.Option("--render", help="Also write overlay videos, NAME.mp4.")
    ] = False,
    format: Annotated[
        str, typer.Option("--format", help="Format of the results.")
    ] = "alphapose",
    device: Annotated[
        str,
        typer.Option(
            help="Device of the estimators: auto, cpu, cuda, cuda:N; cuda:0,cuda:1 "
            "take turns."
        ),
    ] = "auto",
) -> None:
    """Track many SOURCEs, each to NAME.json in a folder; a failure stops no other.

    The results are those of track.
    """
    from poseflow.batch import track_all

    def report_outcome(item: BatchItem, outcome: Outcome) -> None:
        for note in outcome.warnings:
            typer.echo(f"poseflow: warning: {note}", err=True)
        if outcome.error is None:
            rate = f"{outcome.frames / max(outcome.seconds, 1e-9):.1f} frames/s"
            made = f"{outcome.frames} frames, {outcome.identities} identities, {rate}"
            typer.echo(f"{item.result}: {made}", err=True)

    report = track_all(
        sources,
        out,
        track_options(estimator_options, tracker_options, format, render=render),
        engine=engine.value,
        workers=workers,
        device=device,
        resume=resume,
        progress=report_outcome,
    )
    for item, outcome in report.failed:
        typer.echo(f"poseflow: {item.source}: {outcome.error}", err=True)
    failed = f", {len(report.failed)} failed" if report.failed else ""
    skipped = f", {len(report.skipped)} there already" if report.skipped else ""
    typer.echo(f"{out}: {len(report.done)} done{skipped}{failed}", err=True)
    if report.failed:
        raise typer.Exit(1)
