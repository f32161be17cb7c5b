"""Poses as typed arrays of a page: quantised, one block of bytes in base64."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.events.people import People

LARGEST_INT16 = 32000
"""Coordinates are stored as multiples of a step that makes the largest so big."""

LARGEST_ID = 2**53 - 2**16
"""JavaScript's numbers are exact up to 2^53."""

FINEST_STEP_PIXELS = 1 / 16
FARTHEST_PIXELS = 1e5
"""Coordinates beyond are moved to here: no screen shows them."""


def pose_columns(people: People) -> tuple[float, dict[str, npt.NDArray[Any]]]:
    """The columns of all people, and the step of their coordinates in pixels.

    Args:
        people: The people of a sequence.
    """
    boxes = _bounded(people.boxes)
    points = _bounded(people.keypoints)
    points[~people.present] = 0
    largest = max(np.abs(points).max(initial=0), np.abs(boxes).max(initial=0))
    step = max(float(largest) / LARGEST_INT16, FINEST_STEP_PIXELS)
    return step, {
        "times": people.times.astype(np.float32),
        "bounds": people.bounds.astype(np.uint32),
        "ids": _ids(people.ids),
        "points": np.rint(points / step).astype(np.int16),
        "marks": _bytes(people.keypoint_scores, people.present),
        "boxes": np.rint(boxes / step).astype(np.int16),
        "scores": people.scores.astype(np.float32),
    }


def box_columns(
    prefix: str, people: People, step: float
) -> dict[str, npt.NDArray[Any]]:
    """Ids and boxes alone, for annotated people.

    Args:
        prefix: Put before the names of the columns.
        people: The people.
        step: Of the coordinates, in pixels.
    """
    boxes = np.rint(_bounded(people.boxes) / step)
    return {
        f"{prefix}bounds": people.bounds.astype(np.uint32),
        f"{prefix}ids": _ids(people.ids),
        f"{prefix}boxes": boxes.clip(-LARGEST_INT16, LARGEST_INT16).astype(np.int16),
    }


def _ids(ids: Ints) -> npt.NDArray[Any]:
    """Ids in 32 bits where they fit, otherwise as floats, which JavaScript counts in.

    Raises:
        PoseFlowError: If an id is too large for either.
    """
    largest = int(ids.max(initial=0))
    if largest > LARGEST_ID:
        raise PoseFlowError(
            f"track {largest}: a page holds ids up to {LARGEST_ID}; renumber the tracks"
        )
    # Some room for the ids that corrections add.
    return ids.astype(np.int32 if largest < 2**31 - 2**16 else np.float64)


def _bounded(values: Floats) -> Floats:
    finite = np.nan_to_num(values, nan=0.0, posinf=FARTHEST_PIXELS)
    return np.clip(finite, -FARTHEST_PIXELS, FARTHEST_PIXELS)


def _bytes(scores: Floats, there: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Scores from 0 to 1 as 0 to 255; what is there is at least 1."""
    whole = np.rint(np.clip(np.nan_to_num(scores), 0, 1) * 255)
    return np.where(there, np.maximum(whole, 1), 0).astype(np.uint8)


def packed(
    columns: Mapping[str, npt.NDArray[Any]],
) -> tuple[dict[str, tuple[str, int, int]], str]:
    """One block of base64, and each column's type, offset in bytes and length.

    Types are named as NumPy names them, and little-endian; offsets are multiples of 8.
    """
    table: dict[str, tuple[str, int, int]] = {}
    parts: list[bytes] = []
    offset = 0
    for name, column in columns.items():
        data = np.ascontiguousarray(column).astype(
            column.dtype.newbyteorder("<"), copy=False
        )
        table[name] = (column.dtype.name, offset, column.size)
        padding = -data.nbytes % 8
        parts += [data.tobytes(), b"\0" * padding]
        offset += data.nbytes + padding
    return table, base64.b64encode(b"".join(parts)).decode()
