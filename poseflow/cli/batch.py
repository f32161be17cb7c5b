"""`poseflow batch`: many videos and folders."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poseflow.cli.options import (
    DetectEveryOption,
    DetectorOption,
    DetectorWeightsOption,
    EstimatorOption,
    FormatOption,
    MatcherOption,
    TrackerOption,
    WeightsOption,
)

if TYPE_CHECKING:
    from poseflow.batch import Job, Outcome


class Engine(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    RAY = "ray"


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
    engine: Annotated[
        Engine,
        typer.Option(help="local: processes of this machine; ray: tasks of a cluster."),
    ] = Engine.LOCAL,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Leave out what is done, with these options."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Sources at once; default one for every two cores."),
    ] = None,
    estimator: EstimatorOption = None,
    weights: WeightsOption = None,
    detector: DetectorOption = None,
    detector_weights: DetectorWeightsOption = None,
    detect_every: DetectEveryOption = 1,
    tracker: TrackerOption = "default",
    matcher: MatcherOption = None,
    render: Annotated[
        bool, typer.Option("--render", help="Also write overlay videos, NAME.mp4.")
    ] = False,
    format: FormatOption = "alphapose",
    device: Annotated[
        str,
        typer.Option(
            help="Where estimators run: auto, cpu, cuda, cuda:N; cuda:0,cuda:1 in turn."
        ),
    ] = "auto",
) -> None:
    """Track many SOURCEs, each to NAME.json in a folder; one that fails costs no other.

    The results are those of track.
    """
    from poseflow.batch import TrackOptions, track_all

    def told(job: Job, outcome: Outcome) -> None:
        for note in outcome.warnings:
            typer.echo(f"poseflow: warning: {note}", err=True)
        if outcome.error is None:
            rate = f"{outcome.frames / max(outcome.seconds, 1e-9):.1f} frames/s"
            who = f"{outcome.frames} frames, {outcome.identities} identities, {rate}"
            typer.echo(f"{job.result}: {who}", err=True)

    report = track_all(
        sources,
        out,
        TrackOptions(
            estimator=estimator,
            weights=None if weights is None else str(weights),
            detector=detector,
            detector_weights=None
            if detector_weights is None
            else str(detector_weights),
            detect_every=detect_every,
            tracker=tracker,
            tracker_options={} if matcher is None else {"matcher": matcher},
            format=format,
            render=render,
        ),
        engine=engine.value,
        workers=workers,
        device=device,
        resume=resume,
        progress=told,
    )
    for job, outcome in report.failed:
        typer.echo(f"poseflow: {job.source}: {outcome.error}", err=True)
    failed = f", {len(report.failed)} failed" if report.failed else ""
    there = f", {len(report.skipped)} there already" if report.skipped else ""
    typer.echo(f"{out}: {len(report.done)} done{there}{failed}", err=True)
    if report.failed:
        raise typer.Exit(1)
