"""Person boxes and joint squares, the regions that the released association compares.

Sources: the description of the code released with PoseFlow (Xiu et al., BMVC 2018);
what differs outside `compat` is listed in docs/trackers.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.similarity.boxes import keypoint_extent

NOWHERE = (np.inf, np.inf, -np.inf, -np.inf)
"""An inverted region: it holds no point and overlaps nothing."""


@dataclass(frozen=True)
class Regions:
    """Boxes of N people and squares around their K joints.

    Attributes:
        boxes: `(N, 4)` xyxy pixels, float64, grown and clipped.
        squares: `(N, K, 4)` xyxy pixels around each joint; `NOWHERE` for a joint that
            does not count.
    """

    boxes: Floats
    squares: Floats

    def __len__(self) -> int:
        """Number of people, N."""
        return len(self.boxes)

    def __getitem__(self, which: Any) -> Regions:
        """Some of the people, by mask or numbers."""
        return Regions(self.boxes[which], self.squares[which])

    @property
    def layers(self) -> Floats:
        """Box and squares joint by joint, `(1 + K, N, 4)`, boxes first."""
        return np.concatenate([self.boxes[None], self.squares.swapaxes(0, 1)])


def released_regions(
    keypoints: Floats, size: tuple[int, int], margin: float, half_side: float
) -> Regions:
    """Regions of the released tracker (`compat`).

    The box spans *all* keypoints, absent ones at (0, 0) included, grown by `margin` of
    its sides, clipped to the image and truncated to whole pixels.

    Args:
        keypoints: `(N, K, 2)` pixels.
        size: Width and height of the image.
        margin: Fraction of width and height added on each side.
        half_side: Half side of the joint squares in pixels.
    """
    points = keypoints.astype(np.float64)
    everywhere = np.ones(points.shape[:2], np.bool_)
    boxes = keypoint_extent(points, everywhere)
    sides = boxes[:, 2:] - boxes[:, :2]
    boxes[:, :2] -= margin * sides
    boxes[:, 2:] += margin * sides
    boxes = np.trunc(np.clip(boxes, 0, np.tile(np.asarray(size, np.float64), 2)))
    return Regions(
        boxes, np.concatenate([points - half_side, points + half_side], axis=-1)
    )


def scaled_regions(
    keypoints: Floats,
    present: Bools,
    boxes: Floats,
    size: tuple[int, int] | None,
    margin: float,
    half_side: float,
) -> Regions:
    """Regions that follow each person's scale; only joints that are present count.

    Args:
        keypoints: `(N, K, 2)` pixels.
        present: `(N, K)`.
        boxes: `(N, 4)` xyxy pixels; NaN for people without a position.
        size: Width and height of the image to clip boxes to, if known.
        margin: Fraction of width and height added on each side.
        half_side: Half side of the joint squares over the person's longer side.
    """
    points = keypoints.astype(np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    # At least a pixel, so that a person of one joint still has a region.
    longer = np.maximum(sides.max(axis=1, initial=0.0), 1.0)[:, None, None]
    squares = np.concatenate(
        [points - half_side * longer, points + half_side * longer], axis=-1
    )
    squares[~present] = NOWHERE
    grow = np.maximum(margin * sides, 0.5)
    boxes = boxes + np.concatenate([-grow, grow], axis=1)
    if size is not None:
        boxes = np.clip(boxes, 0, np.tile(np.asarray(size, np.float64), 2))
    boxes[~np.isfinite(boxes).all(axis=1)] = NOWHERE
    return Regions(boxes, squares)


def overlap(first: Floats, second: Floats, pixel: float, epsilon: float) -> Floats:
    """Intersection over union of `(..., 4)` regions, element by element.

    Args:
        first: xyxy regions.
        second: xyxy regions that broadcast with `first`.
        pixel: Added to every side: 1 counts border pixels, as the released code does
            (regions that merely touch still do not overlap).
        epsilon: Added to the union.

    Returns:
        `(...)` in [0, 1]; 0 where the regions do not overlap or one is `NOWHERE`.
    """
    # Axis by axis: numpy reduces slowly along an axis of two.
    inside: Any = 1.0
    first_area: Any = 1.0
    second_area: Any = 1.0
    apart: Any = False
    with np.errstate(invalid="ignore", over="ignore"):
        for low, high in ((0, 2), (1, 3)):
            common = np.minimum(first[..., high], second[..., high])
            common -= np.maximum(first[..., low], second[..., low])
            apart = apart | (common <= 0)
            inside = inside * (common + pixel)
            first_area = first_area * (first[..., high] - first[..., low] + pixel)
            second_area = second_area * (second[..., high] - second[..., low] + pixel)
        union = first_area + second_area - inside
    shared: Floats = np.zeros(np.shape(inside))
    np.divide(inside, union + epsilon, out=shared, where=~apart)
    return shared


def mean_of_best(values: Floats, best: int) -> Floats:
    """Mean of the `best` largest along the last axis, `(..., K)` to `(...)`."""
    joints = values.shape[-1]
    best = min(best, joints)
    if best < joints:
        values = np.partition(values, joints - best, axis=-1)[..., joints - best :]
    mean: Floats = values.mean(axis=-1)
    return mean


def reaching(first: Floats, second: Floats) -> tuple[Ints, Ints]:
    """Pairs of people whose joint squares can overlap.

    Args:
        first: Squares `(N, K, 4)`.
        second: Squares `(P, K, 4)`.

    Returns:
        Numbers into `first` and into `second`; all other pairs have overlap 0.
    """
    low = [squares[..., :2].min(axis=1, initial=np.inf) for squares in (first, second)]
    high = [
        squares[..., 2:].max(axis=1, initial=-np.inf) for squares in (first, second)
    ]
    near = np.ones((len(first), len(second)), np.bool_)
    for axis in (0, 1):
        near &= low[0][:, None, axis] <= high[1][None, :, axis]
        near &= low[1][None, :, axis] <= high[0][:, None, axis]
    rows, columns = np.nonzero(near)
    return rows, columns
