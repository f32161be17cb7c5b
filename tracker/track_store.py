"""`Track` and `TrackStore`: the latest pose of every track, bounded by age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Ints
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Track:
    """One track, as `Tracker.finish` returns it.

    Attributes:
        track_id: Id, from 1.
        first_frame: Number of `update` calls before the track's first frame.
        last_frame: The same for its latest frame.
        appearances: Frames in which the person was detected.
        mean_score: Mean of the person scores over these frames.
        latest: The latest pose, a `Poses` of one.
    """

    track_id: int
    first_frame: int
    last_frame: int
    appearances: int
    mean_score: float
    latest: Poses


@dataclass(frozen=True)
class TrackStore:
    """The latest pose of N tracks, the most recently seen first; immutable.

    People of one frame keep their input order. `within` drops tracks last seen more
    than `max_age_frames` frames ago, so memory is bounded by the people of that many
    frames.

    Attributes:
        poses: Latest poses, with their `track_ids`.
        last_frame: `(N,)` number of the latest frame of each track.
        first_frame: `(N,)` number of its first frame.
        appearances: `(N,)` frames in which it was detected.
        total_score: `(N,)` sum of the person scores.
        extra: Arrays of N rows that a tracker derives once per pose.
    """

    poses: Poses
    last_frame: Ints
    first_frame: Ints
    appearances: Ints
    total_score: Array
    extra: Mapping[str, Array]

    @classmethod
    def empty(cls, skeleton: Skeleton, extra: Mapping[str, Array]) -> TrackStore:
        """No tracks; `extra` gives the shapes and types of the derived arrays."""
        none = np.zeros(0, np.int64)
        return cls(
            Poses.empty(skeleton, np.float64),
            none,
            none,
            none,
            np.zeros(0),
            {name: array[:0] for name, array in extra.items()},
        )

    def __len__(self) -> int:
        """Number of tracks, N."""
        return len(self.last_frame)

    @property
    def ids(self) -> Ints:
        """`(N,)` track ids."""
        return self.poses.track_ids

    def __getitem__(self, which: Array) -> TrackStore:
        """Some of the tracks, by mask or numbers."""
        return TrackStore(
            self.poses[which],
            self.last_frame[which],
            self.first_frame[which],
            self.appearances[which],
            self.total_score[which],
            {name: array[which] for name, array in self.extra.items()},
        )

    def within(self, frame: int, max_age_frames: int) -> TrackStore:
        """The tracks last seen at most `max_age_frames` before `frame`."""
        recent = frame - self.last_frame <= max_age_frames
        return self if recent.all() else self[recent]

    def updated(
        self, poses: Poses, rows: Ints, frame: int, extra: Mapping[str, Array]
    ) -> TrackStore:
        """The store after a frame.

        Args:
            poses: The frame's people with their ids.
            rows: `(P,)` their rows in this store, -1 for a new track.
            frame: Number of the frame.
            extra: Derived arrays of P rows.
        """
        known = rows >= 0
        first = np.full(len(rows), frame)
        seen = np.ones(len(rows), np.int64)
        total = poses.scores.astype(np.float64)
        if known.any():
            old = rows[known]
            first[known] = self.first_frame[old]
            seen[known] += self.appearances[old]
            total[known] += self.total_score[old]
        stay = np.ones(len(self), np.bool_)
        stay[rows[known]] = False
        rest = self[stay]
        return TrackStore(
            Poses.concatenate([poses.astype(np.float64), rest.poses]),
            np.concatenate([np.full(len(rows), frame), rest.last_frame]),
            np.concatenate([first, rest.first_frame]),
            np.concatenate([seen, rest.appearances]),
            np.concatenate([total, rest.total_score]),
            {
                name: np.concatenate([array, rest.extra[name]])
                for name, array in extra.items()
            },
        )

    def tracks(self) -> tuple[Track, ...]:
        """All tracks as records, by id."""
        return tuple(
            Track(
                int(self.ids[k]),
                int(self.first_frame[k]),
                int(self.last_frame[k]),
                int(self.appearances[k]),
                float(self.total_score[k] / self.appearances[k]),
                self.poses[int(k)],
            )
            for k in np.argsort(self.ids)
        )
