"""Build a network from its configuration, as in a training file or a weights file."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from torch import nn

from poseflow.estimator.networks.centernet import CentreNet
from poseflow.estimator.networks.fastpose import FastPose, FastPoseDUC
from poseflow.estimator.networks.smallpose import SmallPose
from poseflow.estimator.networks.spatial_transformer import SpatialTransformer

Positive = Annotated[int, Meta(gt=0)]


class ModelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Configuration of a network; the field `name` says which in files."""


class FastPoseConfig(ModelConfig, frozen=True, tag_field="name", tag="fastpose"):
    """`FastPose`: SE-ResNet and two DUC."""

    num_layers: int = 50


class FastPoseDUCConfig(ModelConfig, frozen=True, tag_field="name", tag="fastpose_duc"):
    """`FastPoseDUC`: SE-ResNet and three deeper upsampling steps."""

    num_layers: int = 152


class SmallPoseConfig(ModelConfig, frozen=True, tag_field="name", tag="small"):
    """`SmallPose`: plain convolutions for CPUs."""

    widths: tuple[Positive, ...] = (32, 32, 96, 192)
    blocks: tuple[Positive, ...] = (2, 2, 3)
    softmax: Annotated[float, Meta(ge=0)] = 0.0
    context: bool = False
    drop: Annotated[float, Meta(ge=0, lt=1)] = 0.0


class CentreNetConfig(ModelConfig, frozen=True, tag_field="name", tag="centre"):
    """`CentreNet`: a person detector of plain convolutions for CPUs."""

    widths: tuple[Positive, ...] = (32, 32, 64, 128, 192)
    blocks: tuple[Positive, ...] = (1, 2, 2, 2)
    neck: Positive = 64

    def build(self) -> CentreNet:
        """The network with fresh weights."""
        return CentreNet(self.widths, self.blocks, self.neck)


class SpatialTransformerConfig(
    ModelConfig, frozen=True, tag_field="name", tag="spatial_transformer"
):
    """`SpatialTransformer`: RMPE's SSTN around one of the others."""

    network: FastPoseConfig | FastPoseDUCConfig | SmallPoseConfig
    widths: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (16, 32, 64, 64)

    def __post_init__(self) -> None:
        """Reject distributions: the inverse warp fills in 0, as only heatmaps do."""
        if isinstance(self.network, SmallPoseConfig) and self.network.softmax:
            raise ValueError(
                "softmax: expected 0 within a spatial transformer, got "
                f"{self.network.softmax}"
            )


AnyModelConfig = (
    FastPoseConfig | FastPoseDUCConfig | SmallPoseConfig | SpatialTransformerConfig
)


def build(config: AnyModelConfig, num_joints: int) -> nn.Module:
    """Build the pose network of a configuration, with fresh weights.

    Raises:
        PoseFlowError: If there is no such network.
    """
    match config:
        case FastPoseConfig():
            return FastPose(config.num_layers, num_joints)
        case FastPoseDUCConfig():
            return FastPoseDUC(config.num_layers, num_joints)
        case SmallPoseConfig():
            return SmallPose(
                num_joints,
                config.widths,
                config.blocks,
                config.softmax,
                config.context,
                config.drop,
            )
        case SpatialTransformerConfig():
            return SpatialTransformer(build(config.network, num_joints), config.widths)


def input_multiple(config: AnyModelConfig) -> int:
    """What the sides of the input must be divisible by."""
    if isinstance(config, SpatialTransformerConfig):
        return input_multiple(config.network)
    if isinstance(config, SmallPoseConfig):
        return int(2 ** len(config.widths))
    return 32
