"""Skeletons by name: the built-in ones, and registration of others.

Examples:
    >>> from poseflow import skeletons
    >>> skeletons.get("coco17").joints[:3]
    ('nose', 'left_eye', 'right_eye')
"""

from __future__ import annotations

from poseflow.errors import PoseFlowError
from poseflow.registry import Registry
from poseflow.skeletons.blazepose import BLAZEPOSE33
from poseflow.skeletons.coco import COCO17
from poseflow.skeletons.halpe import HALPE26, HALPE136
from poseflow.skeletons.mpii import LSP14, MPII16
from poseflow.skeletons.openpose import BODY25, OPENPOSE15, OPENPOSE18
from poseflow.skeletons.posetrack import POSETRACK15, POSETRACK17, POSETRACK18
from poseflow.skeletons.skeleton import Skeleton
from poseflow.skeletons.wholebody import WHOLEBODY133

__all__ = [
    "BLAZEPOSE33",
    "BODY25",
    "COCO17",
    "HALPE26",
    "HALPE136",
    "LSP14",
    "MPII16",
    "OPENPOSE15",
    "OPENPOSE18",
    "POSETRACK15",
    "POSETRACK17",
    "POSETRACK18",
    "WHOLEBODY133",
    "fitting_skeleton",
    "for_joint_count",
    "get",
    "names",
    "register",
]

_SKELETONS: Registry[Skeleton] = Registry(
    "skeleton", hint="; poseflow.skeletons.register adds one"
)


def register(skeleton: Skeleton, *, replace: bool = False) -> Skeleton:
    """Register a skeleton by its name, for files, the command line and `Poses`.

    Raises:
        PoseFlowError: If another skeleton has that name and `replace` is not set.
    """
    _SKELETONS.register(skeleton.name, skeleton, replace=replace)
    return skeleton


def names() -> tuple[str, ...]:
    """Names of all known skeletons, in order of registration."""
    return _SKELETONS.names()


def get(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
        PoseFlowError: If there is none.
    """
    return _SKELETONS[name]


def for_joint_count(joints: int) -> Skeleton:
    """The first registered skeleton with that many joints (COCO-17 for 17).

    Raises:
        PoseFlowError: If no known skeleton has so many joints.
    """
    for skeleton in _SKELETONS:
        if len(skeleton) == joints:
            return skeleton
    raise PoseFlowError(
        f"no known skeleton has {joints} joints; pass skeleton=..., or register one "
        "with poseflow.skeletons.register"
    )


def fitting_skeleton(
    place: object, joints: int, skeleton: Skeleton | str | None
) -> Skeleton:
    """The skeleton of a model with so many joints.

    Args:
        place: The model's file, for error messages.
        joints: How many joints the model has.
        skeleton: The skeleton asked for, or its name; None for the first registered one
            with that many joints.

    Raises:
        PoseFlowError: If the one asked for has another number of joints, or none is
            known.
    """
    if skeleton is None:
        return for_joint_count(joints)
    wanted = get(skeleton) if isinstance(skeleton, str) else skeleton
    if len(wanted) != joints:
        raise PoseFlowError(
            f"{place}: the model has {joints} joints, skeleton {wanted.name!r} has "
            f"{len(wanted)}"
        )
    return wanted


# Of skeletons with the same number of joints, `for_joint_count` takes the first.
for _skeleton in (
    COCO17,
    POSETRACK17,
    POSETRACK18,
    POSETRACK15,
    MPII16,
    LSP14,
    OPENPOSE18,
    OPENPOSE15,
    BODY25,
    HALPE26,
    BLAZEPOSE33,
    HALPE136,
    WHOLEBODY133,
):
    register(_skeleton)
