"""Box area, IoU and conversions: `(N, 4)` x1, y1, x2, y2 in pixels."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats


def box_area(boxes: Floats) -> Floats:
    """Areas of `(..., 4)` boxes in square pixels; an inverted box has area 0."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]


def box_iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of `a` with every box of `b`.

    Args:
        a: Boxes `(N, 4)`, xyxy.
        b: Boxes `(M, 4)`, xyxy.

    Returns:
        IoU `(N, M)` in [0, 1]; two boxes without area have IoU 0.

    Examples:
        >>> import numpy as np
        >>> box_iou(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 3, 2.0]])).round(3)
        array([[0.333]])
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = box_area(np.concatenate([low, high], axis=-1))
    union = box_area(a)[:, None] + box_area(b)[None, :] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


def keypoint_extent(keypoints: Floats, present: Bools) -> Floats:
    """Smallest boxes around each person's present keypoints.

    Args:
        keypoints: `(P, K, 2)` pixels.
        present: `(P, K)`; joints that count.

    Returns:
        `(P, 4)` xyxy in the dtype of `keypoints`; zeros for a person without joints.
    """
    boxes = np.zeros((len(keypoints), 4), keypoints.dtype)
    if keypoints.shape[1] == 0:
        return boxes
    for axis in (0, 1):  # one by one: four times as fast as both at once
        values = keypoints[..., axis]
        boxes[:, axis] = np.where(present, values, np.inf).min(axis=1)
        boxes[:, 2 + axis] = np.where(present, values, -np.inf).max(axis=1)
    boxes[~present.any(axis=1)] = 0
    return boxes


def xywh_to_xyxy(boxes: Floats) -> Floats:
    """Corners from left, top, width, height; `(..., 4)` each."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes: Floats) -> Floats:
    """Left, top, width, height from corners; `(..., 4)` each."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)
