"""Fields of a person in JSON, from the shapes in which tools write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from poseflow.formats.alphapose import track_id
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.poses import NO_TRACK

Value = TypeVar("Value")
Number = float | None


def number(value: Any) -> Number:
    """A number, also in quotes or alone in a list; None stays None.

    Raises:
        ValueError: If it is none.
    """
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        return None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"expected a number, found {str(value)[:40]!r}")


def four_numbers(value: Any) -> list[Number] | None:
    """The numbers of a box, also in a list of one list; None if it is missing.

    Raises:
        ValueError: If there are not four.
    """
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == []:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"expected 4 numbers, found {str(value)[:40]!r}")
    return [number(side) for side in value]


def identity(value: Any) -> int:
    """A track id, -1 for none.

    Raises:
        ValueError: If it is no whole number.
    """
    try:
        return track_id(value)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("idx: ")) from error


class Optional:
    """Optional fields of one person: a bad one is noted, and its default taken."""

    def __init__(self, builder: FrameBuilder, where: str) -> None:
        self._builder = builder
        self._where = where

    def take(
        self, field: str, value: Any, kind: Callable[[Any], Value], default: Value
    ) -> Value:
        """The value as `kind` makes it, or the default."""
        try:
            return kind(value)
        except ValueError as error:
            self._builder.problems.ignore(self._where, f"{field}: {error}")
            return default

    def number(self, field: str, value: Any) -> Number:
        """A score; None if it is missing or bad."""
        return self.take(field, value, number, None)

    def box(self, field: str, value: Any) -> list[Number] | None:
        """A box; None if it is missing or bad."""
        return self.take(field, value, four_numbers, None)

    def identity(self, field: str, value: Any) -> int:
        """A track id; -1 if it is missing or bad."""
        return self.take(field, value, identity, NO_TRACK)


def joint_numbers(
    field: str, points: Any, scores: Any = None, scores_field: str = "scores"
) -> list[Number]:
    """x, y, score of every joint in one list.

    Args:
        field: Name of the field with the points, for messages.
        points: `[[x, y], …]`, `[[x, y, score], …]` or one flat list of either.
        scores: One for each joint; None where the points have them, or none is known.
        scores_field: Name of the field with the scores.

    Raises:
        ValueError: If there are no points, they are 3D, or the numbers do not fit.
    """
    if not isinstance(points, list) or not points:
        raise ValueError(f"{field}: expected a list of joints, found {points!r:.40}")
    if scores is not None and not isinstance(scores, list):
        raise ValueError(f"{scores_field}: expected a list, found {scores!r:.40}")
    marks = None if scores is None else [_numeric(scores_field, s) for s in scores]
    if not isinstance(points[0], list):
        size = 3 if marks is None else len(points) / max(len(marks), 1)
        if size not in (2, 3) or len(points) % size:
            raise ValueError(
                f"{field}: expected x, y for each of {len(marks or ())} scores, found "
                f"{len(points)} numbers"
            )
        step = int(size)
        points = [points[k : k + step] for k in range(0, len(points), step)]
    sizes = {len(p) if isinstance(p, list) else 0 for p in points}
    if sizes == {3} and marks is not None:
        raise ValueError(f"{field}: expected x, y in pixels, found 3 coordinates (3D?)")
    if sizes not in ({2}, {3}):
        raise ValueError(f"{field}: expected [x, y] for every joint, found {points[0]}")
    if marks is not None and len(marks) != len(points):
        raise ValueError(
            f"{scores_field}: expected {len(points)}, one for each joint, found "
            f"{len(marks)}"
        )
    flat: list[Number] = []
    for k, point in enumerate(points):
        flat += [_numeric(field, value) for value in point]
        if len(point) == 2:
            flat.append(1.0 if marks is None else marks[k])
    return flat


def _numeric(field: str, value: Any) -> Number:
    if type(value) is float or type(value) is int:
        return value
    try:
        return number(value)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error


def finite(value: Number) -> bool:
    """Whether it is a number that is finite."""
    return value is not None and math.isfinite(value)
