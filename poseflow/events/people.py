"""All people of a sequence as columns, and the links between poses of one track."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.sequence import PoseSequence

VELOCITY_POSES, VELOCITY_FRAMES = 5, 15
"""A velocity is the displacement over so many poses, in at most so many frames."""


@dataclass(frozen=True, eq=False)
class People:
    """The N people of a sequence in order of their frames, as columns.

    Attributes:
        frames: `(F,)` index of every frame.
        times: `(F,)` seconds.
        bounds: `(F + 1,)`: the people of frame f are rows `bounds[f]:bounds[f + 1]`.
        position: `(N,)` position of each person's frame in `frames`.
        frame: `(N,)` index of each person's frame.
        ids: `(N,)` track ids, -1 for none.
        keypoints: `(N, K, 2)` pixels.
        keypoint_scores: `(N, K)`.
        boxes: `(N, 4)` x1, y1, x2, y2.
        scores: `(N,)`.
    """

    frames: Ints
    times: Floats
    bounds: Ints
    position: Ints
    frame: Ints
    ids: Ints
    keypoints: Floats
    keypoint_scores: Floats
    boxes: Floats
    scores: Floats

    @classmethod
    def of(cls, sequence: PoseSequence) -> People:
        """The columns of a sequence; frames without people count."""
        columns = sequence.columns
        poses = columns.poses
        return cls(
            columns.indices,
            columns.times,
            columns.starts,
            columns.rows,
            columns.indices[columns.rows],
            poses.track_ids,
            poses.keypoints.astype(np.float64, copy=False),
            poses.keypoint_scores.astype(np.float64, copy=False),
            poses.boxes.astype(np.float64, copy=False),
            poses.scores.astype(np.float64, copy=False),
        )

    def __len__(self) -> int:
        """Number of people, N."""
        return len(self.ids)

    @cached_property
    def present(self) -> Bools:
        """`(N, K)`: which joints are there."""
        return self.keypoint_scores > 0

    @cached_property
    def centres(self) -> Floats:
        """`(N, 2)` centres of the boxes."""
        return (self.boxes[:, :2] + self.boxes[:, 2:]) / 2

    @cached_property
    def sizes(self) -> Floats:
        """`(N,)` longer sides of the boxes, at least 1 pixel."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        sizes: Floats = sides.max(axis=1, initial=1.0)
        return sizes

    @cached_property
    def track_order(self) -> Ints:
        """`(N,)` rows by id, then by frame."""
        return np.lexsort((self.frame, self.ids))

    @cached_property
    def previous(self) -> Ints:
        """`(N,)` row of the same track's pose before; -1 for the first, and no id."""
        order, link = self.track_order, np.full(len(self), -1)
        ids = self.ids[order]
        same = (ids[1:] == ids[:-1]) & (ids[1:] >= 0)
        link[order[1:][same]] = order[:-1][same]
        return link

    @cached_property
    def velocities(self) -> Floats:
        """`(N, 2)` velocity up to each pose, pixels per frame; 0 where unknown."""
        back = np.arange(len(self))
        for _ in range(VELOCITY_POSES):
            before = self.previous[back]
            back = np.where(before >= 0, before, back)
        steps = self.frame - self.frame[back]
        known = (steps > 0) & (steps <= VELOCITY_FRAMES)
        moved = self.centres - self.centres[back]
        velocity: Floats = np.where(
            known[:, None], moved / np.maximum(steps, 1)[:, None], 0.0
        )
        return velocity

    @cached_property
    def spans(self) -> dict[int, tuple[int, int]]:
        """First and last row of each track, by id."""
        order = self.track_order
        order = order[self.ids[order] >= 0]
        ids, first = np.unique(self.ids[order], return_index=True)
        last = np.append(first[1:], len(order))[: len(first)] - 1
        rows = zip(order[first].tolist(), order[last].tolist(), strict=True)
        return dict(zip(ids.tolist(), rows, strict=True))
