"""Training task of person detectors, and validation of their weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from poseflow.estimator.detectors.centernet import CentreDetector
from poseflow.estimator.devices import Precision, choose_device
from poseflow.estimator.networks.centernet import CentreNet
from poseflow.estimator.protocols import Detections
from poseflow.estimator.topdown.crop import network_input
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
"""Boxes with lower scores are left out, to save memory."""


class DetectionTask:
    """Training of a person detector on composed images; see `Task`.

    Args:
        config: Of the run.

    Raises:
        PoseFlowError: If the data cannot be used.
    """

    metrics = (
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
        self.held_out = None
        if config.data.validate:
            self.held_out = read_boxes(config.data.validate, root)

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
        """Recall, false positives and AP on the held-out images."""
        if self.held_out is None:
            return None
        assert isinstance(module, CentreNet)
        config = self.config
        return score(
            module, self.describe(), self.held_out, config, device, config.precision
        )

    def describe(self) -> DetectorDescription:
        """Metadata of the run's weights."""
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
    """Validate a network on a table of images, within the bounds of `config`."""
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
    return measure(
        found,
        table,
        tall_px=config.tall_px,
        false_positives=config.false_positives,
        false_positives_empty=config.false_positives_empty,
        own_threshold=description.threshold,
    )


def validate_detector(
    config: DetectionConfig,
    weights: str | Path,
    *,
    split: str = "validate",
    device: str = "auto",
) -> DetectionReport:
    """Validate a detector's weights on a configuration's data.

    Args:
        config: A training configuration.
        weights: File with weights of a detector.
        split: `validate` or `test`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        PoseFlowError: If the split has no data, or the file holds no such weights.
    """
    datasets = config.data.held_out(split)
    module, description = load_detector(weights)
    table = read_boxes(datasets, Path(config.data.root))
    return score(module, description, table, config, choose_device(device))
