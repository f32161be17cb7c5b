"""MoveNet: MobileNetV2 with a feature pyramid and per-joint heads, bottom-up poses.

Google's MoveNet (TensorFlow Hub, 2021) has CenterNet's heads (Zhou et al., "Objects as
Points", 2019) on a feature pyramid (Lin et al., 2017) over MobileNetV2 (Sandler et al.,
2018). MultiPose, Thunder and Lightning differ in their widths and in the box heads.
Batch normalisation is folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from poseflow.errors import PoseFlowError
from poseflow.estimator.movenet.layout import NUM_JOINTS

WIDTHS: Mapping[str, tuple[int, ...]] = {
    "multipose": (48, 24, 40, 48, 96, 144, 240, 480),
    "thunder": (56, 32, 40, 56, 112, 168, 280, 560),
    "lightning": (32, 16, 24, 32, 64, 96, 160, 320),
}
"""Channels of the stem and of the seven stages, by the network's name."""

HEADS: Mapping[str, int] = {
    "center": 1,
    "kpt_heatmap": NUM_JOINTS,
    "kpt_regress": 2 * NUM_JOINTS,
    "kpt_offset": 2 * NUM_JOINTS,
}
"""Channels of the outputs that all networks have."""

BOX_HEADS: Mapping[str, int] = {"box_scale": 2, "box_offset": 2}
"""Channels of the outputs that MultiPose has as well."""

SEARCHED = "center", "kpt_heatmap"
"""Heads that are searched for peaks, everywhere; the others are read at those."""

REPEATS = (1, 2, 3, 4, 3, 3, 1)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
EXPANSION = 6
TOP_CHANNELS = 1280
HEAD_CHANNELS = 96

# Last block with features at each stride, and the pyramid's channels there.
PYRAMID = {16: (9, 64), 8: (5, 32), 4: (2, 24)}


