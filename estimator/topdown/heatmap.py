"""Heatmap decoding: peaks of heatmaps to joints in image pixels."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats
from poseflow.skeletons.skeleton import Skeleton

QUARTER_PIXEL = 0.25
"""Step of a joint from the heatmap's peak toward the higher neighbour."""


def decode_heatmaps(heatmaps: Floats) -> tuple[Floats, Floats]:
    """Heatmap decoding: the peak, moved a quarter pixel toward the higher neighbour.

    The first maximum counts on ties. A map without a positive value, or with a value
    that is not finite, has its joint at (0, 0). There is no quarter-pixel step in the
    two outermost columns and rows at the low end and the outermost at the high end,
    nor between equal neighbours (Newell et al., ECCV 2016; borders as released by
    AlphaPose).

    Args:
        heatmaps: `(N, K, H, W)`.

    Returns:
        Joints `(N, K, 2)` in heatmap pixels and scores `(N, K)`, the peaks' values,
        both in the dtype of the heatmaps; a map with a value that is not finite has
        score 0.

    Examples:
        >>> import numpy as np
        >>> maps = np.zeros((1, 1, 8, 8))
        >>> maps[0, 0, 4, 3], maps[0, 0, 4, 4] = 1, 0.5
        >>> joints, scores = decode_heatmaps(maps)
        >>> joints.tolist(), scores.tolist()
        ([[[3.25, 4.0]]], [[1.0]])
    """
    count, joints, height, width = heatmaps.shape
    flat = heatmaps.reshape(count, joints, height * width)
    if not flat.size:
        points = np.zeros((count, joints, 2), flat.dtype)
        return points, points[..., 0].copy()
    peak = flat.argmax(axis=-1)
    scores: Floats = np.take_along_axis(flat, peak[..., None], axis=-1)[..., 0]
    y, x = np.divmod(peak, width)

    inside = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
    points = np.stack([x, y], axis=-1).astype(flat.dtype)
    if inside.any():
        # Peaks on the border take no step; (1, 1) has neighbours, if any pixel has.
        centre = np.where(inside, peak, width + 1)
        for axis, step in ((0, 1), (1, width)):
            higher = np.take_along_axis(flat, (centre + step)[..., None], axis=-1)
            lower = np.take_along_axis(flat, (centre - step)[..., None], axis=-1)
            toward = np.sign(higher - lower)[..., 0]
            points[..., axis] += np.where(inside, QUARTER_PIXEL * toward, 0)

    # A sum is not finite if any of its terms is not: one pass, no boolean copy.
    with np.errstate(over="ignore", invalid="ignore"):
        broken = ~np.isfinite(flat.sum(axis=-1))
    points[(scores <= 0) | broken] = 0
    return points, np.where(broken, 0, scores).astype(flat.dtype)


def heatmap_to_image(joints: Floats, size: tuple[int, int], boxes: Floats) -> Floats:
    """Transform joints from heatmap pixels to image pixels.

    The width's scale serves both axes: the boxes have the network's aspect ratio.

    Args:
        joints: `(N, K, 2)` heatmap pixels.
        size: Width and height of the heatmaps.
        boxes: `(N, 4)` xyxy, the boxes of the crops, in image pixels.

    Returns:
        `(N, K, 2)` image pixels, in the dtype of `joints`.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    scale = (boxes[:, 2] - boxes[:, 0]) / size[0]
    middle = np.array(size) / 2
    image = (joints - middle) * scale[:, None, None] + centre[:, None]
    result: Floats = image.astype(joints.dtype)
    return result


def flip_back(heatmaps: Floats, skeleton: Skeleton, *, shift: bool = True) -> Floats:
    """Flip test: mirror heatmaps back and exchange left and right joints.

    Args:
        heatmaps: `(N, K, H, W)` of the mirrored crop.
        skeleton: Defines the left and right joints.
        shift: Move one pixel to the right, as a mirrored strided grid needs: the
            crop's last column is no multiple of the stride. Column 0 stays.

    Returns:
        `(N, K, H, W)`, to be averaged with those of the plain crop.
    """
    back = heatmaps[:, skeleton.flip_indices, :, ::-1]
    if not shift:
        return np.ascontiguousarray(back)
    return np.concatenate([back[..., :1], back[..., :-1]], axis=-1)
