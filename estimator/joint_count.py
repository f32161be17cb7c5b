"""What the joints of a model are called, by their number."""

from __future__ import annotations

from poseflow import skeletons
from poseflow.errors import PoseFlowError
from poseflow.skeleton import Skeleton


def fitting_skeleton(
    place: object, joints: int, skeleton: Skeleton | str | None
) -> Skeleton:
    """The skeleton of a model with so many joints.

    Args:
        place: The model's file, for errors.
        joints: How many it has.
        skeleton: The one asked for; None for the built-in one with so many.

    Raises:
        PoseFlowError: If the one asked for has another number, or none is known.
    """
    if skeleton is None:
        return skeletons.for_joint_count(joints)
    wanted = skeletons.get(skeleton) if isinstance(skeleton, str) else skeleton
    if len(wanted) != joints:
        raise PoseFlowError(
            f"{place}: the model has {joints} joints, skeleton {wanted.name!r} has "
            f"{len(wanted)}"
        )
    return wanted