class StridedConv(nn.Conv2d):
    """3 x 3 convolution with stride 2, padded at the bottom and right only.

    TensorFlow's `SAME` padding for even sides.
    """

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, 2, 0, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, outputs, H / 2, W / 2)`."""
        return super().forward(functional.pad(input, (0, 1, 0, 1)))


class InvertedResidual(nn.Module):
    """MobileNetV2's block: 1 x 1 expansion, depthwise 3 x 3, linear 1 x 1.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        stride: 1 or 2.
        expansion: Factor from `inputs` to the depthwise convolution's channels; at 1
            there is no expanding convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand: nn.Module = nn.Identity()
        if expansion > 1:
            self.expand = nn.Sequential(
                nn.Conv2d(inputs, inner, 1), nn.ReLU6(inplace=True)
            )
        depthwise = (
            StridedConv(inner, inner, inner)
            if stride == 2
            else nn.Conv2d(inner, inner, 3, 1, 1, groups=inner)
        )
        self.dw = nn.Sequential(depthwise, nn.ReLU6(inplace=True))
        self.project = nn.Conv2d(inner, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, outputs, H / stride, W / stride)`."""
        out: Tensor = self.project(self.dw(self.expand(x)))
        return x + out if self.shortcut else out


class SeparableConv(nn.Module):
    """Depthwise 3 x 3 convolution without bias, 1 x 1 convolution, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dw = nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs, bias=False)
        self.pw = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, outputs, H, W)`."""
        return torch.relu_(self.pw(self.dw(x)))


class MoveNet(nn.Module):
    """MoveNet of any widths.

    Args:
        widths: Channels of the stem and of the seven stages, see `WIDTHS`.
        boxes: Whether there are heads for boxes, as in MultiPose.

    Raises:
        PoseFlowError: If there are not eight widths.

    Examples:
        >>> net = MoveNet(WIDTHS["lightning"], boxes=False).eval()
        >>> {k: tuple(v.shape) for k, v in net(torch.zeros(1, 3, 64, 96)).items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'center': (1, 1, 16, 24), 'kpt_heatmap': (1, 17, 16, 24),
         'kpt_regress': (1, 34, 16, 24), 'kpt_offset': (1, 34, 16, 24)}
    """

    def __init__(self, widths: Sequence[int], *, boxes: bool) -> None:
        super().__init__()
        if len(widths) != len(REPEATS) + 1:
            raise PoseFlowError(
                f"widths: expected {len(REPEATS) + 1} numbers, the stem's and one for "
                f"each stage, got {list(widths)}"
            )
        self.stem = nn.Sequential(StridedConv(3, widths[0]), nn.ReLU6(inplace=True))
        self.blocks = nn.ModuleList()
        channels, outputs = widths[0], []
        for stage, (width, repeat) in enumerate(zip(widths[1:], REPEATS, strict=True)):
            for k in range(repeat):
                stride = STRIDES[stage] if k == 0 else 1
                expansion = EXPANSION if stage else 1
                self.blocks.append(InvertedResidual(channels, width, stride, expansion))
                outputs.append(width)
                channels = width
        self.top = nn.Sequential(
            nn.Conv2d(channels, TOP_CHANNELS, 1), nn.ReLU6(inplace=True)
        )
        coarse = PYRAMID[16][1]
        self.lat32 = nn.Conv2d(TOP_CHANNELS, coarse, 1)
        for stride, (block, lateral) in PYRAMID.items():
            self.add_module(f"lat{stride}", nn.Conv2d(outputs[block], lateral, 1))
            following = PYRAMID.get(stride // 2, (0, lateral))[1]
            self.add_module(f"up{stride}", SeparableConv(lateral, following))
        fine = PYRAMID[4][1]
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(
                    SeparableConv(fine, HEAD_CHANNELS),
                    nn.Conv2d(HEAD_CHANNELS, outputs_of_head, 1),
                )
                for name, outputs_of_head in {
                    **HEADS,
                    **(BOX_HEADS if boxes else {}),
                }.items()
            }
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Raw outputs of all heads, as logits and cells.

        Args:
            x: `(N, 3, H, W)` RGB in [-1, 1]; H and W are multiples of 32.

        Returns:
            Each head's `(N, channels, H / 4, W / 4)`. `center` and `kpt_heatmap` are
            logits; the others are (y, x) in cells, of each joint in turn; `box_scale`
            is height and width.
        """
        features = self.features(x)
        return {name: head(features) for name, head in self.heads.items()}

    def dense(self, x: Tensor) -> tuple[Tensor, ...]:
        """`center` and `kpt_heatmap` as `forward`, and the features of all heads."""
        features = self.features(x)
        return *(self.heads[name](features) for name in SEARCHED), features

    def features(self, x: Tensor) -> Tensor:
        """The features `(N, 24, H / 4, W / 4)` that all heads share."""
        x = self.stem(x)
        lateral = {}
        for k, block in enumerate(self.blocks):
            x = block(x)
            for stride, (last, _) in PYRAMID.items():
                if k == last:
                    lateral[stride] = self.get_submodule(f"lat{stride}")(x)
        x = self.lat32(self.top(x))
        for stride in PYRAMID:
            x = functional.interpolate(
                x, scale_factor=2.0, mode="bilinear", align_corners=False
            )
            x = self.get_submodule(f"up{stride}")(x + lateral[stride])
        return x


def movenet(name: str) -> MoveNet:
    """The network `multipose`, `thunder` or `lightning`, with fresh weights.

    Raises:
        PoseFlowError: If there is no network of that name.
    """
    if name not in WIDTHS:
        raise PoseFlowError(f"MoveNet: expected {', '.join(WIDTHS)}, got {name!r}")
    return MoveNet(WIDTHS[name], boxes=name == "multipose")


def normalise(images: Tensor) -> Tensor:
    """Bytes to the network's input.

    Args:
        images: `(N, H, W, 3)` uint8 BGR.

    Returns:
        `(N, 3, H, W)` float32 RGB in [-1, 1], channels-last in memory.
    """
    planes = images.flip(3).permute(0, 3, 1, 2).float()
    return planes.mul_(2 / 255).sub_(1)
