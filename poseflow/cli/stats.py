"""`poseflow stats`: people, tracks, lengths, presence and speeds of a result."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Layout(StrEnum):
    """Layouts of statistics."""

    table = "table"
    json = "json"
    csv = "csv"


def stats(
    result: Annotated[Path, typer.Argument(help="Result of track, any known format.")],
    layout: Annotated[
        Layout, typer.Option("--format", help="Layout; csv has the tracks alone.")
    ] = Layout.table,
    output: Annotated[str, typer.Option("-o", "--output", help="File to write.")] = "-",
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second, where the result does not say."),
    ] = None,
) -> None:
    """Summarize a result: people, tracks, presence, speeds, suspicious events.

    Distances are in body lengths (median of the longer side of the box), speeds in
    body lengths per second.
    """
    from poseflow.formats import check_writable, read
    from poseflow.safety.terminal import printable
    from poseflow.stats import statistics
    from poseflow.storage.atomic import write_atomically

    check_writable(output)
    found = statistics(read(result, fps=fps))
    if layout is Layout.json:
        text = json.dumps(found.to_dict(), indent=1)
    elif layout is Layout.csv:
        text = found.to_csv()
    else:
        text = printable(found.table())
    write_atomically(output, text.encode("utf-8", "backslashreplace") + b"\n")
