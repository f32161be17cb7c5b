"""Parallel SPPE of RMPE: an auxiliary loss that trains the spatial transformer.

A trained network with frozen weights gets the transformed crops; its heatmaps are
compared with a pose in the middle of the crop. Only the transformer can make that loss
smaller, by moving the person there. The branch is not part of the saved weights.

Source: Fang et al., "RMPE" (ICCV 2017), section 3.2, "parallel SPPE".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poseflow.errors import PoseFlowError
from poseflow.estimator.devices import to_device
from poseflow.estimator.training.config import InputConfig, ParallelConfig
from poseflow.estimator.training.pose.targets import gaussian_heatmaps, heatmap_loss
from poseflow.estimator.weights import load_network
from poseflow.skeletons.skeleton import Skeleton

LEAST_SHARE = 0.5
"""Least share of labelled joints of people that count: others have no known middle."""


class ParallelBranch:
    """The frozen network and its loss.

    Args:
        config: The weights, and the weight of the loss.
        skeleton: The joints of the run.
        input: Of the run's network.
        sigma: Of the targets, heatmap pixels.
        device: Where it runs.

    Raises:
        PoseFlowError: If the weights have other joints or another input.
    """

    def __init__(
        self,
        config: ParallelConfig,
        skeleton: Skeleton,
        input: InputConfig,
        sigma: float,
        device: torch.device,
    ) -> None:
        loaded = load_network(config.weights)
        description = loaded.description
        description.require_joints(skeleton, f"parallel: {config.weights}")
        for name in ("width", "height", "mean", "std"):
            own, run = getattr(description, name), getattr(input, name)
            if own != run:
                raise PoseFlowError(
                    f"parallel: {config.weights}: {name} of its input is {own}, the "
                    f"run's {run}; it must see the same crops"
                )
        if getattr(description.model, "softmax", 0):
            raise PoseFlowError(
                f"parallel: {config.weights}: its outputs are distributions; a network "
                "with heatmaps is needed"
            )
        self.config = config
        self.sigma = sigma
        self.size = (input.width, input.height)
        self.module: nn.Module = to_device(loaded.module, device).requires_grad_(False)

    def loss(self, warped: Tensor, joints: Tensor, weights: Tensor) -> Tensor:
        """Loss of the transformed crops against poses in the middle.

        Args:
            warped: `(B, 3, H, W)`.
            joints: `(B, K, 2)` in pixels of the crop before the transform.
            weights: `(B, K)`, 0 for joints to ignore.

        Returns:
            A scalar, `share` included; differentiable in `warped`.
        """
        heatmaps = self.module(warped)
        height, width = heatmaps.shape[2:]
        middle, weights = centred(joints, weights, self.size)
        stride = self.size[0] / width
        target = gaussian_heatmaps(middle / stride, (width, height), self.sigma)
        return self.config.share * heatmap_loss(heatmaps, target, weights)


def centred(
    joints: Tensor, weights: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Move poses so that the extent of their labelled joints is in the middle.

    Args:
        joints: `(B, K, 2)` pixels.
        weights: `(B, K)`, 0 for joints without a label.
        size: Width and height of the crop.

    Returns:
        The joints, and the weights, which are 0 for people who have labels for fewer
        than half of their joints.

    Examples:
        >>> joints = torch.tensor([[[0.0, 0], [4, 2]]])
        >>> centred(joints, torch.ones(1, 2), (10, 10))[0].tolist()
        [[[3.0, 4.0], [7.0, 6.0]]]
    """
    labelled = weights > 0
    missing = ~labelled[..., None]
    low = joints.masked_fill(missing, torch.inf).amin(dim=1)
    high = joints.masked_fill(missing, -torch.inf).amax(dim=1)
    middle = torch.tensor(size, device=joints.device) / 2
    counted = labelled.float().mean(dim=1) >= LEAST_SHARE
    shift = torch.where(counted[:, None], middle - (low + high) / 2, 0)
    return joints + shift[:, None], weights * counted[:, None]
