"""The identities that `default` holds, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.boxes import keypoint_extent
from poseflow.poses import Poses
from poseflow.tracker.observations import Observations


@dataclass
class Bodies:
    """N identities, held or in the making.

    Attributes:
        ids: `(N,)` identity, 0 while in the making.
        points: `(N, K + 1, 2)` joints where they are expected, pixels.
        known: `(N, K + 1)` joints that have ever been seen.
        age: `(N, K + 1)` frames since each joint was seen.
        velocity: `(N, 2)` pixels per frame.
        variance: `(N, 2, 3)` of place, both, velocity by axis, in sizes squared.
        sizes: `(N,)` longer side of the body, pixels.
        gap: `(N,)` frames since the body was seen, 0 if in this one.
        hits: `(N,)` frames in which it was seen.
        trust: `(N,)` evidence so far that there is somebody.
        shadow: `(N,)` how often lately it was somebody else's double.
        place: `(N, 2)` middle of the joints when last seen, pixels.
        colours: `(N, D)` mean appearance.
        looks: `(N, D)` how many looks are in that mean.
        first: `(N,)` frame of the first sighting.
        last: `(N,)` frame of the latest sighting.
        score: `(N,)` sum of the person scores.
        serial: `(N,)` a number that a body has from its first sighting on.
    """

    ids: Ints
    points: Floats
    known: Bools
    age: Floats
    velocity: Floats
    variance: Floats
    sizes: Floats
    gap: Floats
    hits: Ints
    trust: Floats
    shadow: Floats
    place: Floats
    colours: Floats
    looks: Floats
    first: Ints
    last: Ints
    score: Floats
    serial: Ints

    @classmethod
    def new(
        cls,
        seen: Observations,
        which: Ints,
        frame: int,
        poses: Poses,
        start: Floats,
        serial: int = 0,
    ) -> Bodies:
        """Bodies in the making from some of a frame's people.

        Args:
            seen: The frame's people.
            which: `(n,)` their numbers.
            frame: Number of the frame.
            poses: The same people.
            start: `(2, 3)` variance of a body seen once.
            serial: Number of the first of them.
        """
        n = len(which)
        points, known = seen.points[which], seen.present[which]
        colours = seen.colours[which]
        seen_colours = np.isfinite(colours)
        return cls(
            np.zeros(n, np.int64),
            points.copy(),
            known.copy(),
            np.zeros(known.shape),
            np.zeros((n, 2)),
            np.tile(start, (n, 1, 1)),
            seen.sizes[which].copy(),
            np.zeros(n),
            np.ones(n, np.int64),
            np.zeros(n),
            np.zeros(n),
            points[:, -1].copy(),
            np.where(seen_colours, colours, 0),
            seen_colours.astype(np.float64),
            np.full(n, frame),
            np.full(n, frame),
            poses.scores[which].astype(np.float64),
            serial + np.arange(n),
        )

    def __len__(self) -> int:
        """Number of identities, N."""
        return len(self.ids)

    def __getitem__(self, which: Any) -> Bodies:
        """Some of the identities, by mask or numbers; a copy."""
        return Bodies(*(getattr(self, name)[which] for name in NAMES))

    def joined(self, other: Bodies) -> Bodies:
        """These and others."""
        if not len(other):
            return self
        if not len(self):
            return other
        return Bodies(
            *(
                np.concatenate([getattr(self, name), getattr(other, name)])
                for name in NAMES
            )
        )

    def take_over(self, rows: Ints, other: Bodies, others: Ints) -> None:
        """Give `rows` the present of `others`, keeping id, past and appearance.

        The other's sightings are added to one's own.
        """
        for name in ("points", "velocity", "variance", "sizes", "gap", "place", "last"):
            getattr(self, name)[rows] = getattr(other, name)[others]
        for name in ("known", "age", "shadow"):
            getattr(self, name)[rows] = getattr(other, name)[others]
        for name in ("hits", "trust", "score"):
            getattr(self, name)[rows] += getattr(other, name)[others]
        looks = self.looks[rows] + other.looks[others]
        total = self.colours[rows] * self.looks[rows]
        total += other.colours[others] * other.looks[others]
        self.colours[rows] = total / np.maximum(looks, 1)
        self.looks[rows] = np.minimum(looks, MOST_LOOKS)

    def pan(self, motion: Floats) -> None:
        """The camera moved by a `(2, 3)` similarity: so did everything else."""
        turn, shift = motion[:, :2].T, motion[:, 2]
        self.points = self.points @ turn + shift
        self.velocity = self.velocity @ turn
        self.place = self.place @ turn + shift
        self.sizes = self.sizes * float(np.sqrt(abs(np.linalg.det(motion[:, :2]))))

    def rescale(self, factor: Floats) -> None:
        """The stream changed its resolution by `(2,)` factors."""
        self.points = self.points * factor
        self.velocity = self.velocity * factor
        self.place = self.place * factor
        self.sizes = self.sizes * float(np.sqrt(factor.prod()))

    def boxes(self) -> Floats:
        """`(N, 4)` xyxy around all joints that are known."""
        return keypoint_extent(self.points[:, :-1], self.known[:, :-1])


MOST_LOOKS = 60.0
"""Looks after which an appearance follows as a moving average."""

NAMES = tuple(field.name for field in fields(Bodies))
