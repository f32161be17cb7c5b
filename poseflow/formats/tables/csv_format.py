"""Formats `csv` (one row a joint) and `csv-wide` (one row a person)."""

from __future__ import annotations

from pathlib import Path

from poseflow.formats.base import Encoder, Hints
from poseflow.formats.tables.csv_reader import read_csv
from poseflow.formats.tables.csv_text import header_of
from poseflow.formats.tables.csv_writer import CsvEncoder
from poseflow.formats.tables.data_frame import is_long, is_wide
from poseflow.sequence import PoseSequence


class CsvFormat:
    """A CSV table of poses; both layouts are read whatever the name.

    Attributes:
        name: `csv` or `csv-wide`.
        summary: One line for lists and help.
    """

    suffixes = (".csv",)
    lacks = ("hidden joints",)

    def __init__(self, name: str, summary: str, *, wide: bool) -> None:
        self.name = name
        self.summary = summary
        self._wide = wide

    def sniff(self, path: Path, head: bytes) -> bool:
        """By the names of the columns: frame, joint, x, y; or frame, NOSE_x, ..."""
        if head.lstrip()[:1] in (b"{", b"[", b""):
            return False
        columns, _ = header_of(head)
        return is_wide(columns) if self._wide else is_long(columns)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`."""
        return read_csv(path, hints)

    def encoder(self, hints: Hints) -> Encoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return CsvEncoder(hints, wide=self._wide)
