"""The result of a video: `Frame` and `PoseSequence`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Image, Ints
from poseflow.poses import Poses
from poseflow.skeleton import Skeleton
from poseflow.skeletons import get


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a video and the poses in it.

    Attributes:
        index: Position in the source, from 0.
        time: Seconds since the start of the source.
        poses: The poses of its people.
        image: `(H, W, 3)` uint8 BGR, or None for poses without images.
        name: The frame's `image_id` in the result: the file's name in a folder, the
            zero-padded number with `.jpg` in a video.
    """

    index: int
    time: float
    poses: Poses
    image: Image | None = field(default=None, repr=False)
    name: str = ""

    def __eq__(self, other: object) -> bool:
        """Equal index, time, name and poses; the image does not count."""
        if not isinstance(other, Frame):
            return NotImplemented
        return (self.index, self.time, self.name) == (
            other.index,
            other.time,
            other.name,
        ) and self.poses == other.poses

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class PoseSequence(Sequence[Frame]):
    """The poses of one video, frame after frame.

    Attributes:
        frames: In order of `Frame.index`; frames without people may be left out by a
            file format, never by the tracker.
        skeleton: The joints of every frame's poses.
        name: Name of the sequence, such as the video's stem.
        size: Width and height of the source in pixels, if known.
        fps: Frames per second of the source, if known.
        names: Names of people by track id, where they have been named.
        tracker: Name of the tracker that gave the ids, if known.
        version: Version of poseflow that made the poses, if known.
        source: The file that was read, for messages; it does not count in comparisons.
    """

    frames: tuple[Frame, ...]
    skeleton: Skeleton
    name: str = ""
    size: tuple[int, int] | None = None
    fps: float | None = None
    names: Mapping[int, str] = field(default_factory=dict, hash=False)
    tracker: str | None = None
    version: str | None = None
    source: str = field(default="", compare=False)

    @classmethod
    def collect(
        cls,
        frames: Iterable[Frame],
        name: str = "",
        size: tuple[int, int] | None = None,
        fps: float | None = None,
    ) -> Self:
        """Gather frames, as `poseflow.track` yields them, without their images."""
        kept = tuple(replace(frame, image=None) for frame in frames)
        skeleton = kept[0].poses.skeleton if kept else get("coco17")
        return cls(kept, skeleton, name, size, fps)

    @overload
    def __getitem__(self, which: int) -> Frame: ...
    @overload
    def __getitem__(self, which: slice) -> PoseSequence: ...
    def __getitem__(self, which: int | slice) -> Frame | PoseSequence:
        """One frame by position, or a shorter sequence by slice."""
        if isinstance(which, slice):
            return replace(self, frames=self.frames[which])
        return self.frames[which]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __iter__(self) -> Iterator[Frame]:
        """The frames in order."""
        return iter(self.frames)

    @property
    def track_ids(self) -> Ints:
        """All identities that occur, ascending, without -1."""
        seen: list[npt.NDArray[Any]] = [f.poses.track_ids for f in self.frames]
        if not seen:
            return np.zeros(0, np.int64)
        ids = np.unique(np.concatenate(seen))
        return ids[ids >= 0]

    def __repr__(self) -> str:
        people = sum(len(f.poses) for f in self.frames)
        return (
            f"<PoseSequence {self.name!r}: {len(self)} frames, {people} poses, "
            f"{len(self.track_ids)} ids, {self.skeleton.name}>"
        )
