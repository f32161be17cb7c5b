"""Training of the person detector, and how good its weights are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from poseflow.errors import PoseFlowError
from poseflow.estimator.detectors.centernet import CentreDetector
from poseflow.estimator.devices import choose_device
from poseflow.estimator.networks.centernet import CentreNet
from poseflow.estimator.protocols import Detections
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.topdown.rescoring import CANDIDATE_SCORE
from poseflow.estimator.topdown.topdown import TopDown
from poseflow.estimator.torch_network import Precision, TorchPoseNetwork
from poseflow.estimator.training.detection.config import DetectionConfig
from poseflow.estimator.training.detection.dataset import BoxedImages, read_boxes
from poseflow.estimator.training.detection.metrics import DetectionReport, measure
from poseflow.estimator.training.detection.samples import (
    DetectionBatch,
    DetectionSamples,
)
from poseflow.estimator.training.detection.targets import centre_loss
from poseflow.estimator.weights import DetectorDescription, load_detector

LEAST_SCORE = 0.02
"""Boxes below are not looked at: they would only fill memory."""


class DetectionTask:
    """People's boxes in composed scenes; see `Task`.

    Args:
        config: Of the run.

    Raises:
        PoseFlowError: If the data cannot be used.
    """

    figures = (
        "recall",
        "threshold",
        "false_positives",
        "false_positives_empty",
        "ap",
        "ap50",
    )

    def __init__(self, config: DetectionConfig) -> None:
        self.config = config
        root = Path(config.data.root)
        table = read_boxes(config.data.train, root)
        self.samples = DetectionSamples(
            table, config.compose, config.scene_size(), config.seed
        )
        self.held_back = None
        if config.data.validate:
            self.held_back = read_boxes(config.data.validate, root)

    def network(self) -> nn.Module:
        """The network with fresh weights."""
        return self.config.model.build()

    def loss(
        self,
        network: Callable[[Tensor], Tensor],
        batch: DetectionBatch,
        device: torch.device,
    ) -> Tensor:
        """Mean loss over the people of the batch."""
        config = self.config
        image = network_input(batch.frames, config.input.mean, config.input.std, device)
        with torch.autocast(
            device.type, torch.bfloat16, enabled=config.precision == "bfloat16"
        ):
            out = network(image)
        boxes = batch.boxes.to(device, non_blocking=True)
        counted = batch.counted.to(device, non_blocking=True)
        return centre_loss(out, boxes, counted, config.box_weight)

    def validate(
        self, module: nn.Module, device: torch.device
    ) -> DetectionReport | None:
        """Recall, false positives and AP on the held-back images."""
        if self.held_back is None:
            return None
        assert isinstance(module, CentreNet)
        config = self.config
        return score(
            module, self.describe(), self.held_back, config, device, config.precision
        )

    def describe(self) -> DetectorDescription:
        """What the weights of the run are."""
        config = self.config
        return DetectorDescription(
            model=config.model,
            width=config.input.width,
            height=config.input.height,
            mean=config.input.mean,
            std=config.input.std,
        )


def score(
    module: CentreNet,
    description: DetectorDescription,
    table: BoxedImages,
    config: DetectionConfig,
    device: torch.device,
    precision: Precision = "float32",
) -> DetectionReport:
    """How good a network is on a table of images, by the bounds of `config`."""
    detector = CentreDetector(
        module,
        description,
        str(device),
        threshold=LEAST_SCORE,
        precision=precision,
    )
    found: list[Detections] = []
    for index in range(len(table)):
        found += detector.detect([table.image_files.read(index)])
    return _measured(found, table, config, description.threshold)


def _measured(
    found: Sequence[Detections],
    table: BoxedImages,
    config: DetectionConfig,
    own_threshold: float,
) -> DetectionReport:
    return measure(
        found,
        table,
        tall_px=config.tall_px,
        false_positives=config.false_positives,
        false_positives_empty=config.false_positives_empty,
        own_threshold=own_threshold,
    )


def validate_detector(
    config: DetectionConfig,
    weights: str | Path,
    *,
    pose: str | Path | None = None,
    split: str = "validate",
    device: str = "auto",
) -> DetectionReport:
    """How good a detector's weights are on a configuration's data.

    Args:
        config: A training configuration.
        weights: File with weights of a detector.
        pose: File with weights of a pose network whose joints have a say in who is a
            person; see `poseflow.estimator.topdown.rescoring`.
        split: `validate` or `test`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        PoseFlowError: If the split has no data, or the file no such weights.
    """
    if split not in ("validate", "test"):
        raise PoseFlowError(f"split: expected validate or test, got {split!r}")
    datasets = config.data.validate if split == "validate" else config.data.test
    if not datasets:
        raise PoseFlowError(f"data.{split}: expected at least one data set, got none")
    module, description = load_detector(weights)
    table = read_boxes(datasets, Path(config.data.root))
    if pose is None:
        return score(module, description, table, config, choose_device(device))
    estimator = TopDown(
        TorchPoseNetwork.from_file(pose, device),
        CentreDetector(module, description, device, threshold=CANDIDATE_SCORE),
        nms=None,
        least_person_score=0.0,
        refinement=description.refinement,
    )
    found = []
    for index in range(len(table)):
        (people,) = estimator.estimate_batch([table.image_files.read(index)])
        best_first = people[people.scores.argsort(kind="stable")[::-1]]
        found.append(Detections(best_first.boxes, best_first.scores))
    return _measured(found, table, config, description.verified or 0.0)
