"""Calibrated scores: from MoveNet's outputs to probabilities.

A person's score is the probability that there is a person, a joint's that there is a
person and the joint is right: in the image, and within the distance of a
keypoint similarity of 0.5. Each is a logistic function of the log odds of raw scores
(Platt, 1999), and of the pose's height, fitted by
`benchmarks/estimation_accuracy.py --fit`. Reliability on other images: docs/models.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.estimator.movenet.fusion import combined
from poseflow.estimator.movenet.merging import joined
from poseflow.poses import Poses

BEST_JOINTS = 6
"""The second stage's joints that count in a person's score."""

HEIGHT_SHARES = 0.2, 1.5
"""Limits of a pose's height over its box's."""

SMALLEST = 1e-6
"""Raw scores below this, or as close to 1, are taken for it."""


@dataclass(frozen=True)
class Logistic:
    """A logistic function of several inputs.

    Attributes:
        slopes: Factor of each input.
        offset: Added to their sum.
    """

    slopes: tuple[float, ...]
    offset: float

    def __call__(self, *inputs: Floats) -> Floats:
        """Probabilities for inputs of one shape."""
        pairs = zip(self.slopes, inputs, strict=True)
        odds = sum(slope * values for slope, values in pairs) + self.offset
        probability: Floats = 1 / (1 + np.exp(-odds))
        return probability


def log_odds(scores: Floats) -> Floats:
    """The logarithm of p / (1 - p) for scores in [0, 1]."""
    clipped = np.clip(np.asarray(scores, np.float64), SMALLEST, 1 - SMALLEST)
    odds: Floats = np.log(clipped) - np.log1p(-clipped)
    return odds


PERSON = Logistic((1.74, 2.43), 4.03)
"""Of `person_inputs`."""

JOINT = Logistic((1.48,), 0.86)
"""Of the log odds of MultiPose's joint score, given that there is a person."""


@dataclass(frozen=True)
class SecondCalibration:
    """Logistic functions for the scores of a network of the second stage.

    Attributes:
        person: Of `refined_inputs`.
        joint: Of the log odds of its joint scores near MultiPose's joints, given that
            there is a person.
        boxed_joint: The same in a given box.
    """

    person: Logistic
    joint: Logistic
    boxed_joint: Logistic


SECOND = {
    "thunder": SecondCalibration(
        person=Logistic((1.37, 0.78, 1.61), 3.65),
        joint=Logistic((1.25,), 0.85),
        boxed_joint=Logistic((1.48,), 0.47),
    ),
    "lightning": SecondCalibration(
        person=Logistic((1.15, 0.88, 1.85), 2.96),
        joint=Logistic((1.11,), 0.30),
        boxed_joint=Logistic((1.65,), 0.46),
    ),
}
"""By the name of the network."""


def person_inputs(first: Poses) -> tuple[Floats, Floats]:
    """What tells people from furniture: MultiPose's score, and the pose's height.

    On furniture the joints lie closer together than the box is high.
    """
    y = first.keypoints[..., 1]
    boxes = first.boxes[:, 3] - first.boxes[:, 1]
    share = (y.max(axis=1, initial=-np.inf) - y.min(axis=1, initial=np.inf)) / boxes
    return log_odds(first.scores), np.log(np.clip(share, *HEIGHT_SHARES))


def refined_inputs(first: Poses, second: Poses) -> tuple[Floats, Floats, Floats]:
    """The same, and the mean score of the second stage's best joints.

    Of a person who is cut or occluded not all joints can be found.
    """
    score, height = person_inputs(first)
    best = np.sort(second.keypoint_scores, axis=1)[:, -BEST_JOINTS:]
    return score, log_odds(best.mean(axis=1)), height


def person_scores(first: Poses) -> Floats:
    """Probability that there is a person, `(P,)`, for MultiPose's people."""
    return PERSON(*person_inputs(first))


def probable(first: Poses) -> Poses:
    """MultiPose's people with probabilities in place of raw scores."""
    joints = JOINT(log_odds(first.keypoint_scores))
    return _with_scores(first, person_scores(first), joints)


def probable_refined(first: Poses, second: Poses, network: str) -> Poses:
    """The same with the joints of both stages.

    Args:
        first: MultiPose's people.
        second: The same people with the second stage's joints.
        network: Of the second stage, `thunder` or `lightning`.
    """
    calibration = SECOND[network]
    people = calibration.person(*refined_inputs(first, second))
    joints = calibration.joint(log_odds(second.keypoint_scores))
    return _with_scores(combined(first, second), people, joints)


def probable_both(first: Poses, again: Bools, second: Poses, network: str) -> Poses:
    """People of whom some went through the second stage, best first.

    Args:
        first: MultiPose's people.
        again: `(P,)` which of them have joints of the second stage.
        second: Those, with the second stage's joints.
        network: Of the second stage, `thunder` or `lightning`.
    """
    refined = probable_refined(first[again], second, network)
    people = joined([probable(first[~again]), refined])
    return people[np.argsort(-people.scores, kind="stable")]


def probable_in_boxes(poses: Poses, network: str) -> Poses:
    """Poses in given boxes: a person's score is the mean of the joints'."""
    joints = SECOND[network].boxed_joint(log_odds(poses.keypoint_scores))
    return poses.replace(keypoint_scores=joints, scores=joints.mean(axis=1))


def _with_scores(poses: Poses, people: Floats, joints: Floats) -> Poses:
    """Poses with probabilities of people, and of joints given that there is one."""
    return poses.replace(scores=people, keypoint_scores=joints * people[:, None])
