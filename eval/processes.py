"""Work spread over processes, with results in order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


def map_in_processes(
    function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], workers: int
) -> Iterator[Result]:
    """`function(*task)` of every task, in order.

    Args:
        function: Of a module's top level, so that other processes find it.
        tasks: Arguments of each call, picklable.
        workers: Processes; 1 or less is this one.
    """
    if workers > 1:
        tasks = list(tasks)
        workers = min(workers, len(tasks))
    if workers <= 1:
        yield from (function(*task) for task in tasks)
        return
    # Imported here because the imports take as long as scoring small sets.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Not forked: the caller may have threads, such as torch's.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        with _uninterrupted():  # the first task starts all workers
            waiting = [pool.submit(function, *task) for task in tasks]
        try:
            for future in waiting:
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C; processes started inside never see it.

    Otherwise each of them would print a traceback of its own. They end when the
    process that started them does.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
