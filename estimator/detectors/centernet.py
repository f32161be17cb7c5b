"""CenterNet person detector: images of any size to boxes."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from poseflow.arrays import Image
from poseflow.estimator.batches import Batches
from poseflow.estimator.detectors.centernet_decode import decode_centres
from poseflow.estimator.detectors.letterbox import letterbox
from poseflow.estimator.devices import (
    Precision,
    choose_device,
    to_device,
    uses_bfloat16,
)
from poseflow.estimator.networks.centernet import CentreNet
from poseflow.estimator.networks.fuse import fold_batch_norm
from poseflow.estimator.protocols import Detections
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.weights import DetectorDescription, load_detector
from poseflow.validation import require

log = logging.getLogger(__name__)


class CentreDetector:
    """CentreNet on letterboxed images; a `Detector`.

    Portrait images get a portrait letterbox, so that they fill it.

    Args:
        module: The network.
        description: How to use it.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        threshold: Least score in [0, 1]; default that of the weights file.
        batch_size: Images that the network sees at once; halved when the device runs
            out of memory.
        precision: Of the forward pass, `float32` or `bfloat16`.

    Raises:
        PoseFlowError: If an option is out of its range, or there is no such device.
    """

    def __init__(
        self,
        module: CentreNet,
        description: DetectorDescription,
        device: str = "auto",
        *,
        threshold: float | None = None,
        batch_size: int = 8,
        precision: Precision = "float32",
    ) -> None:
        if threshold is None:
            threshold = description.threshold
        require("threshold", threshold, 0, 1)
        self.description = description
        self.threshold = threshold
        self.batches = Batches(batch_size)
        self.bfloat16 = uses_bfloat16(precision)
        self.device = choose_device(device)
        self.module = to_device(fold_batch_norm(module), self.device)
        if description.note:
            log.info("%s", description.note)

    @classmethod
    def from_file(
        cls,
        weights: str | os.PathLike[str],
        device: str = "auto",
        *,
        threshold: float | None = None,
        batch_size: int = 8,
        precision: Precision = "float32",
    ) -> CentreDetector:
        """Read weights; see `poseflow.estimator.weights.load_detector`."""
        module, description = load_detector(os.fspath(weights))
        return cls(
            module,
            description,
            device,
            threshold=threshold,
            batch_size=batch_size,
            precision=precision,
        )

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The people of each `(H, W, 3)` uint8 BGR image, best first."""
        description = self.description
        upright = np.array([i.shape[0] > i.shape[1] for i in images], bool)
        results = [Detections.empty()] * len(images)
        for turned in (False, True):
            sides = (description.width, description.height)
            if turned:
                sides = sides[::-1]
            mine = np.flatnonzero(upright == turned).tolist()
            found = self.batches.map(
                [images[k] for k in mine], partial(self._detect, sides=sides)
            )
            for k, detections in zip(mine, found, strict=True):
                results[k] = _clipped(detections, images[k])
        return results

    @torch.inference_mode()
    def _detect(
        self, images: Sequence[Image], sides: tuple[int, int]
    ) -> list[Detections]:
        """The people of images in letterboxes of one size."""
        description = self.description
        frames = [letterbox(image, *sides) for image in images]
        crops = torch.from_numpy(np.stack([frame.image for frame in frames]))
        planes = network_input(crops, description.mean, description.std, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            out = self.module(planes)
        return [
            Detections(
                frame.boxes_to_image(found.boxes).astype(np.float32), found.scores
            )
            for frame, found in zip(
                frames, decode_centres(out, self.threshold), strict=True
            )
        ]


def _clipped(found: Detections, image: Image) -> Detections:
    """Boxes clipped to the image; those outside of it are left out."""
    height, width = image.shape[:2]
    boxes = np.clip(found.boxes, 0, np.array([width, height] * 2, np.float32))
    real = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return Detections(boxes[real], found.scores[real])
