"""`track_all`: many sources, each to a result of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poseflow.batch.local import run_local
from poseflow.batch.record import Record, state_of
from poseflow.batch.with_ray import run_ray
from poseflow.batch.work import Job, Outcome, TrackOptions, cores
from poseflow.errors import PoseFlowError
from poseflow.formats.atomic import check_writable, explain

Engine = Literal["local", "ray"]
ENGINES = {"local": run_local, "ray": run_ray}


@dataclass(frozen=True)
class BatchReport:
    """How a batch went.

    Attributes:
        done: Sources with what was made of them, in the order in which they ended.
        failed: The same for those with which something was wrong.
        skipped: Sources whose results were there already.
    """

    done: tuple[tuple[Job, Outcome], ...]
    failed: tuple[tuple[Job, Outcome], ...]
    skipped: tuple[Job, ...]


def track_all(
    sources: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    options: TrackOptions | None = None,
    *,
    engine: Engine = "local",
    workers: int | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: Callable[[Job, Outcome], None] | None = None,
) -> BatchReport:
    """Track videos and folders of images, each into `out/NAME.json`.

    Every source is tracked as `poseflow track` does it. One that cannot be read, or
    whose worker dies, never costs the others. `out/batch.json` says which source has
    which result, how long it took, and what was wrong. Worker processes import the
    calling program: a script that calls this needs `if __name__ == "__main__":`.

    Args:
        sources: Video files, folders or globs of images, urls; files of poses (.json).
        out: Folder of the results; made if it does not exist. How they are named:
            `poseflow.batch.record.Record`.
        options: How to track.
        engine: `local`, processes of this machine; or `ray`, tasks of a cluster.
        workers: How many sources at once; default one for every two cores.
        device: Where estimators run: `auto`, `cpu`, `cuda`, `cuda:N`; with engine
            `local` also several, as `cuda:0,cuda:1`, which workers take in turn, as
            they do with all GPUs for `auto`.
        resume: Leave out sources whose result is whole, of the same options and of the
            file as it is now.
        progress: Called with each job and its outcome, as it is done.

    Raises:
        PoseFlowError: If there are no sources, an argument is unusable or `out` cannot
            be written. What is wrong with a source is in the report.
    """
    options = options or TrackOptions()
    names = [os.fspath(source) for source in sources]
    _check(names, options, engine, workers)
    if workers is None:
        workers = max(cores() // 2, len(device.split(",")))
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, folder, "make") from error
    record = Record(folder)
    check_writable(record.path)
    digest = options.digest()
    jobs = record.jobs(names)
    skipped = tuple(job for job in jobs if resume and record.is_done(job, digest))
    jobs = [job for job in jobs if job not in skipped]
    states = {job: state_of(job.source) for job in jobs}
    done: list[tuple[Job, Outcome]] = []
    if jobs:
        with closing(ENGINES[engine](jobs, options, device, workers)) as running:
            for job, outcome in running:
                record.note(job, outcome, digest, states[job])
                done.append((job, outcome))
                if progress is not None:
                    progress(job, outcome)
    good = tuple((job, outcome) for job, outcome in done if outcome.error is None)
    bad = tuple((job, outcome) for job, outcome in done if outcome.error is not None)
    return BatchReport(good, bad, skipped)


def _check(
    names: Sequence[str], options: TrackOptions, engine: str, workers: int | None
) -> None:
    from poseflow.formats import base
    from poseflow.tracker import Tracker

    if not names:
        raise PoseFlowError("batch: expected at least one source, got none")
    if engine not in ENGINES:
        raise PoseFlowError(f"engine: expected {' or '.join(ENGINES)}, got {engine!r}")
    if workers is not None and workers < 1:
        raise PoseFlowError(f"workers: expected at least 1, got {workers}")
    # What would be wrong with every source is told once, before the work.
    base.get(options.format)
    Tracker(options.tracker, **options.tracker_options)
