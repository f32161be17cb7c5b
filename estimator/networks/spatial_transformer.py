"""Symmetric spatial transformer network (SSTN) of RMPE around a pose network.

A small localisation network predicts an affine transform of the crop, which the pose
network gets (STN); its heatmaps are warped back by the inverse (SDTN).

Source: Fang et al., "RMPE" (ICCV 2017), sections 3.1 and 3.2; Jaderberg et al.,
"Spatial Transformer Networks" (NeurIPS 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

LINEAR_LIMIT = 0.45
"""Entries of the linear part differ from the identity's by less than this.

Below 0.5, it can always be inverted: its determinant stays above 0.1.
"""

SHIFT_LIMIT = 0.5
"""Shifts stay below a quarter of the crop's side."""

GRID = 4
"""Cells a side of the localisation network's pooled features."""


class Transformed(NamedTuple):
    """Output of a `SpatialTransformer` in training mode.

    Attributes:
        heatmaps: `(N, K, h, w)` of the crop.
        warped: `(N, 3, H, W)` the transformed crops that the pose network got.
        theta: `(N, 2, 3)` their affine transforms, see `warp`.
    """

    heatmaps: Tensor
    warped: Tensor
    theta: Tensor


def warp(maps: Tensor, theta: Tensor) -> Tensor:
    """Affine warp: sample maps at transformed coordinates, bilinearly, 0 outside.

    Coordinates run from -1 at the first pixel's place to 1 one pixel behind the last,
    so that they mean the same in a crop and in heatmaps of a fraction of its size.

    Args:
        maps: `(N, C, H, W)`.
        theta: `(N, 2, 3)`: the result shows at (x, y) what `maps` have at
            theta (x, y, 1), equation 1.

    Returns:
        `(N, C, H, W)` float32.
    """
    height, width = maps.shape[2:]
    theta = theta.float()
    x = torch.arange(width, device=maps.device) * (2 / width) - 1
    y = torch.arange(height, device=maps.device)[:, None] * (2 / height) - 1
    # Term by term: a matrix product would be rounded to bfloat16 under autocast.
    # torch's own coordinates begin half a pixel later.
    places = [
        a * x + b * y + (c + 1 / side)
        for (a, b, c), side in zip(
            theta.permute(1, 2, 0)[..., None, None], (width, height), strict=True
        )
    ]
    grid = torch.stack(places, dim=3)
    return functional.grid_sample(maps.float(), grid, align_corners=False)


def invert_affine(theta: Tensor) -> Tensor:
    """Inverse of an affine transform, equations 2 to 4.

    Args:
        theta: `(N, 2, 3)`, the linear part invertible.

    Returns:
        `(N, 2, 3)`.

    Examples:
        >>> invert_affine(torch.tensor([[[2.0, 0, 1], [0, 4, 0]]])).tolist()
        [[[0.5, -0.0, -0.5], [-0.0, 0.25, -0.0]]]
    """
    a, b, c, d = (theta[:, k, n] for k in (0, 1) for n in (0, 1))
    entries = torch.stack([d, -b, -c, a], dim=1) / (a * d - b * c)[:, None]
    linear = entries.reshape(-1, 2, 2)
    shift = -(linear * theta[:, None, :, 2]).sum(dim=2)
    return torch.cat([linear, shift[:, :, None]], dim=2)


def bounded_affine(raw: Tensor) -> Tensor:
    """An invertible affine transform from any six numbers; zeros give the identity.

    Args:
        raw: `(N, 6)`.

    Returns:
        `(N, 2, 3)` float32.
    """
    limit = raw.new_tensor([LINEAR_LIMIT, LINEAR_LIMIT, SHIFT_LIMIT], dtype=torch.float)
    identity = torch.eye(2, 3, device=raw.device)
    theta: Tensor = identity + limit * raw.float().reshape(-1, 2, 3).tanh()
    return theta


# Leaves for torch.fx, which traces the network to fold batch normalisation.
fx.wrap("bounded_affine")
fx.wrap("warp")
fx.wrap("invert_affine")


class Localisation(nn.Module):
    """Localisation network of the spatial transformer; the identity before training.

    Args:
        widths: Channels of its convolutions, each at half the resolution.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, width in zip((3, *widths), widths, strict=False):
            layers += [
                nn.Conv2d(inputs, width, 3, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(GRID)
        self.out = nn.Linear(GRID * GRID * widths[-1], 6)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Crops `(N, 3, H, W)` to theta `(N, 2, 3)` float32."""
        return bounded_affine(self.out(self.pool(self.layers(x)).flatten(1)))


class SpatialTransformer(nn.Module):
    """Spatial transformer (STN), pose network and inverse transformer (SDTN) in one.

    Args:
        network: Crops `(N, 3, H, W)` to heatmaps `(N, K, h, w)`, near 0 where there is
            no joint.
        widths: Channels of the localisation network.
    """

    def __init__(self, network: nn.Module, widths: Sequence[int]) -> None:
        super().__init__()
        self.localisation = Localisation(widths)
        self.network = network

    def forward(self, x: Tensor) -> Tensor | Transformed:
        """Crops to heatmaps of the crop; while training to `Transformed`."""
        theta = self.localisation(x)
        warped = warp(x, theta)
        heatmaps = warp(self.network(warped), invert_affine(theta))
        if self.training:
            return Transformed(heatmaps, warped, theta)
        return heatmaps
