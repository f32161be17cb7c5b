"""Training task of pose networks: heatmaps of crops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poseflow.estimator.networks.build import build
from poseflow.estimator.networks.spatial_transformer import Transformed
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.training.config import TrainConfig
from poseflow.estimator.training.pose.dataset import People, concatenate
from poseflow.estimator.training.pose.distillation import Teacher
from poseflow.estimator.training.pose.parallel_branch import ParallelBranch
from poseflow.estimator.training.pose.readers import read_people
from poseflow.estimator.training.pose.samples import PoseBatch, PoseSamples
from poseflow.estimator.training.pose.targets import gaussian_heatmaps, heatmap_loss
from poseflow.estimator.training.pose.validation import (
    PoseReport,
    predict,
    report,
)
from poseflow.estimator.training.pose.viewpoint_groups import BEHIND, group_people
from poseflow.estimator.weights import NetworkDescription
from poseflow.skeletons.skeleton import Skeleton


class PoseTask:
    """Training of a single-person pose network; see `Task`.

    Args:
        config: Of the run.
        device: Of the run.

    Raises:
        PoseFlowError: If the data cannot be used.
    """

    metrics = ("acc", "pck02", "pck05", "pckh", "ap", "mirrored")

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.config = config
        self.skeleton = config.target()
        root = Path(config.data.root)
        people = read_people(config.data.train, root, self.skeleton)
        if config.data.repeat_behind > 1:
            people = _more_from_behind(people, config.data.repeat_behind, self.skeleton)
        self.samples = PoseSamples(
            people, self.skeleton, config.input, config.augment, config.seed
        )
        self.held_out = None
        if config.data.validate:
            people = read_people(config.data.validate, root, self.skeleton)
            self.held_out = PoseSamples(people, self.skeleton, config.input)
        # Only SmallPose has this option.
        self._softmax = getattr(config.model, "softmax", 0.0)
        self.teacher = None
        if config.teacher is not None:
            self.teacher = Teacher(
                config.teacher,
                self.samples.people,
                self.skeleton,
                Path(config.out),
                device,
                softmax=bool(self._softmax),
                bfloat16=config.precision == "bfloat16",
                workers=config.data.workers,
            )
        self.parallel = None
        if config.parallel is not None:
            self.parallel = ParallelBranch(
                config.parallel, self.skeleton, config.input, config.sigma, device
            )
        self._flip = torch.from_numpy(self.skeleton.flip_indices).to(device)

    def network(self) -> nn.Module:
        """The network with fresh weights."""
        return build(self.config.model, len(self.skeleton))

    def loss(
        self, network: Callable[[Tensor], Any], batch: PoseBatch, device: torch.device
    ) -> Tensor:
        """Mean loss over all joints with a weight."""
        config = self.config
        image = network_input(batch.crops, config.input.mean, config.input.std, device)
        weights = batch.weights.to(device, non_blocking=True)
        joints = batch.joints.to(device, non_blocking=True)
        with torch.autocast(
            device.type, torch.bfloat16, enabled=config.precision == "bfloat16"
        ):
            output = network(image)
            heatmaps = output[0] if isinstance(output, tuple) else output
        height, width = heatmaps.shape[2:]
        stride = config.input.width / width
        sigma = self._softmax or config.sigma
        target = gaussian_heatmaps(joints / stride, (width, height), sigma)
        if self.teacher is not None:
            target, weights = self.teacher.correct(batch, target, weights)
        loss = heatmap_loss(
            heatmaps,
            target,
            weights,
            self._flip,
            config.mirror_tolerance,
            softmax=bool(self._softmax),
        )
        if self.parallel is not None and isinstance(output, Transformed):
            labelled = batch.labelled.to(device, torch.float32)
            loss = loss + self.parallel.loss(output.warped, joints, labelled)
        return loss

    def validate(self, module: nn.Module, device: torch.device) -> PoseReport | None:
        """Accuracy on the held-out people."""
        if self.held_out is None:
            return None
        config = self.config
        found = predict(
            module,
            self.held_out,
            self.skeleton,
            device,
            workers=min(config.data.workers, 1),
            flip_test=config.flip_test,
            bfloat16=config.precision == "bfloat16",
        )
        return report(found, self.held_out, self.skeleton)

    def describe(self) -> NetworkDescription:
        """Metadata of the run's weights."""
        config = self.config
        return NetworkDescription(
            model=config.model,
            skeleton=self.skeleton.name,
            joints=self.skeleton.joints,
            width=config.input.width,
            height=config.input.height,
            mean=config.input.mean,
            std=config.input.std,
            margin=config.input.margin,
        )


def _more_from_behind(people: People, repeat: int, skeleton: Skeleton) -> People:
    """People with those seen from behind repeated."""
    groups = group_people(people.keypoints, people.labelled, skeleton)
    if not groups:
        return people
    return concatenate([people] + [people.only(groups[BEHIND])] * (repeat - 1))
