"""`poseflow evaluate`: scores of a submission."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poseflow.cli.progress import progress

if TYPE_CHECKING:
    from poseflow.eval.report import Report
    from poseflow.formats.posetrack.annotations import Problem


class Mode(StrEnum):
    """Whose rules to follow."""

    strict = "strict"
    poseval = "poseval"
    posetrack21 = "posetrack21"


class Table(StrEnum):
    """How to print the table."""

    text = "text"
    markdown = "markdown"
    latex = "latex"


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
        typer.Option(help="Write the figures there, percent, unrounded; - prints."),
    ] = None,
    per_sequence: Annotated[
        Path | None, typer.Option(help="Folder for a JSON file of each sequence.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="List what is wrong with the files; no scores."),
    ] = False,
    sequence: Annotated[
        str | None,
        typer.Option(help="Score this sequence only; a single PRED is taken for it."),
    ] = None,
    table: Annotated[Table, typer.Option(help="Layout of the table.")] = Table.text,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for plots (needs matplotlib).")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes for large sets; 0 is all cores.")
    ] = 0,
) -> None:
    """Score predicted poses and tracks against PoseTrack ground truth."""
    if check:
        from poseflow.eval.evaluation import check as find_problems

        problems = find_problems(gt, pred, sequence=sequence)
        _list_problems(problems)
        raise typer.Exit(int(any(p.level == "error" for p in problems)))

    from poseflow.eval.evaluation import evaluate as score
    from poseflow.formats.atomic import check_writable

    if json is not None and str(json) != "-":
        check_writable(json)
    report = score(
        gt,
        pred,
        None if mode is None else mode.value,
        metrics,
        sequence=sequence,
        workers=workers or os.cpu_count() or 1,
        progress=progress,
    )
    if json is not None and str(json) == "-":
        typer.echo(report.to_json())
    else:
        _show(report, table)
        if json is not None:
            report.to_json(json)
    if per_sequence is not None:
        report.write_sequences(per_sequence)
    if plots is not None:
        from poseflow.eval.plots import write_plots

        write_plots(report, plots)


def _show(report: Report, table: Table) -> None:
    """The tables and differences on standard output, problems on standard error."""
    if table is not Table.text:
        typer.echo(report.table("markdown" if table is Table.markdown else "latex"))
    elif sys.stdout.isatty():
        from rich.console import Console

        for part in report.rich_tables():
            Console().print(part)
    else:
        typer.echo(report.table())
    notes = [*report.differences]
    notes += [note for section in report.sections.values() for note in section.notes]
    if notes and table is Table.text:
        typer.echo("\nDifferences and notes:")
        for note in notes:
            typer.echo(f"  {note}")
    serious = [p for p in report.problems if p.level != "note"]
    if serious:
        typer.echo(
            f"poseflow: {_counted(serious)} in the files, the first: {serious[0]}; "
            "--check lists them",
            err=True,
        )


def _list_problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem))
    typer.echo(_counted(problems) if problems else "nothing found", err=True)


def _counted(problems: Sequence[Problem]) -> str:
    """Such as `2 errors, 1 note`."""
    counts = Counter(problem.level for problem in problems)
    return ", ".join(
        f"{counts[level]} {level}" + ("s" if counts[level] > 1 else "")
        for level in ("error", "warning", "note")
        if counts[level]
    )
