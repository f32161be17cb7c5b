"""The skeletons poseflow knows, by name, and a place to register one's own.

Examples:
    >>> from poseflow import skeletons
    >>> skeletons.get("coco17").joints[:3]
    ('nose', 'left_eye', 'right_eye')
"""

from __future__ import annotations

from poseflow.errors import PoseFlowError
from poseflow.skeleton import Skeleton
from poseflow.skeletons.coco import COCO17

__all__ = ["COCO17", "for_joint_count", "get", "names", "register"]

_REGISTRY: dict[str, Skeleton] = {}


def register(skeleton: Skeleton, *, replace: bool = False) -> Skeleton:
    """Make a skeleton known by its name, to files, the command line and `Poses`.

    Raises:
        PoseFlowError: If another skeleton has that name and `replace` is not set.
    """
    known = _REGISTRY.get(skeleton.name)
    if known is not None and known != skeleton and not replace:
        raise PoseFlowError(
            f"a different skeleton is already called {skeleton.name!r}; choose another "
            "name or pass replace=True"
        )
    _REGISTRY[skeleton.name] = skeleton
    return skeleton


def names() -> tuple[str, ...]:
    """Names of all known skeletons, in order of registration."""
    return tuple(_REGISTRY)


def get(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
        PoseFlowError: If there is none.
    """
    try:
        return _REGISTRY[name]
    except KeyError:
        raise PoseFlowError(
            f"unknown skeleton {name!r}; known are {', '.join(names())}; "
            "poseflow.skeletons.register adds one"
        ) from None


def for_joint_count(joints: int) -> Skeleton:
    """The first registered skeleton with that many joints (COCO-17 for 17).

    Raises:
        PoseFlowError: If no known skeleton has so many joints.
    """
    for skeleton in _REGISTRY.values():
        if len(skeleton) == joints:
            return skeleton
    raise PoseFlowError(
        f"no known skeleton has {joints} joints; pass skeleton=..., or register one "
        "with poseflow.skeletons.register"
    )


for _skeleton in (COCO17,):
    register(_skeleton)
