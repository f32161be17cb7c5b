"""Options that several scoring commands share, and their files of scores."""

from __future__ import annotations

import json as json_module
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas


class Table(StrEnum):
    """Layouts of the table."""

    text = "text"
    markdown = "markdown"
    latex = "latex"


class Missing(StrEnum):
    """What a sequence without a result is."""

    error = "error"
    empty = "empty"


class Mode(StrEnum):
    """Scoring rules of `evaluate`."""

    strict = "strict"
    poseval = "poseval"
    posetrack21 = "posetrack21"


class Convention(StrEnum):
    """Programs whose conventions `evaluate-mot` follows."""

    motmetrics = "motmetrics"
    trackeval = "trackeval"


class Similarity(StrEnum):
    """Similarities of `evaluate-tracks`."""

    oks = "oks"
    pckh = "pckh"
    iou = "iou"


JsonOption = Annotated[
    Path | None,
    typer.Option(help="Also write every score, in percent, to a file."),
]
EventsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="Also write every match, switch, miss and false positive, as "
        "motmetrics has them.",
    ),
]
DiagnoseOption = Annotated[
    bool,
    typer.Option(
        "--diagnose",
        help="Also list what was lost by cause (misses, crossings, ...), and the "
        "worst moments.",
    ),
]
MissingOption = Annotated[
    Missing,
    typer.Option(help="A sequence that PRED lacks is an error, or has no tracks."),
]
PublishedOption = Annotated[
    bool,
    typer.Option("--published", help="Also show published figures of other methods."),
]
TableOption = Annotated[Table, typer.Option(help="Layout of the table.")]
WorkersOption = Annotated[
    int, typer.Option(min=0, help="Processes for large sets; 0 is all cores.")
]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, atomically."""
    from poseflow.storage.atomic import write_atomically

    write_atomically(path, json_module.dumps(content, indent=1).encode() + b"\n")


def check_events(path: Path | None) -> None:
    """Refuse a file that cannot be written, or is no `.csv`, before the work."""
    from poseflow.storage.atomic import check_writable

    if path is not None:
        if path.suffix.lower() != ".csv":
            raise typer.BadParameter(
                f"expected a file .csv, found {path.name!r}", param_hint="--events"
            )
        check_writable(path)


def write_events(path: Path, events: pandas.DataFrame) -> None:
    """Write a table of events as CSV, atomically."""
    from poseflow.storage.atomic import write_atomically

    write_atomically(path, events.to_csv(lineterminator="\n").encode())
