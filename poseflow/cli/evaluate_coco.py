"""`poseflow evaluate-coco`: OKS average precision."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer


def evaluate_coco(
    gt: Annotated[Path, typer.Argument(help="COCO keypoint annotations, .json[.gz].")],
    pred: Annotated[
        Path,
        typer.Argument(help="JSON list of image_id, category_id, keypoints, score."),
    ],
    json: Annotated[
        Path | None, typer.Option(help="Also write the figures, in percent, to a file.")
    ] = None,
) -> None:
    """Score poses of single images: OKS AP and AR as pycocotools computes them."""
    from poseflow.eval.coco import evaluate_coco as evaluate
    from poseflow.formats.atomic import AtomicFile, check_writable

    if json is not None:
        check_writable(json)
    report = evaluate(gt, pred)
    typer.echo(report.table())
    for note in report.notes:
        typer.echo(f"note: {note}")
    if json is not None:
        with AtomicFile(json) as file:
            file.write(json_module.dumps(report.to_dict(), indent=1).encode() + b"\n")
