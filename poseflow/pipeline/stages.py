"""Stages of work that overlap: each in a thread of its own, behind a short queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self, TypeVar

from poseflow.errors import StreamLostError
from poseflow.video import FrameRange, Source, SourceFrame, open_source
from poseflow.video.prefetch import Prefetcher

T = TypeVar("T")

DEPTH = 2
"""Finished items that may wait between two stages: enough to even out jitter."""


class Line:
    """A source and the stages behind it, which end together.

    Items pass in order, each stage works on one at a time, and its answer does not
    depend on when, so the result is that of doing one thing after the other. An
    exception passes on from stage to stage, in its place among the items, and reaches
    the consumer with its traceback.

    Use it in a `with` statement, around the loop that consumes the last stage: however
    that ends, all stages are told to stop before any of them is waited for.

    Attributes:
        lost: Set once a live source has ended without being asked to.

    Args:
        source: Whatever `open_source` takes; None where there are no images.
        overlap: False to do everything in the caller's thread, as asked for. The same
            holds for sources that must not run ahead.

    Raises:
        SourceError: If the source is unusable.
    """

    def __init__(self, source: Any, *, overlap: bool = True) -> None:
        self._source: Source | None = None if source is None else open_source(source)
        self._depth = 0
        if overlap and self._source is not None and self._source.runs_ahead:
            # A live frame that waits is out of date.
            self._depth = 1 if self._source.is_live else DEPTH
        self._stopped = False
        self.lost: StreamLostError | None = None
        self._stages: list[Prefetcher[Any]] = []
        self._steps: list[Any] = []

    def __iter__(self) -> Iterator[SourceFrame]:
        """The frames of the source."""
        try:
            yield from self._source or ()
        except StreamLostError as error:
            # The frames before it go their way to the end, like those of any source.
            self.lost = error
        if self._stopped:  # not at the end: what comes after the last frame must not
            raise _StoppedError

    @property
    def is_part(self) -> bool:
        """Whether only a part of the source is read."""
        return self._source is not None and self._source.part != FrameRange()

    def take_gap(self, index: int) -> int:
        """Frames missed before frame `index` because a connection was lost."""
        return 0 if self._source is None else self._source.take_gap(index)

    def stage(self, items: Iterator[T]) -> Iterator[T]:
        """Make `items` ahead of the consumer, in a thread of their own.

        Args:
            items: Makes an item for each that it takes from the stage before.
        """
        if not self._depth:
            self._steps.append(items)
            return items
        ahead = Prefetcher(items, self._depth)
        self._stages.append(ahead)
        return ahead

    def __enter__(self) -> Self:
        """The line itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all stages and close the source."""
        self._stopped = True
        # If closing one fails, the others are still closed.
        with ExitStack() as last:
            for stage in self._stages:
                last.callback(stage.close)
            if self._source is not None:
                last.callback(self._source.close)
            for step in self._steps:
                last.callback(step.close)
            for stage in self._stages:
                last.callback(stage.close, 0)


class _StoppedError(Exception):
    """Ends a stage whose source was closed; no consumer is left to see it."""
