"""Fields of COCO entries, checked: whole numbers, scores, keypoints."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np

from poseflow.errors import FormatError


def field(entry: Any, name: str, kind: type, place: str) -> Any:
    """A number of an entry: an int or a float, by `kind`.

    Raises:
        FormatError: If it is missing or no such number.
    """
    value = number(entry.get(name)) if isinstance(entry, dict) else None
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not is_number(value) or (kind is int and not isinstance(value, int)):
        what = "a number" if kind is float else "a whole number"
        raise FormatError(f"{place}: {name}: expected {what}, found {kind_of(value)}")
    return value


def box_of(entry: dict[str, Any], place: str) -> list[float]:
    """The field `bbox`: x, y, width and height in pixels.

    Raises:
        FormatError: If it is not four numbers.
    """
    box = _numbers(entry, "bbox", place)
    if len(box) != 4:
        raise FormatError(f"{place}: bbox: expected x, y, width, height")
    return box


def _numbers(entry: Any, name: str, place: str) -> list[float]:
    values = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(values, list):
        raise FormatError(
            f"{place}: {name}: expected a list of numbers, found {kind_of(values)}"
        )
    values = [number(value) for value in values]
    for value in values:
        if not is_number(value):
            raise FormatError(
                f"{place}: {name}: expected numbers, found {kind_of(value)} among them"
            )
    return values


def keypoints_of(
    entry: Any, place: str, third: str, joints: int | None = None
) -> tuple[list[float], int]:
    """Three numbers a joint, 0 where one is not finite, and the number of these."""
    values = entry.get("keypoints") if isinstance(entry, dict) else None
    strange: list[Any] = []
    if not _are_plain(values):
        values = number_list(values)
        values = [math.nan if v is None else v for v in values] if values else values
        strange = [v for v in values or () if not is_number(v)]
    if values is None or not all(isinstance(v, float) for v in strange):
        return _numbers(entry, "keypoints", place), 0  # raises
    if len(values) % 3:
        raise FormatError(
            f"{place}: keypoints: expected x, y, {third} of every joint, found "
            f"{len(values)} numbers"
        )
    if joints is not None and len(values) != 3 * joints:
        raise FormatError(
            f"{place}: keypoints: expected {3 * joints} numbers for {joints} "
            f"joints, found {len(values)}"
        )
    if not strange:
        return values, 0
    if any(math.isfinite(v) for v in strange):
        return _numbers(entry, "keypoints", place), 0  # raises: too large
    triples = np.array(values, np.float64).reshape(-1, 3)
    bad = ~np.isfinite(triples).all(axis=1)
    triples[bad] = 0
    return triples.ravel().tolist(), int(bad.sum())


def _are_plain(values: Any) -> bool:
    """Whether it is a list of finite numbers below 2^63, at the speed of C."""
    if not isinstance(values, list) or not {int, float}.issuperset(map(type, values)):
        return False
    try:
        total = sum(map(abs, values))
    except OverflowError:
        return False
    return math.isfinite(total) and total < 2**63


def number_list(values: Any) -> list[Any] | None:
    """A list with its numbers in quotes as numbers, or None for anything else."""
    return [number(v) for v in values] if isinstance(values, list) else None


def number(value: Any) -> Any:
    """A number in quotes as a number; anything else as it is."""
    if isinstance(value, str) and value.isascii():
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def is_number(value: Any) -> bool:
    """Whether it is a number below 2^63 in size; True and False are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(abs(value) < 2**63)


def kind_of(value: Any) -> str:
    """What a JSON value is, for messages."""
    names = {dict: "an object", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value)) or repr(value)[:40]
