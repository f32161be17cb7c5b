"""Stopping a run between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from poseflow.estimator.training.distributed import Process


@contextmanager
def polite_stop(process: Process) -> Iterator[threading.Event]:
    """A flag that the first SIGINT or SIGTERM sets; the second one acts as ever.

    Only for a single process: several would stop at different steps and wait for each
    other for ever.
    """
    stop = threading.Event()
    main = threading.current_thread() is threading.main_thread()
    if process.world > 1 or not main:
        yield stop
        return

    former = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        for which, handler in former.items():
            signal.signal(which, handler)

    for which in former:
        signal.signal(which, ask)
    try:
        yield stop
    finally:
        for which, handler in former.items():
            signal.signal(which, handler)
