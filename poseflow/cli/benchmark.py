"""`poseflow benchmark`: measurements, with the hardware they ran on."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Suite(StrEnum):
    """What there is to measure."""

    ASSOCIATION = "association"
    SCORING = "scoring"
    ESTIMATION = "estimation"


def benchmark(
    suite: Annotated[
        Suite, typer.Argument(help="What to measure.")
    ] = Suite.ASSOCIATION,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer frames: a first impression.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures here.")
    ] = None,
) -> None:
    """Measure speed and print the figures as a table."""
    from poseflow.benchmark.association import AssociationReport, measure_association
    from poseflow.benchmark.estimation import EstimationReport, measure_estimation
    from poseflow.benchmark.scoring import ScoringReport, measure_scoring

    report: AssociationReport | ScoringReport | EstimationReport
    if suite is Suite.SCORING:
        report = measure_scoring(quick)
    elif suite is Suite.ESTIMATION:
        report = measure_estimation(rounds=2 if quick else 9)
    elif quick:
        report = measure_association(
            people=(5, 10, 33), frames=10, repeats=1, stream=200
        )
    else:
        report = measure_association()
    if json_file is not None:
        json_file.write_text(json.dumps(report.to_dict(), indent=1), encoding="utf-8")
    typer.echo(report.table())
