"""Calibrated scores: probabilities that keep the order of raw ones."""

from functools import partial

import numpy as np
import pytest

from poseflow.estimator.movenet import scores
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.poses import Poses

SIZE = (100, 80)
"""Width and height of the image."""

WHOLE = (30, 20, 40, 40)


def poses(joint=0.5, score=0.3, x=30.0, height=20.0, box=WHOLE):
    """Two people in boxes 20 px high, with poses of another height."""
    shape = (2, len(SKELETON))
    keypoints = np.full((*shape, 2), x)
    keypoints[..., 1] = 20 + np.linspace(0, height, len(SKELETON))
    boxes = [box] * 2
    return Poses(
        keypoints, np.full(shape, joint), boxes, [score] * 2, skeleton=SKELETON
    )


def test_logistic():
    half = scores.Logistic((1.0,), 0.0)
    raw = np.array([0.2, 0.5, 0.9])
    np.testing.assert_allclose(half(scores.log_odds(raw)), raw)
    both = scores.Logistic((1.0, 2.0), 0.5)
    assert both(np.array([0.5]), np.array([-0.5])) == pytest.approx(0.5)
    ends = half(scores.log_odds(np.array([0.0, 1.0])))
    assert 0 < ends[0] < 1e-5 < 1 - 1e-5 < ends[1] < 1


def person(**other):
    return scores.probable(poses(**other), SIZE).scores[0]


def refined(network, **other):
    changed = poses(**other)
    return scores.probable_refined(changed, changed, SIZE, network).scores[0]


NETWORKS = pytest.mark.parametrize("network", list(scores.SECOND))


def test_people_are_more_probable_with_higher_scores_and_poses_as_high_as_the_box():
    assert person(score=0.1) < person(score=0.3) < person(score=0.6)
    assert person(height=5) < person(height=12) < person(height=20)
    assert person(height=0) > 0


@NETWORKS
def test_so_are_people_of_the_second_stage_and_with_its_joints(network):
    by_joints = [refined(network, joint=joint) for joint in (0.1, 0.3, 0.8)]
    assert by_joints[0] < by_joints[1] < by_joints[2]
    assert refined(network, score=0.1) < refined(network, score=0.3)
    assert refined(network, height=5) < refined(network, height=20)


CUT = {
    "left": (0, 20, 10, 40),
    "top": (30, 0.3, 40, 20.3),
    "right": (90, 20, 100, 40),
    "bottom": (30, 60, 40, 80),
}


@NETWORKS
@pytest.mark.parametrize("border", list(CUT))
def test_the_border_that_cuts_a_person_explains_a_low_score(network, border):
    box = CUT[border]
    assert person(score=0.1, box=box) > person(score=0.1)
    assert refined(network, joint=0.1, box=box) > refined(network, joint=0.1)
    gain = refined(network, joint=0.8) - refined(network, joint=0.1)
    assert (
        refined(network, joint=0.8, box=box) - refined(network, joint=0.1, box=box)
        < gain
    )
    near = {"left": (1, 20, 11, 40), "top": (30, 1, 40, 21)}
    assert person(box=near.get(border, WHOLE)) == pytest.approx(person())


@pytest.mark.parametrize(
    ("network", "score", "joint", "height", "low", "high"),
    [
        pytest.param("thunder", 0.122, 0.110, 0.454, 0.0, 0.2, id="Thunder, table"),
        pytest.param("lightning", 0.122, 0.254, 0.454, 0.0, 0.2, id="Lightning, table"),
        pytest.param("thunder", 0.253, 0.401, 0.756, 0.6, 0.95, id="Thunder, person"),
        pytest.param(
            "lightning", 0.253, 0.361, 0.756, 0.5, 0.95, id="Lightning, person"
        ),
    ],
)
def test_furniture_and_people(network, score, joint, height, low, high):
    """Raw scores of a table in an empty room, and of a person who comes to it."""
    people = poses(score=score, height=20 * height)
    second = poses(joint=joint, height=20 * height)
    found = scores.probable_refined(people, second, SIZE, network)
    assert low < found.scores[0] < high


@pytest.mark.parametrize(
    "function",
    [
        partial(scores.probable, image_size=SIZE),
        partial(scores.probable_in_boxes, network="thunder"),
        partial(scores.probable_in_boxes, network="lightning"),
    ],
)
def test_higher_joint_scores_are_more_probable(function):
    found = [function(poses(joint=s)).keypoint_scores[0, 0] for s in (0, 0.3, 0.9)]
    assert found[0] < found[1] < found[2]


@NETWORKS
def test_joints_are_no_more_probable_than_the_person(network):
    for joint in (0.05, 0.5, 0.95):
        people = poses(joint)
        again = scores.probable_refined(people, people, SIZE, network)
        for found in (scores.probable(people, SIZE), again):
            assert (found.keypoint_scores < found.scores[:, None]).all()
    empty = Poses.empty(SKELETON)
    assert len(scores.probable(empty, SIZE)) == 0
    assert len(scores.probable_in_boxes(empty, network)) == 0
    assert len(scores.probable_refined(empty, empty, SIZE, network)) == 0


@NETWORKS
def test_people_with_and_without_a_second_stage_come_best_first(network):
    first = poses(joint=0.1, score=0.1)
    again = np.array([False, True])
    second = poses(joint=0.9, x=35.0)[:1]
    found = scores.probable_both(first, again, second, SIZE, network)
    assert len(found) == 2
    assert found.scores[0] > found.scores[1]
    assert found.keypoints[0, 0, 0] > 34.5
    none = np.zeros(2, bool)
    alone = scores.probable_both(first, none, first[:0], SIZE, network)
    assert alone == scores.probable(first, SIZE)
