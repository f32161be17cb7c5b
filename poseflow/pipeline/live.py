"""Live runs: an orderly end by signal, and the delay of results."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import numpy as np

from poseflow.sequence import Frame
from poseflow.storage.segments import SegmentLength
from poseflow.video import Source
from poseflow.video.stream import RECONNECT_SECONDS

_MOST_DELAYS = 1000
"""Latest frames over which delays are taken."""


@dataclass(frozen=True)
class LiveOptions:
    """How a source is read and its result is written where it has no end.

    Attributes:
        live: Play files at their own speed, dropping frames rather than lagging behind.
        reconnect_seconds: How long a live stream that was lost is tried again.
        duration_seconds: The run ends after this time; None for no limit.
        segment: Length of the files that the result is split into; None for one.
    """

    live: bool = False
    reconnect_seconds: float = RECONNECT_SECONDS
    duration_seconds: float | None = None
    segment: SegmentLength | None = None


@contextmanager
def stop_on_signal(source: Source) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM end a source; the second one interrupts.

    What has been read is tracked and written as at the end of a file. Only signals of
    the main thread can be handled; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        # Not in the handler, which may have interrupted a lock that this needs.
        threading.Thread(target=source.stop, daemon=True).start()

    before = {
        each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class DelayMeter:
    """Delay of the results of a live source: from its frames' arrival to writing them.

    It is a sink: give it the frames after they were written.
    """

    def __init__(self) -> None:
        self._source: Source | None = None
        self._delays: deque[float] = deque(maxlen=_MOST_DELAYS)

    def attach(self, source: Source | None) -> None:
        """Set the source of the frames."""
        if source is not None and source.is_live:
            self._source = source

    def write(self, frame: Frame) -> None:
        """Note that a frame has been written."""
        if self._source is not None:
            arrived = self._source.arrival(frame.index)
            if arrived is not None:
                self._delays.append(time.monotonic() - arrived)

    def percentiles(self) -> tuple[float, float]:
        """Median and 95th percentile of the latest delays, in seconds."""
        delays = tuple(self._delays) or (0.0,)
        median, high = np.percentile(delays, (50, 95))
        return float(median), float(high)

    def __str__(self) -> str:
        """Such as `delay p50 31 ms, p95 48 ms, 2 frames dropped, lost 1 time`."""
        if self._source is None:
            return ""
        median, high = (1000 * seconds for seconds in self.percentiles())
        text = f"delay p50 {median:.0f} ms, p95 {high:.0f} ms"
        if self._source.dropped:
            text += f", {self._source.dropped} frames dropped"
        losses = self._source.losses
        if losses:
            text += f", lost {losses} time" + ("s" if losses > 1 else "")
        return text
