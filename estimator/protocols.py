"""Protocols of the parts of an estimator: detector, pose network, backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton


@dataclass(frozen=True)
class Detections:
    """Detected people of one image as boxes with scores.

    Attributes:
        boxes: `(P, 4)` float32 xyxy pixels.
        scores: `(P,)` float32 in [0, 1].
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def empty(cls) -> Detections:
        """No people."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Predicted(Detections):
    """Boxes where a tracker expects people who were detected before."""


@runtime_checkable
class Detector(Protocol):
    """Person detector: images to boxes."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Detect the people in each `(H, W, 3)` uint8 BGR image."""


@runtime_checkable
class PoseNetwork(Protocol):
    """Single-person pose network: crops to joints.

    Attributes:
        skeleton: The K joints.
        width: Of the crops, pixels.
        height: Of the crops, pixels.
        margin: Factor by which a crop is larger than the person's box.
    """

    skeleton: Skeleton
    width: int
    height: int
    margin: float

    def predict(self, crops: Image) -> tuple[Floats, Floats]:
        """Find the joints in each crop.

        Args:
            crops: `(N, height, width, 3)` uint8 BGR.

        Returns:
            Joints `(N, K, 2)` float32 in crop pixels and scores `(N, K)` float32;
            score 0 for a joint that was not found.
        """


@runtime_checkable
class EstimatorBackend(Protocol):
    """Images to poses: the interface behind `Estimator`.

    Attributes:
        skeleton: The joints.
    """

    @property
    def skeleton(self) -> Skeleton:
        """The joints."""

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """Estimate the poses of the people in each `(H, W, 3)` uint8 BGR image.

        Args:
            images: ImageFiles, of any sizes.
            boxes: `(P, 4)` xyxy of the people in each; None to detect them.
        """


@runtime_checkable
class TwoStageBackend(EstimatorBackend, Protocol):
    """Top-down backend: a person detector, then joints of each person.

    The two stages may run in different threads, each in one at a time.

    Attributes:
        detector: The first stage; None if boxes are always given.
    """

    @property
    def detector(self) -> Detector | None:
        """The first stage."""

    def estimate_detected(
        self, images: Sequence[Image], detected: Sequence[Detections]
    ) -> list[Poses]:
        """Second stage: estimate the joints of the people detected in each image."""
