"""RMPE's parallel single-person branch: it keeps the spatial transformer honest.

A trained network whose weights stay as they are looks at what the transformer shows;
its answer is compared with a pose in the middle. Only the transformer can make that
loss smaller, by moving the person there. The branch is not part of the weights.

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
from poseflow.skeleton import Skeleton

LEAST_SHARE = 0.5
"""People of whom fewer joints are labelled tell nothing about where their middle is."""


class ParallelBranch:
    """The frozen network and its loss.

    Args:
        config: Which weights, and how much they say.
        skeleton: The joints of the run.
        input: What the run's network sees.
        sigma: Of the targets, heatmap pixels.
        device: Where it runs.

    Raises:
        PoseFlowError: If the weights have other joints or see something else.
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
        what = loaded.description
        if what.joints != skeleton.joints:
            raise PoseFlowError(
                f"parallel: {config.weights}: its joints are {', '.join(what.joints)}; "
                f"the run's are {', '.join(skeleton.joints)}"
            )
        for name in ("width", "height", "mean", "std"):
            own, run = getattr(what, name), getattr(input, name)
            if own != run:
                raise PoseFlowError(
                    f"parallel: {config.weights}: {name} of its input is {own}, the "
                    f"run's {run}; it must see the same crops"
                )
        if getattr(what.model, "softmax", 0):
            raise PoseFlowError(
                f"parallel: {config.weights}: answers distributions; a network with "
                "plain heatmaps is needed"
            )
        self.config = config
        self.sigma = sigma
        self.size = (input.width, input.height)
        self.module: nn.Module = to_device(loaded.module, device).requires_grad_(False)

    def loss(self, seen: Tensor, joints: Tensor, weights: Tensor) -> Tensor:
        """How far what the transformer shows is from a person in the middle.

        Args:
            seen: `(B, 3, H, W)`.
            joints: `(B, K, 2)` in pixels of the crop that the transformer got.
            weights: `(B, K)`, 0 for joints to ignore.

        Returns:
            A scalar, `share` included; differentiable in `seen`.
        """
        heatmaps = self.module(seen)
        height, width = heatmaps.shape[2:]
        middle, weights = centred(joints, weights, self.size)
        stride = self.size[0] / width
        target = gaussian_heatmaps(middle / stride, (width, height), self.sigma)
        return self.config.share * heatmap_loss(heatmaps, target, weights)


def centred(
    joints: Tensor, weights: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Poses moved so that the extent of their labelled joints is in the middle.

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
    telling = labelled.float().mean(dim=1) >= LEAST_SHARE
    shift = torch.where(telling[:, None], middle - (low + high) / 2, 0)
    return joints + shift[:, None], weights * telling[:, None]
