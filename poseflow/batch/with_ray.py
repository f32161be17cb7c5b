"""Batch engine `ray`: actors of a Ray cluster, each loading its model once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from poseflow.batch.item import BatchItem, Outcome
from poseflow.batch.worker import Worker, cores
from poseflow.errors import MissingExtraError


def run_ray(
    todo: deque[BatchItem],
    device: str,
    workers: int,
    on_frame: Callable[[BatchItem, int, int | None], None],
) -> Generator[tuple[BatchItem, Outcome]]:
    """Track the sources, and yield each with its outcome as it is finished.

    The cluster is the one of `RAY_ADDRESS`, or of an earlier call of `ray.init`;
    otherwise one is started on this machine. An actor that dies, with its machine or
    alone, loses its source only, and is replaced.

    Args:
        todo: The sources; the consumer may append to it.
        device: `cpu`, `cuda`, or `auto`: a GPU for each actor where the cluster has
            one; `cuda/4` lets four actors share one.
        workers: Number of actors. On this machine each asks for its share of the cores.
        on_frame: Not called: only finished sources are reported.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--engine ray") from error
    started_here = not ray.is_initialized()
    if started_here:
        # `uv run` users: Ray would otherwise try to rebuild their environment.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        ray.init(log_to_driver=False, logging_level="error")  # type: ignore[arg-type,unused-ignore]
    try:
        kind, _, sharing = device.partition("/")
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call,unused-ignore]
        gpus = kind != "cpu" and resources.get("GPU", 0) > 0
        # An actor sees the GPU that it was given, whatever its number.
        make: Any = ray.remote(
            num_cpus=max(cores() // workers, 1),
            num_gpus=1 / int(sharing or 1) if gpus else 0,
        )(_Actor)
        place = "auto" if gpus else kind
        yield from _run(ray, make, place, todo, workers)
    finally:
        if started_here:
            ray.shutdown()


def _run(
    ray: Any, make: Any, place: str, todo: deque[BatchItem], workers: int
) -> Generator[tuple[BatchItem, Outcome]]:
    """Give every free actor the next source, until none is left."""
    idle: list[Any] = []
    started = 0
    running: dict[Any, tuple[Any, BatchItem]] = {}
    while todo or running:
        while todo and (idle or started < workers):
            if not idle:
                idle.append(make.remote(place, Path.cwd()))
                started += 1
            actor, item = idle.pop(), todo.popleft()
            task = actor.do.remote(_anywhere(item))
            running[task] = actor, item
        done, _ = ray.wait(list(running), num_returns=1)
        actor, item = running.pop(done[0])
        try:
            outcome = ray.get(done[0])
            idle.append(actor)
        except ray.exceptions.RayError as error:
            started -= 1  # a new one takes its place
            ray.kill(actor)
            outcome = Outcome(error=f"its worker died ({_first_line(error)})")
        yield item, outcome


def _anywhere(item: BatchItem) -> BatchItem:
    """The item with paths that no working directory changes."""
    if item.upload is not None:
        return item
    return replace(item, result=item.result.absolute())


class _Actor:
    """A worker in a process of its own, on any machine of the cluster."""

    def __init__(self, device: str, folder: Path) -> None:
        if folder.is_dir():
            os.chdir(folder)  # relative paths in the options start there
        self._worker = Worker(device)

    def do(self, item: BatchItem) -> Outcome:
        return self._worker.do(item)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
