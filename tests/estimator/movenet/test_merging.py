"""Merging of views: duplicates, mean boxes and scores; mirrored views."""

import numpy as np
import pytest

from poseflow.estimator.movenet.merging import merged
from poseflow.estimator.movenet.multipose import mirrored
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.poses import Poses

SHAPE = np.random.default_rng(0).uniform(0.1, 0.9, (17, 2))


def people(*rows):
    """Of each row x, y, height and score; the width is half the height."""
    rows = np.array(rows, float).reshape(-1, 4)
    boxes = np.stack(
        [
            rows[:, 0],
            rows[:, 1],
            rows[:, 0] + rows[:, 2] / 2,
            rows[:, 1] + rows[:, 2],
        ],
        axis=1,
    )
    size = boxes[:, None, 2:] - boxes[:, None, :2]
    keypoints = boxes[:, None, :2] + SHAPE * size
    scores = np.full((len(rows), 17), 0.5)
    return Poses(keypoints, scores, boxes, rows[:, 3], skeleton=SKELETON)


NO_PEOPLE = people()


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        pytest.param([NO_PEOPLE], [], id="no people"),
        pytest.param([NO_PEOPLE, NO_PEOPLE], [], id="no people in two views"),
        pytest.param([people((0, 0, 100, 0.6))], [0.6], id="one view"),
        pytest.param(
            [people((0, 0, 100, 0.6)), people((0, 4, 100, 0.2))], [0.4], id="both views"
        ),
        pytest.param(
            [people((0, 0, 100, 0.6)), NO_PEOPLE], [0.3], id="one of two views"
        ),
        pytest.param(
            [people((0, 0, 100, 0.6), (2, 0, 100, 0.5)), NO_PEOPLE],
            [0.3],
            id="a duplicate in a view counts once",
        ),
        pytest.param(
            [people((0, 0, 100, 0.6)), people((200, 0, 100, 0.8))],
            [0.4, 0.3],
            id="two people, each in one view",
        ),
        pytest.param(
            [
                people((0, 0, 100, 0.6), (200, 0, 100, 0.9)),
                people((0, 0, 100, 0.8), (200, 0, 100, 0.1)),
            ],
            [0.7, 0.5],
            id="best first by the mean",
        ),
    ],
)
def test_scores_are_means_over_the_views(views, expected):
    found = merged(views, [1] * len(views))
    assert found.scores.tolist() == pytest.approx(expected)
    assert found.skeleton == SKELETON


@pytest.mark.parametrize(
    ("height", "scales", "expected"),
    [
        pytest.param(200, [1, 2], 0.3, id="small enough for both"),
        pytest.param(300, [1, 2], 0.6, id="too large for the second"),
        pytest.param(300, [2, 1], 0.3, id="found although large"),
        pytest.param(900, [1, 2], 0.6, id="too large for both"),
    ],
)
def test_views_count_in_which_a_person_is_not_too_large(height, scales, expected):
    found = merged([people((0, 0, height, 0.6)), NO_PEOPLE], scales)
    assert found.scores.tolist() == pytest.approx([expected])


@pytest.mark.parametrize(
    ("tile", "in_tile", "expected"),
    [
        pytest.param([0, 0, 300, 300], NO_PEOPLE, 0.3, id="not found in the tile"),
        pytest.param([0, 0, 90, 90], NO_PEOPLE, 0.6, id="partly outside the tile"),
        pytest.param([200, 0, 300, 300], NO_PEOPLE, 0.6, id="outside the tile"),
        pytest.param(
            [0, 0, 90, 90], people((0, 0, 100, 0.2)), 0.4, id="found at its edge"
        ),
    ],
)
def test_a_tile_counts_for_people_in_it(tile, in_tile, expected):
    found = merged([people((0, 0, 100, 0.6)), in_tile], [1, 1], np.array(tile))
    assert found.scores.tolist() == pytest.approx([expected])


def test_boxes_and_agreeing_joints_are_means():
    first, second = people((0, 0, 100, 0.6)), people((2, 1, 100, 0.2))
    found = merged([second, first], [1, 1])
    for values in ("boxes", "keypoints"):
        expected = 0.9 * getattr(first, values) + 0.1 * getattr(second, values)
        np.testing.assert_allclose(getattr(found, values), expected, rtol=1e-5)


def test_joints_that_disagree_are_those_of_the_best():
    first, second = people((0, 0, 100, 0.6)), people((0, 0, 100, 0.2))
    left, right = SKELETON.index("left_ankle"), SKELETON.index("right_ankle")
    swapped = second.keypoints.copy()
    swapped[:, [left, right]] = swapped[:, [right, left]]
    found = merged([second.replace(keypoints=swapped), first], [1, 1])
    np.testing.assert_allclose(found.keypoints, first.keypoints, atol=1e-4)


def test_mirroring_twice_changes_nothing():
    some = people((10, 20, 80, 0.5), (50, 0, 60, 0.4))
    other = mirrored(some, 200)
    back = mirrored(other, 200)
    np.testing.assert_allclose(back.keypoints, some.keypoints, atol=1e-4)
    np.testing.assert_allclose(back.boxes, some.boxes, atol=1e-4)
    left, right = SKELETON.index("left_wrist"), SKELETON.index("right_wrist")
    np.testing.assert_allclose(
        other.keypoints[:, left, 0], 199 - some.keypoints[:, right, 0]
    )
    assert (other.boxes[:, 0] < other.boxes[:, 2]).all()
    inside = other.keypoints[..., 0] >= other.boxes[:, None, 0] - 1
    assert inside.all()
