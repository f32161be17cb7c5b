"""Scoring: `poseflow evaluate`, `evaluate-coco`, `evaluate-mot`, `evaluate-tracks`."""

from __future__ import annotations

import json as json_module
import os
import sys
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.progress import progress

if TYPE_CHECKING:
    import pandas

    from poseflow.eval import Report
    from poseflow.formats.posetrack.annotations import Problem


class Mode(StrEnum):
    """Scoring rules of `evaluate`."""

    strict = "strict"
    poseval = "poseval"
    posetrack21 = "posetrack21"


class Table(StrEnum):
    """Layouts of the table."""

    text = "text"
    markdown = "markdown"
    latex = "latex"


class Convention(StrEnum):
    """Programs whose conventions `evaluate-mot` follows."""

    motmetrics = "motmetrics"
    trackeval = "trackeval"


class Engine(StrEnum):
    """Programs that compute COCO's AP."""

    pycocotools = "pycocotools"
    hotcoco = "hotcoco"


class Missing(StrEnum):
    """What a sequence without a result is."""

    error = "error"
    empty = "empty"


class Similarity(StrEnum):
    """Similarities of `evaluate-tracks`."""

    oks = "oks"
    pckh = "pckh"
    iou = "iou"


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
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Also write every match, switch, miss and false positive, as "
            "motmetrics has them.",
        ),
    ] = None,
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
    table: Annotated[Table, typer.Option(help="Layout of the table.")] = Table.text,
    published: Annotated[
        bool,
        typer.Option(
            "--published", help="Also show published figures of other methods."
        ),
    ] = False,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for plots (needs matplotlib).")
    ] = None,
    diagnose: Annotated[
        bool,
        typer.Option(
            "--diagnose",
            help="Also list what was lost by cause (misses, crossings, ...), and the "
            "worst moments.",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes for large sets; 0 is all cores.")
    ] = 0,
) -> None:
    """Score predicted poses and tracks against PoseTrack ground truth."""
    if check:
        from poseflow.eval import check as find_problems

        problems = find_problems(gt, pred, sequence=sequence)
        _list_problems(problems)
        raise typer.Exit(int(any(p.level == "error" for p in problems)))

    from poseflow.eval import evaluate as score
    from poseflow.storage.atomic import check_writable

    if json is not None and str(json) != "-":
        check_writable(json)
    _check_events(events)
    report = score(
        gt,
        pred,
        None if mode is None else mode.value,
        metrics,
        sequence=sequence,
        diagnose=diagnose,
        workers=workers or os.cpu_count() or 1,
        progress=progress,
    )
    if json is not None and str(json) == "-":
        typer.echo(report.to_json())
    else:
        _show(report, table)
        if published:
            typer.echo("\n" + report.published_table(table.value))
        if json is not None:
            report.to_json(json)
    if events is not None:
        _write_events(events, report.events())
    if per_sequence is not None:
        report.write_sequences(per_sequence)
    if plots is not None:
        from poseflow.eval import write_plots

        write_plots(report, plots)


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
    table: Annotated[Table, typer.Option(help="Layout of the table.")] = Table.text,
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
    published: Annotated[
        bool,
        typer.Option(
            "--published", help="Also show published figures of other methods."
        ),
    ] = False,
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
    typer.echo(report.table(table.value))
    if published:
        typer.echo("\n" + report.published_table(table.value))
    if report.errors is not None:
        typer.echo(f"\n{report.errors}")
    if report.errors is not None and plots is not None:
        from poseflow.eval import write_coco_plots

        write_coco_plots(report.errors, plots)
    for note in report.notes:
        typer.echo(f"note: {note}")
    if json is not None:
        write_json(json, report.to_dict())


def _sigmas(text: str | None) -> list[float] | float | str | None:
    """Numbers with commas between, a number, or a name."""
    try:
        numbers = [float(part) for part in (text or "").split(",")]
    except ValueError:
        return text or None
    return numbers[0] if len(numbers) == 1 else numbers


