"""Track states of `default`: tentative and confirmed tracks as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton
from poseflow.tracker.track_store import Track


@dataclass
class TrackStates:
    """N tracks; entry k of every array belongs to track k.

    A track is tentative until its existence score suffices, then confirmed: it has an
    id. Only `poseflow.tracker.default.update` changes the arrays.

    Attributes:
        ids: `(N,)` identity, 0 while tentative.
        serials: `(N,)` number of the track, tentative ones included.
        points: `(N, K + 1, 2)` keypoints and box centre, pixels: predicted, and
            observed after the update.
        known: `(N, K + 1)` keypoints observed at least once.
        velocity: `(N, 2)` pixels per frame.
        variance: `(N, 2, 3)` of position, position-velocity and velocity by axis, in
            person sizes squared.
        sizes: `(N,)` longer side of the person, pixels.
        last_position: `(N, 2)` box centre at the latest update, pixels.
        frames_since_update: `(N,)` 0 if updated in this frame.
        hits: `(N,)` frames in which the track was updated.
        existence: `(N,)` existence score so far.
        appearance: `(N, D)` mean appearance.
        appearance_count: `(N, D)` observations in that mean.
        first_frame: `(N,)` frame of the first observation.
        last_frame: `(N,)` frame of the latest one.
        total_score: `(N,)` sum of the person scores.
    """

    ids: Ints
    serials: Ints
    points: Floats
    known: Bools
    velocity: Floats
    variance: Floats
    sizes: Floats
    last_position: Floats
    frames_since_update: Floats
    hits: Ints
    existence: Floats
    appearance: Floats
    appearance_count: Floats
    first_frame: Ints
    last_frame: Ints
    total_score: Floats

    @classmethod
    def empty(cls, keypoints: int) -> TrackStates:
        """No tracks of a skeleton with `keypoints` joints."""
        none, number = np.zeros(0), np.zeros(0, np.int64)
        return cls(
            ids=number,
            serials=number,
            points=np.zeros((0, keypoints + 1, 2)),
            known=np.zeros((0, keypoints + 1), np.bool_),
            velocity=np.zeros((0, 2)),
            variance=np.zeros((0, 2, 3)),
            sizes=none,
            last_position=np.zeros((0, 2)),
            frames_since_update=none,
            hits=number,
            existence=none,
            appearance=np.zeros((0, 0)),
            appearance_count=np.zeros((0, 0)),
            first_frame=number,
            last_frame=number,
            total_score=none,
        )

    def __len__(self) -> int:
        """Number of tracks, N."""
        return len(self.ids)

    def __getitem__(self, which: Any) -> TrackStates:
        """Some of the tracks, by mask or indices; a copy."""
        return TrackStates(*(getattr(self, name)[which] for name in _FIELDS))

    def joined(self, other: TrackStates) -> TrackStates:
        """These tracks, then those of `other`."""
        if not len(other):
            return self
        return TrackStates(
            *(np.concatenate([getattr(self, n), getattr(other, n)]) for n in _FIELDS)
        )

    @property
    def centres(self) -> Floats:
        """`(N, 2)` box centres, pixels."""
        return self.points[:, -1]

    @property
    def confirmed(self) -> Bools:
        """`(N,)` tracks that have an id."""
        return self.ids > 0

    def records(self, skeleton: Skeleton) -> tuple[Track, ...]:
        """Confirmed tracks as `Track` records, by id."""
        order = np.argsort(self.ids)
        return tuple(
            Track(
                track_id=int(self.ids[k]),
                first_frame=int(self.first_frame[k]),
                last_frame=int(self.last_frame[k]),
                appearances=int(self.hits[k]),
                mean_score=float(self.total_score[k] / self.hits[k]),
                latest=Poses(
                    self.points[k : k + 1, :-1],
                    self.known[k : k + 1, :-1].astype(np.float64),
                    track_ids=[self.ids[k]],
                    skeleton=skeleton,
                ),
            )
            for k in order[self.confirmed[order]].tolist()
        )


_FIELDS = tuple(field.name for field in fields(TrackStates))
