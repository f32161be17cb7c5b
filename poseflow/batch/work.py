"""The unit of work: one source tracked into its result file, whatever the engine."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import poseflow
from poseflow.errors import PoseFlowError

if TYPE_CHECKING:
    from poseflow.estimator import Estimator
    from poseflow.sequence import Frame
    from poseflow.video import Source


@dataclass(frozen=True)
class TrackOptions:
    """How all sources are tracked; see `poseflow track`.

    Attributes:
        estimator: Name of an estimator; None for the default one.
        weights: Its weights.
        detector: Name of a detector.
        detector_weights: Its weights.
        detect_every: See `poseflow.track`.
        tracker: Name of a tracker.
        tracker_options: Its options, such as `matcher`.
        format: Of the results.
        render: Also write `NAME.mp4`, the overlay.
    """

    estimator: str | None = None
    weights: str | None = None
    detector: str | None = None
    detector_weights: str | None = None
    detect_every: int = 1
    tracker: str = "default"
    tracker_options: Mapping[str, Any] = field(default_factory=dict)
    format: str = "alphapose"
    render: bool = False

    def digest(self) -> str:
        """What the results hang on besides the sources, as 16 hexadecimal digits.

        Counts the version of poseflow, and size and time of the weights files.
        """
        facts = asdict(self) | {"version": poseflow.__version__}
        for name in ("weights", "detector_weights"):
            path = getattr(self, name)
            if path is not None and Path(path).is_file():
                state = Path(path).stat()
                facts[f"{name} file"] = [state.st_size, state.st_mtime_ns]
        text = json.dumps(facts, sort_keys=True, default=str)
        return sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """One source and where its result goes.

    Attributes:
        source: As `poseflow track` takes it.
        result: The result file.
    """

    source: str
    result: Path

    @property
    def overlay(self) -> Path:
        """The overlay, if one is wanted."""
        return self.result.with_suffix(".mp4")


@dataclass(frozen=True)
class Outcome:
    """How a source went.

    Attributes:
        frames: How many are in the result.
        identities: How many identities were given.
        seconds: What tracking took.
        error: What was wrong with it, in a line; None if it is done.
        warnings: What was said of it, such as frames that could not be read.
    """

    frames: int = 0
    identities: int = 0
    seconds: float = 0.0
    error: str | None = None
    warnings: tuple[str, ...] = ()


def as_poses_file(source: str) -> bool:
    """Whether it is a file of poses, to be tracked without pictures."""
    return source.endswith((".json", ".json.gz"))


class Worker:
    """Does one job after another; the estimator is made once.

    Args:
        options: Of all jobs.
        device: Where the estimator runs.
    """

    def __init__(self, options: TrackOptions, device: str) -> None:
        self._options, self._device = options, device
        self._estimator: Estimator | None = None

    def do(self, job: Job) -> Outcome:
        """Track a source; whatever is wrong with it is in the outcome.

        An interruption goes through, and leaves a previous result as it was.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            try:
                outcome = self._track(job)
            except (PoseFlowError, OSError) as error:
                outcome = Outcome(error=_line(error))
            except Exception as error:
                # A bug, or a machine out of memory: the other sources go on.
                outcome = Outcome(error=f"{type(error).__name__}: {_line(error)}")
        notes = tuple(dict.fromkeys(_line(note.message) for note in caught))
        return Outcome(**vars(outcome) | {"warnings": notes})

    def _track(self, job: Job) -> Outcome:
        from poseflow.pipeline.to_files import write_result

        options = self._options
        known = job.source if as_poses_file(job.source) else None
        if known is not None and options.render:
            raise PoseFlowError(
                f"{job.source}: there are no pictures to draw on; leave out --render"
            )

        def frames(video: Source | None) -> Iterator[Frame]:
            return poseflow.track(
                video,
                poses=known,
                estimator=None if known is not None else self._made(),
                tracker=options.tracker,
                final=True,
                images=options.render,
                detect_every=1 if known is not None else options.detect_every,
                **options.tracker_options,
            )

        done = write_result(
            None if known is not None else job.source,
            job.result,
            frames,
            poses=known,
            render=job.overlay if options.render else None,
            format=options.format,
            on_interrupt="discard",
        )
        return Outcome(done.frames, done.identities, done.seconds)

    def _made(self) -> Estimator:
        from poseflow.estimator import Estimator

        if self._estimator is None:
            options = self._options
            given = {} if options.estimator is None else {"name": options.estimator}
            self._estimator = Estimator(
                **given,
                weights=options.weights,
                device=self._device,
                detector=options.detector,
                detector_weights=options.detector_weights,
            )
        return self._estimator


def _line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
