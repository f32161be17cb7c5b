"""Progress of a batch over videos and frames, with the time left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from poseflow.batch.item import BatchItem, Outcome


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        done: Sources that are finished, failed ones included.
        total: Number of sources.
        frames: Frames tracked so far.
        seconds: Time since the start.
        share: Share of the work that is done, by the sizes of the sources where these
            are known.
    """

    done: int
    total: int
    frames: int
    seconds: float
    share: float

    @property
    def seconds_left(self) -> float | None:
        """Time left; None while it cannot be told."""
        if self.share <= 0:
            return None
        return self.seconds * (1 - self.share) / self.share

    def __str__(self) -> str:
        rate = self.frames / max(self.seconds, 1e-9)
        text = f"{self.done}/{self.total} sources, {self.frames} frames, {rate:.1f}/s"
        left = self.seconds_left
        if left is None or self.done == self.total:
            return text
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{text}, {hours}:{minutes:02d}:{seconds:02d} left"


class ProgressCounter:
    """Counts sources and frames of a batch.

    Args:
        states: What `state_of` gave for each item; its bytes weigh the items.
    """

    def __init__(self, states: Mapping[BatchItem, list[int] | None]) -> None:
        sizes = [state[1] for state in states.values() if state is not None]
        usual = sum(sizes) / len(sizes) if sizes else 1.0
        self._weights = {
            item: float(state[1]) if state is not None else usual
            for item, state in states.items()
        }
        self._total = max(sum(self._weights.values()), 1e-9)
        self._running: dict[BatchItem, tuple[int, float]] = {}
        self._start = time.monotonic()
        self._done, self._frames, self._weight = 0, 0, 0.0

    def frame(self, item: BatchItem, done: int, expected: int | None) -> None:
        """Note the frames of a source that is being tracked."""
        share = min(done / expected, 1.0) if expected else 0.0
        self._running[item] = done, share

    def finished(self, item: BatchItem, outcome: Outcome) -> None:
        """Note that a source is finished, or has failed for good."""
        self._running.pop(item, None)
        self._done += 1
        self._frames += outcome.frames
        self._weight += self._weights[item]

    def now(self) -> BatchProgress:
        """How far the batch is."""
        running = self._running.items()
        weight = self._weight + sum(self._weights[i] * s for i, (_, s) in running)
        return BatchProgress(
            self._done,
            len(self._weights),
            self._frames + sum(frames for frames, _ in self._running.values()),
            time.monotonic() - self._start,
            weight / self._total,
        )
