"""Batch tracking of many sources, each to a result of its own: `track_all`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poseflow.batch.batch_file import BatchFile, state_of
from poseflow.batch.local import run_local
from poseflow.batch.with_ray import run_ray
from poseflow.batch.worker import BatchItem, Outcome, cores
from poseflow.errors import PoseFlowError
from poseflow.formats.atomic import check_writable, explain
from poseflow.pipeline.options import TrackOptions

Engine = Literal["local", "ray"]
ENGINES = {"local": run_local, "ray": run_ray}


@dataclass(frozen=True)
class BatchReport:
    """The outcomes of a batch.

    Attributes:
        done: Sources with their outcomes, in the order in which they were finished.
        failed: The same for sources that could not be tracked.
        skipped: Sources whose results existed already.
    """

    done: tuple[tuple[BatchItem, Outcome], ...]
    failed: tuple[tuple[BatchItem, Outcome], ...]
    skipped: tuple[BatchItem, ...]


def track_all(
    sources: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    options: TrackOptions | None = None,
    *,
    engine: Engine = "local",
    workers: int | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: Callable[[BatchItem, Outcome], None] | None = None,
) -> BatchReport:
    """Track videos and folders of images, each into `out/NAME.json`.

    The suffix is that of the format.

    Every source is tracked as `poseflow track` does it. One that cannot be read, or
    whose worker process dies, does not affect the others. `out/batch.json` records each
    source's result, duration and error. Worker processes import the calling program: a
    script that calls this needs `if __name__ == "__main__":`.

    Args:
        sources: Video files, folders or globs of images, urls; files of poses (.json).
        out: Folder of the results; made if it does not exist. For their names see
            `poseflow.batch.batch_file.BatchFile`.
        options: How to track.
        engine: `local`, processes of this machine; or `ray`, tasks of a cluster.
        workers: Number of sources at once; default one for every two cores.
        device: Device of the estimators: `auto`, `cpu`, `cuda`, `cuda:N`; with engine
            `local` also several, as `cuda:0,cuda:1`, which workers take in turn, as
            they do with all GPUs for `auto`.
        resume: Skip sources whose result is complete, made with the same options and
            from the file as it is now.
        progress: Called with each source and its outcome, as it is finished.

    Raises:
        PoseFlowError: If there are no sources, an argument is unusable or `out` cannot
            be written. Errors of single sources are in the report.
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
    record = BatchFile(folder, result_suffix(options.format))
    check_writable(record.path)
    digest = options.digest()
    items = record.items(names)
    skipped = tuple(item for item in items if resume and record.is_done(item, digest))
    items = [item for item in items if item not in skipped]
    states = {item: state_of(item.source) for item in items}
    done: list[tuple[BatchItem, Outcome]] = []
    if items:
        with closing(ENGINES[engine](items, options, device, workers)) as running:
            for item, outcome in running:
                record.note(item, outcome, digest, states[item])
                done.append((item, outcome))
                if progress is not None:
                    progress(item, outcome)
    good = tuple((item, outcome) for item, outcome in done if outcome.error is None)
    bad = tuple((item, outcome) for item, outcome in done if outcome.error is not None)
    return BatchReport(good, bad, skipped)


def result_suffix(format: str) -> str:
    """The suffix of result files in a format."""
    from poseflow.formats import base

    suffixes: tuple[str, ...] = getattr(base.get(format), "suffixes", (".json",))
    return suffixes[0]


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
    # Errors that would concern every source are raised once, before the work.
    base.get(options.format)
    Tracker(options.tracker, **options.tracker_options)
