"""Batch engine `local`: worker processes of this machine, any of which may die."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from poseflow.batch.item import BatchItem, Outcome
from poseflow.batch.worker import Worker, cores
from poseflow.estimator.devices import gpu_names
from poseflow.storage.locking import beside

EXIT_TIMEOUT_SECONDS = 10.0
"""Time that a worker process has to clean up and exit."""

REPORT_SECONDS = 0.5
"""A worker reports its frames this often."""


@dataclass
class _WorkerProcess:
    """A worker process as the main process sees it."""

    process: Any
    connection: Connection
    item: BatchItem | None = None

    def assign(self, item: BatchItem) -> _WorkerProcess:
        """Send it a source to track."""
        self.item = item
        with contextlib.suppress(OSError):  # it died: reading its answer will tell
            self.connection.send(item)
        return self

    def finish(self) -> None:
        """Let it exit: there are no more sources."""
        self.connection.close()
        self.process.join(EXIT_TIMEOUT_SECONDS)

    def clean_up(self) -> Outcome:
        """Remove the partial files of a dead process; the outcome of its source."""
        assert self.item is not None
        self.connection.close()
        self.process.join()
        for output, suffix in ((self.item.result, ".tmp"), (self.item.overlay, ".mp4")):
            beside(output.resolve(), suffix).unlink(missing_ok=True)
        code = self.process.exitcode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        hint = "; out of memory? try fewer --workers" if code == -9 else ""
        return Outcome(error=f"its worker process {how}{hint}")


def run_local(
    todo: deque[BatchItem],
    device: str,
    workers: int,
    on_frame: Callable[[BatchItem, int, int | None], None],
) -> Generator[tuple[BatchItem, Outcome]]:
    """Track the sources, and yield each with its outcome as it is finished.

    A worker process that dies, for example killed for memory, loses its source only:
    the next source gets a new one. Closing the iterator, or Ctrl-C, ends the workers.

    Args:
        todo: The sources; the consumer may append to it.
        device: As in `poseflow batch`; several, with commas between, take turns.
        workers: Number of processes at once.
        on_frame: Called with a source, its frames done and its frames expected.
    """
    # Not fork: threads and CUDA do not survive it.
    context = multiprocessing.get_context("spawn")
    workers = min(workers, max(len(todo), 1))
    running: dict[int, _WorkerProcess] = {}
    try:
        while todo or running:
            for place in range(workers):
                if todo and place not in running:
                    threads = cores() // workers
                    started = _start(context, device, place, threads)
                    running[place] = started.assign(todo.popleft())
            wait([worker.connection for worker in running.values()], timeout=0.5)
            for place, worker in list(running.items()):
                if not worker.connection.poll():
                    continue
                item = worker.item
                assert item is not None
                try:
                    outcome = worker.connection.recv()
                except (EOFError, OSError):
                    outcome = worker.clean_up()
                    del running[place]
                if isinstance(outcome, tuple):
                    on_frame(item, *outcome)
                    continue
                # Yielded before the next one begins, so that it is recorded at once.
                yield item, outcome
                if place not in running:
                    continue
                if todo:
                    worker.assign(todo.popleft())
                else:
                    worker.finish()
                    del running[place]
    finally:
        _terminate(list(running.values()))


def _start(context: Any, device: str, place: int, threads: int) -> _WorkerProcess:
    ours, theirs = context.Pipe()
    # The worker's end must be closed here, or its death goes unnoticed.
    with theirs:
        process = context.Process(
            target=_work,
            args=(theirs, device, place, threads),
            daemon=True,
            name=f"poseflow-batch-{place}",
        )
        with _interrupts_blocked():
            process.start()
    return _WorkerProcess(process, ours)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C while a process starts, which inherits that and never reacts."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _terminate(workers: Sequence[_WorkerProcess]) -> None:
    """End processes that are still tracking."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(EXIT_TIMEOUT_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _work(
    connection: Connection,
    device: str,
    place: int,
    threads: int,
) -> None:
    """The main loop of a worker process: track until the connection is closed."""
    # Ctrl-C reaches the whole process group: the main process decides, and sends
    # SIGTERM, which ends a worker as Ctrl-C would.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        # For onnxruntime and torch, of which none is loaded yet.
        os.environ["OMP_NUM_THREADS"] = str(max(threads, 1))
        devices = (gpu_names() if device == "auto" else []) or device.split(",")
        worker = Worker(devices[place % len(devices)].strip())
        last = 0.0

        def report(done: int, expected: int | None) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= REPORT_SECONDS:
                last = now
                connection.send((done, expected))

        while True:
            connection.send(worker.do(connection.recv(), report))
    except (EOFError, OSError, KeyboardInterrupt):
        pass


def _end_with_parent() -> None:
    """End this process when the main one is gone, even killed: it has no consumer."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
