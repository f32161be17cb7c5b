"""Jobs in worker processes of this machine, of which any may die."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from poseflow.batch.work import Job, Outcome, TrackOptions, Worker, cores

PATIENCE = 10.0
"""Seconds that a worker has to leave tidily."""


@dataclass
class _Hand:
    """A worker process as its master sees it."""

    process: Any
    line: Connection
    job: Job | None = None

    def give(self, job: Job) -> _Hand:
        """Let it do a job."""
        self.job = job
        with contextlib.suppress(OSError):  # it died: the next look at its line tells
            self.line.send(job)
        return self

    def send_home(self) -> None:
        """There is no more to do."""
        self.line.close()
        self.process.join(PATIENCE)

    def bury(self) -> Outcome:
        """It is dead: clear its half-written files away, and say how its job went."""
        assert self.job is not None
        self.line.close()
        self.process.join()
        for file in (self.job.result, self.job.overlay):
            for part in file.parent.iterdir():
                if part.name.startswith(f".{file.name}.") and part.suffix == ".tmp":
                    part.unlink(missing_ok=True)
        code = self.process.exitcode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        hint = "; out of memory? try fewer --workers" if code == -9 else ""
        return Outcome(error=f"its worker process {how}{hint}")


def run_local(
    jobs: Sequence[Job], options: TrackOptions, device: str, workers: int
) -> Generator[tuple[Job, Outcome]]:
    """Do the jobs, and give each with its outcome as it is done.

    A worker that dies, as one that is killed for memory, costs its source only: the
    next source gets a new one. Closing the iterator, or Ctrl-C, ends the workers.

    Args:
        jobs: What to do.
        options: Of all of them.
        device: As in `poseflow batch`; several, with commas between, take turns.
        workers: How many processes at once.
    """
    # Not fork: threads and CUDA do not survive it.
    context = multiprocessing.get_context("spawn")
    todo = deque(jobs)
    workers = min(workers, len(jobs))
    hands: dict[int, _Hand] = {}
    try:
        while todo or hands:
            for place in range(workers):
                if todo and place not in hands:
                    share = cores() // workers
                    hand = _hire(context, options, device, place, share)
                    hands[place] = hand.give(todo.popleft())
            wait([hand.line for hand in hands.values()], timeout=0.5)
            for place, hand in list(hands.items()):
                if not hand.line.poll():
                    continue
                job = hand.job
                assert job is not None
                try:
                    outcome = hand.line.recv()
                except (EOFError, OSError):
                    outcome = hand.bury()
                    del hands[place]
                # Told before the next one begins: what is done is never lost.
                yield job, outcome
                if place not in hands:
                    continue
                if todo:
                    hand.give(todo.popleft())
                else:
                    hand.send_home()
                    del hands[place]
    finally:
        _dismiss(list(hands.values()))


def _hire(
    context: Any, options: TrackOptions, device: str, place: int, threads: int
) -> _Hand:
    mine, theirs = context.Pipe()
    # The worker's end must be closed here, or its death goes unnoticed.
    with theirs:
        process = context.Process(
            target=_work,
            args=(theirs, options, device, place, threads),
            daemon=True,
            name=f"poseflow-batch-{place}",
        )
        with _signals_held():
            process.start()
    return _Hand(process, mine)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let a process be born deaf to Ctrl-C, which it is not to answer by itself."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _dismiss(hands: Sequence[_Hand]) -> None:
    """End workers in the midst of a job."""
    for hand in hands:
        hand.process.terminate()
    for hand in hands:
        hand.process.join(PATIENCE)
        if hand.process.is_alive():
            hand.process.kill()
            hand.process.join()


def _work(
    line: Connection, options: TrackOptions, device: str, place: int, threads: int
) -> None:
    """What a worker process does: job after job, until the line is closed."""
    # Ctrl-C reaches the whole group: the master decides, and asks by SIGTERM to leave
    # as tidily as after Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        import torch

        torch.set_num_threads(max(threads, 1))
        devices = device.split(",")
        if device == "auto" and torch.cuda.device_count() > 1:
            devices = [f"cuda:{k}" for k in range(torch.cuda.device_count())]
        worker = Worker(options, devices[place % len(devices)].strip())
        while True:
            line.send(worker.do(line.recv()))
    except (EOFError, OSError, KeyboardInterrupt):
        pass
