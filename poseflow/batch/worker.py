"""The unit of batch work: one source tracked into its result file, on any engine."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from poseflow.batch.folder import fetched, upload
from poseflow.batch.item import BatchItem, Outcome, digest_of
from poseflow.errors import PoseFlowError
from poseflow.frame_names import text_of
from poseflow.pipeline.options import TrackOptions, as_poses_file
from poseflow.safety.redaction import redact

if TYPE_CHECKING:
    from poseflow.estimator import Estimator
    from poseflow.sequence import Frame, PoseSequence
    from poseflow.video import Source

OnFrame = Callable[[int, int | None], None]
"""Called with the frames of a source done so far, and how many are expected."""


class Worker:
    """Tracks one source after another; an estimator is made once.

    Args:
        device: Device of the estimators.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._estimator: tuple[TrackOptions, Estimator] | None = None

    def do(self, item: BatchItem, on_frame: OnFrame | None = None) -> Outcome:
        """Track a source; an error is returned in the outcome.

        An interruption is raised, and leaves a previous result as it was.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            try:
                outcome = self._with_files(item, on_frame)
            except (PoseFlowError, OSError) as error:
                outcome = Outcome(error=_line(error))
            except Exception as error:
                # A bug, or a machine out of memory: the other sources go on.
                outcome = Outcome(error=f"{type(error).__name__}: {_line(error)}")
        notes = tuple(dict.fromkeys(_line(note.message) for note in caught))
        return replace(outcome, warnings=notes)

    def _with_files(self, item: BatchItem, on_frame: OnFrame | None) -> Outcome:
        """Track a source, with its files fetched and uploaded where they are remote."""
        with fetched(item.source) as source:
            if item.upload is None:
                return self._track(replace(item, source=source), on_frame)
            with tempfile.TemporaryDirectory(prefix="poseflow-") as folder:
                result = Path(folder, item.name)
                here = replace(item, source=source, result=result, upload=None)
                outcome = self._track(here, on_frame)
                upload(item, Path(folder))
                return outcome

    def _track(self, item: BatchItem, on_frame: OnFrame | None) -> Outcome:
        from poseflow.formats import read
        from poseflow.pipeline.to_files import Outputs, write_result

        options = item.options
        known = item.source if as_poses_file(item.source) else None
        if known is not None and options.render:
            raise PoseFlowError(
                f"{item.label}: there are no images to draw on; leave out --render"
            )

        poses: PoseSequence | None = None

        def frames(video: Source | None) -> Iterator[Frame]:
            nonlocal poses
            if known is not None:
                poses = read(known, skeleton=options.skeleton)
                if options.part is not None:
                    poses = options.part.of(poses)
                return replace(options, detect_every=1).track(video, poses=poses)
            return options.track(video, estimator=self._estimator_for(options))

        def watched(frames: Iterable[Frame], expected: int | None) -> Iterator[Frame]:
            for done, frame in enumerate(frames, 1):
                yield frame
                if on_frame is not None:
                    on_frame(done, expected)

        item.result.parent.mkdir(parents=True, exist_ok=True)
        done = write_result(
            None if known is not None else item.source,
            Outputs(
                item.result,
                options.format,
                render=item.overlay if options.render else None,
                overlay=options.overlay() if options.render else None,
            ),
            frames,
            poses=known,
            hints=lambda: options.hints(poses),
            part=options.part,
            progress=watched,
            on_interrupt="discard",
        )
        digests = {name: digest_of(file) for name, file in item.outputs.items()}
        return Outcome(done.frames, done.identities, done.seconds, digests=digests)

    def _estimator_for(self, options: TrackOptions) -> Estimator:
        """The estimator of these options; the last one is kept."""
        # What an estimator does not depend on is left out.
        key = TrackOptions(
            estimator=options.estimator,
            weights=options.weights,
            quality=options.quality,
            input_size=options.input_size,
            tiles=options.tiles,
            detector=options.detector,
            detector_weights=options.detector_weights,
        )
        if self._estimator is None or self._estimator[0] != key:
            self._estimator = None  # first, so that two are never in memory
            self._estimator = key, options.make_estimator(self._device)
        return self._estimator[1]


def _line(error: object) -> str:
    text = text_of(" ".join(redact(str(error)).split()))
    return text or type(error).__name__


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
