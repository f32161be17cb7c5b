"""Halpe: 26 joints of the body, and 136 with face and hands.

Source: the data set's page (Halpe-FullBody, keypoint format); Fang et al.,
"AlphaPose", TPAMI 2022. `head` is the top of the head, `hip` the middle of the hips.
"""

from __future__ import annotations

from poseflow.skeletons.coco import COCO17
from poseflow.skeletons.parts import (
    ARMS,
    FACE,
    FACE_LIMBS,
    FEET_LIMBS,
    LEGS,
    both,
    hand,
    hand_limbs,
    pairs_of,
)
from poseflow.skeletons.skeleton import Skeleton

_BODY = (
    *COCO17.joints,
    "head",
    "neck",
    "hip",
    *pairs_of("big_toe", "small_toe", "heel"),
)
_LIMBS = (
    *LEGS,
    ("left_hip", "hip"),
    ("right_hip", "hip"),
    ("hip", "neck"),
    ("neck", "head"),
    ("neck", "left_shoulder"),
    ("neck", "right_shoulder"),
    *ARMS,
    ("left_eye", "right_eye"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    *both(("eye", "ear"), ("ear", "shoulder")),
    *FEET_LIMBS,
)
# 17 of COCO, then head, neck, hip at 0.08 and the feet at 0.089.
_SIGMAS = (*COCO17.sigmas, *(0.08,) * 3, *(0.089,) * 6)
_SOURCE = "halpecocotools evaluation, as listed in MMPose's data set description halpe"

HALPE26 = Skeleton(
    name="halpe26",
    joints=_BODY,
    limbs=_LIMBS,
    sigmas=_SIGMAS,
    sigmas_source=_SOURCE,
)

HALPE136 = Skeleton(
    name="halpe136",
    joints=(*_BODY, *FACE, *hand("left"), *hand("right")),
    limbs=(*_LIMBS, *FACE_LIMBS, *hand_limbs("left"), *hand_limbs("right")),
    sigmas=(*_SIGMAS, *(0.015,) * 110),
    sigmas_source=_SOURCE,
)
