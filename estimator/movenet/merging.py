"""Merging the people of several views of an image: NMS, means of all estimates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.movenet.fusion import averaged, body_areas
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.estimator.topdown.pose_nms import oks_nms
from poseflow.poses import Poses
from poseflow.similarity.boxes import box_iou

SAME_PERSON_IOU = 0.5
"""Of two boxes that overlap by a larger IoU, the lower-scored one is dropped."""

LARGEST_PX = 450
"""Larger people, by their longer side in pixels of a view, are often missed there."""

SAME_POSE_OKS = 0.5
"""The same for two poses. Two views give boxes of one person that overlap less than
their joints."""


def merged(
    views: Sequence[Poses], scales: Sequence[float], tile: Floats | Ints | None = None
) -> Poses:
    """The people of all views, each once, best first.

    Of duplicates the best one gives the pose; its joints are means with those of the
    others that agree, the box is the mean of all, weighted by the squares of their
    scores. The score is the mean over the views of the best score there, 0 where a view
    has no such person: several views rarely agree on a false positive. Views in which a
    person is too large to be found do not count, nor does the tile for people outside.

    Args:
        views: The people found in each view, in image pixels.
        scales: Of each view, its pixels per image pixel.
        tile: `(4,)` xyxy pixels, the part of the image that the last view shows, if it
            does not show all.
    """
    found = joined(views)
    kept = distinct(found)
    if not len(kept):
        return found[kept]
    view = np.repeat(np.arange(len(views)), [len(poses) for poses in views])
    overlap = box_iou(found.boxes[kept], found.boxes)
    same = np.flatnonzero(overlap.max(axis=0) >= SAME_PERSON_IOU)
    person = overlap[:, same].argmax(axis=0)
    best = np.zeros((len(kept), len(views)), found.scores.dtype)
    np.maximum.at(best, (person, view[same]), found.scores[same])
    weights = np.zeros((len(kept), len(found)), found.scores.dtype)
    weights[person, same] = np.square(found.scores[same])
    boxes = weights @ found.boxes / weights.sum(axis=1, keepdims=True)
    sides_px = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)[:, None] * scales
    seen = sides_px <= LARGEST_PX
    if tile is not None:
        inside = (boxes[:, :2] >= tile[:2]) & (boxes[:, 2:] <= tile[2:])
        seen[:, -1] &= inside.all(axis=1)
    counts = (best > 0) | seen
    people = found[kept].replace(
        boxes=boxes, scores=best.sum(axis=1) / counts.sum(axis=1)
    )
    people = averaged(people, found[same], person)
    return people[np.argsort(-people.scores, kind="stable")]


def joined(parts: Sequence[Poses]) -> Poses:
    """The people of all parts, in their order."""
    keypoints, keypoint_scores, boxes, scores = (
        np.concatenate([getattr(poses, name) for poses in parts])
        for name in ("keypoints", "keypoint_scores", "boxes", "scores")
    )
    return Poses(keypoints, keypoint_scores, boxes, scores, skeleton=SKELETON)


def distinct(people: Poses) -> Ints:
    """Positions of the people without duplicates, best first."""
    kept = box_nms(people.boxes, people.scores, SAME_PERSON_IOU)
    return kept[
        oks_nms(
            people.keypoints[kept],
            people.scores[kept],
            body_areas(people.boxes[kept]),
            np.asarray(SKELETON.sigmas),
            SAME_POSE_OKS,
        )
    ]
