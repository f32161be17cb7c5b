"""`poseflow evaluate-coco`: score poses of single images by OKS."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.say import say, show
from poseflow.cli.scoring.options import (
    PublishedOption,
    Table,
    TableOption,
    write_json,
)


class Engine(StrEnum):
    """Programs that compute COCO's AP."""

    pycocotools = "pycocotools"
    hotcoco = "hotcoco"


def evaluate_coco(
    gt: Annotated[Path, typer.Argument(help="COCO keypoint annotations, .json[.gz].")],
    pred: Annotated[
        Path,
        typer.Argument(help="JSON list of image_id, category_id, keypoints, score."),
    ],
    json: Annotated[
        Path | None, typer.Option(help="Also write the scores, in percent, to a file.")
    ] = None,
    sigmas: Annotated[
        str | None,
        typer.Option(
            help="OKS constants: a number, one for each joint with commas between, or "
            "a skeleton's name; default by the annotation's joints."
        ),
    ] = None,
    table: TableOption = Table.text,
    engine: Annotated[
        Engine,
        typer.Option(help="Program that computes AP; hotcoco is faster, if installed."),
    ] = Engine.pycocotools,
    diagnose: Annotated[
        bool,
        typer.Option(
            "--diagnose",
            help="Also list errors by kind (jitter, swap, ...) and the AP that mending "
            "each gains.",
        ),
    ] = False,
    plots: Annotated[
        Path | None,
        typer.Option(help="Folder for plots of --diagnose (needs matplotlib)."),
    ] = None,
    published: PublishedOption = False,
    skeleton: Annotated[
        str | None,
        typer.Option(
            help="Joints, whose OKS constants count: a name, or a YAML or JSON file."
        ),
    ] = None,
) -> None:
    """Score poses of single images: OKS AP and AR as pycocotools computes them."""
    from poseflow.eval import evaluate_coco as evaluate
    from poseflow.storage.atomic import check_writable

    if json is not None:
        check_writable(json)
    if sigmas is not None and skeleton is not None:
        raise typer.BadParameter(
            "both give OKS constants: leave one out", param_hint="--sigmas, --skeleton"
        )
    if plots is not None and not diagnose:
        raise typer.BadParameter("needs --diagnose", param_hint="--plots")
    report = evaluate(
        gt,
        pred,
        skeleton or _sigmas(sigmas),
        engine=engine.value,
        diagnose=diagnose,
    )
    show(report.table(table.value))
    if published:
        show("\n" + report.published_table(table.value))
    if report.errors is not None:
        show(f"\n{report.errors}")
    if report.errors is not None and plots is not None:
        from poseflow.eval import write_coco_plots

        write_coco_plots(report.errors, plots)
    for note in report.notes:
        say(f"note: {note}")
    if json is not None:
        write_json(json, report.to_dict())


def _sigmas(text: str | None) -> list[float] | float | str | None:
    """Numbers with commas between, a number, or a name."""
    try:
        numbers = [float(part) for part in (text or "").split(",")]
    except ValueError:
        return text or None
    return numbers[0] if len(numbers) == 1 else numbers
