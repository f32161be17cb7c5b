"""Results in segments: a new file after so much time or so many frames."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from poseflow.errors import PoseFlowError
from poseflow.sequence import Frame
from poseflow.storage.atomic import STDOUT, PathLike

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class SegmentLength:
    """Length of a segment; the other one is None.

    Attributes:
        seconds: In the time of the source.
        frames: In frames.
    """

    seconds: float | None = None
    frames: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a length such as `90s`, `10m`, `1h`, `1d`, or `5000f` for frames.

        Raises:
            PoseFlowError: If it is none.

        Examples:
            >>> SegmentLength.parse("10m"), SegmentLength.parse("5000f").frames
            (SegmentLength(seconds=600.0, frames=None), 5000)
        """
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhdf]?)", text.strip())
        number = float(found[1]) if found is not None else 0.0
        if found is None or number <= 0 or (found[2] == "f" and number % 1):
            raise PoseFlowError(
                f"segment: expected a time or number of frames such as 90s, 10m, 1h or "
                f"5000f, got {text!r}"
            )
        if found[2] == "f":
            return cls(frames=int(number))
        return cls(seconds=number * _UNITS[found[2] or "s"])


class FileSink(Protocol):
    """What writes frames to a file or folder, and is a context manager."""

    @property
    def path(self) -> PathLike:
        """The file or folder."""

    @property
    def frames(self) -> int:
        """Frames written so far."""

    @property
    def codec(self) -> str:
        """The encoder of a video; empty for other files."""

    def write(self, frame: Frame) -> None:
        """Append a frame."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


class Segments:
    """Writes frames to `NAME-0001.SUFFIX`, `NAME-0002.SUFFIX` and so on.

    A segment is complete, under its name, when the next one begins. Segments that are
    there already are never replaced: `first_number` continues after them.

    Args:
        path: NAME.SUFFIX.
        open: Opens the writer of one segment.
        length: Length of a segment.
        first: Number of the first one.
    """

    def __init__(
        self,
        path: PathLike,
        open: Callable[[PathLike], FileSink],
        length: SegmentLength,
        first: int,
    ) -> None:
        if os.fspath(path) == STDOUT:
            raise PoseFlowError("segment: standard output cannot be split into files")
        self._path, self._make, self._length = Path(path), open, length
        self._number = first
        self._done = 0
        self._part: int | None = None
        # At once: a place that cannot be written is an error before the work.
        self._sink = self._make(_numbered(self._path, first))

    @property
    def frames(self) -> int:
        """Frames written to all segments."""
        return self._done + self._sink.frames

    @property
    def path(self) -> PathLike:
        """The segment that is being written."""
        return self._sink.path

    @property
    def codec(self) -> str:
        """The encoder of a video; empty for other files."""
        return self._sink.codec

    def write(self, frame: Frame) -> None:
        """Append a frame to its segment."""
        part = self._part_of(frame)
        if self._part is None:
            self._part = part
        if part != self._part and self._sink.frames:
            self._done += self._sink.frames
            self._sink.__exit__(None, None, None)
            self._number += 1
            self._part = part
            self._sink = self._make(_numbered(self._path, self._number))
        self._sink.write(frame)

    def _part_of(self, frame: Frame) -> int:
        if self._length.frames is not None:
            return self.frames // self._length.frames
        return int(frame.time / (self._length.seconds or 1.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._sink.__exit__(kind, *rest)


def first_number(*paths: PathLike | None) -> int:
    """The number from which on no segment of these outputs exists."""
    highest = 0
    for path in paths:
        if path is None:
            continue
        place = Path(path)
        pattern = re.compile(
            re.escape(place.stem) + r"-(\d{4,9})" + re.escape(place.suffix)
        )
        try:
            names = os.listdir(place.parent)  # noqa: PTH208
        except OSError:
            continue
        numbers = [int(m[1]) for name in names if (m := pattern.fullmatch(name))]
        highest = max([highest, *numbers])
    return highest + 1


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number:04d}{path.suffix}")
