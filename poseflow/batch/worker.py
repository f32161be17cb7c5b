"""The unit of batch work: one source tracked into its result file, on any engine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from poseflow.errors import PoseFlowError
from poseflow.pipeline.options import TrackOptions, as_poses_file

if TYPE_CHECKING:
    from poseflow.estimator import Estimator
    from poseflow.sequence import Frame, PoseSequence
    from poseflow.video import Source


@dataclass(frozen=True)
class BatchItem:
    """One source and where its result goes.

    Attributes:
        source: As `poseflow track` takes it.
        result: The result file.
    """

    source: str
    result: Path

    @property
    def overlay(self) -> Path:
        """The overlay video, if one is written."""
        return self.result.with_suffix(".mp4")


@dataclass(frozen=True)
class Outcome:
    """Outcome of tracking one source: counts, or the error.

    Attributes:
        frames: Number of frames in the result.
        identities: Number of identities given.
        seconds: Time that tracking took.
        error: What went wrong, in a line; None if the result is written.
        warnings: Warnings about it, such as frames that could not be read.
    """

    frames: int = 0
    identities: int = 0
    seconds: float = 0.0
    error: str | None = None
    warnings: tuple[str, ...] = ()


class Worker:
    """Tracks one source after another; the estimator is made once.

    Args:
        options: How all sources are tracked.
        device: Device of the estimator.
    """

    def __init__(self, options: TrackOptions, device: str) -> None:
        self._options, self._device = options, device
        self._estimator: Estimator | None = None

    def do(self, item: BatchItem) -> Outcome:
        """Track a source; an error is returned in the outcome.

        An interruption is raised, and leaves a previous result as it was.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            try:
                outcome = self._track(item)
            except (PoseFlowError, OSError) as error:
                outcome = Outcome(error=_line(error))
            except Exception as error:
                # A bug, or a machine out of memory: the other sources go on.
                outcome = Outcome(error=f"{type(error).__name__}: {_line(error)}")
        notes = tuple(dict.fromkeys(_line(note.message) for note in caught))
        return Outcome(**vars(outcome) | {"warnings": notes})

    def _track(self, item: BatchItem) -> Outcome:
        from poseflow.formats import read
        from poseflow.pipeline.to_files import write_result

        options = self._options
        known = item.source if as_poses_file(item.source) else None
        if known is not None and options.render:
            raise PoseFlowError(
                f"{item.source}: there are no images to draw on; leave out --render"
            )

        poses: PoseSequence | None = None

        def frames(video: Source | None) -> Iterator[Frame]:
            nonlocal poses
            if known is not None:
                poses = read(known)
                return replace(options, detect_every=1).track(video, poses=poses)
            if self._estimator is None:
                self._estimator = options.make_estimator(self._device)
            return options.track(video, estimator=self._estimator)

        done = write_result(
            None if known is not None else item.source,
            item.result,
            frames,
            poses=known,
            hints=lambda: options.hints(poses),
            render=item.overlay if options.render else None,
            format=options.format,
            on_interrupt="discard",
        )
        return Outcome(done.frames, done.identities, done.seconds)


def _line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
