"""Fusion of several estimates of a person: means of the joints that agree."""

import numpy as np
import pytest

from poseflow.estimator.movenet.fusion import averaged, combined, joint_similarity
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.poses import Poses
from poseflow.similarity.oks import oks

BOX = (0, 0, 100, 200)


def poses(x=0.0, joint=0.5, score=0.5, count=1):
    """People of one box; all joints of each at the same x, and at y from 0 to 200."""
    shape = (count, len(SKELETON))
    keypoints = np.zeros((*shape, 2))
    keypoints[..., 0] = x
    keypoints[..., 1] = np.linspace(0, 200, len(SKELETON))
    return Poses(
        keypoints,
        np.full(shape, joint),
        [BOX] * count,
        [score] * count,
        skeleton=SKELETON,
    )


def test_joint_similarity_is_a_joints_part_of_oks():
    a, b = poses(count=2), poses(x=6.0, count=2)
    similarity = joint_similarity(a, b)
    assert similarity.shape == (2, 17)
    sigmas = np.asarray(SKELETON.sigmas)
    area = 0.53 * 100 * 200
    for joint in (0, 5, 16):
        present = np.zeros((2, 17), bool)
        present[:, joint] = True
        expected = oks(a.keypoints, b.keypoints, [area] * 2, sigmas, present)[0, 0]
        assert similarity[0, joint] == pytest.approx(expected)
    empty = Poses.empty(SKELETON)
    assert joint_similarity(empty, empty).shape == (0, 17)


def test_joints_of_two_stages_lie_nearer_to_the_more_certain():
    first, second = poses(joint=0.2), poses(x=2.0, joint=0.6)
    weights = 0.5 * 0.2**2, 0.6**2
    expected = 2 * weights[1] / sum(weights)
    found = combined(first, second).keypoints
    np.testing.assert_allclose(found[..., 0], expected, rtol=1e-6)
    lost = combined(poses(joint=0), poses(x=1.0, joint=0)).keypoints
    assert np.isfinite(lost).all()
    empty = Poses.empty(SKELETON)
    assert len(combined(empty, empty)) == 0


@pytest.mark.parametrize(("certain", "expected"), [(0.2, 80.0), (0.9, 0.0)])
def test_stages_that_disagree_are_not_averaged(certain, expected):
    """The mean of a left and a right ankle is neither."""
    found = combined(poses(joint=certain), poses(x=80.0, joint=0.5)).keypoints
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-4)


def test_joints_of_views_are_means_of_those_that_agree():
    pick = poses(joint=0.5, score=0.4)
    near, away = poses(x=3.0, joint=0.3, score=0.8), poses(x=90.0, joint=0.9, score=0.9)
    found = Poses.concatenate([pick, near, away])
    people = averaged(pick, found, np.zeros(3, np.int64))
    weights = (0.5 * 0.4) ** 2, (0.3 * 0.8) ** 2
    expected = 3 * weights[1] / sum(weights)
    np.testing.assert_allclose(people.keypoints[..., 0], expected, rtol=1e-5)
    np.testing.assert_allclose(people.keypoints[..., 1], pick.keypoints[..., 1])
    np.testing.assert_array_equal(people.keypoint_scores, pick.keypoint_scores)


def test_a_person_of_one_view_keeps_its_joints():
    pick = poses(x=7.0, joint=0.0, count=2)
    people = averaged(pick, pick, np.arange(2))
    np.testing.assert_array_equal(people.keypoints, pick.keypoints)
    none = Poses.empty(SKELETON)
    assert len(averaged(none, none, np.zeros(0, np.int64))) == 0
