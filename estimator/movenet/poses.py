"""`MoveNetPoses`: MultiPose finds people, a second network estimates joints again."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.devices import device_name
from poseflow.estimator.movenet.multipose import DetectedPoses, MultiPose
from poseflow.estimator.movenet.presets import LEAST_SCORE, SKELETON, preset
from poseflow.estimator.movenet.scores import (
    person_scores,
    probable_both,
    probable_in_boxes,
)
from poseflow.estimator.movenet.second_stage import SecondStage
from poseflow.estimator.protocols import Detections, Detector, Predicted
from poseflow.poses import Poses
from poseflow.validation import require

FOLLOWING_PIXELS = {"lightning": 19_500, "thunder": 78_000}
"""Pixels of MultiPose's input that take as long as the crop of one person, measured in
onnxruntime on a CPU."""


class MoveNetPoses:
    """MoveNet; a `TwoStageBackend` that detects people itself or takes boxes.

    MultiPose finds people and joints, in one or several views of the image. Thunder
    (`fast`: Lightning) estimates the joints again, in a crop around each person
    (`best`) or each doubtful person, near the first ones. In given boxes, and in those
    of another detector, it estimates the joints of the person in the middle of each
    crop.

    Args:
        quality: `fast`, `balanced` or `best`; see `PRESETS`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        detector: Detects people instead of MultiPose.
        least_score: People with lower scores are left out, except in given boxes. A
            score is the probability that there is a person.
        input_size: Longer side of the largest view, pixels; default the quality's.
            Larger finds smaller people, in a time that rises with its square.
        tiles: `auto`: where people are small, that part of the image is searched again,
            enlarged; or `none`. Default the quality's.
        batch_size: Images or crops at once; halved when the device runs out of memory.

    Attributes:
        detector: MultiPose, or the given one.
        second_stage: Thunder or Lightning.
        follower: The same, for boxes that a tracker predicts.

    Raises:
        PoseFlowError: If an option is out of its range, or there is no such device.
    """

    detector: Detector
    skeleton = SKELETON

    def __init__(
        self,
        quality: str = "balanced",
        device: str = "auto",
        detector: Detector | None = None,
        *,
        least_score: float = LEAST_SCORE,
        input_size: int | None = None,
        tiles: str | None = None,
        batch_size: int = 8,
    ) -> None:
        chosen = preset(quality, input_size)
        require("least_score", least_score, 0, 1)
        if tiles not in ("auto", "none", None):
            raise PoseFlowError(f"tiles: expected auto or none, got {tiles!r}")
        self.least_score = least_score
        self.refine_below = chosen.refine_below
        self.device = device_name(device)
        # The second stage may raise the score of a person.
        first = least_score / 2 if self.refine_below else least_score
        self.detector = detector or MultiPose(
            chosen.views,
            self.device,
            first,
            batch_size,
            grows=chosen.grows,
            tiles=chosen.tiles if tiles is None else tiles == "auto",
        )
        self.second_stage = SecondStage(chosen.single, self.device, batch_size)
        self.follower = SecondStage(chosen.follower, self.device, batch_size)

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """Estimate the people of each image; see `EstimatorBackend`."""
        if boxes is None:
            return self.estimate_detected(images, self.detector.detect(images))
        return _in_boxes(self.second_stage, images, boxes)

    def detects_faster(self, image: Image, boxes: Floats) -> bool:
        """Whether MultiPose takes less time than the people in predicted boxes."""
        if not isinstance(self.detector, MultiPose):
            return False
        following = len(boxes) * FOLLOWING_PIXELS[self.follower.name]
        return following > self.detector.input_pixels(image, boxes)

    def estimate_detected(
        self, images: Sequence[Image], detected: Sequence[Detections]
    ) -> list[Poses]:
        """Estimate the joints of detected people; see `TwoStageBackend`."""
        found = [each.poses for each in detected if isinstance(each, DetectedPoses)]
        if len(found) < len(detected):
            expected = all(isinstance(each, Predicted) for each in detected)
            stage = self.follower if expected else self.second_stage
            people = _in_boxes(stage, images, [each.boxes for each in detected])
            return [
                poses.replace(scores=np.sqrt(poses.scores * each.scores))
                for poses, each in zip(people, detected, strict=True)
            ]
        sizes = [image.shape[1::-1] for image in images]
        again = [
            person_scores(people, size) < self.refine_below
            for people, size in zip(found, sizes, strict=True)
        ]
        doubtful = [people[some] for people, some in zip(found, again, strict=True)]
        second = self.second_stage.near(images, doubtful)
        results = [
            probable_both(*parts, self.second_stage.name)
            for parts in zip(found, again, second, sizes, strict=True)
        ]
        return [poses[poses.scores >= self.least_score] for poses in results]


def _in_boxes(
    stage: SecondStage,
    images: Sequence[Image],
    boxes: Sequence[npt.NDArray[np.float32]],
) -> list[Poses]:
    """The person in the middle of each box."""
    found = stage.in_boxes(images, boxes)
    return [probable_in_boxes(poses, stage.name) for poses in found]


def movenet_estimator(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    detector: Detector | None = None,
    *,
    quality: str = "balanced",
    least_score: float = LEAST_SCORE,
    input_size: int | None = None,
    tiles: str | None = None,
    batch_size: int = 8,
) -> MoveNetPoses:
    """Make the estimator `movenet`.

    Args:
        weights: None: it has its own.
        device: As for `MoveNetPoses`.
        detector: As for `MoveNetPoses`.
        quality: As for `MoveNetPoses`.
        least_score: As for `MoveNetPoses`.
        input_size: As for `MoveNetPoses`.
        tiles: As for `MoveNetPoses`.
        batch_size: As for `MoveNetPoses`.

    Raises:
        PoseFlowError: If weights are given, or an option is out of its range.
    """
    _require_no_weights(weights, "estimator 'movenet'")
    return MoveNetPoses(
        quality,
        device,
        detector,
        least_score=least_score,
        input_size=input_size,
        tiles=tiles,
        batch_size=batch_size,
    )


def movenet_detector(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    *,
    quality: str = "balanced",
    batch_size: int = 8,
) -> MultiPose:
    """Make the detector `embedded`: MultiPose, with the sizes of a preset.

    Args:
        weights: None: it has its own.
        device: As for `MoveNetPoses`.
        quality: As for `MoveNetPoses`.
        batch_size: As for `MultiPose`.

    Raises:
        PoseFlowError: If weights are given.
    """
    _require_no_weights(weights, "detector 'embedded'")
    views = preset(quality).views
    return MultiPose(views, device_name(device), batch_size=batch_size)


def _require_no_weights(weights: str | os.PathLike[str] | None, what: str) -> None:
    if weights is not None:
        raise PoseFlowError(
            f"{what} has its own weights; leave out those given, or name the "
            "one that they belong to"
        )
