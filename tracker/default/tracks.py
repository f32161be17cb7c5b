"""Track states of `default`: tentative and confirmed tracks as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.similarity.boxes import keypoint_extent
from poseflow.skeletons.skeleton import Skeleton
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.pairs import CandidatePairs
from poseflow.tracker.motion.kalman import innovations, kalman_gains, predict_variance
from poseflow.tracker.observations import Observations
from poseflow.tracker.people_count import SHORT_POSES
from poseflow.tracker.track_store import Track

APPEARANCE_MEMORY = 60.0
"""Observations after which a mean appearance follows as a moving average."""

REID_HITS = 5
"""Updates after which a track is remembered for re-identification."""

RECENT_FRAMES = 2
"""Frames since its update for which a track is recent (1: updated in the previous
frame); tentative tracks are deleted then."""

HERE_FRAMES = 5
"""Frames since its update for which a track counts as a person who is there."""

MAX_HELD = 1000
"""Tracks held at most, those updated latest."""


@dataclass
class TrackStates:
    """N tracks; entry k of every array belongs to track k.

    A track is tentative until its existence score suffices, then confirmed: it has an
    id. Only the methods change the arrays.

    Attributes:
        ids: `(N,)` identity, -1 while tentative.
        serials: `(N,)` number of a tentative track, -1 once confirmed.
        points: `(N, K + 1, 2)` keypoints and box centre, pixels: predicted, and
            observed after the update.
        known: `(N, K + 1)` keypoints observed at least once.
        velocity: `(N, 2)` pixels per frame.
        variance: `(N, 2, 3)` of position, position-velocity and velocity by axis, in
            person sizes squared.
        innovation: `(N, 2)` offset at the latest update over its expected deviation.
        sizes: `(N,)` longer side of the person, pixels.
        last_position: `(N, 2)` box centre at the latest update, pixels.
        frames_since_update: `(N,)` 0 if updated in this frame, inf once deleted.
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
    innovation: Floats
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
    def tentative(
        cls,
        people: Observations,
        which: Ints,
        serial: int,
        variance: Floats,
        existence: Floats,
        frame: int,
    ) -> TrackStates:
        """Tentative tracks of people who were not matched.

        Args:
            people: The P people of the frame.
            which: `(n,)` indices of those who start a track.
            serial: Number of the first of the new tracks.
            variance: `(2, 3)` of a track observed once.
            existence: `(P,)` what each person adds to the existence score.
            frame: Number of the frame.
        """
        n = len(which)
        points, appearance = people.points[which], people.appearance[which]
        return cls(
            ids=np.full(n, NO_TRACK),
            serials=serial + np.arange(n),
            points=points,
            known=people.present[which],
            velocity=np.zeros((n, 2)),
            variance=np.tile(variance, (n, 1, 1)),
            innovation=np.zeros((n, 2)),
            sizes=people.sizes[which],
            last_position=points[:, -1].copy(),
            frames_since_update=np.zeros(n),
            hits=np.ones(n, np.int64),
            existence=existence[which],
            appearance=np.nan_to_num(appearance),
            appearance_count=np.isfinite(appearance).astype(np.float64),
            first_frame=np.full(n, frame),
            last_frame=np.full(n, frame),
            total_score=people.scores[which],
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
        return self.ids > NO_TRACK

    @property
    def recent(self) -> Bools:
        """`(N,)` tracks that were missed in one frame at most."""
        return self.frames_since_update <= RECENT_FRAMES

    @property
    def people(self) -> int:
        """Number of people who are there, those missed for a few frames included."""
        here = self.confirmed & (self.hits >= SHORT_POSES)
        return int((here & (self.frames_since_update <= HERE_FRAMES)).sum())

    def forget_appearance(self, features: int) -> None:
        """Make all appearances unknown ones of `features` values."""
        self.appearance = np.zeros((len(self), features))
        self.appearance_count = np.zeros((len(self), features))

    def move_with_camera(self, motion: Floats) -> None:
        """Camera motion compensation by a `(2, 3)` affine transform."""
        linear, shift = motion[:, :2].T, motion[:, 2]
        self.points = self.points @ linear + shift
        self.velocity = self.velocity @ linear
        self.last_position = self.last_position @ linear + shift
        self.sizes = self.sizes * float(np.sqrt(abs(np.linalg.det(linear))))

    def predict(self, frames: float, acceleration: float) -> None:
        """Move all tracks to where they are expected now (Kalman prediction).

        Args:
            frames: Frames since the latest prediction.
            acceleration: Standard deviation of the change of velocity per frame.
        """
        self.points += (self.velocity * frames)[:, None]
        self.variance = predict_variance(self.variance, frames, acceleration**2)
        self.frames_since_update += frames

    def update(
        self,
        people: Observations,
        matches: CandidatePairs,
        existence: Floats,
        frame: int,
    ) -> None:
        """Update the matched tracks by their people (Kalman update).

        Args:
            people: The P people of the frame.
            matches: Pairs that were assigned.
            existence: `(P,)` what each person adds to the existence score.
            frame: Number of the frame.
        """
        rows, persons, offset = matches.track, matches.person, matches.offset
        if not len(rows):
            return
        self.innovation[rows] = innovations(
            offset / self.sizes[rows, None], self.variance[rows], matches.noise
        )
        position_gain, velocity_gain, after = kalman_gains(
            self.variance[rows], matches.noise[:, None]
        )
        self.variance[rows] = after
        self.velocity[rows] += velocity_gain * offset
        moved = self.points[rows] + (position_gain * offset + matches.turns)[:, None]

        # Observed keypoints replace predicted ones; the gain moves the others.
        # Following observations more slowly gained nothing on the development seeds;
        # the measured variance in place of the filter's cost 0.7 IDF1.
        present = people.present[persons]
        self.points[rows] = np.where(present[..., None], people.points[persons], moved)
        self.known[rows] |= present
        boxes = keypoint_extent(self.points[rows, :-1], self.known[rows, :-1])
        extent = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        self.sizes[rows] = np.where(extent > 0, extent, self.sizes[rows])

        seen = np.isfinite(people.appearance[persons])
        count = self.appearance_count[rows] + seen
        change = np.where(seen, people.appearance[persons] - self.appearance[rows], 0)
        self.appearance[rows] += change / np.maximum(count, 1)
        self.appearance_count[rows] = np.minimum(count, APPEARANCE_MEMORY)

        self.last_position[rows] = self.centres[rows]
        self.frames_since_update[rows] = 0
        self.hits[rows] += 1
        self.last_frame[rows] = frame
        self.existence[rows] += existence[persons]
        self.total_score[rows] += people.scores[persons]

    def confirm(self, rows: Ints, first_id: int) -> None:
        """Give tentative tracks ids from `first_id` on."""
        self.ids[rows] = first_id + np.arange(len(rows))
        self.serials[rows] = -1

    def resume(self, lost: Ints, found: Ints) -> None:
        """Continue lost tracks by tentative ones, which get their ids.

        Hits, scores and mean appearances are merged; the lost tracks are deleted.
        """
        self.ids[found], self.serials[found] = self.ids[lost], -1
        self.first_frame[found] = self.first_frame[lost]
        for added in (self.hits, self.existence, self.total_score):
            added[found] += added[lost]
        counts = self.appearance_count[lost], self.appearance_count[found]
        mean = self.appearance[lost] * counts[0] + self.appearance[found] * counts[1]
        self.appearance[found] = mean / np.maximum(sum(counts), 1)
        self.appearance_count[found] = np.minimum(sum(counts), APPEARANCE_MEMORY)
        self.delete(lost)

    def delete(self, rows: Ints) -> None:
        """Let `held` drop some tracks."""
        self.frames_since_update[rows] = np.inf

    def held(self, options: DefaultOptions) -> TrackStates:
        """All but those not updated for too long, and the oldest of too many."""
        known = (self.appearance_count > 0).any(axis=1) & (self.hits >= REID_HITS)
        longest = np.where(known, options.reid_frames, options.max_age_frames)
        longest = np.where(self.confirmed, longest, RECENT_FRAMES)
        stay: Bools = self.frames_since_update <= longest
        kept = np.flatnonzero(stay)
        latest = np.argsort(self.frames_since_update[kept], kind="stable")
        stay[kept[latest[MAX_HELD:]]] = False
        return self if stay.all() else self[stay]

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
