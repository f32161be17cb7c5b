"""Metrics of single-person poses, computed by hand."""

import numpy as np
import pytest

from poseflow.estimator.training.pose.metrics import (
    Predictions,
    heatmap_accuracy,
    mirrored_share,
    oks_ap,
    pck,
    torso_sizes,
)
from poseflow.skeletons.skeleton import Skeleton

BODY = Skeleton(
    "body", ("left_shoulder", "right_shoulder", "left_hip", "right_hip", "nose")
)
STANDING = np.array([[10, 0], [0, 0], [10, 10], [0, 10], [5, -5]], float)


def found(keypoints, truth, labelled=None):
    count = len(truth)
    return Predictions(
        np.asarray(keypoints, float),
        np.ones((count, 5)),
        np.asarray(truth, float),
        np.ones((count, 5), bool) if labelled is None else np.asarray(labelled),
        np.zeros((count, 5)),
    )


def test_torso_takes_the_diagonals_there_are():
    truth = np.stack([STANDING] * 3)
    truth[1, 0] = [20, 0]
    labelled = np.ones((3, 5), bool)
    labelled[1, 1] = False  # leaves left shoulder to right hip: sqrt(500)
    labelled[2, :2] = False
    sizes = torso_sizes(truth, labelled, BODY)
    np.testing.assert_allclose(sizes[:2], [np.sqrt(200), np.sqrt(500)])
    assert np.isnan(sizes[2])


def test_pck_by_hand():
    distances = np.array([[1.0, 2.0], [2.1, 9.0], [0.0, 0.0]])
    labelled = np.array([[True, True], [True, False], [True, True]])
    per_joint, total = pck(distances, labelled, np.array([10, 10, np.nan]), 0.2)
    assert per_joint.tolist() == [0.5, 1.0]
    assert total == pytest.approx(2 / 3)


def test_pck_without_people_is_nan():
    per_joint, total = pck(np.zeros((0, 2)), np.zeros((0, 2), bool), np.zeros(0), 0.2)
    assert np.isnan(per_joint).all()
    assert np.isnan(total)


def test_heatmap_accuracy_is_a_mean_over_joints():
    error = np.array([[0.4, 0.6, 0], [0.4, 0.4, 0]])
    labelled = np.array([[True, True, False], [True, True, False]])
    assert heatmap_accuracy(error, labelled) == pytest.approx((1 + 0.5) / 2)
    assert np.isnan(heatmap_accuracy(error, labelled & False))


def test_mirrored_people_are_counted():
    truth = np.stack([STANDING] * 3)
    guess = truth.copy()
    guess[1] = guess[1, BODY.flip_indices]
    labelled = np.ones((3, 5), bool)
    labelled[2, 2] = False  # one whole pair is not enough to tell
    assert mirrored_share(found(guess, truth, labelled), BODY) == 0.5


def test_ap_of_perfect_and_of_lost_people():
    truth = np.stack([STANDING * 5] * 2)
    areas, boxes = np.full(2, 2500.0), np.array([[0, -25, 50, 50.0]] * 2)
    images = np.array([0, 1])
    assert oks_ap(found(truth, truth), areas, boxes, images, BODY) == pytest.approx(1)
    guess = truth.copy()
    guess[1] += 500
    half = oks_ap(found(guess, truth), areas, boxes, images, BODY)
    assert half == pytest.approx(51 / 101, abs=0.01)
    unlabelled = found(truth, truth, np.zeros((2, 5), bool))
    assert np.isnan(oks_ap(unlabelled, areas, boxes, images, BODY))
