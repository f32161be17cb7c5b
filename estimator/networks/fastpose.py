"""FastPose: SE-ResNet with dense upsampling convolution (DUC), in the published layout.

Sources: He et al., "Deep Residual Learning" (CVPR 2016); Hu et al., "Squeeze-and-
Excitation Networks" (CVPR 2018); Wang et al., "Understanding Convolution for Semantic
Segmentation" (WACV 2018) for DUC; Fang et al., "AlphaPose" (TPAMI 2022) for their
combination. Names, order and shapes of the `state_dict` are those of AlphaPose's
published checkpoints, which therefore load; tests compare them with reference outputs.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from poseflow.errors import PoseFlowError

STAGES = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""Residual blocks per stage (He et al., table 1)."""


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation: scale channels by a gate (Hu et al., equations 2-4).

    The gate's two layers keep all channels (reduction 1), as in the published weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels),
            nn.ReLU(inplace=True),
            nn.Linear(channels, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to the same shape."""
        gate: Tensor = self.fc(x.mean(dim=(2, 3)))
        return x * gate[:, :, None, None]


class BasicBlock(nn.Module):
    """Basic residual block: two 3 x 3 convolutions (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, gated: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.se = SqueezeExcitation(width) if gated else None
        self.downsample = _shortcut(inputs, width, stride) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, width, H / stride, W / stride)`."""
        out = torch.relu_(self.bn1(self.conv1(x)))
        return _join(self, x, self.bn2(self.conv2(out)))


class Bottleneck(nn.Module):
    """Bottleneck residual block: 1 x 1, strided 3 x 3, 1 x 1 (ResNet-50 and deeper)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, gated: bool) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.se = SqueezeExcitation(outputs) if gated else None
        self.downsample = _shortcut(inputs, outputs, stride) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, 4 width, H / stride, W / stride)`."""
        out = torch.relu_(self.bn1(self.conv1(x)))
        out = torch.relu_(self.bn2(self.conv2(out)))
        return _join(self, x, self.bn3(self.conv3(out)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
    )


def _join(block: BasicBlock | Bottleneck, x: Tensor, out: Tensor) -> Tensor:
    if block.se is not None:
        out = block.se(out)
    if block.downsample is not None:
        x = block.downsample(x)
    return torch.relu_(out + x)


class SEResNet(nn.Module):
    """ResNet whose first block of every stage is gated; 1/32 of the input size out.

    Args:
        num_layers: 18, 34, 50, 101 or 152.

    Raises:
        PoseFlowError: If there is no such ResNet.
    """

    def __init__(self, num_layers: int = 50) -> None:
        super().__init__()
        if num_layers not in STAGES:
            raise PoseFlowError(
                f"num_layers: expected one of {', '.join(map(str, STAGES))}, "
                f"got {num_layers!r}"
            )
        block = BasicBlock if num_layers < 50 else Bottleneck
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        stages = []
        for stage, depth in enumerate(STAGES[num_layers]):
            width = 64 << stage
            blocks = []
            for k in range(depth):
                stride = 2 if stage and not k else 1
                blocks.append(block(channels, width, stride, gated=k == 0))
                channels = width * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """`(N, 3, H, W)` to `(N, channels, H / 32, W / 32)`."""
        x = self.maxpool(torch.relu_(self.bn1(self.conv1(x))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x


class DUC(nn.Module):
    """Dense upsampling convolution: convolution and pixel shuffle to twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, outputs / 4, 2 H, 2 W)`."""
        folded: Tensor = self.shuffle(torch.relu_(self.bn(self.conv(x))))
        return folded


class FastPose(nn.Module):
    """AlphaPose's FastPose: SE-ResNet, pixel shuffle, two DUC, heatmaps at 1/4.

    ResNet-18 and -34 end in 512 instead of 2048 channels, so the first DUC starts from
    128; there is no published checkpoint of these to agree with.

    Args:
        num_layers: Depth of the SE-ResNet: 18, 34, 50, 101 or 152.
        num_joints: Number of output heatmaps.

    Raises:
        PoseFlowError: If there is no such ResNet, or no joint.

    Examples:
        >>> net = FastPose(num_layers=18, num_joints=15).eval()
        >>> tuple(net(torch.zeros(1, 3, 64, 64)).shape)
        (1, 15, 16, 16)
    """

    stride = 4

    def __init__(self, num_layers: int = 50, num_joints: int = 17) -> None:
        super().__init__()
        _check_joints(num_joints)
        self.num_joints = num_joints
        self.preact = SEResNet(num_layers)
        self.shuffle1 = nn.PixelShuffle(2)
        self.duc1 = DUC(self.preact.channels // 4, 1024)
        self.duc2 = DUC(256, 512)
        self.conv_out = nn.Conv2d(128, num_joints, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Images `(N, 3, H, W)`, sides divisible by 32, to `(N, K, H / 4, W / 4)`."""
        x = self.duc2(self.duc1(self.shuffle1(self.preact(x))))
        heatmaps: Tensor = self.conv_out(x)
        return heatmaps


class FastPoseDUC(nn.Module):
    """FastPose with more convolutions per upsampling step: 4, 2 and 1 of them.

    Args:
        num_layers: Depth of the SE-ResNet; published with 152.
        num_joints: Number of output heatmaps.

    Raises:
        PoseFlowError: If there is no such ResNet, or no joint.
    """

    stride = 4

    def __init__(self, num_layers: int = 152, num_joints: int = 17) -> None:
        super().__init__()
        _check_joints(num_joints)
        self.num_joints = num_joints
        self.preact = SEResNet(num_layers)
        folded = self.preact.channels // 4
        self.duc1 = _shuffle_then_convolve(folded, folded, folded, folded, 1024)
        self.duc2 = _shuffle_then_convolve(256, 256, 512)
        self.duc3 = _shuffle_then_convolve(128, 256)
        self.conv_out = nn.Conv2d(256, num_joints, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Images `(N, 3, H, W)`, sides divisible by 32, to `(N, K, H / 4, W / 4)`."""
        x = self.duc3(self.duc2(self.duc1(self.preact(x))))
        heatmaps: Tensor = self.conv_out(x)
        return heatmaps


def _shuffle_then_convolve(*channels: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.PixelShuffle(2)]
    for inputs, outputs in pairwise(channels):
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _check_joints(num_joints: int) -> None:
    if num_joints < 1:
        raise PoseFlowError(f"num_joints: expected at least 1, got {num_joints}")
