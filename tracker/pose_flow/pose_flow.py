"""What `poseflow` is made of: its settings, a flow, a frame of the window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.tracker.matchers.base import Matcher
from poseflow.validation import require


@dataclass(frozen=True)
class PoseFlowOptions:
    """Parameters of `poseflow`; lengths in person sizes (longer side).

    Attributes:
        window_frames: L; ids are final after so many frames.
        candidate: Epsilon: similarity from which a pose is a candidate.
        similarity_weight: Weight of the similarity beside the confidence.
        patience: r: frames over which a flow must gain confidence.
        stop_share: Gamma, over what the flow usually gains in that time.
        same: Likeness from which two flows are one person.
        least_common: Frames that two flows must share before they are merged.
        relink_frames: Longest gap across which flows are linked by motion.
        relink: Motion-predicted similarity that this takes.
        growth: How much room prediction gets per frame of gap.
        reach: How far a pose may be from where it is expected.
        least_frames: Shorter flows get no final id: single false alarms.
        joint_side: Side of a joint's box, in which feature points count.
        spread: Factor on the joints' sigmas.
        unify: Put the flow's mean confidence on its joints in the final view.
        matcher: `"none"`, `"orb"`, `"flow"` or a `Matcher`.
    """

    window_frames: int = 20
    candidate: float = 1 / 25
    similarity_weight: float = 4.0
    patience: int = 3
    stop_share: float = 0.2
    same: float = 0.5
    least_common: int = 2
    relink_frames: int = 60
    relink: float = 0.25
    growth: float = 0.01
    reach: float = 1.0
    least_frames: int = 3
    joint_side: float = 0.1
    spread: float = 1.2
    unify: bool = False
    matcher: str | Matcher = "none"

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("window_frames", "patience", "least_common", "least_frames"):
            require(name, getattr(self, name), 1)
        for name in ("candidate", "stop_share", "same", "relink", "joint_side"):
            require(name, getattr(self, name), 0, 1)
        for name in ("similarity_weight", "relink_frames", "growth", "reach"):
            require(name, getattr(self, name), 0)
        require("spread", self.spread, 1e-6)


@dataclass(eq=False)
class Flow:
    """One path through the frames.

    Attributes:
        identity: Its id; flows that are one person share it.
        points: `(K + 1, 2)` latest joints, the box's middle last, pixels.
        known: `(K + 1)` which of them.
        velocity: `(2,)` pixels per frame.
        size: Longer side, pixels.
        first: Frame of the first pose.
        last: Frame of the latest pose.
        frames: How many poses.
        total: Sum of their confidences.
        score: Sum of their person scores.
        recent: Confidence gained in each of the last r frames.
        absorbed: True if it runs beside another flow of the same person.
    """

    identity: int
    points: Floats
    known: Bools
    velocity: Floats
    size: float
    first: int
    last: int
    frames: int
    total: float
    score: float
    recent: deque[float]
    absorbed: bool = False

    @property
    def confidence(self) -> float:
        """The unified confidence: the mean over the flow."""
        return self.total / self.frames

    def pan(self, motion: Floats) -> None:
        """The camera moved by a `(2, 3)` similarity: so did the person."""
        turn, shift = motion[:, :2].T, motion[:, 2]
        self.points = self.points @ turn + shift
        self.velocity = self.velocity @ turn
        self.size *= float(np.sqrt(abs(np.linalg.det(motion[:, :2]))))


@dataclass(eq=False)
class Moment:
    """One frame of the window: its people, and the flow of each."""

    index: int
    poses: Poses
    flows: list[Flow]


def identities(flows: list[Flow], confidence: Floats) -> Ints:
    """One id per person: of flows that share one, the reference has it, `(P,)`."""
    ids = np.array([flow.identity for flow in flows], np.int64).reshape(-1)
    ids[ids == 0] = NO_TRACK
    order = np.lexsort((-confidence, np.array([f.absorbed for f in flows], np.bool_)))
    taken: set[int] = set()
    for k in order.tolist():
        if ids[k] in taken:
            ids[k] = NO_TRACK
        elif ids[k] != NO_TRACK:
            taken.add(int(ids[k]))
    return ids
