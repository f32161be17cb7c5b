"""Learning from a trained network besides the labels.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (2015); Zhang et
al., "Fast Human Pose Estimation" (CVPR 2019) for heatmaps as targets.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from poseflow.errors import PoseFlowError
from poseflow.estimator.devices import to_device
from poseflow.estimator.normalise import as_input
from poseflow.estimator.training.config import TeacherConfig
from poseflow.estimator.weights import load_network
from poseflow.skeleton import Skeleton


class Teacher:
    """A network that corrects targets; its own weights stay as they are.

    Args:
        config: Which weights, and how much they say.
        skeleton: The joints of the run.
        device: Where it runs.

    Raises:
        PoseFlowError: If the weights have other joints.
    """

    def __init__(
        self, config: TeacherConfig, skeleton: Skeleton, device: torch.device
    ) -> None:
        loaded = load_network(config.weights)
        self.what = loaded.description
        if self.what.joints != skeleton.joints:
            raise PoseFlowError(
                f"teacher: {config.weights}: its joints are "
                f"{', '.join(self.what.joints)}; the run's are "
                f"{', '.join(skeleton.joints)}"
            )
        self.config = config
        self.module = to_device(loaded.module, device)

    @torch.no_grad()
    def correct(
        self, crops: Tensor, target: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Targets and weights with the teacher's opinion in them.

        Args:
            crops: `(B, H, W, 3)` uint8 BGR, on the teacher's device; brought to the
                size that it wants.
            target: `(B, K, h, w)` from the labels.
            weights: `(B, K)`, 0 for joints without a label.

        Returns:
            The mean of both opinions where there is a label, the teacher's where there
            is none; and the weights, where the latter count as configured.
        """
        what, share = self.what, self.config.share
        image = as_input(crops, what.mean, what.std, crops.device)
        size = (what.height, what.width)
        if image.shape[2:] != size:
            image = functional.interpolate(
                image, size, mode="bilinear", align_corners=False, antialias=True
            )
        maps = self.module(image).float().clamp(min=0)
        if maps.shape[2:] != target.shape[2:]:
            maps = functional.interpolate(
                maps, target.shape[2:], mode="bilinear", align_corners=False
            )
        labelled = (weights > 0)[..., None, None]
        mixed = torch.where(labelled, share * maps + (1 - share) * target, maps)
        silent = torch.full_like(weights, self.config.unlabelled)
        return mixed, torch.where(weights > 0, weights, silent)
