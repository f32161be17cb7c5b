"""Graceful stop of a run on SIGINT and SIGTERM, between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from poseflow.estimator.training.distributed import Process


@contextmanager
def graceful_stop(process: Process) -> Iterator[threading.Event]:
    """An event set by the first SIGINT or SIGTERM; the second has its usual effect.

    Only for a single process: several would stop at different steps and wait for each
    other forever.
    """
    stop = threading.Event()
    main = threading.current_thread() is threading.main_thread()
    if process.world > 1 or not main:
        yield stop
        return

    previous = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def set_stop(number: int, frame: FrameType | None) -> None:
        stop.set()
        for which, handler in previous.items():
            signal.signal(which, handler)

    for which in previous:
        signal.signal(which, set_stop)
    try:
        yield stop
    finally:
        for which, handler in previous.items():
            signal.signal(which, handler)
