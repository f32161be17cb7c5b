"""Signals held back while something must not be left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let SIGINT and SIGTERM take effect at the end of the block, not within it.

    An interruption between an encoder that gives a packet and the file that takes it
    would lose the packet, and with a key frame the whole video. Signals reach the main
    thread only; in other threads nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))

    # A handler that was not set from Python is None, and cannot be put back.
    usual = {each: signal.getsignal(each) for each in SIGNALS}
    usual = {each: handler for each, handler in usual.items() if handler is not None}
    for each in usual:
        signal.signal(each, note)
    try:
        yield
    finally:
        for each, handler in usual.items():
            signal.signal(each, handler)
        if came:
            number, frame = came[0]
            handler = usual[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)
            elif handler == signal.SIG_DFL:
                signal.raise_signal(number)
