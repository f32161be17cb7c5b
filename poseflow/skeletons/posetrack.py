"""PoseTrack: the same 15 joints in the orders of its 2017 and its 2018/2021 files.

`head_bottom` (2018/2021) and `neck` (2017) are one joint, the upper neck.
Source: Andriluka et al., "PoseTrack: A Benchmark for Human Pose Estimation and
Tracking", CVPR 2018, and the annotation files' `categories`.
"""

from __future__ import annotations

from poseflow.skeletons.parts import (
    ARM_JOINTS,
    ARMS,
    LEG_JOINTS,
    LEGS,
    SIGMAS_SOURCE,
    TRUNK,
    pairs_of,
    sigmas_of,
)
from poseflow.skeletons.skeleton import Skeleton

_17 = (*LEG_JOINTS, *ARM_JOINTS, "neck", "nose", "head_top")
_LIMBS = pairs_of("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_18 = ("nose", "head_bottom", "head_top", *pairs_of("ear"), *_LIMBS)
_15 = ("nose", "head_bottom", "head_top", *_LIMBS)


def _head(neck: str) -> tuple[tuple[str, str], ...]:
    return (
        ("nose", neck),
        ("nose", "head_top"),
        (neck, "left_shoulder"),
        (neck, "right_shoulder"),
    )


POSETRACK17 = Skeleton(
    name="posetrack17",
    joints=_17,
    limbs=(*LEGS, *TRUNK, *ARMS, *_head("neck")),
    sigmas=sigmas_of(_17),
    sigmas_source=SIGMAS_SOURCE,
)

POSETRACK18 = Skeleton(
    # The ears have slots in the files but are never annotated.
    name="posetrack18",
    joints=_18,
    limbs=(*LEGS, *TRUNK, *ARMS, *_head("head_bottom")),
    sigmas=sigmas_of(_18),
    sigmas_source=SIGMAS_SOURCE,
)

POSETRACK15 = Skeleton(
    name="posetrack15",
    joints=_15,
    limbs=POSETRACK18.limbs,
    sigmas=sigmas_of(_15),
    sigmas_source=SIGMAS_SOURCE,
)
