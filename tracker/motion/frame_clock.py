"""Frames elapsed between updates, from timestamps that may be missing or wrong."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

MOST_STEPS = 50
"""A longer interval is taken for a wrong timestamp, not for dropped frames."""

INTERVALS, LEAST_INTERVALS = 31, 6
"""Length of the median over the latest intervals, and the fewest it needs."""

DROPPED_INTERVAL = 1.5
"""Intervals from this multiple of the median on mean dropped frames."""


class Clock:
    """Counts frames between calls, dropped ones included.

    Without times every call is one frame. With them, the usual interval is the median
    of the latest ones; an interval of at least one and a half times that means dropped
    frames. A time that is not finite, repeats or runs backwards is ignored.
    """

    def __init__(self) -> None:
        self._before: float | None = None
        self._intervals: deque[float] = deque(maxlen=INTERVALS)

    def steps(self, time: float | None) -> float:
        """Frames since the previous call, from 1 to `MOST_STEPS`."""
        if time is None or not math.isfinite(time):
            self._before = None
            return 1.0
        before, self._before = self._before, time
        if before is None or time <= before:
            return 1.0
        interval = time - before
        usual = float(np.median(self._intervals)) if self._intervals else interval
        self._intervals.append(interval)
        if len(self._intervals) < LEAST_INTERVALS:
            return 1.0
        if interval < DROPPED_INTERVAL * usual:
            return 1.0
        steps = round(interval / usual)
        return float(steps) if steps <= MOST_STEPS else 1.0
