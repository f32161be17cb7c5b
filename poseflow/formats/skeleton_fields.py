"""Skeletons from the names, limbs and sigmas that files hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poseflow.skeletons import get, names
from poseflow.skeletons.skeleton import Skeleton


def known_by_names(joints: Iterable[str]) -> tuple[Skeleton, dict[str, str]] | None:
    """The registered skeleton whose joints a file names, in any order and spelling.

    Args:
        joints: Names as the file has them: `Left Eye` is `left_eye`.

    Returns:
        The skeleton, and its joint for every name; None if there is none, or the
        file's order and spelling are those of no single one.

    Examples:
        >>> from poseflow.skeletons import COCO17
        >>> skeleton, joint_of = known_by_names(reversed(COCO17.joints))
        >>> skeleton.name, joint_of["nose"]
        ('coco17', 'nose')
    """
    joint_of = {name: joint_name(name) for name in joints}
    wanted = set(joint_of.values())
    if len(wanted) != len(joint_of):
        return None
    for name in names():
        if set(get(name).joints) == wanted:
            return get(name), joint_of
    return None


def joint_name(text: str) -> str:
    """A joint's name as the registered skeletons spell it.

    Examples:
        >>> joint_name(" Left Eye"), joint_name("left-eye")
        ('left_eye', 'left_eye')
    """
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def skeleton_of(
    joints: Sequence[str],
    limbs: Iterable[Sequence[int]] = (),
    sigmas: Sequence[float] = (),
    name: str = "",
) -> Skeleton:
    """The registered skeleton with these joints in this order, else a new one.

    Args:
        joints: Names.
        limbs: Pairs of joints' positions from 0; pairs out of range are left out.
        sigmas: Those of the joints; another number of them is ignored.
        name: Name of a new skeleton.

    Raises:
        PoseFlowError: If two joints have one name, or there is none.

    Examples:
        >>> skeleton_of(["mouth", "tail"], [(0, 1)], name="fish").limbs
        (('mouth', 'tail'),)
        >>> from poseflow.skeletons import COCO17
        >>> skeleton_of(COCO17.joints).name
        'coco17'
    """
    known = [get(own) for own in (name, *names()) if own in names()]
    for skeleton in known:
        if skeleton.joints == tuple(joints):
            return skeleton
    pairs = []
    for limb in limbs:
        if len(limb) == 2 and all(0 <= k < len(joints) for k in limb):
            pairs.append((joints[limb[0]], joints[limb[1]]))
    usable = len(sigmas) == len(joints) and all(value > 0 for value in sigmas)
    return Skeleton(
        name or f"{len(joints)}_joints",
        tuple(joints),
        tuple(pairs),
        tuple(sigmas) if usable else (),
    )
