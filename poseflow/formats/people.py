"""Completion of people that a file describes in part: joints, boxes and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools
from poseflow.poses import at_origin
from poseflow.similarity.boxes import keypoint_extent, xywh_to_xyxy, xyxy_to_xywh

Array = npt.NDArray[Any]


def broken_joints(points: Array, marks: Array) -> Bools:
    """`(P, K)`: joints with a coordinate or score that is no finite number."""
    # By coordinate: numpy reduces an axis of two much more slowly.
    whole = np.isfinite(points[..., 0]) & np.isfinite(points[..., 1])
    return np.asarray(~(whole & np.isfinite(marks)))


def complete_people(
    points: Array,
    marks: Array,
    boxes: Array,
    scores: Array,
    *,
    keep_origin: bool,
    boxes_as_sides: bool = False,
) -> None:
    """Fill in, in place, what a file leaves out.

    Broken joints, and those at exactly (0, 0) unless they are to be kept, are missing.
    A box that is not finite becomes the extent of the joints that are present, a score
    that is not finite their mean score.

    Args:
        points: `(P, K, 2)` pixels.
        marks: `(P, K)` scores of the joints.
        boxes: `(P, 4)` as x1, y1, x2, y2.
        scores: `(P,)` scores of the people.
        keep_origin: Whether a joint at exactly (0, 0) is one.
        boxes_as_sides: Whether the file has boxes as left, top, width, height: extents
            are then rounded so that they stay the same when they are written.
    """
    broken = broken_joints(points, marks)
    points[broken] = 0
    marks[broken] = 0
    if not keep_origin:
        marks[at_origin(points)] = 0
    present = marks > 0
    with np.errstate(over="ignore", invalid="ignore"):
        boxless = ~np.isfinite(boxes).all(axis=1)
        extent = keypoint_extent(points[boxless], present[boxless])
        boxes[boxless] = (
            xywh_to_xyxy(xyxy_to_xywh(extent)) if boxes_as_sides else extent
        )
        unscored = ~np.isfinite(scores)
        total = np.where(present, marks, 0).sum(axis=1)
        means = total / np.maximum(present.sum(axis=1), 1)
    scores[unscored] = np.nan_to_num(means[unscored], posinf=0.0)
