"""From a source to tracked frames: what `poseflow.track` and the command do."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from poseflow.errors import PoseFlowError
from poseflow.formats.names import frame_number
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence

if TYPE_CHECKING:
    from poseflow.tracker import Tracker
    from poseflow.video import SourceFrame

Image = npt.NDArray[np.uint8]
PosesInput = str | PathLike[str] | PoseSequence | Iterable[Frame]


class PoseEstimator(Protocol):
    """Anything that finds people in a picture."""

    def estimate(self, image: Image) -> Poses:
        """People in a `(H, W, 3)` uint8 BGR image."""


class OnlineTracker(Protocol):
    """Anything that gives people identities, frame after frame."""

    def update(self, poses: Poses, image: Image | None = None) -> Poses:
        """The same people with `track_ids`."""


class Sink(Protocol):
    """Anything that takes tracked frames, such as a result file or a video."""

    def write(self, frame: Frame) -> None:
        """Take one frame."""


def track(
    source: Any = None,
    *,
    poses: PosesInput | None = None,
    estimator: str | PoseEstimator | None = None,
    tracker: str | OnlineTracker = "default",
    final: bool = False,
    images: bool = True,
    **options: Any,
) -> Generator[Frame]:
    """Track the people of a video, frame by frame, online.

    Args:
        source: Whatever `poseflow.video.open_source` takes: a video file, a folder or
            glob of images, a camera index, an rtsp/http url, an iterable of
            `(H, W, 3)` uint8 BGR arrays, or a `Source` that is open already. None to
            track `poses` alone, without pictures.
        poses: The people of each frame, if they are known: a file that
            `poseflow.read` reads, a `PoseSequence`, or frames. They are matched to
            the source's frames by name if names agree, else by index.
        estimator: Finds the people where `poses` is not given: an object with
            `estimate(image)`, or the name of a `poseflow.Estimator`. With neither
            poses nor estimator, `poseflow.Estimator()` is used.
        tracker: Name of a tracker, or an object with `update(poses, image)`.
        final: Yield frames once their ids are final, up to `Tracker.delay_frames`
            later, rather than at once; what a result file should hold. A `Tracker`
            that is passed in is then finished with the source.
        images: Whether the frames yielded carry their image; without, those that wait
            for final ids take no memory for it.
        **options: Passed on to `poseflow.Tracker` with the name.

    Yields:
        One `Frame` per frame of the source, with its image, and `track_ids` set: -1 for
        detections that the tracker takes for nobody (doubles, false alarms), or, at
        once, for nobody yet.

    Raises:
        PoseFlowError: If the source, the poses or an option is unusable, at the first
            frame that is asked for.

    Examples:
        >>> import numpy as np
        >>> from poseflow import Frame, Poses, track
        >>> walk = np.linspace(0, 9, 10)[:, None, None] + np.random.rand(17, 2) * 90
        >>> people = [Frame(t, t, Poses(pose[None])) for t, pose in enumerate(walk)]
        >>> pictures = np.zeros((10, 120, 120, 3), np.uint8)
        >>> [f.poses.track_ids.tolist() for f in track(pictures, poses=people)][-1]
        [1]
    """
    if poses is not None and estimator is not None:
        raise PoseFlowError(
            "pass either poses=... or estimator=..., not both: either the people are "
            "known or they have to be found"
        )
    if isinstance(tracker, str):
        from poseflow.tracker import Tracker

        tracker = Tracker(tracker, **options)
    elif options:
        raise PoseFlowError(
            f"options {', '.join(sorted(options))} go with the name of a tracker, "
            f"got a {type(tracker).__name__} that is made already"
        )
    if poses is not None:
        frames = recorded(poses) if source is None else known(source, poses)
        return _tracked(frames, tracker, final, images)
    if source is None:
        raise PoseFlowError("track needs a source of pictures, or poses=..., or both")
    if estimator is None or isinstance(estimator, str):
        from poseflow.estimator import Estimator

        estimator = Estimator() if estimator is None else Estimator(estimator)
    return _tracked(estimate(source, estimator), tracker, final, images)


def estimate(source: Any, estimator: PoseEstimator) -> Generator[Frame]:
    """Find the people of a source, frame by frame, without identities.

    Args:
        source: As in `track`.
        estimator: Finds the people.

    Yields:
        One `Frame` per frame of the source, with its image.
    """
    from poseflow.video import open_source

    with open_source(source) as video:
        for shot in video:
            people = estimator.estimate(shot.image)
            yield Frame(shot.index, shot.time, people, shot.image, shot.name)


def known(source: Any, poses: PosesInput) -> Generator[Frame]:
    """Give the frames of a source the people that a file knows of them.

    Args:
        source: As in `track`.
        poses: As in `track`.

    Yields:
        One `Frame` per frame of the source, with its image.
    """
    from poseflow.video import open_source

    people = KnownPoses(poses)
    with open_source(source) as video:
        for shot in video:
            found = people.of(shot)
            yield Frame(shot.index, shot.time, found, shot.image, shot.name)
    people.report_unused()


def _tracked(
    frames: Generator[Frame], tracker: OnlineTracker, final: bool, images: bool
) -> Generator[Frame]:
    from poseflow.tracker import Tracker

    # The tracker, where it has second thoughts and we want to hear them.
    slow = tracker if final and isinstance(tracker, Tracker) else None
    if slow is not None and not slow.delay_frames:
        slow = None
    waiting: deque[Frame] = deque()
    with closing(frames):
        for frame in frames:
            if isinstance(tracker, Tracker):
                people = tracker.update(
                    frame.poses, frame.image, name=frame.name, time=frame.time
                )
            else:
                people = tracker.update(frame.poses, frame.image)
            tracked = replace(
                frame, poses=people, image=frame.image if images else None
            )
            if slow is None:
                yield tracked
                continue
            waiting.append(tracked)
            yield from _settled(waiting, slow)
    if slow is not None:
        slow.finish()
        yield from _settled(waiting, slow)


def _settled(waiting: deque[Frame], tracker: Tracker) -> Iterator[Frame]:
    """The frames whose ids have become final, taken from those that wait."""
    for _, people in tracker.final_frames:
        yield replace(waiting.popleft(), poses=people)


LONGEST_GAP = 1000
"""Frames that a file may leave out at a stretch and that count as empty ones."""


def recorded(poses: PosesInput) -> Generator[Frame]:
    """Frames of poses alone, without pictures, in order of their index.

    Files leave out frames without people; up to `LONGEST_GAP` at a stretch are put back
    (more are taken for another way to number frames).
    """
    if isinstance(poses, str | PathLike):
        from poseflow.formats import read

        poses = read(poses)
    before: Frame | None = None
    for frame in sorted(_frames(poses), key=lambda frame: frame.index):
        if before is not None and frame.index - before.index <= LONGEST_GAP:
            step = (frame.time - before.time) / max(frame.index - before.index, 1)
            for gap in range(1, frame.index - before.index):
                nobody = frame.poses[:0]
                yield Frame(before.index + gap, before.time + gap * step, nobody)
        yield frame
        before = frame


class KnownPoses:
    """Poses from a file, handed out to the frames that they belong to.

    A frame belongs to the poses of the same name; where no name agrees, to those of the
    same number, which is the name's (`10.jpg` and `000010.jpg` are both 10) or else the
    position in the source.
    """

    def __init__(self, poses: PosesInput) -> None:
        self.label = "poses"
        if isinstance(poses, str | PathLike):
            from poseflow.formats import read

            self.label = str(poses)
            poses = read(poses)
        frames = _frames(poses)
        self.by_name = {frame.name: frame for frame in frames if frame.name}
        self.by_number = {
            frame.index: frame
            for frame in frames
            if not frame.name or frame_number(frame.name) is not None
        }
        self.unused = {f.index: f.name for f in frames if len(f.poses)}
        self.matched = not self.unused
        skeleton = poses.skeleton if isinstance(poses, PoseSequence) else None
        if skeleton is None and frames:
            skeleton = frames[0].poses.skeleton
        self.nobody = Poses.empty(skeleton or "coco17")

    def of(self, shot: SourceFrame) -> Poses:
        """The people of one frame of the source; nobody if the file has none."""
        frame = self.by_name.get(shot.name)
        if frame is None:
            number = frame_number(shot.name)
            frame = self.by_number.get(shot.index if number is None else number)
        if frame is None:
            return self.nobody
        if frame.index in self.unused:
            del self.unused[frame.index]
            self.matched = True
        return frame.poses

    def report_unused(self) -> None:
        """Say which frames' poses never met a frame of the source.

        Raises:
            PoseFlowError: If none did: then they belong to another source.
        """
        if not self.unused:
            return
        first = min(self.unused)
        name = repr(self.unused[first]) if self.unused[first] else f"number {first}"
        found = (
            f"{self.label}: {len(self.unused)} frames with poses are not in the "
            f"source, the first is {name}"
        )
        if not self.matched:
            raise PoseFlowError(f"{found}; none matches: is it the right file?")
        warnings.warn(f"{found}; they are left out", stacklevel=2)


def _frames(poses: Any) -> list[Frame]:
    """The frames of what a caller passes as poses."""
    if isinstance(poses, Poses) or not isinstance(poses, Iterable):
        found: list[Any] = [poses]
    else:
        found = list(poses)
    for place, frame in enumerate(found):
        if not isinstance(frame, Frame):
            raise PoseFlowError(
                f"poses: expected a file, a PoseSequence or Frames, found "
                f"{type(frame).__name__} in place {place}; wrap the people of a frame "
                "as poseflow.Frame(index, time, people)"
            )
    return found


def drain(frames: Iterable[Frame], sinks: Iterable[Sink]) -> tuple[int, int]:
    """Write every frame to every sink.

    Returns:
        How many frames there were, and the highest identity, which is how many
        identities were given.
    """
    sinks = tuple(sinks)
    count = highest = 0
    for frame in frames:
        for sink in sinks:
            sink.write(frame)
        count += 1
        highest = max(highest, int(frame.poses.track_ids.max(initial=0)))
    return count, highest