def evaluate_mot(
    gt: Annotated[
        Path,
        typer.Argument(
            help="A .txt file, a folder of them, or a folder of NAME/gt/gt.txt."
        ),
    ],
    pred: Annotated[Path, typer.Argument(help="A .txt file, or a folder of NAME.txt.")],
    json: Annotated[
        Path | None,
        typer.Option(help="Also write every score, in percent, to a file."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Also write every match, switch, miss and false positive, as "
            "motmetrics has them.",
        ),
    ] = None,
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
    missing: Annotated[
        Missing,
        typer.Option(help="A sequence that PRED lacks is an error, or has no tracks."),
    ] = Missing.error,
    table: Annotated[Table, typer.Option(help="Layout of the table.")] = Table.text,
    diagnose: Annotated[
        bool,
        typer.Option(
            "--diagnose",
            help="Also list what was lost by cause (misses, crossings, ...), and the "
            "worst moments.",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes for large sets; 0 is all cores.")
    ] = 0,
) -> None:
    """Score tracked boxes: HOTA, MOTA, IDF1 and their components."""
    from poseflow.eval import score_mot, tracking_table
    from poseflow.storage.atomic import check_writable

    if not threshold:
        raise typer.BadParameter("must be above 0", param_hint="--threshold")
    if json is not None:
        check_writable(json)
    _check_events(events)
    scores = score_mot(
        gt,
        pred,
        threshold=threshold,
        convention=convention.value,
        missing=missing.value,
        workers=workers or os.cpu_count() or 1,
    )
    total = sum(scores[1:], scores[0])
    shown = [*scores, total] if len(scores) > 1 else scores
    typer.echo(tracking_table(shown, table.value))
    if events is not None:
        from poseflow.eval import mot_events

        listed = mot_events(
            gt,
            pred,
            threshold=threshold,
            convention=convention.value,
            missing=missing.value,
        )
        _write_events(events, listed)
    causes = None
    if diagnose:
        from poseflow.eval import diagnose_mot

        causes = diagnose_mot(
            gt,
            pred,
            threshold=threshold,
            convention=convention.value,
            missing=missing.value,
        )
        typer.echo(f"\n{causes}")
    if json is not None:
        content = {
            "total": total.to_dict(),
            "sequences": {s.name: s.to_dict() for s in scores},
        }
        if causes is not None:
            content["diagnosis"] = causes.to_dict()
        write_json(json, content)


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
    json: Annotated[
        Path | None,
        typer.Option(help="Also write every score, in percent, to a file."),
    ] = None,
    table: Annotated[Table, typer.Option(help="Layout of the tables.")] = Table.text,
    missing: Annotated[
        Missing,
        typer.Option(help="A sequence that PRED lacks is an error, or has no tracks."),
    ] = Missing.error,
    skeleton: SkeletonOption = None,
    diagnose: Annotated[
        bool,
        typer.Option(
            "--diagnose",
            help="Also list what was lost by cause (misses, crossings, ...), and the "
            "worst moments.",
        ),
    ] = False,
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
    typer.echo(scores.table(table.value))
    if table is Table.text:
        if scores.diagnosis is not None:
            typer.echo(f"\n{scores.diagnosis}")
        typer.echo()
        for one, matching in zip(scores.people, scores.matchings, strict=True):
            typer.echo(f"{one.name}: {matching}")
        for note in scores.notes:
            typer.echo(f"note: {note}")
    if json is not None:
        write_json(json, scores.to_dict())


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
    if report.diagnosis is not None and table is Table.text:
        typer.echo(f"\nWhole people:\n{report.diagnosis}")
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


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, atomically."""
    from poseflow.storage.atomic import write_atomically

    write_atomically(path, json_module.dumps(content, indent=1).encode() + b"\n")


def _check_events(path: Path | None) -> None:
    """Refuse a file that cannot be written, or is no `.csv`, before the work."""
    from poseflow.storage.atomic import check_writable

    if path is not None:
        if path.suffix.lower() != ".csv":
            raise typer.BadParameter(
                f"expected a file .csv, found {path.name!r}", param_hint="--events"
            )
        check_writable(path)


def _write_events(path: Path, events: pandas.DataFrame) -> None:
    from poseflow.storage.atomic import write_atomically

    write_atomically(path, events.to_csv(lineterminator="\n").encode())
