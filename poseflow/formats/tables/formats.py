"""The formats of tables: CSV, Parquet, JSON Lines and npz."""

from __future__ import annotations

from poseflow.formats.base import Format
from poseflow.formats.tables.csv_format import CsvFormat
from poseflow.formats.tables.json_lines import JsonLinesFormat
from poseflow.formats.tables.npz import ArraysFormat
from poseflow.formats.tables.parquet import ParquetFormat

FORMATS: tuple[Format, ...] = (
    CsvFormat("csv", "CSV, one row a joint", wide=False),
    CsvFormat("csv-wide", "CSV, one row a person", wide=True),
    JsonLinesFormat(),
    ParquetFormat(),
    ArraysFormat(),
)
