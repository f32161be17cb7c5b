"""CenterNet-style person detector: a residual network for centre heatmaps and boxes.

Source: Zhou et al., "Objects as Points" (arXiv 1904.07850) for the centre heatmap; Liu
et al., "Training-Time-Friendly Network" (AAAI 2020) for regressing the distances to a
box's four sides, which hold size and offset at once and learn faster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.fastpose import DUC
from poseflow.estimator.networks.smallpose import CHANNEL_MULTIPLE, ResidualBlock

START_SCORE = 0.01
"""Score of every cell before training: most cells are not the centre of a person."""

START_LOG_DISTANCE = 2.0
"""Bias of the distances: e^2 strides, 30 pixels from the centre to a side."""

LARGEST_LOG_DISTANCE = 5.5
"""Distances are limited to e^5.5 strides, 979 pixels."""


class CentreNet(nn.Module):
    """Residual encoder, feature pyramid and one head for centres and boxes.

    Args:
        widths: Channels of the stem (at half the input's size) and of each stage; every
            stage halves the size. Multiples of 32, stem and at least two stages.
        blocks: Residual blocks of each stage, one fewer than widths.
        neck: Channels of the feature pyramid, a multiple of 32.

    Raises:
        PoseFlowError: If widths and blocks do not fit, or a width is no multiple of 32.

    Examples:
        >>> net = CentreNet().eval()
        >>> tuple(net(torch.zeros(1, 3, 288, 512)).shape)
        (1, 5, 72, 128)
        >>> sum(p.numel() for p in net.parameters())
        2113445
    """

    stride = 4

    def __init__(
        self,
        widths: Sequence[int] = (32, 32, 64, 128, 192),
        blocks: Sequence[int] = (1, 2, 2, 2),
        neck: int = 64,
    ) -> None:
        super().__init__()
        if len(blocks) != len(widths) - 1 or len(blocks) < 2 or min(blocks) < 1:
            raise PoseFlowError(
                "blocks: expected a number above 0 for each width but the stem's "
                f"({len(widths) - 1}), and two at least, got {list(blocks)}"
            )
        odd = [w for w in (*widths, neck) if w < 1 or w % CHANNEL_MULTIPLE]
        if odd:
            raise PoseFlowError(
                f"widths, neck: expected multiples of {CHANNEL_MULTIPLE}, got {odd}"
            )
        self.stem = _convolution(3, widths[0], stride=2)
        self.stages = nn.ModuleList()
        for inputs, width, depth in zip(widths, widths[1:], blocks, strict=False):
            layers = [ResidualBlock(inputs, width, 2)]
            layers += [ResidualBlock(width, width) for _ in range(depth - 1)]
            self.stages.append(nn.Sequential(*layers))
        # From the deepest stage up to the second, all with as many channels.
        self.lateral = nn.ModuleList(nn.Conv2d(w, neck, 1) for w in widths[:1:-1])
        self.smooth = nn.ModuleList(_convolution(neck, neck) for _ in widths[3:])
        # The last step up is dense: there are few channels but many places.
        self.up = DUC(neck, 4 * widths[1])
        self.skip = nn.Conv2d(widths[1], widths[1], 1, bias=False)
        self.head = nn.Sequential(
            nn.Conv2d(widths[1], neck, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(neck, 5, 1),
        )
        self._initialise()

    @property
    def input_multiple(self) -> int:
        """What the sides of the input must be divisible by."""
        return int(2 ** (len(self.stages) + 1))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        out = self.head[-1]
        assert isinstance(out, nn.Conv2d)
        assert out.bias is not None
        nn.init.normal_(out.weight, std=1e-3)
        nn.init.constant_(out.bias[:1], -math.log(1 / START_SCORE - 1))
        nn.init.constant_(out.bias[1:], START_LOG_DISTANCE)

    def forward(self, x: Tensor) -> Tensor:
        """Images `(N, 3, H, W)` to `(N, 5, H / 4, W / 4)`.

        The channels are the logit of being a box's centre, and the logarithms of the
        distances, in strides, from the cell's middle to the box's left, top, right and
        bottom side. H and W must be divisible by `input_multiple`.
        """
        x = self.stem(x)
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        x = self.lateral[0](skips[-1])
        finer = zip(self.lateral[1:], self.smooth, skips[-2:0:-1], strict=True)
        for lateral, smooth, skip in finer:
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = smooth(x + lateral(skip))
        out: Tensor = self.head(self.up(x) + self.skip(skips[0]))
        return out


def boxes_everywhere(out: Tensor, stride: int = CentreNet.stride) -> Tensor:
    """Decode the box that each cell of the output proposes.

    Args:
        out: `(N, 5, h, w)`, the network's.
        stride: Input pixels per cell.

    Returns:
        `(N, 4, h, w)` xyxy in input pixels.
    """
    height, width = out.shape[2:]
    distance = out[:, 1:].float().clamp(max=LARGEST_LOG_DISTANCE).exp()
    x = torch.arange(width, device=out.device) + 0.5
    y = (torch.arange(height, device=out.device) + 0.5)[:, None]
    left, top, right, bottom = distance.unbind(1)
    return stride * torch.stack([x - left, y - top, x + right, y + bottom], 1)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
