"""Calibrated scores: from MoveNet's outputs to probabilities.

A person's score is the probability that there is a person, a joint's that there is a
person and the joint is right: in the image, and within the distance of a
keypoint similarity of 0.5. Each is a logistic function of the log odds of raw scores
(Platt, 1999), of the pose's height, and of whether the image's border cuts the person,
fitted by `benchmarks/estimation_accuracy.py --fit`. Reliability on other images:
docs/models.md.
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

CUT_SHARE = 0.02
"""A box that ends this close to the image's border, as a share of its side, is cut."""

SMALLEST = 1e-6
"""Raw scores below this, or as close to 1, are taken for it."""


Size = tuple[int, ...]
"""Width and height of an image, pixels."""


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


PERSON = Logistic((1.70, 2.26, 0.93), 3.76)
"""Of `person_inputs`."""

JOINT = Logistic((1.51,), 0.96)
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
        person=Logistic((1.29, 1.24, 0.49, 0.92, -0.62), 3.23),
        joint=Logistic((0.96,), 0.66),
        boxed_joint=Logistic((1.48,), 0.47),
    ),
    "lightning": SecondCalibration(
        person=Logistic((0.96, 1.72, 1.17, 1.19, -0.13), 2.48),
        joint=Logistic((1.63,), 0.64),
        boxed_joint=Logistic((1.65,), 0.46),
    ),
}
"""By the name of the network."""


def person_inputs(first: Poses, image_size: Size) -> tuple[Floats, Floats, Floats]:
    """What tells people from furniture: MultiPose's score, the pose's height, the cut.

    On furniture the joints lie closer together than the box is high. People whom the
    image's border cuts score lower than whole ones, furniture there does not.

    Args:
        first: MultiPose's people, boxes within the image.
        image_size: Width and height of the image.
    """
    y = first.keypoints[..., 1]
    low, high = first.boxes[:, :2], first.boxes[:, 2:]
    sides = high - low
    height = y.max(axis=1, initial=-np.inf) - y.min(axis=1, initial=np.inf)
    share = np.clip(height / sides[:, 1], *HEIGHT_SHARES)
    nearest = np.minimum(low, np.asarray(image_size) - high)
    cut = (nearest < CUT_SHARE * sides).any(axis=1).astype(np.float64)
    return log_odds(first.scores), np.log(share), cut


def refined_inputs(
    first: Poses, second: Poses, image_size: Size
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """The same, and the mean score of the second stage's best joints.

    Of a person who is occluded not all joints can be found, and even fewer of one who
    is cut: the last input is that mean for those, and 0 for others.
    """
    score, height, cut = person_inputs(first, image_size)
    best = np.sort(second.keypoint_scores, axis=1)[:, -BEST_JOINTS:]
    joints = log_odds(best.mean(axis=1))
    return score, height, cut, joints, cut * joints


def person_scores(first: Poses, image_size: Size) -> Floats:
    """Probability that there is a person, `(P,)`, for MultiPose's people."""
    return PERSON(*person_inputs(first, image_size))


def probable(first: Poses, image_size: Size) -> Poses:
    """MultiPose's people with probabilities in place of raw scores."""
    joints = JOINT(log_odds(first.keypoint_scores))
    return _with_scores(first, person_scores(first, image_size), joints)


def probable_refined(
    first: Poses, second: Poses, image_size: Size, network: str
) -> Poses:
    """The same with the joints of both stages.

    Args:
        first: MultiPose's people.
        second: The same people with the second stage's joints.
        image_size: Width and height of the image.
        network: Of the second stage, `thunder` or `lightning`.
    """
    calibration = SECOND[network]
    people = calibration.person(*refined_inputs(first, second, image_size))
    joints = calibration.joint(log_odds(second.keypoint_scores))
    return _with_scores(combined(first, second), people, joints)


def probable_both(
    first: Poses, again: Bools, second: Poses, image_size: Size, network: str
) -> Poses:
    """People of whom some went through the second stage, best first.

    Args:
        first: MultiPose's people.
        again: `(P,)` which of them have joints of the second stage.
        second: Those, with the second stage's joints.
        image_size: Width and height of the image.
        network: Of the second stage, `thunder` or `lightning`.
    """
    refined = probable_refined(first[again], second, image_size, network)
    people = joined([probable(first[~again], image_size), refined])
    return people[np.argsort(-people.scores, kind="stable")]


def probable_in_boxes(poses: Poses, network: str) -> Poses:
    """Poses in given boxes: a person's score is the mean of the joints'."""
    joints = SECOND[network].boxed_joint(log_odds(poses.keypoint_scores))
    return poses.replace(keypoint_scores=joints, scores=joints.mean(axis=1))


def _with_scores(poses: Poses, people: Floats, joints: Floats) -> Poses:
    """Poses with probabilities of people, and of joints given that there is one."""
    return poses.replace(scores=people, keypoint_scores=joints * people[:, None])
