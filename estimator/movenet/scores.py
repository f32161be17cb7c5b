"""Calibrated scores: from MoveNet's outputs to probabilities.

A person's score is the probability that there is a person, a joint's that there is a
person and the joint is right: in the image, and within the distance of a
keypoint similarity of 0.5. Each is a logistic function of the log odds of raw scores
(Platt, 1999), fitted by `benchmarks/estimation_accuracy.py --fit`. Reliability on other
images: docs/models.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Floats
from poseflow.estimator.movenet.second_stage import combined
from poseflow.poses import Poses

SMALLEST = 1e-6
"""Raw scores below this, or as close to 1, are taken for it."""


@dataclass(frozen=True)
class Logistic:
    """A logistic function of the log odds of one or several raw scores.

    Attributes:
        slopes: Factor of the log odds of each raw score.
        offset: Added to their sum.
    """

    slopes: tuple[float, ...]
    offset: float

    def __call__(self, *raw: Floats) -> Floats:
        """Probabilities for raw scores in [0, 1], arrays of one shape."""
        odds = sum(
            slope * log_odds(scores)
            for slope, scores in zip(self.slopes, raw, strict=True)
        )
        probability: Floats = 1 / (1 + np.exp(-(odds + self.offset)))
        return probability


def log_odds(scores: Floats) -> Floats:
    """The logarithm of p / (1 - p)."""
    clipped = np.clip(np.asarray(scores, np.float64), SMALLEST, 1 - SMALLEST)
    odds: Floats = np.log(clipped) - np.log1p(-clipped)
    return odds


PERSON = Logistic((1.86,), 3.49)
"""Of MultiPose's score, the mean of all views."""

REFINED_PERSON = Logistic((1.19, 0.59), 3.50)
"""Of MultiPose's score, and the mean of Thunder's joint scores."""

JOINT = Logistic((1.46,), 0.84)
"""Of MultiPose's joint score, given that there is a person."""

SEEDED_JOINT = Logistic((1.56,), 0.46)
"""The same for the joints of MultiPose and Thunder together."""

BOXED_JOINT = Logistic((1.56,), 0.46)
"""The same for the joints of Thunder or Lightning in a given box."""


def probable(first: Poses) -> Poses:
    """MultiPose's people with probabilities in place of raw scores."""
    return _with_scores(first, PERSON(first.scores), JOINT(first.keypoint_scores))


def probable_refined(first: Poses, second: Poses) -> Poses:
    """The same with the joints of both stages.

    Args:
        first: MultiPose's people.
        second: The same people with Thunder's joints.
    """
    raw = second.keypoint_scores
    people = REFINED_PERSON(first.scores, raw.mean(axis=1))
    return _with_scores(combined(first, second), people, SEEDED_JOINT(raw))


def probable_in_boxes(poses: Poses) -> Poses:
    """Poses in given boxes: a person's score is the mean of the joints'."""
    joints = BOXED_JOINT(poses.keypoint_scores)
    return poses.replace(keypoint_scores=joints, scores=joints.mean(axis=1))


def _with_scores(poses: Poses, people: Floats, joints: Floats) -> Poses:
    """Poses with probabilities of people, and of joints given that there is one."""
    return poses.replace(scores=people, keypoint_scores=joints * people[:, None])
