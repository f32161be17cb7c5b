"""Ignore regions: polygons whose joints are not scored."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.formats.posetrack.annotations import Annotations


def inside_polygon(points: Floats, polygon: Floats) -> Bools:
    """Which points lie strictly inside a polygon, by the even-odd rule.

    Exact for any float64 input: where rounding could decide, the side of an edge is
    computed in rational numbers.

    Args:
        points: `(N, 2)`; NaN is outside.
        polygon: `(k, 2)` corners, self-crossing allowed. With fewer than three
            corners nothing is inside.

    Returns:
        `(N,)`; False on the border.

    Examples:
        >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
        >>> inside_polygon(np.array([[1.0, 1], [4, 2], [5, 2]]), square).tolist()
        [True, False, False]
    """
    inside = np.zeros(len(points), np.bool_)
    if len(polygon) < 3 or not len(points):
        return inside
    (low_x, low_y), (high_x, high_y) = polygon.min(axis=0), polygon.max(axis=0)
    x, y = points.T
    near = np.flatnonzero((x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y))
    x, y = x[near, None], y[near, None]
    x1, y1 = polygon.T
    x2, y2 = np.roll(polygon, -1, axis=0).T
    with np.errstate(over="ignore", invalid="ignore"):
        left, right = (x2 - x1) * (y - y1), (y2 - y1) * (x - x1)
        side = left - right
        doubtful = np.abs(side) <= 1e-14 * (np.abs(left) + np.abs(right))
    for row, edge in np.argwhere(doubtful).tolist():
        ax, ay, bx, by, px, py = map(
            Fraction,
            (x1[edge], y1[edge], x2[edge], y2[edge], x[row, 0], y[row, 0]),
        )
        exact = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
        side[row, edge] = (exact > 0) - (exact < 0)
    on_edge = (
        (side == 0)
        & (np.minimum(x1, x2) <= x)
        & (x <= np.maximum(x1, x2))
        & (np.minimum(y1, y2) <= y)
        & (y <= np.maximum(y1, y2))
    )
    crossed = ((y1 > y) != (y2 > y)) & ((side > 0) == (y2 > y1))
    inside[near] = (crossed.sum(axis=1) % 2 == 1) & ~on_edge.any(axis=1)
    return inside


def inside_regions(keypoints: Floats, frames: Ints, regions_of: Annotations) -> Bools:
    """Which joints lie in an ignore region of their frame.

    Args:
        keypoints: `(P, 15, 2)` pixels, NaN where absent.
        frames: `(P,)` each person's frame in `regions_of`, -1 for none.
        regions_of: The annotation, which has the regions of both sides.

    Returns:
        `(P, 15)`; False for absent joints.
    """
    inside = np.zeros(keypoints.shape[:2], np.bool_)
    for polygon, own_frames in regions_of.distinct_regions:
        there = np.zeros(regions_of.num_frames + 1, np.bool_)
        there[own_frames] = True  # the last place stays False, for frame -1
        rows = np.flatnonzero(there[frames])
        joints = keypoints[rows].reshape(-1, 2)
        inside[rows] |= inside_polygon(joints, polygon).reshape(-1, 15)
    return inside
