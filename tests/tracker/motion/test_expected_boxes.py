"""`Tracker.expected_boxes`: predicted boxes of a frame's people in the next one."""

import numpy as np
import pytest

from poseflow import Poses, Tracker
from poseflow.similarity.boxes import box_iou
from poseflow.tracker.motion.expected_boxes import expected_boxes

BODY = np.random.default_rng(0).uniform(0, 1, (17, 2)) * [60, 150]


def walkers(*corners, scores=None):
    points = np.array([BODY + corner for corner in corners]).reshape(-1, 17, 2)
    return Poses(points, scores)


@pytest.mark.parametrize("name", ["default", "poseflow", "released", "iou", "oks"])
def test_no_people_before_between_and_after(name):
    options = {"matcher": "none"} if name in ("released", "poseflow") else {}
    tracker = Tracker(name, **options)
    assert tracker.expected_boxes().shape == (0, 4)
    tracker.update(Poses.empty())
    assert tracker.expected_boxes().shape == (0, 4)
    poses = walkers((10, 20), (300, 20))
    tracker.update(poses)
    overlap = np.diag(box_iou(tracker.expected_boxes(), poses.boxes.astype(float)))
    assert (overlap > 0.7).all()
    tracker.update(Poses.empty())
    assert tracker.expected_boxes().shape == (0, 4)
    tracker.update(poses)
    tracker.finish()
    assert tracker.expected_boxes().shape == (0, 4)


def middles(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def test_the_default_tracker_adds_motion_and_others_do_not():
    ahead = {}
    for name in ("default", "oks"):
        tracker = Tracker(name)
        for step in range(12):
            tracker.update(walkers((10 + 6 * step, 20), (400, 20)))
        now = middles(walkers((76, 20), (400, 20)).boxes)
        ahead[name] = middles(tracker.expected_boxes()) - now
    np.testing.assert_allclose(ahead["oks"], 0, atol=1e-3)
    np.testing.assert_allclose(ahead["default"][0], [6, 0], atol=1)
    np.testing.assert_allclose(ahead["default"][1], 0, atol=0.1)


def test_the_default_tracker_expects_tentative_tracks():
    tracker = Tracker("default")
    marks = np.full((1, 17), 0.2)
    for _ in range(6):
        tracker.update(walkers((10, 20), scores=np.full((1, 17), 0.9)))
    both = walkers((10, 20), (300, 20), scores=np.vstack([marks * 4.5, marks]))
    assert tracker.update(both).track_ids[1] == -1
    assert np.isfinite(tracker.expected_boxes()).all()


def test_duplicates_are_not_expected():
    tracker = Tracker("default")
    for _ in range(6):
        tracker.update(walkers((10, 20)))
    marks = np.repeat([[0.9], [0.5]], 17, axis=1)
    tracked = tracker.update(walkers((10, 20), (11, 20), scores=marks))
    assert tracked.track_ids.tolist() == [1, -1]
    assert np.isfinite(tracker.expected_boxes()).all(axis=1).tolist() == [True, False]


def test_people_below_the_least_score_are_not_expected():
    tracker = Tracker("iou", minimum_score=0.5)
    poses = walkers((10, 20), (300, 20)).replace(scores=[0.2, 0.8])
    tracker.update(poses)
    assert np.isfinite(tracker.expected_boxes()).all(axis=1).tolist() == [False, True]


def test_doubtful_joints_do_not_stretch_the_box():
    marks = np.full((1, 17), 0.8)
    marks[0, 3] = 0.1
    points = BODY[None].copy()
    points[0, 3] = 900, 900
    box = expected_boxes(Poses(points, marks), np.zeros((1, 2)))
    rest = np.delete(BODY, 3, axis=0)
    assert (box[0, 2:] <= rest.max(axis=0) + 20).all()
    assert (box[0, :2] < rest.min(axis=0)).all()


def test_the_given_box_serves_where_joints_do_not():
    marks = np.zeros((1, 17))
    marks[0, 0] = 0.9
    alone = Poses(BODY[None], marks, boxes=[[1, 2, 30, 90]])
    assert expected_boxes(alone, [[1, 0]]).tolist() == [[2, 2, 31, 90]]
