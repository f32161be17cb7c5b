"""Reader of CSV: one row a joint (long), or one row a person (wide)."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poseflow.arrays import Ints
from poseflow.errors import FormatError
from poseflow.formats.base import Hints
from poseflow.formats.frame_builder import Problems
from poseflow.formats.input_file import read_text
from poseflow.formats.tables.csv_text import CsvText, complete_rows, split_text
from poseflow.formats.tables.csv_writer import METADATA_COLUMN
from poseflow.formats.tables.data_frame import (
    TEXT_COLUMNS,
    TableRows,
    number_columns,
    sequence_of_rows,
)
from poseflow.sequence import PoseSequence

if TYPE_CHECKING:
    import pandas as pd

_EMPTY = ["", "nan", "NaN", "NAN", "NA", "N/A", "null", "None"]
_EXACT = 2**53
"""Whole numbers up to it are exact in float64."""


def read_csv(path: Path, hints: Hints) -> PoseSequence:
    """The poses of a CSV file, long or wide.

    Args:
        path: The file, gzipped or not.
        hints: What the caller knows.

    Raises:
        FormatError: If a column is missing, or no row can be used.
    """
    problems = Problems(path, "rows")
    text = split_text(read_text(path), path, problems)
    numbers = number_columns(text.columns, f"{path}: line 1")
    own = (*TEXT_COLUMNS, METADATA_COLUMN)
    texts = [column for column in text.columns if column in own]
    table, lines = _parse(text, numbers, texts, problems)
    metadata = None
    if METADATA_COLUMN in table:
        filled = (table[METADATA_COLUMN] != "").to_numpy()
        if filled.any():
            metadata = str(table[METADATA_COLUMN].iloc[int(filled.argmax())])
        # A row with nothing else is that of a result without frames.
        kept = ~(table["frame"].isna().to_numpy() & filled)
        table, lines = table[kept], lines[kept]
    rows = TableRows(table, lines, "line", path, problems, metadata)
    return sequence_of_rows(rows, hints)


def _parse(
    text: CsvText,
    numbers: list[str],
    texts: list[str],
    problems: Problems,
) -> tuple[pd.DataFrame, Ints]:
    """The columns of a file, and the line of every row.

    A cell that is no number is empty; it is reported.
    """
    import pandas as pd

    options: dict[str, Any] = {
        "sep": text.delimiter,
        "decimal": text.decimal,
        "header": None,
        "names": list(text.columns),
        "usecols": [*numbers, *texts],
        "keep_default_na": False,
        "engine": "c",
        "low_memory": False,
    }
    kinds = dict.fromkeys(numbers, "float64") | dict.fromkeys(texts, "category")
    try:
        table = pd.read_csv(
            io.BytesIO(text.body),
            dtype=kinds,
            na_values=dict.fromkeys(numbers, _EMPTY),
            **_exact_numbers(pd.__version__),
            **options,
        )
    except pd.errors.ParserError:  # a cell too many here, one too few there
        body, lines = complete_rows(
            text.body, len(text.columns), text.delimiter, problems
        )
        text = replace(text, body=body, lines=lines)
        return _parse(text, numbers, texts, problems)
    except pd.errors.EmptyDataError:
        table = pd.DataFrame({c: np.zeros(0) for c in numbers})
        for column in texts:
            table[column] = pd.Series(dtype="category")
    except (ValueError, OverflowError):
        try:
            table = pd.read_csv(io.BytesIO(text.body), dtype=str, **options)
        except (ValueError, OverflowError) as error:
            reason = " ".join(str(error).split())[:200]
            raise FormatError(
                f"{problems.path}: expected a table with {len(text.columns)} columns, "
                f"found another one ({reason})"
            ) from error
        _to_numbers(table, numbers, text, problems)
        for column in texts:
            table[column] = table[column].astype("category")
    if "id" in numbers and (table["id"].abs() >= _EXACT).any():
        cells = pd.read_csv(
            io.BytesIO(text.body), dtype=str, **options | {"usecols": ["id"]}
        )
        exact = pd.to_numeric(cells["id"], errors="coerce")
        table["id"] = exact if exact.dtype.kind == "i" else table["id"]
    lines_of_rows = np.arange(len(table)) + 2
    if text.lines is not None:
        lines_of_rows = np.array(text.lines, np.int64)
    return table, lines_of_rows


def _exact_numbers(version: str) -> dict[str, Any]:
    """Options under which pandas gives the float nearest to a decimal."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}


def _to_numbers(
    table: pd.DataFrame, numbers: list[str], text: CsvText, problems: Problems
) -> None:
    """Convert columns of text to numbers in place, reporting cells that are none."""
    import pandas as pd

    for column in numbers:
        cells = table[column].str.strip()
        if text.decimal == ",":
            cells = cells.str.replace(",", ".", regex=False)
        values = pd.to_numeric(cells, errors="coerce").astype("float64")
        bad = values.isna() & ~cells.isin(_EMPTY)
        table[column] = values
        if column == "frame":
            continue  # reported with its row
        for row in np.flatnonzero(bad):
            line = row + 2 if text.lines is None else text.lines[row]
            problems.ignore(
                f"line {line}",
                f"{column}: expected a number, found {str(cells.iloc[row])[:40]!r}",
            )
