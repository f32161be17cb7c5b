"""Jobs as tasks of a Ray cluster, whose machines see the same files."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from poseflow.batch.work import Job, Outcome, TrackOptions, Worker, cores
from poseflow.errors import MissingExtraError


def run_ray(
    jobs: Sequence[Job], options: TrackOptions, device: str, workers: int
) -> Generator[tuple[Job, Outcome]]:
    """Do the jobs, and give each with its outcome as it is done.

    A cluster that `RAY_ADDRESS` names is used, or that of a caller who has called
    `ray.init`; otherwise one is started on this machine.

    Args:
        jobs: What to do.
        options: Of all of them.
        device: `cpu`, `cuda`, or `auto`: a GPU for each task where the cluster has one.
        workers: Tasks on this machine at once: each asks for its share of the cores.

    Raises:
        MissingExtraError: If Ray is not installed.
    """
    try:
        import ray  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--engine ray") from error
    ours = not ray.is_initialized()
    if ours:
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
            task.remote(_everywhere(job), options, place, Path.cwd()): job
            for job in jobs
        }
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(done[0])
            try:
                outcome = ray.get(done[0])
            except ray.exceptions.RayError as error:
                outcome = Outcome(error=f"its task died ({_head(error)})")
            yield job, outcome
    finally:
        if ours:
            ray.shutdown()


def _task(job: Job, options: TrackOptions, device: str, folder: Path) -> Outcome:
    os.chdir(folder)  # what the options name is meant from there
    return Worker(options, device).do(job)


def _everywhere(job: Job) -> Job:
    return replace(job, result=job.result.absolute())


def _head(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
