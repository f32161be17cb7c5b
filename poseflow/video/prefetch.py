"""Run an iterator ahead of its consumer, in one thread that always ends."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_PATIENCE = 0.5
"""Seconds between looks at the door: on Windows a wait without a limit would also
hold back Ctrl-C."""


class Prefetcher(Generic[T]):
    """An iterator whose items are made ahead of time, in order, by a thread.

    The thread ends when the items do, when making one raises (the consumer gets that
    exception in its place), on `close`, and when the prefetcher is dropped. It then
    closes the iterator, if that can be closed, so that files are let go.

    Args:
        items: What to run; used by the thread alone from now on.
        depth: How many finished items may wait, at least 1; memory is bounded by it.
        newest: For live input: where the consumer is too slow, drop the oldest waiting
            item rather than hold back the producer, so that delay never builds up.

    Examples:
        >>> list(Prefetcher(iter("abc"), depth=2))
        ['a', 'b', 'c']
    """

    def __init__(
        self, items: Iterator[T], depth: int = 4, *, newest: bool = False
    ) -> None:
        # The thread knows the desk but not the prefetcher: a dropped prefetcher can be
        # collected, and its finalizer sends the thread home.
        self._desk: _Desk[T] = _Desk(max(depth, 1), newest)
        self._leave = weakref.finalize(self, self._desk.leave)
        self._thread = threading.Thread(
            target=_work, args=(items, self._desk), name="poseflow-ahead", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        return self._desk.take()

    def close(self, timeout: float | None = 10.0) -> None:
        """End the thread and wait for it, at most `timeout` seconds.

        A thread that hangs in a camera or a network read ends by itself once that
        returns; it is a daemon, so it never holds up the end of the program.
        """
        self._leave()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)


class _Desk(Generic[T]):
    """Where the thread puts items and the consumer takes them."""

    def __init__(self, depth: int, newest: bool) -> None:
        self._depth, self._newest = depth, newest
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._finished = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Wait for a place and fill it; False once nobody wants more."""
        with self._changed:
            while len(self._items) >= self._depth and not self._closed:
                if self._newest:
                    self._items.popleft()
                else:
                    self._changed.wait(_PATIENCE)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def finish(self, error: BaseException | None) -> None:
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def leave(self) -> None:
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def take(self) -> T:
        with self._changed:
            while not self._items:
                if self._closed or self._finished:
                    error, self._error = self._error, None
                    if error is not None and not self._closed:
                        raise error
                    raise StopIteration
                self._changed.wait(_PATIENCE)
            item = self._items.popleft()
            self._changed.notify_all()
            return item


def _work(items: Iterator[T], desk: _Desk[T]) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not desk.put(item):
                break
    except BaseException as caught:
        # Whatever it is, it belongs to the consumer, not on standard error.
        error = caught
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
        desk.finish(error)
