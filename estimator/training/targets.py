"""What the network should answer, and how far off it is."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_heatmaps(joints: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """A Gaussian of height 1 around every joint.

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
) -> Tensor:
    """Half the mean squared error over the joints that count.

    Args:
        heatmaps: `(B, K, H, W)`.
        target: `(B, K, H, W)`.
        weights: `(B, K)`, 0 for joints to ignore.
        flip: `(K,)` the joint that takes each place when left and right are exchanged.
        mirror_tolerance: Share of the loss that takes, person by person, the better of
            the plain and the exchanged target: for labels with left and right mixed up.

    Returns:
        A scalar: the mean over all joints, ignored ones counting as 0.
    """
    plain = _person_loss(heatmaps, target, weights)
    if flip is None or not mirror_tolerance:
        return plain.mean()
    mirrored = _person_loss(heatmaps, target[:, flip], weights[:, flip])
    best = torch.minimum(plain, mirrored)
    return ((1 - mirror_tolerance) * plain + mirror_tolerance * best).mean()


def _person_loss(heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    error = (heatmaps.float() - target).square().mean(dim=(2, 3))
    return 0.5 * (error * weights).mean(dim=1)
