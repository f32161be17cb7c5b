"""`PoseFlow`: the poses of one person over successive frames, and their track id."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.tracker.motion.kalman import body_offsets
from poseflow.tracker.observations import Observations

NO_ID = 0
"""Track id of a pose flow that has none yet."""

VELOCITY_GAIN = 0.3
"""Gain of the velocity's alpha filter."""

START_FRAMES = 4
"""A pose flow shorter than this takes its velocity from its few poses: higher gain."""

SIZE_GAIN = 0.3
"""Gain of the size's alpha filter."""

RESIDUAL_SIZES = 0.1
"""Residual of a joint, in sizes, at which its weight in the offset has halved."""


@dataclass(eq=False)
class PoseFlow:
    """One pose flow of the paper and its motion model.

    Attributes:
        points: `(K + 1, 2)` latest joints, the centre of the box last, pixels.
        known: `(K + 1)` which of them have been observed.
        size: Longer side of the person, pixels.
        first_frame: Frame of the first pose.
        last_frame: Frame of the latest pose.
        recent_confidence: Confidence gained in each of the last r frames.
        velocity: `(2,)` pixels per frame.
        length: Number of poses.
        total_confidence: Sum of their confidences.
        total_score: Sum of their person scores.
        track_id: Its id, `NO_ID` before it has one; merged pose flows share it.
        own_id: The id that it had before it was merged with another.
        duplicate: True if it runs beside another pose flow of the same person.
    """

    points: Floats
    known: Bools
    size: float
    first_frame: int
    last_frame: int
    recent_confidence: deque[float]
    velocity: Floats = field(default_factory=lambda: np.zeros(2))
    length: int = 0
    total_confidence: float = 0.0
    total_score: float = 0.0
    track_id: int = NO_ID
    own_id: int = NO_ID
    duplicate: bool = False

    @classmethod
    def begin(
        cls, observations: Observations, row: int, frame: int, stop_frames: int
    ) -> PoseFlow:
        """A pose flow at one of a frame's poses, whose confidence is added later."""
        return cls(
            observations.points[row].copy(),
            observations.present[row].copy(),
            float(observations.sizes[row]),
            frame,
            frame,
            deque(maxlen=stop_frames),
        )

    @property
    def confidence(self) -> float:
        """Unified confidence: the mean over the pose flow."""
        return self.total_confidence / self.length

    def add_pose(self, observations: Observations, row: int, frame: int) -> None:
        """Continue the pose flow to one of a frame's poses."""
        gap = frame - self.last_frame
        weight = (observations.weight[row] * self.known)[None]
        expected = self.points + self.velocity * gap
        offset = body_offsets(
            expected[None],
            observations.points[row][None],
            weight,
            np.array([self.size]),
            RESIDUAL_SIZES,
        ).offset[0]
        gain = VELOCITY_GAIN
        if self.length < START_FRAMES:
            gain = min(gain + (1 - VELOCITY_GAIN) / self.length, 1.0)
        self.velocity = self.velocity + gain * offset / gap
        present = observations.present[row]
        self.points = np.where(
            present[:, None], observations.points[row], expected + offset
        )
        self.known = self.known | present
        self.size += SIZE_GAIN * (float(observations.sizes[row]) - self.size)
        self.last_frame = frame

    def add_confidence(self, confidence: float, score: float) -> None:
        """Count the pose of this frame."""
        self.length += 1
        self.total_confidence += confidence
        self.total_score += score
        self.recent_confidence.append(confidence)

    def miss(self) -> None:
        """Count a frame without a pose."""
        self.recent_confidence.append(0.0)

    def stopped(self, stop_frames: int, stop_fraction: float) -> bool:
        """The paper's stop rule: too little confidence gained over r frames."""
        usual = stop_frames * self.confidence
        return len(self.recent_confidence) == stop_frames and (
            sum(self.recent_confidence) < stop_fraction * usual
        )

    def move_with_camera(self, motion: Floats) -> None:
        """Apply the camera's motion, a `(2, 3)` similarity transform in pixels."""
        turn, shift = motion[:, :2].T, motion[:, 2]
        self.points = self.points @ turn + shift
        self.velocity = self.velocity @ turn
        self.size *= float(np.sqrt(abs(np.linalg.det(motion[:, :2]))))


@dataclass(eq=False)
class WindowFrame:
    """One frame of the sliding window.

    Attributes:
        index: Number of the frame.
        poses: Its people.
        flows: The pose flow of each person.
    """

    index: int
    poses: Poses
    flows: list[PoseFlow]


def track_ids(flows: Sequence[PoseFlow], confidence: Floats) -> Ints:
    """Track ids of one frame's poses, `(P,)`; of merged pose flows one has the id.

    Args:
        flows: The pose flow of each pose.
        confidence: `(P,)`; decides between pose flows with the same id, after those
            that are duplicates.
    """
    ids = np.array([flow.track_id for flow in flows], np.int64).reshape(-1)
    ids[ids == NO_ID] = NO_TRACK
    duplicate = np.array([flow.duplicate for flow in flows], np.bool_)
    taken: set[int] = set()
    for k in np.lexsort((-confidence, duplicate)).tolist():
        if ids[k] in taken:
            ids[k] = NO_TRACK
        elif ids[k] != NO_TRACK:
            taken.add(int(ids[k]))
    return ids
