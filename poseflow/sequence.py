"""The result of a video: `Frame` and `PoseSequence`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Image, Ints
from poseflow.columns import PoseColumns, long_table
from poseflow.errors import PoseFlowError
from poseflow.person import Person
from poseflow.poses import Poses
from poseflow.skeletons import get
from poseflow.skeletons.skeleton import Skeleton

if TYPE_CHECKING:
    import pandas


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

    @property
    def columns(self) -> PoseColumns:
        """The people of all frames in one struct of arrays."""
        parts = [Poses.empty(self.skeleton, np.float32), *(f.poses for f in self)]
        if len(parts) > 1:
            parts = parts[1:]
        return PoseColumns(
            np.array([frame.index for frame in self.frames], np.int64),
            np.array([frame.time for frame in self.frames], np.float64),
            tuple(frame.name for frame in self.frames),
            np.repeat(np.arange(len(self)), [len(frame.poses) for frame in self]),
            Poses.concatenate(parts),
        )

    def to_table(self) -> dict[str, npt.NDArray[Any]]:
        """The poses as a long table: numpy columns with one row a joint.

        - `frame`, `time`, `name`: index, seconds, and name of the frame
        - `person`: position of the person in the frame, from 0
        - `id`: identity, -1 for none
        - `score`: of the whole person
        - `box_x1`, `box_y1`, `box_x2`, `box_y2`: box of the person, pixels
        - `joint`: name of the joint
        - `x`, `y`: pixels, x right and y down; NaN for a missing joint
        - `joint_score`: score of the joint, 0 for a missing one

        Frames without people have no rows.

        Examples:
            >>> poses = Poses(np.ones((2, 17, 2)), track_ids=[3, 5])
            >>> walk = PoseSequence.collect([Frame(0, 0.0, poses)])
            >>> table = walk.to_table()
            >>> len(table["x"]), table["joint"][1], table["id"][[0, 17]].tolist()
            (34, 'left_eye', [3, 5])
        """
        return long_table(self.columns)

    def to_dataframe(self) -> pandas.DataFrame:
        """`to_table` as a pandas data frame, names as categories."""
        import pandas as pd

        frame = pd.DataFrame(self.to_table(), copy=False)
        for column in ("name", "joint"):
            frame[column] = frame[column].astype("category")
        return frame

    def person(self, track_id: int) -> Person:
        """One identity through the video: trajectories, speeds, heights, angles.

        Raises:
            PoseFlowError: If the identity does not occur, or is that of two people of
                a frame.

        Examples:
            >>> from poseflow import Poses
            >>> corners = np.array([[0, 0], [30, 40]])
            >>> joints = np.resize(corners, (17, 2))
            >>> walk = PoseSequence.collect(
            ...     Frame(k, k / 10, Poses(joints[None] + [3 * k, 0], track_ids=[7]))
            ...     for k in range(4)
            ... )
            >>> walk.person(7)
            <Person 7: 4 poses, frames 0 to 3>
            >>> walk.person(7).centre()[0].tolist(), walk.person(7).speed().round(3)
            ([15.0, 20.0], array([30., 30., 30., 30.]))
        """
        kept = [
            (frame, np.flatnonzero(frame.poses.track_ids == track_id))
            for frame in self.frames
        ]
        kept = [(frame, found) for frame, found in kept if len(found)]
        twice = [frame for frame, found in kept if len(found) > 1]
        if not kept or twice or track_id < 0:
            ids = self.track_ids.tolist()
            shown = ", ".join(map(str, ids[:20])) + (", ..." if len(ids) > 20 else "")
            raise PoseFlowError(
                f"person {track_id}: two people of frame {twice[0].index} have this id"
                if twice and track_id >= 0
                else f"person {track_id}: no such id; there are {shown or 'none'}"
            )
        return Person(
            track_id,
            np.array([frame.index for frame, _ in kept], np.int64),
            np.array([frame.time for frame, _ in kept], np.float64),
            Poses.concatenate(frame.poses[found] for frame, found in kept),
        )

    def __repr__(self) -> str:
        people = sum(len(f.poses) for f in self.frames)
        return (
            f"<PoseSequence {self.name!r}: {len(self)} frames, {people} poses, "
            f"{len(self.track_ids)} ids, {self.skeleton.name}>"
        )
