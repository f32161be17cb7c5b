"""Greedy non-maximum suppression (NMS) of boxes."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.similarity.boxes import box_iou

MOST_CANDIDATES = 1000
"""Number of the best boxes of an image that are considered."""


def box_nms(boxes: Floats, scores: Floats, threshold: float) -> Ints:
    """Non-maximum suppression: keep the best of boxes that overlap by IoU.

    Args:
        boxes: `(N, 4)` xyxy.
        scores: `(N,)`.
        threshold: IoU above which the lower-scored box goes.

    Returns:
        Positions of the kept boxes, best first; equal scores keep the input's order.

    Examples:
        >>> import numpy as np
        >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9.0]])
        >>> box_nms(boxes, np.array([0.5, 0.9, 0.1]), 0.5)
        array([1, 2])
    """
    order = np.argsort(-scores, kind="stable")[:MOST_CANDIDATES]
    overlap = box_iou(boxes[order], boxes[order]) > threshold
    free = np.ones(len(order), bool)
    kept = []
    for k in range(len(order)):
        if free[k]:
            kept.append(order[k])
            free &= ~overlap[k]
    return np.array(kept, np.int64)
