"""Curves of a run: CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poseflow.formats.atomic import write_atomically

COLUMNS = ("epoch", "steps", "seconds", "lr", "loss")
"""What every run logs; the task adds the figures of its validation."""


class Curves:
    """The log of a run in its folder: `log.csv`, and TensorBoard's event files.

    Args:
        folder: Of the run.
        figures: Columns after those that every run has.
    """

    def __init__(self, folder: Path, figures: Sequence[str]) -> None:
        self._columns = (*COLUMNS, *figures)
        self._path = folder / "log.csv"
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            self._board = None
        else:
            self._board = SummaryWriter(folder / "tensorboard")

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Write all rows to the table, and the last one to TensorBoard.

        The table is written whole: a run that resumes from before a kill repeats
        epochs, and they must not stand in it twice.
        """
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self._path, text.getvalue().encode())
        if self._board is not None and rows:
            for name in self._columns[2:]:
                if rows[-1].get(name) is not None:
                    self._board.add_scalar(name, rows[-1][name], rows[-1]["epoch"])
            self._board.flush()

    def close(self) -> None:
        """Finish the event files."""
        if self._board is not None:
            self._board.close()
