"""Fusion of several estimates of a person's joints: means of those that agree."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.poses import Poses
from poseflow.similarity.boxes import box_area

BODY_AREA = 0.53
"""A body's area as a share of its box's, which OKS needs (COCO's mean)."""

AGREEING = 0.5
"""Similarity from which two estimates of a joint are averaged. Others are left apart:
the mean of a left and a right ankle is neither."""

FIRST_WEIGHT = 0.5
"""Weight of a joint's first position in the mean with the second one."""

SPREAD = 2 * np.square(2 * np.asarray(SKELETON.sigmas))


def body_areas(boxes: Floats) -> Floats:
    """Areas `(P,)` of the bodies in boxes, for OKS."""
    return BODY_AREA * box_area(boxes)


def joint_similarity(a: Poses, b: Poses) -> Floats:
    """Similarity of each joint in two estimates of the same people, `(P, 17)`.

    A joint's part of the object keypoint similarity: exp(-d^2 / (2 area (2 sigma)^2)).
    """
    away = np.square(a.keypoints - b.keypoints).sum(axis=2, dtype=np.float64)
    areas = np.maximum(body_areas(a.boxes), np.finfo(np.float32).tiny)
    similarity: Floats = np.exp(-away / (SPREAD * areas[:, None]))
    return similarity


def combined(first: Poses, second: Poses) -> Poses:
    """Joints of MultiPose and Thunder: means weighted by the squares of their scores.

    Where the two disagree, the joint with the greater weight.

    Args:
        first: MultiPose's people.
        second: The same people with Thunder's joints.
    """
    weights = np.square([first.keypoint_scores, second.keypoint_scores])
    weights[0] *= FIRST_WEIGHT
    apart = joint_similarity(first, second) < AGREEING
    weights = np.where(apart & (weights < weights.max(axis=0)), 0, weights)
    weights = np.maximum(weights, np.finfo(np.float32).tiny)
    weights /= weights.sum(axis=0)
    keypoints = (
        first.keypoints * weights[0][..., None]
        + second.keypoints * weights[1][..., None]
    )
    return second.replace(keypoints=keypoints)


def averaged(people: Poses, found: Poses, person: Ints) -> Poses:
    """Joints of people in several views: means of those that agree with the given one.

    Weighted by the squares of the joint's score times the person's.

    Args:
        people: P people, each with one of its estimates.
        found: All M estimates, with raw scores.
        person: `(M,)` the row of `people` of each estimate.
    """
    weights = np.square(found.keypoint_scores * found.scores[:, None])
    weights = np.where(
        joint_similarity(people[person], found) >= AGREEING, weights, 0
    ).astype(np.float64)
    total = np.zeros(people.keypoint_scores.shape)
    np.add.at(total, person, weights)
    moves = np.zeros(people.keypoints.shape)
    away = found.keypoints - people.keypoints[person]
    np.add.at(moves, person, weights[..., None] * away)
    moves /= np.maximum(total, np.finfo(np.float64).tiny)[..., None]
    return people.replace(keypoints=people.keypoints + moves.astype(np.float32))
