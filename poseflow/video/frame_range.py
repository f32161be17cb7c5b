"""`FrameRange`: the part of a video between two frames or times."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Self

from poseflow.errors import PoseFlowError
from poseflow.sequence import PoseSequence

Bound = int | float
"""An `int` is the index of a frame, a `float` a time in seconds."""

_FRAME = re.compile(r"\d{1,18}")
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d{1,9})?)")


@dataclass(frozen=True)
class FrameRange:
    """The part of a video from `start` on and before `stop`.

    Attributes:
        start: First frame (`int`) or time in seconds (`float`); None from the start.
        stop: The first frame or time that is left out; None up to the end.

    Raises:
        PoseFlowError: If a bound is negative, or nothing lies between them.

    Examples:
        >>> part = FrameRange.parse("1:05", "90s")
        >>> part
        FrameRange(start=65.0, stop=90.0)
        >>> part.begun(1700, 68.0), part.ended(1700, 68.0), part.ended(2250, 90.0)
        (True, False, True)
    """

    start: Bound | None = None
    stop: Bound | None = None

    def __post_init__(self) -> None:
        """Check the bounds."""
        for bound in (self.start, self.stop):
            if bound is not None and not 0 <= bound < math.inf:
                raise PoseFlowError(f"expected a frame or time from 0, got {bound}")
        start, stop = self.start or 0, self.stop
        same = self.start is None or isinstance(self.start, int) == isinstance(
            stop, int
        )
        if stop is not None and same and stop <= start:
            raise PoseFlowError(
                f"nothing lies between start {start} and stop {stop}; expected a stop "
                "after the start"
            )

    @classmethod
    def parse(cls, start: str | None, stop: str | None) -> Self:
        """Bounds as the command line writes them: `300`, `12.5s`, `1:05`, `1:00:05`.

        Raises:
            PoseFlowError: If one cannot be read.
        """
        return cls(_parsed("start", start), _parsed("stop", stop))

    def begun(self, index: int, time: float) -> bool:
        """Whether a frame is not before the start."""
        return self.start is None or _place(self.start, index, time) >= self.start

    def ended(self, index: int, time: float) -> bool:
        """Whether a frame is not before the stop."""
        return self.stop is not None and _place(self.stop, index, time) >= self.stop

    def of(self, sequence: PoseSequence) -> PoseSequence:
        """The frames of a sequence that are in the range."""
        frames = [
            frame
            for frame in sequence
            if self.begun(frame.index, frame.time)
            and not self.ended(frame.index, frame.time)
        ]
        return replace(sequence, frames=tuple(frames))

    def count(self, frames: int | None, fps: float | None) -> int | None:
        """Number of frames in the range, of a source of so many; None if unknown."""

        def frame(bound: Bound) -> int | None:
            if isinstance(bound, int):
                return bound
            return None if fps is None else math.ceil(bound * fps - 1e-6)

        first = frame(self.start or 0)
        stop = frames if self.stop is None else frame(self.stop)
        if first is None or stop is None:
            return None
        last = stop if frames is None else min(stop, frames)
        return max(last - first, 0)


def _place(bound: Bound, index: int, time: float) -> Bound:
    """What of a frame a bound is compared with; times count to a microsecond."""
    return index if isinstance(bound, int) else time + 1e-6


def _parsed(name: str, text: str | None) -> Bound | None:
    if text is None:
        return None
    text = text.strip()
    if _FRAME.fullmatch(text):
        return int(text)
    if found := _SECONDS.fullmatch(text):
        return float(found[1])
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = found.groups()
        return 3600.0 * int(hours or 0) + 60.0 * int(minutes) + float(seconds)
    raise PoseFlowError(
        f"{name}: expected a frame (300), seconds (12.5s) or a time (1:05), got "
        f"{text!r}"
    )
