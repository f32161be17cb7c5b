"""Logs of a run: CSV, and TensorBoard where it is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poseflow.storage.atomic import write_atomically

COLUMNS = ("epoch", "steps", "seconds", "lr", "loss")
"""Columns of every run; the task adds the metrics of its validation."""


class RunLog:
    """The log of a run in its folder: `log.csv`, and TensorBoard's event files.

    Args:
        folder: Of the run.
        metrics: Columns after those of every run.
    """

    def __init__(self, folder: Path, metrics: Sequence[str]) -> None:
        self._columns = (*COLUMNS, *metrics)
        self._path = folder / "log.csv"
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            self._board = None
        else:
            self._board = SummaryWriter(folder / "tensorboard")

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Write all rows to the table, and the last one to TensorBoard.

        The whole table is written: a run that resumes after a kill repeats epochs,
        which must not appear twice.
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
