"""Calibrated scores: probabilities that keep the order of raw ones."""

import numpy as np
import pytest

from poseflow.estimator.movenet import scores
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.estimator.movenet.second_stage import combined
from poseflow.poses import Poses


def poses(joint=0.5, score=0.3, x=0.0):
    shape = (2, len(SKELETON))
    keypoints = np.full((*shape, 2), x)
    boxes = [[0, 0, 10, 20]] * 2
    return Poses(
        keypoints, np.full(shape, joint), boxes, [score] * 2, skeleton=SKELETON
    )


def test_logistic():
    half = scores.Logistic((1.0,), 0.0)
    np.testing.assert_allclose(half(np.array([0.2, 0.5, 0.9])), [0.2, 0.5, 0.9])
    both = scores.Logistic((1.0, 1.0), 0.0)
    assert both(np.array([0.9]), np.array([0.1])) == pytest.approx(0.5)
    ends = half(np.array([0.0, 1.0]))
    assert 0 < ends[0] < 1e-5 < 1 - 1e-5 < ends[1] < 1


@pytest.mark.parametrize(
    "name", ["PERSON", "REFINED_PERSON", "JOINT", "SEEDED_JOINT", "BOXED_JOINT"]
)
def test_higher_raw_scores_are_more_probable(name):
    function = getattr(scores, name)
    raw = np.linspace(0, 1, 50)
    for place in range(len(function.slopes)):
        columns = [np.full(50, 0.3)] * len(function.slopes)
        columns[place] = raw
        assert (np.diff(function(*columns)) > 0).all()


def test_joints_are_no_more_probable_than_the_person():
    for joint in (0.05, 0.5, 0.95):
        first, second = poses(joint), poses(joint)
        for found in (scores.probable(first), scores.probable_refined(first, second)):
            assert (found.keypoint_scores < found.scores[:, None]).all()
    empty = Poses.empty(SKELETON)
    assert len(scores.probable(empty)) == len(scores.probable_in_boxes(empty)) == 0
    assert len(scores.probable_refined(empty, empty)) == 0


def test_joints_of_two_stages_lie_nearer_to_the_more_certain():
    first, second = poses(joint=0.2, x=0.0), poses(joint=0.6, x=10.0)
    weights = 0.5 * 0.2**2, 0.6**2
    expected = 10 * weights[1] / sum(weights)
    np.testing.assert_allclose(combined(first, second).keypoints, expected, rtol=1e-6)
    lost = combined(poses(joint=0), poses(joint=0, x=4.0)).keypoints
    assert np.isfinite(lost).all()
