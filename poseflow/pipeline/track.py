"""Track the people of a source: `poseflow.track`, and the same without a tracker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from poseflow.errors import PoseFlowError
from poseflow.pipeline.known_poses import KnownPoses, PosesInput, recorded
from poseflow.pipeline.protocols import (
    EndOfRun,
    OnlineTracker,
    PoseEstimator,
    Sink,
    TwoStageEstimator,
)
from poseflow.pipeline.selection import Selection
from poseflow.poses import Poses
from poseflow.sequence import Frame

if TYPE_CHECKING:
    from poseflow.arrays import Floats
    from poseflow.pipeline.stages import Line
    from poseflow.tracker import TrackAppearances, Tracker


def track(
    source: Any = None,
    *,
    poses: PosesInput | None = None,
    estimator: str | PoseEstimator | None = None,
    tracker: str | OnlineTracker = "default",
    final: bool = False,
    images: bool = True,
    overlap: bool = True,
    detect_every: int = 1,
    score_threshold: float | None = None,
    max_people: int | None = None,
    smooth: bool = False,
    appearances: TrackAppearances | None = None,
    **options: Any,
) -> Generator[Frame]:
    """Track the people of a video, frame by frame, online.

    Decoding, detection, pose estimation, tracking and what the caller does with the
    frames overlap, each in a thread of its own; the result is the same as one after the
    other. A few frames wait between them, and all threads end with the loop. A tracker
    that is passed in works in the caller's thread, when a frame is asked for. Iterables
    other than lists, tuples and arrays are read in the caller's thread, one image at a
    time, and then nothing overlaps.

    Args:
        source: Whatever `poseflow.video.open_source` takes: a video file, a folder or
            glob of images, a camera index, an rtsp/http url, an iterable of
            `(H, W, 3)` uint8 BGR arrays, or a `Source` that is open already. None to
            track `poses` alone, without images.
        poses: The poses of each frame, if they are known: a file that
            `poseflow.read` reads, a `PoseSequence`, or frames. They are matched to
            the source's frames by name if names agree, else by index.
        estimator: Estimates the poses where `poses` is not given: an object with
            `estimate(image)`, or the name of a `poseflow.Estimator`. With neither
            poses nor estimator, `poseflow.Estimator()` is used.
        tracker: Name of a tracker, or an object with `update(poses, image)`.
        final: Yield frames once their ids are final, up to `Tracker.delay_frames`
            later, rather than at once; a result file should hold final ids. A
            `Tracker` that is passed in is then finished with the source.
        images: Whether the frames yielded carry their image; without, frames that wait
            for final ids take no memory for it.
        overlap: False to do everything in the caller's thread, for an estimator that
            is bound to it.
        detect_every: Run the detector on every so many-th frame, and after each cut;
            between, joints are estimated in the boxes that the tracker predicts. People
            who enter, or are lost, are found at the next detection.
        score_threshold: People with a lower score are left out before tracking.
        max_people: So many people of a frame at most, those of the highest scores.
        smooth: Smooth the joints of every track by a One-Euro filter
            (`poseflow.tracker.Smoother`), which lags a little behind fast motion.
        appearances: Collects the appearance of the tracks as frames are yielded, for
            `poseflow.tracker.refine`; with `final`, under their final ids.
        **options: Passed on to `poseflow.Tracker` with the name.

    Yields:
        One `Frame` per frame of the source, with its image, and `track_ids` set: -1 for
        detections that the tracker takes for duplicates or false positives, and for
        those of tentative tracks.

    Raises:
        PoseFlowError: If the source, the poses or an option is unusable, at the first
            frame that is asked for.
        StreamLostError: After the last frame, if a live stream was lost and could not
            be connected again.

    Examples:
        >>> import numpy as np
        >>> from poseflow import Frame, Poses, track
        >>> walk = np.linspace(0, 9, 10)[:, None, None] + np.random.rand(17, 2) * 90
        >>> people = [Frame(t, t, Poses(pose[None])) for t, pose in enumerate(walk)]
        >>> images = np.zeros((10, 120, 120, 3), np.uint8)
        >>> [f.poses.track_ids.tolist() for f in track(images, poses=people)][-1]
        [1]
    """
    if poses is not None and estimator is not None:
        raise PoseFlowError(
            "pass either poses=... or estimator=..., not both: either the poses are "
            "known or they have to be estimated"
        )
    made_here = isinstance(tracker, str)
    if isinstance(tracker, str):
        from poseflow.tracker import Tracker

        tracker = Tracker(tracker, **options)
    elif options:
        raise PoseFlowError(
            f"options {', '.join(sorted(options))} go with the name of a tracker, "
            f"got a {type(tracker).__name__}, which has its options already"
        )
    if poses is None and source is None:
        raise PoseFlowError("track needs a source of images, or poses=..., or both")
    if poses is None and (estimator is None or isinstance(estimator, str)):
        from poseflow.estimator import Estimator

        estimator = Estimator() if estimator is None else Estimator(estimator)

    _check_detect_every(detect_every, poses, estimator, tracker)
    selection = Selection(score_threshold, max_people)

    def stages(line: Line) -> Iterator[Frame]:
        if detect_every > 1:
            from poseflow.pipeline.sparse_detection import detected, followed

            finder: Any = estimator
            predicting: Any = tracker
            found = line.stage(detected(line, finder, detect_every))
            frames: Iterator[Frame] = followed(found, finder, predicting)
        elif poses is None:
            frames = _estimated(line, estimator)
        elif source is None:
            frames = recorded(poses)
        else:
            frames = line.stage(_known(line, poses))
        if selection:
            frames = selection.apply(frames)
        tracked = _tracked(frames, tracker, final, images, line.take_gap, appearances)
        if smooth:
            tracked = _smoothed(tracked)
        return line.stage(tracked) if made_here else tracked

    return _run(source, stages, overlap)


def estimate(
    source: Any, estimator: PoseEstimator, *, overlap: bool = True
) -> Generator[Frame]:
    """Estimate the poses of a source, frame by frame, without identities.

    Args:
        source: As in `track`.
        estimator: Estimates the poses.
        overlap: As in `track`.

    Yields:
        One `Frame` per frame of the source, with its image.
    """
    return _run(source, lambda line: _estimated(line, estimator), overlap)


def known(source: Any, poses: PosesInput) -> Generator[Frame]:
    """Join the frames of a source with poses that are known already.

    Args:
        source: As in `track`.
        poses: As in `track`.

    Yields:
        One `Frame` per frame of the source, with its image.
    """
    return _run(source, lambda line: _known(line, poses), overlap=False)


def _check_detect_every(
    detect_every: int, poses: Any, estimator: Any, tracker: Any
) -> None:
    if not isinstance(detect_every, int) or detect_every < 1:
        raise PoseFlowError(
            f"detect_every: expected a whole number from 1, got {detect_every!r}"
        )
    if detect_every == 1:
        return
    if poses is not None:
        raise PoseFlowError(
            "detect_every goes with an estimator; with poses=... nothing is detected"
        )
    if not isinstance(estimator, TwoStageEstimator) or estimator.detector is None:
        raise PoseFlowError(
            "detect_every needs an estimator that detects people in a stage of its "
            "own; this one finds people and joints at once, or has no detector"
        )
    if not hasattr(tracker, "expected_boxes"):
        raise PoseFlowError(
            "detect_every needs a tracker with expected_boxes(), such as "
            f"poseflow.Tracker; {type(tracker).__name__} has none"
        )


def _run(
    source: Any, stages: Callable[[Line], Iterator[Frame]], overlap: bool
) -> Generator[Frame]:
    from poseflow.pipeline.stages import Line

    with Line(source, overlap=overlap) as line:
        # Not `yield from`: that would end the last stage before the others are told.
        for frame in stages(line):  # noqa: UP028
            yield frame
        if line.lost is not None:
            raise line.lost


def _estimated(line: Line, estimator: Any) -> Iterator[Frame]:
    """Frames with poses, estimated in one stage or two."""
    if isinstance(estimator, TwoStageEstimator) and estimator.detector is not None:
        found = line.stage((shot, estimator.detect(shot.image)) for shot in line)
        frames = (
            Frame(s.index, s.time, estimator.estimate(s.image, people), s.image, s.name)
            for s, people in found
        )
    else:
        frames = (
            Frame(s.index, s.time, estimator.estimate(s.image), s.image, s.name)
            for s in line
        )
    return line.stage(frames)


def _known(line: Line, poses: PosesInput) -> Iterator[Frame]:
    people = KnownPoses(poses)
    for shot in line:
        found = people.of(shot)
        yield Frame(shot.index, shot.time, found, shot.image, shot.name)
    if not line.is_part:  # else frames outside it are unused, too
        people.report_unused()


MOST_MISSED = 1600
"""Longest gap in frames that a tracker counts: by then its tracks have ended, those
included that `default` remembers by their appearance (`reid_frames`)."""


def _tracked(
    frames: Iterator[Frame],
    tracker: OnlineTracker,
    final: bool,
    images: bool,
    missed_before: Callable[[int], int],
    appearances: TrackAppearances | None,
) -> Generator[Frame]:
    from poseflow.tracker import Tracker
    from poseflow.tracker.appearance.track_means import image_appearance

    # The tracker, if its ids become final later than they are given.
    delayed = tracker if final and isinstance(tracker, Tracker) else None
    if delayed is not None and not delayed.delay_frames:
        delayed = None
    waiting: deque[_Waiting | None] = deque()
    before: Frame | None = None
    for frame in frames:
        # Tracks age in frames: those missed while a connection was lost count.
        missed = min(missed_before(frame.index), MOST_MISSED)
        if missed and before is not None:
            step = (frame.time - before.time) / (missed + 1)
            for k in range(1, missed + 1):
                empty = frame.poses[:0]
                if isinstance(tracker, Tracker):
                    tracker.update(empty, time=before.time + k * step)
                else:
                    tracker.update(empty)
                if delayed is not None:
                    waiting.append(None)
                    yield from _final(waiting, delayed, appearances)
        before = frame
        if isinstance(tracker, Tracker):
            people = tracker.update(
                frame.poses, frame.image, name=frame.name, time=frame.time
            )
        else:
            people = tracker.update(frame.poses, frame.image)
        appearance = None
        if appearances is not None and frame.image is not None:
            appearance = image_appearance(people, frame.image)
        kept = replace(frame, poses=people, image=frame.image if images else None)
        tracked = _Waiting(kept, appearance)
        if delayed is None:
            yield tracked.finished(people, appearances)
            continue
        waiting.append(tracked)
        yield from _final(waiting, delayed, appearances)
    if delayed is not None:
        delayed.finish()
        yield from _final(waiting, delayed, appearances)


def _smoothed(frames: Iterable[Frame]) -> Generator[Frame]:
    from poseflow.tracker import Smoother

    smoother = Smoother()
    for frame in frames:
        yield replace(frame, poses=smoother.update(frame.poses, frame.time))


class _Waiting(NamedTuple):
    """A frame that waits for final ids, with what its image told of the people."""

    frame: Frame
    appearance: Floats | None

    def finished(self, people: Poses, appearances: TrackAppearances | None) -> Frame:
        """The frame with its final people."""
        appearance = self.appearance
        # A tracker of another package may leave people out of its final frames.
        if (
            appearances is not None
            and appearance is not None
            and len(people) >= len(appearance)
        ):
            # Those who were interpolated come last.
            appearances.add(people[: len(appearance)], embeddings=appearance)
        return replace(self.frame, poses=people)


def _final(
    waiting: deque[_Waiting | None],
    tracker: Tracker,
    appearances: TrackAppearances | None,
) -> Iterator[Frame]:
    """The frames whose ids have become final, taken from those that wait."""
    for _, people in tracker.final_frames:
        frame = waiting.popleft()
        if frame is not None:  # not one that was missed
            yield frame.finished(people, appearances)


def drain(frames: Iterable[Frame], sinks: Iterable[Sink]) -> tuple[int, int]:
    """Write every frame to every sink.

    Returns:
        How many frames there were, and the highest identity, which is how many
        identities were given.
    """
    sinks = tuple(sinks)
    count = highest = 0
    for frame in frames:
        count += 1
        highest = max(highest, int(frame.poses.track_ids.max(initial=0)))
        try:
            for sink in sinks:
                sink.write(frame)
        except EndOfRun:
            break
    return count, highest
