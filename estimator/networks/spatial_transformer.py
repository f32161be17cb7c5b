"""RMPE's symmetric spatial transformer around a pose network.

A small network looks at the crop and says which affine part of it the pose network
should see (STN); the heatmaps go back by the inverse (SDTN).

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
"""Cells a side that the localisation network tells apart."""


class Transformed(NamedTuple):
    """What a `SpatialTransformer` answers while it is trained.

    Attributes:
        heatmaps: `(N, K, h, w)` of the crop.
        seen: `(N, 3, H, W)` what the pose network was shown.
        theta: `(N, 2, 3)` where in the crop that lies, see `warp`.
    """

    heatmaps: Tensor
    seen: Tensor
    theta: Tensor


def warp(maps: Tensor, theta: Tensor) -> Tensor:
    """Sample maps at affinely mapped places, bilinearly, 0 outside.

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


def inverse(theta: Tensor) -> Tensor:
    """The transform that undoes another, equations 2 to 4.

    Args:
        theta: `(N, 2, 3)`, the linear part invertible.

    Returns:
        `(N, 2, 3)`.

    Examples:
        >>> inverse(torch.tensor([[[2.0, 0, 1], [0, 4, 0]]])).tolist()
        [[[0.5, -0.0, -0.5], [-0.0, 0.25, -0.0]]]
    """
    a, b, c, d = (theta[:, k, n] for k in (0, 1) for n in (0, 1))
    entries = torch.stack([d, -b, -c, a], dim=1) / (a * d - b * c)[:, None]
    linear = entries.reshape(-1, 2, 2)
    shift = -(linear * theta[:, None, :, 2]).sum(dim=2)
    return torch.cat([linear, shift[:, :, None]], dim=2)


def bounded(raw: Tensor) -> Tensor:
    """Any six numbers as a transform that can be inverted, 0 as the identity.

    Args:
        raw: `(N, 6)`.

    Returns:
        `(N, 2, 3)` float32.
    """
    limit = raw.new_tensor([LINEAR_LIMIT, LINEAR_LIMIT, SHIFT_LIMIT], dtype=torch.float)
    identity = torch.eye(2, 3, device=raw.device)
    theta: Tensor = identity + limit * raw.float().reshape(-1, 2, 3).tanh()
    return theta


# Their insides are not for torch.fx: the convolutions around them are folded.
fx.wrap("bounded")
fx.wrap("warp")
fx.wrap("inverse")


class Localisation(nn.Module):
    """Which part of a crop to look at; the whole crop before any training.

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
        return bounded(self.out(self.pool(self.layers(x)).flatten(1)))


class SpatialTransformer(nn.Module):
    """STN, pose network and SDTN as one network.

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
        seen = warp(x, theta)
        heatmaps = warp(self.network(seen), inverse(theta))
        if self.training:
            return Transformed(heatmaps, seen, theta)
        return heatmaps
