"""COCO-WholeBody: 133 joints, COCO's 17 with feet, face and hands.

Source: Jin et al., "Whole-Body Human Pose Estimation in the Wild", ECCV 2020.
"""

from __future__ import annotations

from poseflow.skeletons.coco import COCO17
from poseflow.skeletons.parts import (
    FACE,
    FACE_LIMBS,
    FEET,
    FEET_LIMBS,
    SIGMAS,
    hand,
    hand_limbs,
)
from poseflow.skeletons.skeleton import Skeleton

_FEET = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in FEET)

# In thousandths, in the order of `FACE`: 17 of the jaw, 10 of the brows, 9 of the
# nose, 12 of the eyelids, 20 of the lips.
_FACE_SIGMAS = (
    *(42, 43, 44, 43, 40, 35, 31, 25, 20, 23, 29, 32, 37, 38, 43, 41, 45),
    *(13, 12, 11, 11, 12, 12, 11, 11, 13, 15),
    *(9, 7, 7, 7, 12, 9, 8, 16, 10),
    *(17, 11, 9, 11, 9, 7, 13, 8, 11, 12, 10, 34),
    *(8, 8, 9, 8, 8, 7, 10, 8, 9, 9, 9, 7, 7, 8, 11, 8, 8, 8, 10, 8),
)
# The root, then thumb to little finger.
_HAND_SIGMAS = (
    29,
    *(22, 35, 37, 47),
    *(26, 25, 24, 35),
    *(18, 24, 22, 26),
    *(17, 21, 21, 32),
    *(20, 19, 22, 31),
)

WHOLEBODY133 = Skeleton(
    name="wholebody133",
    joints=(*COCO17.joints, *_FEET, *FACE, *hand("left"), *hand("right")),
    limbs=(
        *COCO17.limbs,
        *FEET_LIMBS,
        *FACE_LIMBS,
        *hand_limbs("left"),
        *hand_limbs("right"),
    ),
    sigmas=(
        *COCO17.sigmas,
        *(SIGMAS[joint] for joint in _FEET),
        *(thousandths / 1000 for thousandths in (*_FACE_SIGMAS, *_HAND_SIGMAS * 2)),
    ),
    sigmas_source="COCO-WholeBody evaluation (myeval_wholebody.py)",
)
