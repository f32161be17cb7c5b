"""Training samples of detectors: composed images by sample key."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.centernet import CentreNet
from poseflow.estimator.training.detection.composition import Composer
from poseflow.estimator.training.detection.config import ComposeConfig
from poseflow.estimator.training.detection.dataset import BoxedImages
from poseflow.estimator.training.pose.samples import SampleKey

MOST_BOXES = 64
"""Largest number of boxes in a sample; more are ignored."""


class DetectionBatch(NamedTuple):
    """A batch of B composed images, as sent by a worker process.

    Attributes:
        frames: `(B, H, W, 3)` uint8 BGR.
        boxes: `(B, 64, 4)` float32 xyxy frame pixels, zeros where there are fewer.
        counted: `(B, H / 4, W / 4)` uint8, 1 where background counts in the loss.
    """

    frames: Tensor
    boxes: Tensor
    counted: Tensor


class DetectionSamples(Dataset[DetectionBatch]):
    """Training images for detectors, composed on demand.

    Args:
        table: Images to compose from.
        config: Of the composition.
        size: Width and height of the composed images.
        seed: Of all random numbers.
    """

    def __init__(
        self,
        table: BoxedImages,
        config: ComposeConfig,
        size: tuple[int, int],
        seed: int = 0,
    ) -> None:
        self.composer = Composer(table, config, size)
        self.size = size
        self.count = config.scenes
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: SampleKey | int) -> DetectionBatch:
        """One composed image, as a batch without the first axis."""
        epoch, index = key if isinstance(key, tuple) else (0, key)
        rng = np.random.Generator(np.random.PCG64((self.seed, epoch, index)))
        width, height = self.size
        stride = CentreNet.stride
        boxes = np.zeros((MOST_BOXES, 4), np.float32)
        try:
            scene = self.composer.compose(rng)
        except (PoseFlowError, cv2.error) as error:
            # One unreadable image must not end hours of training: its loss is 0.
            warnings.warn(f"left out: {error}", stacklevel=2)
            return DetectionBatch(
                torch.zeros((height, width, 3), dtype=torch.uint8),
                torch.from_numpy(boxes),
                torch.zeros((height // stride, width // stride), dtype=torch.uint8),
            )
        counted = scene.counted[stride // 2 :: stride, stride // 2 :: stride].copy()
        for x0, y0, x1, y1 in scene.ignored + scene.boxes[MOST_BOXES:]:
            low = np.floor(np.array([x0, y0]) / stride).astype(int)
            high = np.ceil(np.array([x1, y1]) / stride).astype(int)
            counted[low[1] : high[1], low[0] : high[0]] = 0
        people = scene.boxes[:MOST_BOXES]
        if people:
            boxes[: len(people)] = people
        return DetectionBatch(
            torch.from_numpy(np.ascontiguousarray(scene.image)),
            torch.from_numpy(boxes),
            torch.from_numpy(counted),
        )
