"""CenterNet decoding: peaks of the centre heatmap, their boxes, and NMS."""

from __future__ import annotations

import torch
from torch import Tensor

from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.networks.centernet import boxes_everywhere
from poseflow.estimator.protocols import Detections

MOST_PEOPLE = 100
"""Number of peaks of an image that are decoded, best first."""

NMS_IOU = 0.5
"""Of two peaks whose boxes overlap by a larger IoU, the lower-scored one is dropped."""


def decode_centres(
    out: Tensor, threshold: float, *, most: int = MOST_PEOPLE, nms: float = NMS_IOU
) -> list[Detections]:
    """Decode the network's output to boxes of people.

    A peak is a cell that none of its eight neighbours outscores: CenterNet's NMS by
    3 x 3 maximum. Two peaks on one large person remain possible, hence NMS by IoU.

    Args:
        out: `(N, 5, h, w)`, the network's.
        threshold: Least score in [0, 1].
        most: Number of peaks of each image that are decoded.
        nms: Largest IoU of two people.

    Returns:
        Boxes in pixels of the network's input, best first.
    """
    scores = out[:, 0].float().sigmoid()
    highest = torch.nn.functional.max_pool2d(scores[:, None], 3, 1, 1)[:, 0]
    # A NaN score is no peak: every comparison with it is false.
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
