"""`poseflow benchmark`: measurements, with the hardware they ran on."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.say import show


class Suite(StrEnum):
    """The measurements."""

    ASSOCIATION = "association"
    SCORING = "scoring"
    ESTIMATION = "estimation"
    PIPELINE = "pipeline"
    TRACKING = "tracking"


def benchmark(
    suite: Annotated[
        Suite, typer.Argument(help="What to measure.")
    ] = Suite.ASSOCIATION,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer frames, for a rough result.")
    ] = False,
    images: Annotated[
        bool, typer.Option("--images", help="tracking: give the trackers images, too.")
    ] = False,
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--pictures",
            help="tracking --images: folder to keep rendered images (20 GB).",
        ),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(help="pipeline: a clip to use instead of the demo's street."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to a file.")
    ] = None,
) -> None:
    """Measure speed or tracking quality, and print a table."""
    from poseflow.benchmark.association import AssociationReport, measure_association
    from poseflow.benchmark.estimation import EstimationReport, measure_estimation
    from poseflow.benchmark.pipeline import PipelineReport, measure_pipeline
    from poseflow.benchmark.scoring import ScoringReport, measure_scoring
    from poseflow.benchmark.tracking import TrackingReport, measure_suites
    from poseflow.demo import FRAMES
    from poseflow.storage.atomic import write_atomically

    report: (
        AssociationReport
        | ScoringReport
        | EstimationReport
        | PipelineReport
        | TrackingReport
    )
    if suite is Suite.TRACKING:
        report = measure_suites(quick=quick, images=images, folder=pictures)
    elif suite is Suite.SCORING:
        report = measure_scoring(quick)
    elif suite is Suite.ESTIMATION:
        report = measure_estimation(rounds=2 if quick else 9)
    elif suite is Suite.PIPELINE:
        report = measure_pipeline(video, frames=20 if quick else FRAMES)
    elif quick:
        report = measure_association(
            people=(5, 10, 33), frames=10, repeats=1, stream=200
        )
    else:
        report = measure_association()
    if json_file is not None:
        text = json.dumps(report.to_dict(), indent=1) + "\n"
        write_atomically(json_file, text.encode())
    show(report.table())
