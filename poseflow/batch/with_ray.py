"""Batch engine `ray`: sources as tasks of a Ray cluster with shared files."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from poseflow.batch.worker import BatchItem, Outcome, Worker, cores
from poseflow.errors import MissingExtraError
from poseflow.pipeline.options import TrackOptions


def run_ray(
    items: Sequence[BatchItem], options: TrackOptions, device: str, workers: int
) -> Generator[tuple[BatchItem, Outcome]]:
    """Track the sources, and yield each with its outcome as it is finished.

    The cluster is the one of `RAY_ADDRESS`, or of an earlier call of `ray.init`;
    otherwise one is started on this machine.

    Args:
        items: The sources and their results.
        options: How all sources are tracked.
        device: `cpu`, `cuda`, or `auto`: a GPU for each task where the cluster has one.
        workers: Tasks on this machine at once: each asks for its share of the cores.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    try:
        import ray  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--engine ray") from error
    started_here = not ray.is_initialized()
    if started_here:
        # `uv run` users: Ray would otherwise try to rebuild their environment.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        ray.init(log_to_driver=False, logging_level="error")
    try:
        gpus = device != "cpu" and ray.cluster_resources().get("GPU", 0) > 0
        task: Any = ray.remote(
            num_cpus=max(cores() // workers, 1), num_gpus=int(gpus), max_retries=0
        )(_task)
        # A task sees the one GPU that it was given, whatever its number.
        place = "auto" if gpus else device
        waiting = {
            task.remote(_with_absolute_path(item), options, place, Path.cwd()): item
            for item in items
        }
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1)
            item = waiting.pop(done[0])
            try:
                outcome = ray.get(done[0])
            except ray.exceptions.RayError as error:
                outcome = Outcome(error=f"its task died ({_first_line(error)})")
            yield item, outcome
    finally:
        if started_here:
            ray.shutdown()


def _task(item: BatchItem, options: TrackOptions, device: str, folder: Path) -> Outcome:
    os.chdir(folder)  # relative paths in the options start there
    return Worker(options, device).do(item)


def _with_absolute_path(item: BatchItem) -> BatchItem:
    return replace(item, result=item.result.absolute())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
