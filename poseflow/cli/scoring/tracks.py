"""`poseflow evaluate-tracks`: score tracks of any skeleton."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.say import say, show
from poseflow.cli.scoring.options import (
    DiagnoseOption,
    JsonOption,
    Missing,
    MissingOption,
    Similarity,
    Table,
    TableOption,
    write_json,
)


def evaluate_tracks(
    gt: Annotated[
        Path,
        typer.Argument(
            help="Tracked poses in any format that is read, or a folder of such files; "
            "every person has an id."
        ),
    ],
    pred: Annotated[Path, typer.Argument(help="A tracker's result; the same.")],
    similarity: Annotated[
        Similarity,
        typer.Option(help="What is compared: joints (oks, pckh) or boxes (iou)."),
    ] = Similarity.oks,
    threshold: Annotated[
        float,
        typer.Option(help="Similarity of a match in MOTA and IDF1.", min=0.0, max=1.0),
    ] = 0.5,
    json: JsonOption = None,
    table: TableOption = Table.text,
    missing: MissingOption = Missing.error,
    skeleton: SkeletonOption = None,
    diagnose: DiagnoseOption = False,
) -> None:
    """Score tracks of any skeleton: HOTA, MOTA and IDF1 of people and of joints."""
    from poseflow.eval import score_tracks
    from poseflow.storage.atomic import check_writable

    if not threshold:
        raise typer.BadParameter("must be above 0", param_hint="--threshold")
    if json is not None:
        check_writable(json)
    scores = score_tracks(
        gt,
        pred,
        similarity.value,
        threshold,
        missing=missing.value,
        skeleton=skeleton,
        diagnose=diagnose,
    )
    show(scores.table(table.value))
    if table is Table.text:
        if scores.diagnosis is not None:
            show(f"\n{scores.diagnosis}")
        say()
        for one, matching in zip(scores.people, scores.matchings, strict=True):
            say(f"{one.name}: {matching}")
        for note in scores.notes:
            say(f"note: {note}")
    if json is not None:
        write_json(json, scores.to_dict())
