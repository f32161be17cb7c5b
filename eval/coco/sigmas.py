"""OKS constants (sigmas) of an annotation's joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poseflow import skeletons
from poseflow.errors import PoseFlowError
from poseflow.eval.coco.fields import is_number, number_list
from poseflow.formats.skeleton_fields import joint_name
from poseflow.skeletons.files import find_skeleton
from poseflow.skeletons.skeleton import Skeleton

Sigmas = Sequence[float] | float | str | Skeleton
"""OKS constants: one for each joint, one for all, or those of a skeleton: itself, its
name, or a YAML or JSON file of it."""

CROWDPOSE = {
    **{"left_shoulder": 0.079, "right_shoulder": 0.079},
    **{"left_elbow": 0.072, "right_elbow": 0.072},
    **{"left_wrist": 0.062, "right_wrist": 0.062},
    **{"left_hip": 0.107, "right_hip": 0.107},
    **{"left_knee": 0.087, "right_knee": 0.087},
    **{"left_ankle": 0.089, "right_ankle": 0.089},
    **{"head": 0.079, "neck": 0.079},
}
"""Joints of CrowdPose and their constants (Li et al., CVPR 2019, and its API)."""

_PEOPLE = ("person", "people", "human", "pedestrian")
"""Names of categories whose joints are those of people."""


def joint_sigmas(
    dataset: dict[str, Any], joints: int, sigmas: Sigmas | None, notes: list[str]
) -> Sequence[float]:
    """OKS constants of the annotation's joints, one for each.

    Args:
        dataset: The annotations, checked.
        joints: Number of their joints.
        sigmas: What the caller gave, see `evaluate_coco`.
        notes: Receives what was assumed.

    Raises:
        PoseFlowError: If none are known for the joints, or they do not fit.
    """
    categories = [c for c in dataset["categories"] if isinstance(c, dict)]
    named = [c["keypoints"] for c in categories if isinstance(c.get("keypoints"), list)]
    names = [joint_name(str(name)) for name in named[0]] if named else []
    if sigmas is not None:
        return _given_sigmas(sigmas, joints, names)
    for category in categories:
        own = number_list(category.get("sigmas"))
        if own is not None:
            return _given_sigmas(own, joints)
    if names == list(CROWDPOSE):
        return list(CROWDPOSE.values())
    known = [skeletons.get(name) for name in skeletons.names()]
    for skeleton in known:
        if names == list(skeleton.joints):
            return skeleton.sigmas
    human = {
        joint: sigma
        for skeleton in reversed(known)
        for joint, sigma in zip(skeleton.joints, skeleton.sigmas, strict=True)
    }
    if names and human.keys() >= set(names):
        notes.append(
            "the joints are in the order of no built-in skeleton; each has the OKS "
            "sigma that its name has there"
        )
        return [human[name] for name in names]
    try:
        skeleton = skeletons.for_joint_count(joints)
    except PoseFlowError:
        raise PoseFlowError(
            f"no OKS sigmas are known for the annotation's {joints} joints; pass "
            "sigmas (--sigmas: a number, one for each joint, or a skeleton's name), "
            "give the category a list 'sigmas', or name its keypoints as one of the "
            "built-in skeletons does"
        ) from None
    others = [name for name in names if name not in human]
    kinds = [str(c.get("name")) for c in categories]
    kinds = [kind for kind in kinds if kind.lower() not in (*_PEOPLE, "none")]
    if others or kinds or joints != len(skeletons.COCO17):
        about = f"joints such as {others[0]!r}" if others else "joints without names"
        about += f" of {kinds[0]!r}" if kinds else ""
        notes.append(
            f"the OKS sigmas of {skeleton.name}, which are those of people, are used "
            f"for {about}; pass others with --sigmas"
        )
    return skeleton.sigmas


def _given_sigmas(
    sigmas: Sigmas, joints: int, names: Sequence[str] = ()
) -> Sequence[float]:
    """Constants as a caller or a file gives them, one for each joint."""
    if sigmas == "crowdpose":
        sigmas = list(CROWDPOSE.values())
    if isinstance(sigmas, str | Skeleton):
        skeleton = find_skeleton(sigmas)
        sigmas = skeleton.sigmas
        own = [joint_name(joint) for joint in skeleton.joints]
        if set(own) >= set(names) and names:
            sigmas = [skeleton.sigmas[own.index(name)] for name in names]
    if isinstance(sigmas, int | float):
        sigmas = [sigmas] * joints
    good = len(sigmas) == joints and all(is_number(v) and v > 0 for v in sigmas)
    if not good:
        raise PoseFlowError(
            f"sigmas: expected {joints} numbers above 0, one for each joint, got "
            f"{len(sigmas)}: {list(sigmas)[:40]}"
        )
    return sigmas
