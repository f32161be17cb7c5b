"""`poseflow evaluate-mot`: score tracked boxes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from poseflow.cli.say import show
from poseflow.cli.scoring.options import (
    Convention,
    DiagnoseOption,
    EventsOption,
    JsonOption,
    Missing,
    MissingOption,
    Table,
    TableOption,
    WorkersOption,
    check_events,
    write_events,
    write_json,
)


def evaluate_mot(
    gt: Annotated[
        Path,
        typer.Argument(
            help="A .txt file, a folder of them, or a folder of NAME/gt/gt.txt."
        ),
    ],
    pred: Annotated[Path, typer.Argument(help="A .txt file, or a folder of NAME.txt.")],
    json: JsonOption = None,
    events: EventsOption = None,
    threshold: Annotated[
        float, typer.Option(help="IoU of a match in MOTA and IDF1.", min=0.0, max=1.0)
    ] = 0.5,
    convention: Annotated[
        Convention,
        typer.Option(
            help="Program whose conventions to follow where CLEAR MOT is ambiguous; "
            "with trackeval also for classes and distractors of MOTChallenge."
        ),
    ] = Convention.motmetrics,
    missing: MissingOption = Missing.error,
    table: TableOption = Table.text,
    diagnose: DiagnoseOption = False,
    workers: WorkersOption = 0,
) -> None:
    """Score tracked boxes: HOTA, MOTA, IDF1 and their components."""
    from poseflow.eval import score_mot, tracking_table
    from poseflow.storage.atomic import check_writable

    if not threshold:
        raise typer.BadParameter("must be above 0", param_hint="--threshold")
    if json is not None:
        check_writable(json)
    check_events(events)
    rules: dict[str, Any] = {
        "threshold": threshold,
        "convention": convention.value,
        "missing": missing.value,
    }
    scores = score_mot(gt, pred, workers=workers or os.cpu_count() or 1, **rules)
    total = sum(scores[1:], scores[0])
    shown = [*scores, total] if len(scores) > 1 else scores
    show(tracking_table(shown, table.value))
    if events is not None:
        from poseflow.eval import mot_events

        write_events(events, mot_events(gt, pred, **rules))
    causes = None
    if diagnose:
        from poseflow.eval import diagnose_mot

        causes = diagnose_mot(gt, pred, **rules)
        show(f"\n{causes}")
    if json is not None:
        content = {
            "total": total.to_dict(),
            "sequences": {s.name: s.to_dict() for s in scores},
        }
        if causes is not None:
            content["diagnosis"] = causes.to_dict()
        write_json(json, content)
