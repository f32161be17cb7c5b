"""`poseflow evaluate-mot`: tracking scores of boxes in MOTChallenge text."""

from __future__ import annotations

import json as json_module
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Convention(StrEnum):
    """Programs that define CLEAR MOT's details."""

    motmetrics = "motmetrics"
    trackeval = "trackeval"


def evaluate_mot(
    gt: Annotated[Path, typer.Argument(help="A .txt file, or a folder of them.")],
    pred: Annotated[Path, typer.Argument(help="A .txt file, or a folder likewise.")],
    json: Annotated[
        Path | None,
        typer.Option(help="Also write every figure, in percent, to a file."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="IoU of a match in MOTA and IDF1.", min=0.0, max=1.0)
    ] = 0.5,
    convention: Annotated[
        Convention, typer.Option(help="Whose reading of what CLEAR MOT leaves open.")
    ] = Convention.motmetrics,
) -> None:
    """Score tracked boxes: HOTA, MOTA, IDF1 and what they consist of."""
    from poseflow.eval.mot import score_mot
    from poseflow.eval.tracking import tracking_table
    from poseflow.formats.atomic import AtomicFile, check_writable

    if not threshold:
        raise typer.BadParameter("must be above 0", param_hint="--threshold")
    if json is not None:
        check_writable(json)
    scores = score_mot(gt, pred, threshold=threshold, convention=convention.value)
    total = sum(scores[1:], scores[0])
    shown = [*scores, total] if len(scores) > 1 else scores
    typer.echo(tracking_table(shown))
    if json is not None:
        content = {
            "total": total.to_dict(),
            "sequences": {s.name: s.to_dict() for s in scores},
        }
        with AtomicFile(json) as file:
            file.write(json_module.dumps(content, indent=1).encode() + b"\n")
