"""Text of CSV files: delimiter, columns, lines with too few or too many cells."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from poseflow.errors import FormatError
from poseflow.formats.frame_builder import Problems

_QUOTED = re.compile(rb'"(?:[^"]|"")*"')


@dataclass(frozen=True)
class CsvText:
    """A CSV file's text, complete rows only.

    Attributes:
        columns: Names of the columns, as in the file.
        body: The rows, without the line of names.
        delimiter: Comma, semicolon or tab.
        decimal: Point, or comma where semicolons separate.
        lines: Numbers of the lines of the rows where some were left out; None where
            row k (from 0) begins in line k + 2.
    """

    columns: tuple[str, ...]
    body: bytes
    delimiter: str
    decimal: str
    lines: list[int] | None = None


def header_of(head: bytes) -> tuple[tuple[str, ...], str]:
    """Names of the columns in the first line of a text, and their delimiter."""
    line = head.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r")
    delimiter = max(",;\t", key=line.count)
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        cells = []
    return tuple(cell.strip() for cell in cells), delimiter


def split_text(data: bytes, path: Path, problems: Problems) -> CsvText:
    """The columns and rows of a file; incomplete rows are left out and reported.

    Args:
        data: The file in UTF-8.
        path: Named in errors.
        problems: Gets rows with another number of cells than there are columns.

    Raises:
        FormatError: If it is not text, or two columns have one name.
    """
    data = data.lstrip(b"\r\n")
    columns, delimiter = header_of(data)
    twice = sorted({c for c in columns if c and columns.count(c) > 1})
    if twice:
        raise FormatError(f"{path}: line 1: two columns are called {twice[0]!r}")
    _, _, body = data.partition(b"\n")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: expected text in UTF-8 or UTF-16, found other bytes in line "
            f"{body[: error.start].count(10) + 2}"
        ) from error
    lines = None
    if not _is_complete(body, len(columns), delimiter.encode()):
        body, lines = complete_rows(body, len(columns), delimiter, problems)
    first = body.split(b"\n", 1)[0]
    comma = delimiter == ";" and re.search(rb"\d,\d", _QUOTED.sub(b"", first))
    return CsvText(columns, body, delimiter, "," if comma else ".", lines)


def _is_complete(body: bytes, columns: int, delimiter: bytes) -> bool:
    """Whether every row has a cell for every column, by counting delimiters."""
    if b"\r" in body.replace(b"\r\n", b"") or b"\n\n" in body or b"\n\r\n" in body:
        return False
    rows = body.count(b"\n") + (not body.endswith(b"\n") and bool(body))
    found = body.count(delimiter)
    if b'"' in body:
        quoted = _QUOTED.findall(body)
        if any(b"\n" in cell for cell in quoted):
            return False
        found -= sum(cell.count(delimiter) for cell in quoted)
    return found == rows * (columns - 1)


def complete_rows(
    body: bytes, columns: int, delimiter: str, problems: Problems
) -> tuple[bytes, list[int]]:
    """The rows with a cell for every column, and the lines in which they begin."""
    kept = io.StringIO()
    writer = csv.writer(kept, delimiter=delimiter, lineterminator="\n")
    lines = []
    reader = csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter)
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            problems.add(f"line {line}", str(error))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != columns:
            problems.add(
                f"line {line}", f"expected {columns} cells, found {len(cells)}"
            )
            continue
        writer.writerow(cells)
        lines.append(line)
    return kept.getvalue().encode(), lines
