"""Batch tracking of many sources, each to a result of its own: `track_all`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from poseflow.batch.batch_file import BatchFile
from poseflow.batch.folder import open_folder
from poseflow.batch.item import BatchItem, Outcome
from poseflow.batch.local import run_local
from poseflow.batch.manifest import Row, read_manifest
from poseflow.batch.progress import BatchProgress, ProgressCounter
from poseflow.batch.sources import state_of
from poseflow.batch.with_ray import run_ray
from poseflow.batch.worker import cores
from poseflow.errors import PoseFlowError
from poseflow.pipeline.options import TrackOptions
from poseflow.storage.inputs import protect_inputs

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
    manifest: str | os.PathLike[str] | None = None,
    engine: Engine = "local",
    workers: int | None = None,
    device: str = "auto",
    resume: bool = False,
    retries: int = 2,
    overwrite: bool = False,
    progress: Callable[[BatchItem, Outcome], None] | None = None,
    watch: Callable[[BatchProgress], None] | None = None,
) -> BatchReport:
    """Track videos and folders of images, each into `out/NAME.json`.

    Every source is tracked as `poseflow track` does it. One that cannot be read, or
    whose worker process dies, does not affect the others: it is tried again when they
    are done, and then listed in `out/failures.jsonl`. `out/batch.json` records each
    source, its result and its state: see docs/batch.md and
    `poseflow.batch.batch_file.BatchFile`. The suffix is that of the format.

    Args:
        sources: Videos, folders, globs, urls, files of poses. Those behind urls of
            fsspec (`s3://`, `gs://`, ...) are fetched by the worker.
        out: Folder of the results, or a url of fsspec; made if it does not exist. One
            batch at a time writes to it.
        options: How to track.
        manifest: File with further sources and options of their own, see
            `read_manifest`.
        engine: `local`, processes of this machine; or `ray`, actors of a cluster.
        workers: Number of sources at once; default one for every two cores.
        device: Device of the estimators: `auto`, `cpu`, `cuda`, `cuda:N`; with engine
            `local` also several, as `cuda:0,cuda:1`, which workers take in turn, as
            they do with all GPUs for `auto`.
        resume: Skip sources whose outputs are complete, made with the same options and
            from the file as it is now.
        retries: How often a source that fails is tried again.
        overwrite: Allow results to replace files in `out` that no batch has made.
        progress: Called with each source and its outcome, as it is finished.
        watch: Called with the progress of the batch several times a second.

    Raises:
        PoseFlowError: If there are no sources, an argument is unusable, `out` cannot
            be written or another batch writes to it, or a result would replace a
            source or a file that no batch has made. Errors of single sources are in the
            report.
    """
    options = options or TrackOptions()
    rows = [Row(os.fspath(source), options) for source in sources]
    if manifest is not None:
        rows += read_manifest(manifest, options)
    _check(rows, engine, workers, retries)
    if workers is None:
        workers = max(cores() // 2, len(device.split(",")))
    folder = open_folder(out)
    with (
        folder.only_batch(),
        protect_inputs(source=[row.source for row in rows], manifest=manifest),
    ):
        record = BatchFile(folder)
        items = record.items(rows)
        digests = {item: item.options.digest() for item in items}
        skipped = tuple(i for i in items if resume and record.is_done(i, digests[i]))
        left = set(skipped)
        items = [item for item in items if item not in left]
        states = {item: state_of(item.source) for item in items}
        record.claim(items, overwrite=overwrite)
        counter = ProgressCounter(states)
        attempts = dict.fromkeys(items, 0)
        done: list[tuple[BatchItem, Outcome]] = []
        todo = deque(items)

        def on_frame(item: BatchItem, frames: int, expected: int | None) -> None:
            counter.frame(item, frames, expected)
            if watch is not None:
                watch(counter.now())

        try:
            with closing(ENGINES[engine](todo, device, workers, on_frame)) as running:
                for item, outcome in running:
                    attempts[item] += 1
                    if outcome.error is not None and attempts[item] <= retries:
                        todo.append(item)
                        continue
                    outcome = replace(outcome, attempts=attempts[item])
                    record.note(item, outcome, digests[item], states[item])
                    done.append((item, outcome))
                    counter.finished(item, outcome)
                    if progress is not None:
                        progress(item, outcome)
                    if watch is not None:
                        watch(counter.now())
        finally:
            record.write()
    good = tuple((item, outcome) for item, outcome in done if outcome.error is None)
    bad = tuple((item, outcome) for item, outcome in done if outcome.error is not None)
    return BatchReport(good, bad, skipped)


def _check(rows: Sequence[Row], engine: str, workers: int | None, retries: int) -> None:
    from poseflow.formats import base
    from poseflow.tracker import Tracker

    if not rows:
        raise PoseFlowError("batch: expected at least one source, got none")
    if engine not in ENGINES:
        raise PoseFlowError(f"engine: expected {' or '.join(ENGINES)}, got {engine!r}")
    if workers is not None and workers < 1:
        raise PoseFlowError(f"workers: expected at least 1, got {workers}")
    if retries < 0:
        raise PoseFlowError(f"retries: expected at least 0, got {retries}")
    # Errors that would concern many sources are raised once, before the work.
    checked: list[TrackOptions] = []
    for row in rows:
        if row.options not in checked:
            checked.append(row.options)
            base.get(row.options.format)
            Tracker(row.options.tracker, **row.options.tracker_options)
