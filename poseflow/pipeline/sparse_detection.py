"""Sparse detection: between detections, estimate in boxes that the tracker predicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from poseflow.arrays import Floats, Image, Ints
from poseflow.estimator.protocols import Detections, Predicted
from poseflow.pipeline.protocols import (
    PredictingTracker,
    SelectiveEstimator,
    TwoStageEstimator,
)
from poseflow.poses import Poses
from poseflow.sequence import Frame
from poseflow.tracker.motion.camera_motion import (
    CameraOptions,
    image_change,
    small_grey,
)

if TYPE_CHECKING:
    from poseflow.video import SourceFrame

LEAST_SHARE = 0.5
"""A pose in a predicted box is dropped if its joints score less than this share of
what the person's did when detected: the person has gone."""

LEAST_SIDE_PX = 4
"""Predicted boxes with a shorter side inside the image are left out: the person has
gone."""

Found = tuple["SourceFrame", Detections | None]


def detected(
    shots: Iterable[SourceFrame], estimator: TwoStageEstimator, every: int
) -> Iterator[Found]:
    """Frames with the detections of every `every`-th one, None with the others.

    The detector also runs on the first frame after a cut, where nothing can be
    predicted. Cuts are found from the images alone, so this can run ahead.
    """
    limit = CameraOptions().cut_difference
    before: Image | None = None
    for number, shot in enumerate(shots):
        now = small_grey(shot.image, 32, 32)
        cut = before is not None and image_change(before, now) > limit
        before = now
        wanted = cut or number % every == 0
        yield shot, estimator.detect(shot.image) if wanted else None


def followed(
    found: Iterable[Found], estimator: TwoStageEstimator, tracker: PredictingTracker
) -> Iterator[Frame]:
    """Frames with poses, to be taken one at a time, each after `tracker.update`.

    Where so many people are expected that it takes less time, they are detected between
    detections, too.

    Args:
        found: What `detected` gives.
        estimator: Estimates the joints.
        tracker: Has been given every frame so far when the next is asked for.
    """
    # Of the people of the previous frame: the mean score of their joints when they
    # were detected, and the detector's score.
    quality = certainty = np.zeros(0, np.float32)
    for shot, people in found:
        if people is None:
            boxes = _inside(tracker.expected_boxes(), shot.image)
            there = np.isfinite(boxes).all(axis=1)
            if _detects_faster(estimator, shot.image, boxes[there]):
                people = estimator.detect(shot.image)
        fresh = people is not None
        if people is None:
            quality, certainty = quality[there], certainty[there]
            people = Predicted(boxes[there].astype(np.float32), certainty)
        poses = estimator.estimate(shot.image, people)
        origin = _origin(poses, people)
        certainty = people.scores[origin]
        now = poses.keypoint_scores.mean(axis=1)
        if fresh:
            quality = now
        else:
            kept = now >= LEAST_SHARE * quality[origin]
            poses, quality, certainty = (
                poses[kept],
                quality[origin][kept],
                certainty[kept],
            )
        yield Frame(shot.index, shot.time, poses, shot.image, shot.name)


def _detects_faster(estimator: TwoStageEstimator, image: Image, boxes: Floats) -> bool:
    return isinstance(estimator, SelectiveEstimator) and estimator.detects_faster(
        image, boxes
    )


def _inside(boxes: Floats, image: Image) -> Floats:
    """Boxes clipped to the image, as detectors give them; NaN where nothing is left."""
    height, width = image.shape[:2]
    cut: Floats
    cut = np.clip(boxes, 0, [width, height, width, height])
    gone = ~((cut[:, 2:] - cut[:, :2]) >= LEAST_SIDE_PX).all(axis=1)
    cut[gone] = np.nan
    return cut


def _origin(poses: Poses, people: Detections) -> Ints:
    """`(P,)` index of the box that each pose was estimated in."""
    if not len(poses):
        return np.zeros(0, np.int64)
    apart = np.abs(poses.boxes[:, None] - people.boxes[None]).sum(axis=2)
    return np.asarray(apart.argmin(axis=1), np.int64)
