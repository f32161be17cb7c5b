"""Centre heatmaps to boxes: peaks, the boxes proposed there, and NMS."""

from __future__ import annotations

import torch
from torch import Tensor

from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.networks.centernet import boxes_everywhere
from poseflow.estimator.protocols import Detections

MOST_PEOPLE = 100
"""Peaks of an image that are looked at, best first."""

NMS_IOU = 0.5
"""Two peaks whose boxes overlap more than this are one person."""


def decode_centres(
    out: Tensor, threshold: float, *, most: int = MOST_PEOPLE, nms: float = NMS_IOU
) -> list[Detections]:
    """The people of each image.

    A peak is a place that none of its eight neighbours outscores: CenterNet's NMS by
    3 x 3 maximum. Two peaks on one large person remain possible, hence the IoU.

    Args:
        out: `(N, 5, h, w)`, the network's.
        threshold: Least score in [0, 1].
        most: Peaks of each image that are looked at.
        nms: Largest IoU of two people.

    Returns:
        Boxes in pixels of the network's input, best first.
    """
    scores = out[:, 0].float().sigmoid()
    highest = torch.nn.functional.max_pool2d(scores[:, None], 3, 1, 1)[:, 0]
    # A score that is not a number is no peak: every comparison with it fails.
    peaks = torch.where((scores >= highest) & (scores >= threshold), scores, 0)
    flat = peaks.flatten(1)
    best, place = flat.topk(min(most, flat.shape[1]))
    chosen = place[:, None].expand(-1, 4, -1)
    boxes = boxes_everywhere(out).flatten(2).gather(2, chosen).permute(0, 2, 1)
    results = []
    for box, score in zip(boxes.cpu().numpy(), best.cpu().numpy(), strict=True):
        real = score > 0
        box, score = box[real], score[real]
        kept = box_nms(box, score, nms)
        results.append(Detections(box[kept], score[kept]))
    return results
