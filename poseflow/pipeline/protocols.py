"""Protocols of the estimators, trackers and outputs that the pipeline uses."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from poseflow.arrays import Floats, Image
from poseflow.poses import Poses
from poseflow.sequence import Frame


class PoseEstimator(Protocol):
    """Finds the people in an image."""

    def estimate(self, image: Image) -> Poses:
        """The poses in a `(H, W, 3)` uint8 BGR image."""


@runtime_checkable
class TwoStageEstimator(Protocol):
    """Detects people first and estimates their joints after, in another thread.

    `poseflow.Estimator` is one.

    Attributes:
        detector: None if it has no detector of its own.
    """

    @property
    def detector(self) -> Any:
        """The person detector."""

    def detect(self, image: Image) -> Any:
        """The people in a `(H, W, 3)` uint8 BGR image, in any form."""

    def estimate(self, image: Image, boxes: Any = None) -> Poses:
        """The poses of the people that `detect` found."""


@runtime_checkable
class SelectiveEstimator(Protocol):
    """Knows whether to detect people again is faster than to follow them."""

    def detects_faster(self, image: Image, boxes: Floats) -> bool:
        """Whether `detect` takes less time than the joints in `(P, 4)` given boxes."""


class OnlineTracker(Protocol):
    """Gives poses identities, frame after frame."""

    def update(self, poses: Poses, image: Image | None = None) -> Poses:
        """The same poses with `track_ids`."""


class PredictingTracker(Protocol):
    """Predicts where people are in the next frame; `poseflow.Tracker` is one."""

    def expected_boxes(self) -> Floats:
        """`(P, 4)` for the poses of its latest frame, NaN where none is expected."""


class EndOfRun(Exception):
    """A sink wants no more frames: the run ends, and what was done is kept."""


class Sink(Protocol):
    """Takes tracked frames, such as a result file or an overlay video."""

    def write(self, frame: Frame) -> None:
        """Append one frame.

        Raises:
            EndOfRun: If it is the last one.
        """
