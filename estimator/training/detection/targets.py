"""Targets and loss of the detector: centre heatmaps, boxes, focal and GIoU loss.

Sources: Zhou et al., "Objects as Points" (arXiv 1904.07850), equation 1: the focal loss
with its penalty reduced near centres; Liu et al., "Training-Time-Friendly Network"
(AAAI 2020), section 3: Gaussians as wide as the box, and boxes learned from all places
near the centre; Rezatofighi et al., "Generalized Intersection over Union" (CVPR 2019).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from poseflow.estimator.networks.centernet import CentreNet, boxes_everywhere

ALPHA = 0.54
"""Size of a Gaussian's kernel as a share of the box (Liu et al.); 6 sigmas wide."""

KERNEL_EDGE = 0.0111
"""Height of a Gaussian 3 sigmas from its centre: where its kernel ends."""

FOCUS = 2.0
REDUCTION = 4.0
"""Exponents alpha and beta of the focal loss (Zhou et al.)."""


class CentreTarget(NamedTuple):
    """Targets of B images at the network's output size.

    Attributes:
        heat: `(B, h, w)` in [0, 1], exactly 1 at the centres and nowhere else.
        boxes: `(B, 4, h, w)` input pixels, the target box of each cell.
        share: `(B, h, w)` weight of a cell in its box's loss; sums to 1 for each box
            that has any cell.
    """

    heat: Tensor
    boxes: Tensor
    share: Tensor


def centre_target(
    boxes: Tensor, size: tuple[int, int], stride: int = CentreNet.stride
) -> CentreTarget:
    """Make targets from boxes.

    Args:
        boxes: `(B, M, 4)` xyxy input pixels; rows without area are padding.
        size: Width and height of the output.
        stride: Input pixels per cell.

    Examples:
        >>> box = torch.tensor([[[0.0, 0.0, 40.0, 80.0]]])
        >>> target = centre_target(box, (10, 20))
        >>> (target.heat[0] == 1).nonzero()
        tensor([[10,  5]])
    """
    width, height = size
    real = (boxes[..., 2:] > boxes[..., :2]).all(-1)
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-3) / stride
    middle = (boxes[..., 2:] + boxes[..., :2]) / (2 * stride)
    limits = torch.tensor([width - 1, height - 1], device=boxes.device)
    cell = torch.minimum(middle.floor().clamp(min=0), limits)
    # Kernels cover whole cells around the centre: at least 1 for the smallest person.
    sigma = (2 * (ALPHA / 2 * sides).floor() + 1) / 6
    x = torch.arange(width, device=boxes.device)
    y = torch.arange(height, device=boxes.device)
    along = torch.exp(-(((x - cell[..., :1]) / sigma[..., :1]) ** 2) / 2)
    down = torch.exp(-(((y - cell[..., 1:]) / sigma[..., 1:]) ** 2) / 2)
    each = down[..., :, None] * along[..., None, :] * real[..., None, None]
    each = torch.where(each > KERNEL_EDGE, each, 0)
    heat = each.amax(1)

    # Where kernels overlap, the cell goes to the smaller person: the larger has more.
    area = sides.prod(-1).clamp(min=1e-6)
    claim = (each > 0) / area[..., None, None]
    strongest, owner = claim.max(1)
    owned = strongest > 0
    value = each.gather(1, owner[:, None])[:, 0] * owned
    total = torch.zeros_like(area).scatter_add_(1, owner.flatten(1), value.flatten(1))
    share = value / total.gather(1, owner.flatten(1)).view_as(value).clamp(min=1e-6)
    chosen = owner.flatten(1)[..., None].expand(-1, -1, 4)
    wanted = boxes.gather(1, chosen).permute(0, 2, 1).reshape(-1, 4, height, width)
    return CentreTarget(heat, wanted, share * owned)


def focal_loss(logits: Tensor, heat: Tensor, counted: Tensor) -> Tensor:
    """Penalty-reduced focal loss, the mean over centres (Zhou et al., equation 1).

    Args:
        logits: `(B, h, w)`.
        heat: `(B, h, w)`, see `CentreTarget`.
        counted: `(B, h, w)`, 0 where there may be unlabelled people; centres always
            count.
    """
    centre = heat == 1
    p = logits.sigmoid()
    hit = -logsigmoid(logits) * (1 - p) ** FOCUS
    miss = -logsigmoid(-logits) * p**FOCUS * (1 - heat) ** REDUCTION
    loss = torch.where(centre, hit, miss * counted).sum()
    return loss / centre.sum().clamp(min=1)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes `(B, 4, ...)` xyxy, cell by cell, in [-1, 1]."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    inside = (high - low).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inside
    low, high = torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])
    hull = (high - low).prod(1)
    union, hull = union.clamp(min=1e-6), hull.clamp(min=1e-6)
    return inside / union - (hull - union) / hull


def centre_loss(
    out: Tensor, boxes: Tensor, counted: Tensor, box_weight: float
) -> Tensor:
    """Detection loss: focal loss of the heatmap plus GIoU loss of the boxes.

    Args:
        out: `(B, 5, h, w)`, the network's.
        boxes: `(B, M, 4)` xyxy input pixels.
        counted: `(B, h, w)`.
        box_weight: Of the boxes' mean of 1 - GIoU.
    """
    out = out.float()
    target = centre_target(boxes, (out.shape[3], out.shape[2]))
    heat = focal_loss(out[:, 0], target.heat, counted)
    near = 1 - giou(boxes_everywhere(out), target.boxes)
    people = target.share.sum().clamp(min=1)
    return heat + box_weight * (near * target.share).sum() / people
