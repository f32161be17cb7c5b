"""What the parts of an estimator promise each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.poses import Poses
from poseflow.skeleton import Skeleton


@dataclass(frozen=True)
class Detections:
    """The people of one image as boxes.

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
        """Nobody."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@runtime_checkable
class Detector(Protocol):
    """Images to boxes of people."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The people of each `(H, W, 3)` uint8 BGR image."""


@runtime_checkable
class PoseNetwork(Protocol):
    """Crops of one person each to joints.

    Attributes:
        skeleton: What the K joints are.
        width: Of the crops it wants, pixels.
        height: Of the crops it wants, pixels.
        margin: How much larger than the person's box a crop is.
    """

    skeleton: Skeleton
    width: int
    height: int
    margin: float

    def predict(self, crops: Image) -> tuple[Floats, Floats]:
        """Joints of each crop.

        Args:
            crops: `(N, height, width, 3)` uint8 BGR.

        Returns:
            Joints `(N, K, 2)` float32 in crop pixels and scores `(N, K)` float32;
            score 0 for a joint that was not found.
        """


@runtime_checkable
class EstimatorBackend(Protocol):
    """Images to poses; what `Estimator` is made of.

    Attributes:
        skeleton: What the joints are.
    """

    @property
    def skeleton(self) -> Skeleton:
        """What the joints are."""

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """The people of each `(H, W, 3)` uint8 BGR image.

        Args:
            images: ImageFiles, of any sizes.
            boxes: `(P, 4)` xyxy of the people in each; None to find them.
        """


@runtime_checkable
class TwoStageBackend(EstimatorBackend, Protocol):
    """A backend that finds people first and their joints after.

    The two may run in different threads, each in one at a time.

    Attributes:
        detector: The first stage; None if boxes are always given.
    """

    detector: Detector | None

    def estimate_detected(
        self, images: Sequence[Image], found: Sequence[Detections]
    ) -> list[Poses]:
        """The second stage: joints of the people `found` in each image."""
