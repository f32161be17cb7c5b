"""What a list of people carries beside them: skeleton, frame rate and size.

The number of joints alone takes the 17 slots of PoseTrack18 for COCO's, and knows no
skeleton of one's own. The first entry of a result has the field `poseflow` where that
is so; AlphaPose's and COCO's tools ignore fields that they do not know, and it cannot
be lost as a file of its own can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from poseflow.errors import PoseFlowError
from poseflow.formats.base import Hints
from poseflow.skeleton import Skeleton
from poseflow.skeletons import for_joint_count, get, names


class _Joints(msgspec.Struct, omit_defaults=True):
    """A skeleton."""

    name: str
    joints: list[str]
    limbs: list[tuple[str, str]] = []
    sigmas: list[float] = []


class Carried(msgspec.Struct, omit_defaults=True):
    """The field `poseflow` of a first entry."""

    skeleton: _Joints
    fps: float | None = None
    size: tuple[int, int] | None = None


def carried(skeleton: Skeleton, hints: Hints) -> Carried | None:
    """What to write with poses; None where the number of joints says enough."""
    try:
        if for_joint_count(len(skeleton)) == skeleton:
            return None
    except PoseFlowError:
        pass
    joints = _Joints(
        skeleton.name,
        list(skeleton.joints),
        list(skeleton.limbs),
        list(skeleton.sigmas),
    )
    return Carried(joints, hints.fps, hints.size)


def with_carried(hints: Hints, value: Any) -> Hints:
    """Hints completed by the field `poseflow`; what the caller says goes first.

    Raises:
        ValueError: If the field is no such thing; the message says why.
    """
    try:
        found = msgspec.convert(value, Carried)
        own = found.skeleton
        skeleton = get(own.name) if own.name in names() else None
        if skeleton is None or list(skeleton.joints) != own.joints:
            skeleton = Skeleton(
                own.name, tuple(own.joints), tuple(own.limbs), tuple(own.sigmas)
            )
    except (msgspec.ValidationError, PoseFlowError) as error:
        raise ValueError(f"poseflow: expected skeleton, fps, size ({error})") from error
    fps = found.fps if found.fps is not None and found.fps > 0 else None
    return replace(
        hints,
        skeleton=hints.skeleton or skeleton,
        fps=hints.fps or fps,
        size=hints.size or found.size,
    )
