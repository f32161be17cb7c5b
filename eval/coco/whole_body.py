"""COCO-WholeBody: people whose joints are in five fields."""

from __future__ import annotations

from typing import Any

from poseflow import skeletons

_PARTS = ("foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")
"""Fields of COCO-WholeBody that continue `keypoints`, in order."""


def with_parts(entry: Any) -> Any:
    """A person of COCO-WholeBody with all joints in `keypoints`."""
    lists = [entry.get(n) for n in ("keypoints", *_PARTS)] if has_parts(entry) else []
    if not lists or not all(isinstance(values, list) for values in lists):
        return entry
    if len(lists[0]) == 3 * len(skeletons.get("wholebody133")):
        return entry
    return {**entry, "keypoints": [v for values in lists for v in values]}


def has_parts(entry: Any) -> bool:
    """Whether a person has all five fields of joints."""
    return isinstance(entry, dict) and all(name in entry for name in _PARTS)


def is_whole_body(entries: Any) -> bool:
    """Whether results have COCO-WholeBody's joints, in one field or in five."""
    first = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(first, dict):
        return False
    points = first.get("keypoints")
    whole = 3 * len(skeletons.get("wholebody133"))
    return has_parts(first) or (isinstance(points, list) and len(points) == whole)
