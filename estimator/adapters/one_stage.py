"""One-stage pose estimation: one network finds people and joints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.protocols import Detector
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton


class OneStagePoses(ABC):
    """Base of `EstimatorBackend`s whose one network finds people and joints.

    Attributes:
        skeleton: The joints.
        title: What error messages call the model.
    """

    skeleton: Skeleton
    title: str

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """Estimate the people of each image; see `EstimatorBackend`.

        Raises:
            PoseFlowError: If boxes are given: the model detects people itself.
        """
        if boxes is not None:
            raise PoseFlowError(
                f"{self.title} detects people itself and takes no boxes"
            )
        return self._predict(images)

    @abstractmethod
    def _predict(self, images: Sequence[Image]) -> list[Poses]:
        """The people of each image."""


def refuse_detector(title: str, detector: Detector | None) -> None:
    """Raise `PoseFlowError` if a detector was passed with a one-stage model."""
    if detector is not None:
        raise PoseFlowError(f"{title} detects people itself and takes no detector")
