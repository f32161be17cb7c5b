"""Prefetching: run an iterator ahead of its consumer, in a thread that always ends."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_WAIT_SECONDS = 0.5
"""Longest single wait: on Windows a wait without a limit would also block Ctrl-C."""


class Prefetcher(Generic[T]):
    """An iterator whose items are made ahead of time, in order, by a thread.

    The thread ends when the items do, when making one raises (the consumer gets that
    exception in its place), on `close`, and when the prefetcher is dropped. It then
    closes the iterator, if that can be closed, so that its files are closed.

    Args:
        items: The iterator; used by the thread alone from now on.
        depth: Number of finished items that may wait, at least 1; bounds the memory.
        newest: For live input: where the consumer is too slow, drop the oldest waiting
            item rather than block the producer, so that delay never builds up.

    Examples:
        >>> list(Prefetcher(iter("abc"), depth=2))
        ['a', 'b', 'c']
    """

    def __init__(
        self, items: Iterator[T], depth: int = 4, *, newest: bool = False
    ) -> None:
        # The thread refers to the queue but not to the prefetcher: a prefetcher that is
        # no longer used is collected, and its finalizer ends the thread.
        self._queue: _Queue[T] = _Queue(max(depth, 1), newest)
        self._end = weakref.finalize(self, self._queue.close)
        self._thread = threading.Thread(
            target=_work, args=(items, self._queue), name="poseflow-ahead", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        return self._queue.take()

    @property
    def dropped(self) -> int:
        """Items that were dropped because the consumer was too slow."""
        return self._queue.dropped

    def stop(self) -> None:
        """End the items: those that wait are still given, later ones are not."""
        self._queue.stop()

    def close(self, timeout: float | None = 10.0) -> None:
        """End the thread and wait for it, at most `timeout` seconds.

        A thread that hangs in a camera or a network read ends by itself once that
        returns; it is a daemon, so it never delays the end of the program.
        """
        self._end()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)


class _Queue(Generic[T]):
    """A bounded queue: the thread puts items, the consumer takes them."""

    def __init__(self, depth: int, newest: bool) -> None:
        self._depth, self._newest = depth, newest
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._stopped = False
        self._finished = False
        self.dropped = 0
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Wait for a free place and fill it; False once the queue is closed."""
        with self._changed:
            while len(self._items) >= self._depth and not self._ended:
                if self._newest:
                    self._items.popleft()
                    self.dropped += 1
                else:
                    self._changed.wait(_WAIT_SECONDS)
            if not self._ended:
                self._items.append(item)
                self._changed.notify_all()
            return not self._ended

    @property
    def _ended(self) -> bool:
        return self._closed or self._stopped

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def finish(self, error: BaseException | None) -> None:
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def take(self) -> T:
        with self._changed:
            while not self._items:
                if self._ended or self._finished:
                    error, self._error = self._error, None
                    if error is not None and not self._closed:
                        raise error
                    raise StopIteration
                self._changed.wait(_WAIT_SECONDS)
            item = self._items.popleft()
            self._changed.notify_all()
            return item


def _work(items: Iterator[T], queue: _Queue[T]) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not queue.put(item):
                break
    except BaseException as caught:
        # Any exception is raised in the consumer, not printed on standard error.
        error = caught
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
        queue.finish(error)
