"""Detect on some frames only; between them, look where the tracker expects people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from poseflow.arrays import Floats, Image, Ints
from poseflow.estimator.protocols import Detections
from poseflow.poses import Poses
from poseflow.sequence import Frame
from poseflow.tracker.motion.camera_motion import CameraOptions, picture_change

if TYPE_CHECKING:
    from poseflow.pipeline.track import TwoStageEstimator
    from poseflow.video import SourceFrame

LEAST_SHARE = 0.5
"""A pose at an expected place is dropped if its joints score less than this share of
what the person's did when detected: there is nobody any more."""

LEAST_SIDE_PX = 4
"""Expected boxes of which less is in the picture are left out: the person has gone."""

Found = tuple["SourceFrame", Detections | None]


class ExpectingTracker(Protocol):
    """A tracker that knows where to look next; `poseflow.Tracker` is one."""

    def expected_boxes(self) -> Floats:
        """`(P, 4)` for the people of its latest frame, NaN for whom not to expect."""


def detected(
    shots: Iterable[SourceFrame], estimator: TwoStageEstimator, every: int
) -> Iterator[Found]:
    """Frames with the people of every `every`-th one, None with the others.

    A frame that begins another scene is detected on in addition: nobody can be expected
    there. Where it begins hangs on the pictures alone, so this can run ahead.
    """
    limit = CameraOptions().cut_difference
    before: Image | None = None
    for number, shot in enumerate(shots):
        small = cv2.resize(shot.image, (32, 32), interpolation=cv2.INTER_AREA)
        now: Image = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        cut = before is not None and picture_change(before, now) > limit
        before = now
        wanted = cut or number % every == 0
        yield shot, estimator.detect(shot.image) if wanted else None


def followed(
    found: Iterable[Found], estimator: TwoStageEstimator, tracker: ExpectingTracker
) -> Iterator[Frame]:
    """Frames with people, to be taken one at a time, each after `tracker.update`.

    Args:
        found: What `detected` gives.
        estimator: Finds the joints.
        tracker: Has been given every frame so far when the next is asked for.
    """
    # Of the people of the frame before: how well their joints scored when they were
    # detected, and what the detector's score was.
    quality = certainty = np.zeros(0, np.float32)
    for shot, people in found:
        fresh = people is not None
        if people is None:
            boxes = _inside(tracker.expected_boxes(), shot.image)
            there = np.isfinite(boxes).all(axis=1)
            quality, certainty = quality[there], certainty[there]
            people = Detections(boxes[there].astype(np.float32), certainty)
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


def _inside(boxes: Floats, image: Image) -> Floats:
    """Boxes cut at the picture's edges, as detectors give them; NaN where none is."""
    height, width = image.shape[:2]
    cut: Floats
    cut = np.clip(boxes, 0, [width, height, width, height])
    gone = ~((cut[:, 2:] - cut[:, :2]) >= LEAST_SIDE_PX).all(axis=1)
    cut[gone] = np.nan
    return cut


def _origin(poses: Poses, people: Detections) -> Ints:
    """`(P,)` the box that each person was found in: they keep it."""
    if not len(poses):
        return np.zeros(0, np.int64)
    apart = np.abs(poses.boxes[:, None] - people.boxes[None]).sum(axis=2)
    return np.asarray(apart.argmin(axis=1), np.int64)
