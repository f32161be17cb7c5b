"""From a source to tracked frames: what `poseflow.track` and the command do."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from poseflow.errors import PoseFlowError
from poseflow.formats.names import frame_number
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence

if TYPE_CHECKING:
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
    source: Any,
    *,
    poses: PosesInput | None = None,
    estimator: PoseEstimator | None = None,
    tracker: str | OnlineTracker = "default",
    **options: Any,
) -> Iterator[Frame]:
    """Track the people of a video, frame by frame, online.

    Args:
        source: Whatever `poseflow.video.open_source` takes: a video file, a folder or
            glob of images, a camera index, an rtsp/http url, an iterable of
            `(H, W, 3)` uint8 BGR arrays, or a `Source` that is open already.
        poses: The people of each frame, if they are known: a file that
            `poseflow.read` reads, a `PoseSequence`, or frames. They are matched to
            the source's frames by name if names agree, else by index.
        estimator: Finds the people where `poses` is not given.
        tracker: Name of a tracker, or an object with `update(poses, image)`.
        **options: Passed on to `poseflow.Tracker` with the name.

    Yields:
        One `Frame` per frame of the source, with its image, and `track_ids` set.

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
    if (poses is None) == (estimator is None):
        raise PoseFlowError(
            "track needs to know where people are: pass either poses=... (a file, a "
            "PoseSequence) or estimator=..."
        )
    if isinstance(tracker, str):
        from poseflow.tracker import Tracker

        tracker = Tracker(tracker, **options)
    elif options:
        raise PoseFlowError(
            f"options {', '.join(sorted(options))} go with the name of a tracker, "
            f"got a {type(tracker).__name__} that is made already"
        )
    return _track(source, poses, estimator, tracker)


def _track(
    source: Any,
    poses: PosesInput | None,
    estimator: PoseEstimator | None,
    tracker: OnlineTracker,
) -> Iterator[Frame]:
    from poseflow.tracker import Tracker
    from poseflow.video import open_source

    known = None if poses is None else KnownPoses(poses)
    with open_source(source) as video:
        for shot in video:
            if known is not None:
                people = known.of(shot)
            else:
                assert estimator is not None
                people = estimator.estimate(shot.image)
            if isinstance(tracker, Tracker):
                people = tracker.update(
                    people, shot.image, name=shot.name, time=shot.time
                )
            else:
                people = tracker.update(people, shot.image)
            yield Frame(shot.index, shot.time, people, shot.image, shot.name)
    if known is not None:
        known.report_unused()


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
        frames = list(poses)
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
