"""Published figures of other methods beside one's own, as tables of a paper have them.

The figures and their sources are in `published.json`. They are of other data than yours
unless you score that benchmark: PoseTrack17's validation set, MPII's multi-person test
set, COCO's test-dev 2015.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal

from poseflow.errors import PoseFlowError

Layout = Literal["text", "markdown", "latex"]

OWN = "this result"
NOTE = "Published figures are of the benchmark named; this result is of your data."
MARKS: Mapping[str, str] = {"text": "", "markdown": "- ", "latex": "% "}
"""Layouts, and what stands before a source in each."""


def published_tables(
    own: Mapping[str, Mapping[str, float]], format: Layout = "text", digits: int = 1
) -> str:
    """Tables of published figures with a row of one's own.

    Args:
        own: Metric (`ap`, `mot` of PoseTrack, `oks`) -> column -> percent. Only tables
            of these metrics are given; a column that is lacking is `-`.
        format: Aligned text, markdown, or rows of a LaTeX tabular.
        digits: Decimals.

    Raises:
        PoseFlowError: If the format is unknown.
    """
    if format not in MARKS:
        raise PoseFlowError(
            f"unknown table format {format!r}; expected {', '.join(MARKS)}"
        )
    content = _content()
    blocks, used = [], []
    for table in content["tables"]:
        if table["metric"] not in own:
            continue
        rows = [(row["method"], row["values"]) for row in table["rows"]]
        figures = own[table["metric"]]
        rows.append((OWN, [figures.get(name, math.nan) for name in table["columns"]]))
        cells = [[name, *(_cell(v, digits) for v in values)] for name, values in rows]
        title = f"{table['benchmark']}, {table['title']}"
        blocks.append(_layout(title, [title, *table["columns"]], cells, format))
        used += [row["source"] for row in table["rows"]]
    blocks.insert(0, MARKS[format].replace("- ", "") + NOTE)
    sources = [content["sources"][name] for name in dict.fromkeys(used)]
    blocks.append(
        "\n".join(f"{MARKS[format]}{s['text']} ({s['url']})" for s in sources)
    )
    return "\n\n".join(blocks)


def _content() -> dict[str, Any]:
    file = resources.files("poseflow.eval") / "published.json"
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _cell(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _layout(title: str, head: Sequence[str], rows: list[list[str]], format: str) -> str:
    if format == "markdown":
        dashes = "|---|" + "---:|" * (len(head) - 1)
        lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
        return "\n".join([lines[0], dashes, *lines[1:]])
    if format == "latex":
        lines = [
            " & ".join([row[0].replace("&", r"\&"), *row[1:]]) + r" \\" for row in rows
        ]
        return "\n".join([f"% {title}: & {' & '.join(head[1:])}", *lines])
    width = max(len(row[0]) for row in (head, *rows))
    return "\n".join(
        row[0].ljust(width) + "".join(f"{cell:>7}" for cell in row[1:])
        for row in (head, *rows)
    )
