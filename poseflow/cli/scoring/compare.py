"""Comparing results on the same ground truth: `poseflow compare`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.say import say, show
from poseflow.cli.scoring.options import (
    Convention,
    Missing,
    Mode,
    Similarity,
    WorkersOption,
    write_json,
)


class Kind(StrEnum):
    """Kinds of ground truth that `compare` scores."""

    posetrack = "posetrack"
    mot = "mot"
    tracks = "tracks"


class Table(StrEnum):
    """Layouts of the tables."""

    text = "text"
    markdown = "markdown"


def compare(
    gt: Annotated[
        Path,
        typer.Argument(
            help="Ground truth: PoseTrack, MOTChallenge text, or tracked poses."
        ),
    ],
    results: Annotated[
        list[Path],
        typer.Argument(
            help="Two results or more; the others are compared to the first.",
            metavar="A B...",
        ),
    ],
    kind: Annotated[
        Kind | None,
        typer.Option(help="What the ground truth is; default by its files."),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="PoseTrack: rules, as in evaluate.")
    ] = Mode.strict,
    metrics: Annotated[
        str | None,
        typer.Option(help="PoseTrack: comma-separated, such as ap,mot,hota."),
    ] = None,
    similarity: Annotated[
        Similarity, typer.Option(help="Tracked poses: what is compared.")
    ] = Similarity.oks,
    skeleton: SkeletonOption = None,
    convention: Annotated[
        Convention, typer.Option(help="MOTChallenge: conventions, as in evaluate-mot.")
    ] = Convention.motmetrics,
    missing: Annotated[
        Missing,
        typer.Option(help="A sequence that a result lacks is an error, or empty."),
    ] = Missing.error,
    confidence: Annotated[
        float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)
    ] = 0.95,
    resamples: Annotated[
        int, typer.Option(help="Bootstrap resamples of the sequences.", min=100)
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.", min=0)] = 0,
    json: Annotated[
        Path | None, typer.Option(help="Also write everything, in percent, to a file.")
    ] = None,
    table: Annotated[Table, typer.Option(help="Layout of the tables.")] = Table.text,
    workers: WorkersOption = 0,
) -> None:
    """Compare results on the same ground truth: figures, intervals, wins and losses."""
    from poseflow.eval import compare as compare_results
    from poseflow.storage.atomic import check_writable

    if len(results) < 2:
        raise typer.BadParameter("expected two results or more", param_hint="A B...")
    if json is not None:
        check_writable(json)
    found = compare_results(
        gt,
        results,
        kind=None if kind is None else kind.value,
        mode=mode.value,
        metrics=metrics,
        similarity=similarity.value,
        skeleton=skeleton,
        convention=convention.value,
        missing=missing.value,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        workers=workers or os.cpu_count() or 1,
    )
    show(found.table(table.value))
    if table is Table.text:
        if found.largest():
            show("\n" + found.largest())
        say()
        say(
            f"{len(found.sequences)} sequences; intervals: paired bootstrap over "
            f"sequences, {resamples} resamples, seed {seed}"
        )
    for note in found.notes[:10]:
        say(f"poseflow: {note}", err=True)
    if json is not None:
        write_json(json, found.to_dict())
