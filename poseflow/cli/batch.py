"""`poseflow batch`: track many videos and folders."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poseflow.cli.options import (
    DrawingOptions,
    EstimatorOptions,
    SelectionOptions,
    SkeletonOption,
    TrackerOptions,
    expand_options,
    track_options,
)
from poseflow.cli.say import say
from poseflow.safety.redaction import redact

if TYPE_CHECKING:
    from poseflow.batch import BatchItem, Outcome


Sources = list[str]


class Engine(StrEnum):
    """Where sources are tracked."""

    LOCAL = "local"
    RAY = "ray"


@expand_options
def batch(
    sources: Annotated[
        Sources | None,
        typer.Argument(
            metavar="SOURCE...",
            help="Video files, folders or globs of images, urls, files of poses.",
        ),
    ] = None,
    *,
    out: Annotated[
        str,
        typer.Option("--out", help="Folder or url for results and batch.json."),
    ],
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Further sources with options of their own: CSV or JSON Lines."
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(help="local: processes of this machine; ray: those of a cluster."),
    ] = Engine.LOCAL,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Skip sources that are done, with the same options."
        ),
    ] = False,
    retries: Annotated[
        int, typer.Option(min=0, help="How often a source that fails is tried again.")
    ] = 2,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace files in the folder that no batch has made."
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Sources at once; default one for every two cores."),
    ] = None,
    estimator_options: EstimatorOptions,
    tracker_options: TrackerOptions,
    selection: SelectionOptions,
    skeleton: SkeletonOption = None,
    render: Annotated[
        bool, typer.Option("--render", help="Also write overlay videos, NAME.mp4.")
    ] = False,
    drawing: DrawingOptions,
    format: Annotated[
        str, typer.Option("--format", help="Format of the results.")
    ] = "alphapose",
    device: Annotated[
        str,
        typer.Option(
            help="Device of the estimators: auto, cpu, cuda, cuda:N; cuda:0,cuda:1 "
            "take turns; with ray, cuda/4: four share one GPU."
        ),
    ] = "auto",
) -> None:
    """Track many SOURCEs, each to NAME.json in a folder; a failure stops no other.

    The results are those of track.
    """
    if not sources and manifest is None:
        raise typer.BadParameter(
            "name at least one, or a --manifest", param_hint="SOURCE"
        )
    from poseflow.batch import track_all
    from poseflow.cli.progress import StatusLine

    with StatusLine() as line:

        def report_outcome(item: BatchItem, outcome: Outcome) -> None:
            for note in outcome.warnings:
                line.echo(f"poseflow: warning: {note}")
            if outcome.error is None:
                rate = f"{outcome.frames / max(outcome.seconds, 1e-9):.1f} frames/s"
                people = f"{outcome.frames} frames, {outcome.identities} identities"
                line.echo(f"{item.place}: {people}, {rate}")

        report = track_all(
            sources or [],
            out,
            replace(
                track_options(
                    estimator_options,
                    tracker_options,
                    format,
                    render,
                    selection,
                    drawing,
                ),
                skeleton=skeleton,
            ),
            manifest=manifest,
            engine=engine.value,
            workers=workers,
            device=device,
            resume=resume,
            retries=retries,
            overwrite=overwrite,
            progress=report_outcome,
            watch=line.show,
        )
    for item, outcome in report.failed:
        say(f"poseflow: {item.label}: {outcome.error}", err=True)
    failed = f", {len(report.failed)} failed" if report.failed else ""
    skipped = f", {len(report.skipped)} there already" if report.skipped else ""
    say(f"{redact(out)}: {len(report.done)} done{skipped}{failed}", err=True)
    if report.failed:
        raise typer.Exit(1)
