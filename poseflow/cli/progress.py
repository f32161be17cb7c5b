"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0


def progress(
    items: Iterable[Item], total: int | None, label: str = "frames"
) -> Iterator[Item]:
    """Yield the items and show progress, speed and the time left.

    Args:
        items: The items to process.
        total: Their number, or None if it is unknown.
        label: Name of the items.
    """
    if sys.stderr.isatty():
        return _bar(items, total, label)
    return _lines(items, total, label)


def _bar(items: Iterable[Item], total: int | None, label: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f}/s" if speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(items, total=total, description=label)


def _lines(items: Iterable[Item], total: int | None, label: str) -> Iterator[Item]:
    start = last = 0.0
    for done, item in enumerate(items, start=1):
        if done == 1:  # the time before, such as for reading files, does not count
            start = last = time.monotonic()
        yield item
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            of = f"/{total}" if total else ""
            rate = done / (now - start)
            left = f", {max(total - done, 0) / rate:.0f} s left" if total else ""
            print(f"{done}{of} {label}, {rate:.1f}/s{left}", file=sys.stderr)
