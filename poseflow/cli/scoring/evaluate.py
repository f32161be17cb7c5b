"""`poseflow evaluate`: score poses and tracks by PoseTrack's rules."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.progress import progress
from poseflow.cli.say import say, show
from poseflow.cli.scoring.options import (
    DiagnoseOption,
    EventsOption,
    Missing,
    Mode,
    PublishedOption,
    Table,
    TableOption,
    WorkersOption,
    check_events,
    write_events,
)

if TYPE_CHECKING:
    from poseflow.eval import Report
    from poseflow.formats.posetrack.annotations import Problem


def evaluate(
    gt: Annotated[
        Path, typer.Argument(help="Annotations: a folder, zip or file of PoseTrack.")
    ],
    pred: Annotated[
        Path,
        typer.Argument(help="Predictions: the same, or a result of `poseflow track`."),
    ],
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="Rules: as defined (strict), or as the official programs compute. "
            "Default: strict, next to poseval where that differs."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(help="Comma-separated, such as ap,mot,hota; default ap,mot."),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            help="Write the scores to a file, in percent, unrounded; - prints them."
        ),
    ] = None,
    per_sequence: Annotated[
        Path | None, typer.Option(help="Folder for a JSON file of each sequence.")
    ] = None,
    events: EventsOption = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="List the problems in the files; no scores."),
    ] = False,
    sequence: Annotated[
        str | None,
        typer.Option(help="Score this sequence only; a single PRED is taken to be it."),
    ] = None,
    missing: Annotated[
        Missing | None,
        typer.Option(
            help="A sequence that PRED lacks is an error, or empty; default error, and "
            "empty in the modes of official programs."
        ),
    ] = None,
    skeleton: SkeletonOption = None,
    table: TableOption = Table.text,
    published: PublishedOption = False,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for plots (needs matplotlib).")
    ] = None,
    diagnose: DiagnoseOption = False,
    workers: WorkersOption = 0,
) -> None:
    """Score predicted poses and tracks against PoseTrack ground truth."""
    if check:
        from poseflow.eval import check as find_problems

        problems = find_problems(gt, pred, sequence=sequence, skeleton=skeleton)
        _list_problems(problems)
        raise typer.Exit(int(any(p.level == "error" for p in problems)))

    from poseflow.eval import evaluate as score
    from poseflow.storage.atomic import check_writable

    if json is not None and str(json) != "-":
        check_writable(json)
    check_events(events)
    report = score(
        gt,
        pred,
        None if mode is None else mode.value,
        metrics,
        sequence=sequence,
        skeleton=skeleton,
        missing=None if missing is None else missing.value,
        diagnose=diagnose,
        workers=workers or os.cpu_count() or 1,
        progress=progress,
    )
    if json is not None and str(json) == "-":
        show(report.to_json())
    else:
        _show(report, table)
        if published:
            show("\n" + report.published_table(table.value))
        if json is not None:
            report.to_json(json)
    if events is not None:
        write_events(events, report.events())
    if per_sequence is not None:
        report.write_sequences(per_sequence)
    if plots is not None:
        from poseflow.eval import write_plots

        write_plots(report, plots)


def _show(report: Report, table: Table) -> None:
    """The tables and differences on standard output, problems on standard error."""
    if table is not Table.text:
        show(report.table("markdown" if table is Table.markdown else "latex"))
    elif sys.stdout.isatty():
        from rich.console import Console

        for part in report.rich_tables():
            Console().print(part)
    else:
        show(report.table())
    notes = [*report.differences]
    notes += [note for section in report.sections.values() for note in section.notes]
    if notes and table is Table.text:
        show("\nDifferences and notes:")
        for note in notes:
            say(f"  {note}")
    if report.diagnosis is not None and table is Table.text:
        show(f"\nWhole people:\n{report.diagnosis}")
    serious = [p for p in report.problems if p.level != "note"]
    if serious:
        say(
            f"poseflow: {_counted(serious)} in the files, the first: {serious[0]}; "
            "--check lists them",
            err=True,
        )


def _list_problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        say(str(problem))
    say(_counted(problems) if problems else "nothing found", err=True)


def _counted(problems: Sequence[Problem]) -> str:
    """Such as `2 errors, 1 note`."""
    counts = Counter(problem.level for problem in problems)
    return ", ".join(
        f"{counts[level]} {level}" + ("s" if counts[level] > 1 else "")
        for level in ("error", "warning", "note")
        if counts[level]
    )
