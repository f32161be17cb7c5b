"""How many frames have gone by, from times that may be missing or wrong."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

MOST_STEPS = 50
"""An interval of more frames than this is a wrong time, not a pause."""


class Clock:
    """Counts frames between calls, dropped ones included.

    Without times every call is one frame. With them, the usual interval is the median
    of the latest ones; an interval of at least one and a half times that means dropped
    frames. A time that is not finite, stands still or runs backwards says nothing.
    """

    def __init__(self) -> None:
        self._before: float | None = None
        self._intervals: deque[float] = deque(maxlen=31)

    def steps(self, time: float | None) -> float:
        """Frames since the call before, from 1 to `MOST_STEPS`."""
        if time is None or not math.isfinite(time):
            self._before = None
            return 1.0
        before, self._before = self._before, time
        if before is None or time <= before:
            return 1.0
        interval = time - before
        usual = float(np.median(self._intervals)) if self._intervals else interval
        self._intervals.append(interval)
        if len(self._intervals) < 6 or interval < 1.5 * usual:
            return 1.0
        steps = round(interval / usual)
        return float(steps) if steps <= MOST_STEPS else 1.0
