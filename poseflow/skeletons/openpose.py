"""OpenPose: the 18-joint COCO model, BODY_25 and the 15-joint MPI model.

`neck` is the middle of the shoulders, as OpenPose computes it for training, not the
upper neck of MPII, LSP and PoseTrack. Source: OpenPose documentation, "Output"
(POSE_COCO_BODY_PARTS, POSE_BODY_25_BODY_PARTS, POSE_MPI_BODY_PARTS); Cao et al., TPAMI
2019.
"""

from __future__ import annotations

from poseflow.skeletons.parts import (
    ARMS,
    FEET,
    FEET_LIMBS,
    LEGS,
    SIGMAS_SOURCE,
    both,
    sigmas_of,
)
from poseflow.skeletons.skeleton import Skeleton


def _side(side: str, *joints: str) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints)


_ARM = ("shoulder", "elbow", "wrist")
_LEG = ("hip", "knee", "ankle")
_UPPER = ("nose", "neck", *_side("right", *_ARM), *_side("left", *_ARM))
_FACE = ("right_eye", "left_eye", "right_ear", "left_ear")
_COCO = (*_UPPER, *_side("right", *_LEG), *_side("left", *_LEG), *_FACE)
_BODY = (
    *_UPPER,
    "mid_hip",
    *_side("right", *_LEG),
    *_side("left", *_LEG),
    *_FACE,
    *_side("left", *FEET),
    *_side("right", *FEET),
)
_HEAD = (
    ("neck", "nose"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    *both(("eye", "ear")),
    ("neck", "left_shoulder"),
    ("neck", "right_shoulder"),
)

OPENPOSE18 = Skeleton(
    name="openpose18",
    joints=_COCO,
    limbs=(*_HEAD, *ARMS, ("neck", "left_hip"), ("neck", "right_hip"), *LEGS),
    sigmas=sigmas_of(_COCO),
    sigmas_source=SIGMAS_SOURCE,
)

BODY25 = Skeleton(
    name="body25",
    joints=_BODY,
    limbs=(
        *_HEAD,
        *ARMS,
        ("neck", "mid_hip"),
        ("mid_hip", "left_hip"),
        ("mid_hip", "right_hip"),
        *LEGS,
        *FEET_LIMBS,
    ),
    sigmas=sigmas_of(_BODY),
    sigmas_source=SIGMAS_SOURCE,
)

_MPI = (
    *("head", "neck", *_side("right", *_ARM), *_side("left", *_ARM)),
    *(*_side("right", *_LEG), *_side("left", *_LEG), "chest"),
)

OPENPOSE15 = Skeleton(
    name="openpose15",
    joints=_MPI,
    limbs=(
        ("head", "neck"),
        ("neck", "left_shoulder"),
        ("neck", "right_shoulder"),
        *ARMS,
        ("neck", "chest"),
        ("chest", "left_hip"),
        ("chest", "right_hip"),
        *LEGS,
    ),
    sigmas=sigmas_of(_MPI),
    sigmas_source=SIGMAS_SOURCE,
)
