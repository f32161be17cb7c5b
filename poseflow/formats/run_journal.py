"""The journal that a long run writes beside its result, so that a kill costs little."""

from __future__ import annotations

import contextlib
import itertools
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from poseflow.formats.base import Hints
from poseflow.formats.journal import JournalEncoder
from poseflow.sequence import Frame
from poseflow.storage.atomic import explain, is_too_long
from poseflow.storage.inputs import refuse_inputs

FRAMES, SECONDS = 16, 1.0
"""A journal begins with this frame or after this time, whichever comes first; from then
on every frame is in it before the next one is made."""


class RunJournal:
    """The journal `NAME.partial` of a result `NAME` that is being written.

    Short runs have none. A journal that a killed run left is not touched, but moved to
    `NAME.partial.1` and so on when the next one begins.

    Args:
        target: The result.
        hints: What is known of the video; a function is asked when the journal begins.
        format: Name of the result's format.

    Attributes:
        path: The journal.
        frames: Number of frames in it; 0 before it begins.
    """

    def __init__(
        self, target: Path, hints: Hints | Callable[[], Hints] | None, format: str
    ) -> None:
        self.path = target.with_name(target.name + ".partial")
        self.frames = 0
        self._hints, self._format = hints, format
        self._encoder: JournalEncoder | None = None
        self._file: IO[bytes] | None = None
        self._waiting: list[Frame] = []
        self._since = time.monotonic()
        self._off = is_too_long(self.path)

    def add(self, frame: Frame) -> None:
        """Append a frame.

        Raises:
            FormatError: If the system refuses.
        """
        if self._off:
            return
        try:
            if self._file is not None and self._encoder is not None:
                self._file.write(self._encoder.frame(frame))
                self.frames += 1
                return
            self._waiting.append(replace(frame, image=None))
            late = time.monotonic() - self._since >= SECONDS
            if late or len(self._waiting) >= FRAMES:
                self._begin()
        except OSError as error:
            raise explain(error, self.path) from error

    def _begin(self) -> None:
        refuse_inputs(self.path)
        if self.path.exists():
            aside = _free(self.path)
            self.path.rename(aside)
            warnings.warn(
                f"{self.path}: an earlier run did not end; its frames are in {aside}: "
                f"poseflow recover {aside} -o FILE",
                stacklevel=4,
            )
        hints = self._hints() if callable(self._hints) else self._hints
        self._encoder = JournalEncoder(hints or Hints(), self._format)
        # Without a buffer: what is written survives the process.
        file = self.path.open("xb", buffering=0)
        self._file = file
        data = [self._encoder.start(), *map(self._encoder.frame, self._waiting)]
        file.write(b"".join(data))
        self.frames = len(self._waiting)
        self._waiting.clear()

    def close(self) -> None:
        """End the journal and keep it."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def remove(self) -> None:
        """End the journal and remove it: the result is in its place."""
        self.close()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


def _free(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.{k}") for k in itertools.count(1))
    return next(name for name in names if not name.exists())
