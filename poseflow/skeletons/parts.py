"""Joints, limbs and sigmas that several skeletons share."""

from __future__ import annotations

from collections.abc import Iterable

from poseflow.skeletons.coco import COCO17

Limbs = tuple[tuple[str, str], ...]


def both(*pairs: tuple[str, str]) -> Limbs:
    """The limbs on the left side, then the same on the right.

    Examples:
        >>> both(("hip", "knee"))
        (('left_hip', 'left_knee'), ('right_hip', 'right_knee'))
    """
    return tuple(
        (f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in pairs
    )


def pairs_of(*joints: str) -> tuple[str, ...]:
    """Every joint's left and right, as COCO orders them."""
    return tuple(f"{side}_{joint}" for joint in joints for side in ("left", "right"))


def chain(joints: Iterable[str], closed: bool = False) -> Limbs:
    """Limbs from each joint to the next, and from the last to the first if closed."""
    joints = tuple(joints)
    after = joints[1:] + joints[:1] if closed else joints[1:]
    return tuple(zip(joints, after, strict=False))


LEG_JOINTS = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
)
"""Legs in the order of MPII, LSP and PoseTrack 2017."""

ARM_JOINTS = (
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
)
"""Arms in the same order."""

TRUNK: Limbs = (("left_hip", "right_hip"), *both(("shoulder", "hip")))
ARMS = both(("shoulder", "elbow"), ("elbow", "wrist"))
LEGS = both(("hip", "knee"), ("knee", "ankle"))

FEET = ("big_toe", "small_toe", "heel")
FEET_LIMBS = both(*(("ankle", joint) for joint in FEET))

# The 68 points of 300-W (Sagonas et al., ICCVW 2013), which COCO-WholeBody and Halpe
# took over. Numbering starts at the person's right (the left of a frontal image).
# Names count from the outside to the middle, so that mirror images share a number.
_JAW = (
    *(f"right_jaw_{k}" for k in range(1, 9)),
    "chin",
    *(f"left_jaw_{k}" for k in range(8, 0, -1)),
)
_RIGHT_BROW = tuple(f"right_brow_{k}" for k in range(1, 6))
_LEFT_BROW = tuple(f"left_brow_{k}" for k in range(5, 0, -1))
_BRIDGE = ("nose_bridge_1", "nose_bridge_2", "nose_bridge_3", "nose_tip")
_NOSTRILS = (
    "right_nostril_1",
    "right_nostril_2",
    "nose_base",
    "left_nostril_2",
    "left_nostril_1",
)
_RIGHT_LID = tuple(f"right_eyelid_{k}" for k in range(1, 7))
_LEFT_LID = tuple(f"left_eyelid_{k}" for k in (4, 3, 2, 1, 6, 5))
_OUTER_LIP = (
    *(f"right_outer_lip_{k}" for k in range(1, 4)),
    "outer_lip_top",
    *(f"left_outer_lip_{k}" for k in (3, 2, 1, 4, 5)),
    "outer_lip_bottom",
    *(f"right_outer_lip_{k}" for k in (5, 4)),
)
_INNER_LIP = (
    "right_inner_lip_1",
    "right_inner_lip_2",
    "inner_lip_top",
    "left_inner_lip_2",
    "left_inner_lip_1",
    "left_inner_lip_3",
    "inner_lip_bottom",
    "right_inner_lip_3",
)
_OPEN = (_JAW, _RIGHT_BROW, _LEFT_BROW, _BRIDGE, _NOSTRILS)
_CLOSED = (_RIGHT_LID, _LEFT_LID, _OUTER_LIP, _INNER_LIP)

FACE = tuple(joint for part in (*_OPEN, *_CLOSED) for joint in part)
FACE_LIMBS: Limbs = tuple(
    limb
    for part, closed in [*((p, False) for p in _OPEN), *((p, True) for p in _CLOSED)]
    for limb in chain(part, closed)
)

_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")


def hand(side: str) -> tuple[str, ...]:
    """The 21 joints of a hand: its root, then each finger from palm to tip."""
    fingers = (f"{side}_{finger}{k}" for finger in _FINGERS for k in range(1, 5))
    return (f"{side}_hand_root", *fingers)


def hand_limbs(side: str) -> Limbs:
    """From the wrist to the hand's root, and along every finger."""
    root = f"{side}_hand_root"
    fingers = (
        limb
        for finger in _FINGERS
        for limb in chain((root, *(f"{side}_{finger}{k}" for k in range(1, 5))))
    )
    return ((f"{side}_wrist", root), *fingers)


SIGMAS = {
    **dict(zip(COCO17.joints, COCO17.sigmas, strict=True)),
    # COCO has no such joints. Middles take the value of the pair they lie between;
    # CrowdPose's evaluation also gives neck and head the shoulders' 0.079.
    **dict.fromkeys(
        ("neck", "upper_neck", "head_bottom", "thorax", "head_top", "head"), 0.079
    ),
    **dict.fromkeys(("pelvis", "mid_hip", "hip", "chest"), 0.107),
    # COCO-WholeBody (myeval_wholebody.py): measured per foot.
    "left_big_toe": 0.068,
    "left_small_toe": 0.066,
    "left_heel": 0.066,
    "right_big_toe": 0.092,
    "right_small_toe": 0.094,
    "right_heel": 0.094,
}
"""OKS constants by joint name, for skeletons whose data set publishes none."""

SIGMAS_SOURCE = (
    "derived: COCO's for the same joint; neck and head as the shoulders (as CrowdPose "
    "has it), pelvis and chest as the hips; feet from COCO-WholeBody"
)


def sigmas_of(joints: Iterable[str]) -> tuple[float, ...]:
    """The shared sigma of every joint."""
    return tuple(SIGMAS[joint] for joint in joints)
