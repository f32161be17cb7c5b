"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Self, TypeVar

from poseflow.cli.say import say
from poseflow.safety.terminal import printable

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0


def progress(
    items: Iterable[Item],
    total: int | None,
    label: str = "frames",
    note: Callable[[], str] = str,
) -> Iterator[Item]:
    """Yield the items and show progress, speed and the time left.

    Args:
        items: The items to process.
        total: Their number, or None if it is unknown.
        label: Name of the items.
        note: Gives a text that is shown behind, such as the delay of a live source.
    """
    if sys.stderr.isatty():
        return _bar(items, total, label, note)
    return _lines(items, total, label, note)


def _bar(
    items: Iterable[Item], total: int | None, label: str, note: Callable[[], str]
) -> Iterator[Item]:
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

    class Note(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(printable(note()))

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
        Note(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(items, total=total, description=label)


def _lines(
    items: Iterable[Item], total: int | None, label: str, note: Callable[[], str]
) -> Iterator[Item]:
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
            more = f", {note()}" if note() else ""
            say(f"{done}{of} {label}, {rate:.1f}/s{left}{more}", err=True)


class StatusLine:
    """A line of progress that is rewritten on a terminal, and repeated elsewhere.

    Use it in a `with` statement.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = 0
        self._last = time.monotonic()

    def show(self, status: object) -> None:
        """Show `str(status)`, when that is due."""
        now = time.monotonic()
        if now - self._last < (0.2 if self._live else SECONDS_BETWEEN_LINES):
            return
        self._last = now
        text = printable(str(status))
        if self._live:
            sys.stderr.write("\r" + text.ljust(self._shown))
            sys.stderr.flush()
            self._shown = len(text)
        else:
            say(text, err=True)

    def echo(self, text: str) -> None:
        """Print a line above."""
        self._clear()
        say(text, err=True)

    def _clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()
