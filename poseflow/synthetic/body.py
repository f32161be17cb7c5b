"""Body proportions, and the points of a body by joint name.

Segment lengths are fractions of stature after Drillis and Contini (1966) as reported in
Winter, Biomechanics and Motor Control of Human Movement (2009), figure 4.1. Where the
figure gives surface breadths (bideltoid, bi-iliac) the joint centres lie further in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.skeletons.coco import COCO17
from poseflow.skeletons.skeleton import Skeleton

POINTS = (
    *COCO17.joints,
    "head_bottom",
    "head_top",
    "neck",
    "pelvis",
    "head",
    "left_big_toe",
    "right_big_toe",
    "left_small_toe",
    "right_small_toe",
    "left_heel",
    "right_heel",
    "left_hand",
    "right_hand",
    "thorax",
)
"""Every point of a body that is computed, in order; `head` is the skull's centre."""

POINT = {name: k for k, name in enumerate(POINTS)}

ALIASES = {
    "hip": "pelvis",
    "mid_hip": "pelvis",
    "root": "pelvis",
    "upper_neck": "head_bottom",
    "chest": "thorax",
    "spine": "thorax",
    "left_toe": "left_big_toe",
    "right_toe": "right_big_toe",
}
"""Other names of a point in skeletons."""

# Fractions of stature (Winter 2009, fig. 4.1): heights above the floor.
ANKLE, KNEE, HIP, SHOULDER, CHIN = 0.039, 0.285, 0.530, 0.818, 0.870
UPPER_ARM, FOREARM, HAND = 0.186, 0.146, 0.108
# The joint centres: half of biacromial breadth .259 less the deltoid, half of the
# distance between femoral heads.
SHOULDER_HALF, HIP_HALF = 0.108, 0.052
FOOT = 0.152


@dataclass(frozen=True)
class Body:
    """One person's proportions.

    Attributes:
        height: Stature in metres.
        girth: Thickness relative to an average body of that height, about 0.8 to 1.3.
        shoulders: Shoulder breadth relative to the average.
        hips: Hip breadth relative to the average.
        legs: Leg length relative to the average; the trunk compensates.
        walk_speed: Preferred speed in m/s.
        arm_swing: Shoulder excursion at that speed in radians, each way.
        arm_bend: Mean bend of the left and the right elbow in radians.
        lean: Forward lean of the trunk in radians.
        stance: Distance between the feet across the way, relative to the average.
    """

    height: float = 1.72
    girth: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    legs: float = 1.0
    walk_speed: float = 1.35
    arm_swing: float = 0.42
    arm_bend: tuple[float, float] = (0.3, 0.3)
    lean: float = 0.04
    stance: float = 1.0

    @property
    def hip_height(self) -> float:
        """Height of the hip joints in metres when standing straight."""
        return HIP * self.height * self.legs


def sample_body(rng: np.random.Generator) -> Body:
    """A plausible adult: 1.50 to 1.95 m tall, slim to stout."""
    broad = rng.random() < 0.5
    height = float(np.clip(rng.normal(1.77 if broad else 1.65, 0.075), 1.5, 1.95))
    bends = np.where(rng.random(2) < 0.12, 1.45, rng.uniform(0.1, 0.38, 2))
    return Body(
        height=height,
        girth=float(np.clip(rng.normal(1.0, 0.12), 0.8, 1.35)),
        shoulders=float(rng.normal(1.06 if broad else 0.95, 0.04)),
        hips=float(rng.normal(0.97 if broad else 1.04, 0.04)),
        legs=float(rng.normal(1.0, 0.018)),
        walk_speed=float(np.clip(rng.normal(1.32, 0.16), 0.9, 1.8)),
        arm_swing=float(np.clip(rng.normal(0.4, 0.12), 0.1, 0.7)),
        arm_bend=(float(bends[0]), float(bends[1])),
        lean=float(rng.normal(0.045, 0.03)),
        stance=float(np.clip(rng.normal(1.0, 0.2), 0.5, 1.6)),
    )


def point_indices(skeleton: Skeleton) -> list[int | None]:
    """Index in `POINTS` of every joint of a skeleton, or None.

    Examples:
        >>> fish = Skeleton("fish", ("nose", "tail"))
        >>> point_indices(fish)
        [0, None]
    """
    return [POINT.get(ALIASES.get(joint, joint)) for joint in skeleton.joints]
