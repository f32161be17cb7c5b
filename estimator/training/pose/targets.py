"""Targets and loss of pose networks: Gaussian heatmaps and their error."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_heatmaps(joints: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """Target heatmaps: a Gaussian of height 1 around every joint.

    Args:
        joints: `(B, K, 2)` heatmap pixels.
        size: Width and height of the heatmaps.
        sigma: Standard deviation in heatmap pixels.

    Returns:
        `(B, K, H, W)` float32.

    Examples:
        >>> joint = torch.tensor([[[1.0, 0.0]]])
        >>> gaussian_heatmaps(joint, (3, 1), sigma=1.0).round(decimals=2)
        tensor([[[[0.6100, 1.0000, 0.6100]]]])
    """
    width, height = size
    x = torch.arange(width, device=joints.device, dtype=torch.float32)
    y = torch.arange(height, device=joints.device, dtype=torch.float32)
    along = torch.exp(-((x - joints[..., :1]) ** 2) / (2 * sigma**2))
    down = torch.exp(-((y - joints[..., 1:]) ** 2) / (2 * sigma**2))
    return down[..., :, None] * along[..., None, :]


def heatmap_loss(
    heatmaps: Tensor,
    target: Tensor,
    weights: Tensor,
    flip: Tensor | None = None,
    mirror_tolerance: float = 0.0,
    *,
    softmax: bool = False,
) -> Tensor:
    """Heatmap loss: half the mean squared error, or cross entropy of distributions.

    Cross entropy learns faster: the empty rest of the map does not dominate it.

    Args:
        heatmaps: `(B, K, H, W)`; logits if `softmax`.
        target: `(B, K, H, W)`, at least 0.
        weights: `(B, K)`, 0 for joints to ignore.
        flip: `(K,)` indices of the joints with left and right exchanged.
        mirror_tolerance: Share of the loss that takes, person by person, the better of
            the plain and the exchanged target: for labels with left and right mixed up.
        softmax: Whether each map is a distribution over its pixels.

    Returns:
        A scalar: the mean over all joints, ignored ones counting as 0.
    """
    compare = cross_entropy if softmax else squared_error
    plain = (compare(heatmaps, target) * weights).mean(dim=1)
    if flip is None or not mirror_tolerance:
        return plain.mean()
    exchanged = compare(heatmaps, target[:, flip])
    mirrored = (exchanged * weights[:, flip]).mean(dim=1)
    best = torch.minimum(plain, mirrored)
    return ((1 - mirror_tolerance) * plain + mirror_tolerance * best).mean()


def squared_error(heatmaps: Tensor, target: Tensor) -> Tensor:
    """Half the mean squared error of each map, `(B, K)`."""
    return 0.5 * (heatmaps.float() - target).square().mean(dim=(2, 3))


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of each map's distribution and its target's, `(B, K)`, nats.

    The target of an absent joint, zeros, becomes the uniform distribution, so that its
    peak is low.
    """
    wanted = target.flatten(2)
    total = wanted.sum(dim=2, keepdim=True)
    even = torch.full_like(wanted, 1 / wanted.shape[2])
    wanted = torch.where(total > 1e-6, wanted / total.clamp(min=1e-6), even)
    return -(wanted * logits.float().flatten(2).log_softmax(dim=2)).sum(dim=2)
