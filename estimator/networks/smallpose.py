"""SmallPose: a residual heatmap network for CPUs, output at a quarter of the input.

Plain 3 x 3 convolutions in multiples of 32 channels, channels-last, are what CPUs run
fastest (depthwise ones are bound by memory). Upsampling is dense upsampling convolution
(Wang et al., WACV 2018): convolution and pixel shuffle, with skips from the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.fastpose import DUC

CHANNEL_MULTIPLE = 32


class ResidualBlock(nn.Module):
    """Residual block of two 3 x 3 convolutions.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        stride: Of the first convolution.
        drop: In training mode, the share of samples whose convolutions are left out,
            where the shortcut is the identity (stochastic depth, Huang et al., 2016).
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int = 1, drop: float = 0.0
    ) -> None:
        super().__init__()
        self.drop = drop if stride == 1 and inputs == outputs else 0.0
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                nn.BatchNorm2d(outputs),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, outputs, H / stride, W / stride)`."""
        out = self.bn2(self.conv2(torch.relu_(self.bn1(self.conv1(x)))))
        if self.drop and self.training:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
            out = out * (kept / (1 - self.drop)).to(out.dtype)
        return torch.relu_(out + self.shortcut(x))


class SmallPose(nn.Module):
    """Residual encoder and dense upsampling decoder with skip connections.

    Args:
        num_joints: Heatmaps to put out.
        widths: Channels of the stem (at half the input's size) and of each stage; every
            stage halves the size. Multiples of 32, at least the stem and one stage.
        blocks: Residual blocks of each stage, one fewer than widths.
        softmax: 0 for heatmaps as they come. Above 0, a joint's map is a distribution
            over its pixels, learned as a Gaussian of this standard deviation (heatmap
            pixels): logits in training mode. In eval mode the distribution is smoothed
            by the same Gaussian: the pixel with the most probability around it is
            right more often than the single likeliest one. 1 is certainty.
        context: Add a function of the mean of the deepest features to all pixels:
            whether a person is seen from behind shows at one pixel and matters at all
            (a simplified global context block, Cao et al., GCNet, 2019).
        drop: Stochastic depth of the residual blocks while training, see
            `ResidualBlock`.

    Raises:
        PoseFlowError: If widths and blocks do not fit, or a width is no multiple of 32.

    Examples:
        >>> net = SmallPose(num_joints=14).eval()
        >>> tuple(net(torch.zeros(1, 3, 192, 144)).shape)
        (1, 14, 48, 36)
    """

    stride = 4

    def __init__(
        self,
        num_joints: int = 17,
        widths: Sequence[int] = (32, 32, 96, 192),
        blocks: Sequence[int] = (2, 2, 3),
        softmax: float = 0.0,
        context: bool = False,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        if num_joints < 1:
            raise PoseFlowError(f"num_joints: expected at least 1, got {num_joints}")
        if len(blocks) != len(widths) - 1 or not blocks or min(blocks) < 1:
            raise PoseFlowError(
                "blocks: expected a number above 0 for each width but the stem's "
                f"({len(widths) - 1}), got {list(blocks)}"
            )
        odd = [width for width in widths if width < 1 or width % CHANNEL_MULTIPLE]
        if odd:
            raise PoseFlowError(
                f"widths: expected multiples of {CHANNEL_MULTIPLE}, got {odd}"
            )
        self.num_joints = num_joints
        self.softmax = softmax
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.ModuleList()
        for inputs, width, depth in zip(widths, widths[1:], blocks, strict=False):
            layers = [ResidualBlock(inputs, width, 2)]
            layers += [ResidualBlock(width, width, drop=drop) for _ in range(depth - 1)]
            self.stages.append(nn.Sequential(*layers))
        self.context: nn.Module | None = None
        if context:
            self.context = nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(widths[-1], widths[-1], 1),
                nn.ReLU(inplace=True),
                nn.Conv2d(widths[-1], widths[-1], 1),
            )
        # From the deepest stage up to the first, which has the heatmaps' size.
        self.up = nn.ModuleList()
        self.fuse = nn.ModuleList()
        channels = widths[-1]
        for width in widths[-2:0:-1]:
            # At least 64 channels before the heatmaps.
            kept = max(width, 2 * CHANNEL_MULTIPLE)
            self.up.append(DUC(channels, 4 * kept))
            self.fuse.append(nn.Conv2d(width, kept, 1, bias=False))
            channels = kept
        self.refine = ResidualBlock(channels, channels)
        self.out = nn.Conv2d(channels, num_joints, 3, padding=1)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.normal_(self.out.weight, std=1e-3)
        if self.context is not None:
            last = self.context[-1]  # type: ignore[index]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        if self.out.bias is not None:
            nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images `(N, 3, H, W)` to `(N, K, H / 4, W / 4)`.

        H and W must be divisible by 2 to the number of widths.
        """
        heatmaps = self.logits(x)
        if not self.softmax or self.training:
            return heatmaps
        share = heatmaps.float().flatten(2).softmax(2).view_as(heatmaps)
        height, width = share.shape[2:]
        down, along = (_gaussian(n, self.softmax, share) for n in (height, width))
        # A certain joint is a Gaussian, smoothed by another: the variances add up.
        return (2 * (down @ share @ along)).clamp(max=1)

    def logits(self, x: Tensor) -> Tensor:
        """Output of `forward` in training mode: heatmaps, or distributions' logits."""
        x = self.stem(x)
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        if self.context is not None:
            x = x + self.context(x)
        for up, fuse, skip in zip(self.up, self.fuse, skips[-2::-1], strict=True):
            x = up(x) + fuse(skip)
        heatmaps: Tensor = self.out(self.refine(x))
        return heatmaps


def _gaussian(size: int, sigma: float, like: Tensor) -> Tensor:
    """Matrix `(size, size)` that weighs neighbours by a Gaussian of height 1."""
    at = torch.arange(size, dtype=like.dtype, device=like.device)
    return torch.exp(-((at[:, None] - at) ** 2) / (2 * sigma**2))
