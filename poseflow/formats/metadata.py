"""Metadata of a result: skeleton, frame rate, size, frame times, tracker and version.

They travel inside the file, in the field, column or schema entry `poseflow` of each
format. In AlphaPose's and COCO's lists it is a field of the first entry: their tools
ignore fields that they do not know. A file beside the result would be lost when the
result is copied, renamed or piped, and would stay behind, and lie, when another program
writes the result anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from poseflow.errors import PoseFlowError
from poseflow.formats.base import Hints
from poseflow.skeletons import for_joint_count, get, names
from poseflow.skeletons.skeleton import Skeleton

SAME_TIME_S = 1e-6
"""Frame times that differ by less from index / fps are not written."""


class Joints(msgspec.Struct, omit_defaults=True):
    """A skeleton; one that poseflow does not know by its name in full."""

    name: str
    joints: list[str]
    limbs: list[tuple[str, str]] = []
    pairs: list[tuple[str, str]] = []
    sigmas: list[float] = []


class Metadata(msgspec.Struct, omit_defaults=True):
    """Content of the field `poseflow`; see `poseflow.PoseSequence`."""

    skeleton: Joints
    name: str | None = None
    fps: float | None = None
    size: tuple[int, int] | None = None
    names: dict[int, str] = {}
    tracker: str | None = None
    version: str | None = None


def metadata(skeleton: Skeleton, hints: Hints) -> Metadata:
    """The metadata to write with poses."""
    joints = Joints(skeleton.name, list(skeleton.joints))
    if skeleton.name not in names() or get(skeleton.name) != skeleton:
        joints.limbs = list(skeleton.limbs)
        joints.pairs = list(skeleton.pairs)
        joints.sigmas = list(skeleton.sigmas)
    return Metadata(
        joints,
        hints.name or None,
        hints.fps,
        hints.size,
        dict(hints.names),
        hints.tracker,
        hints.version,
    )


def metadata_if_needed(skeleton: Skeleton, hints: Hints) -> Metadata | None:
    """As `metadata`; None where the number of joints says all that is known."""
    known = (hints.fps, hints.size, hints.names, hints.tracker, hints.version)
    try:
        if not any(known) and for_joint_count(len(skeleton)) == skeleton:
            return None
    except PoseFlowError:
        pass
    return metadata(skeleton, hints)


def time_if_needed(index: int, time: float, fps: float | None) -> float | None:
    """The time of a frame to write; None where the reader can compute it."""
    expected = index / fps if fps else 0.0
    return None if abs(time - expected) < SAME_TIME_S else time


def with_metadata(hints: Hints, value: Any) -> Hints:
    """Hints completed by the field `poseflow`; what the caller says goes first.

    Args:
        hints: Those of the caller of `read`.
        value: Plain objects, or JSON as text.

    Raises:
        ValueError: If the field is no such thing; the message says why.
    """
    try:
        if isinstance(value, str | bytes):
            found = msgspec.json.decode(value, type=Metadata, strict=False)
        else:
            found = msgspec.convert(value, Metadata, strict=False)
        skeleton = _skeleton(found.skeleton)
    except (
        msgspec.MsgspecError,
        PoseFlowError,
        UnicodeDecodeError,
        RecursionError,
    ) as error:
        raise ValueError(f"poseflow: expected skeleton, fps, size ({error})") from error
    fps, size = found.fps, found.size
    if fps is not None and not 0 < fps < math.inf:
        fps = None
    if size is not None and min(size) < 1:
        size = None
    return replace(
        hints,
        skeleton=hints.skeleton or skeleton,
        fps=hints.fps or fps,
        size=hints.size or size,
        name=found.name if hints.name is None else hints.name,
        names=hints.names or found.names,
        tracker=hints.tracker or found.tracker,
        version=hints.version or found.version,
    )


def _skeleton(found: Joints) -> Skeleton:
    """The skeleton: a registered one if its joints agree, otherwise the file's own."""
    if found.name in names() and not found.limbs:
        skeleton = get(found.name)
        if list(skeleton.joints) == found.joints:
            return skeleton
    if found.sigmas and not all(0 < sigma < math.inf for sigma in found.sigmas):
        raise PoseFlowError("sigmas: expected numbers above 0")
    own = Skeleton(
        found.name,
        tuple(found.joints),
        tuple(found.limbs),
        tuple(found.sigmas),
        pairs=tuple(found.pairs),
    )
    registered = get(found.name) if found.name in names() else None
    return registered if registered == own and registered is not None else own


def frame_time(
    index: int, times: Mapping[int, float], hints: Hints, given_fps: float | None
) -> float:
    """The time of a frame: the file's, unless the caller says how fast frames are.

    Args:
        index: Index of the frame.
        times: The times that the file gives, by index.
        hints: Completed hints.
        given_fps: The frame rate that the caller of `read` said, if any.
    """
    if given_fps is None and index in times:
        return times[index]
    return hints.time(index)
