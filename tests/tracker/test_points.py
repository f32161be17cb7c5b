"""People and animals with a single keypoint and no box: their size is estimated."""

import numpy as np
import pytest

from poseflow import Poses, Skeleton, Tracker

DOT = Skeleton("dot", ("centre",))
OWN = ["default", "poseflow", "released", "iou", "oks"]


def make(name):
    return Tracker(name, **({"matcher": "none"} if name == "released" else {}))


def dots(places, joints=1, **more):
    """One keypoint a person: of a skeleton of one, or all others missing."""
    points = np.zeros((len(places), joints, 2))
    points[:, 0] = places
    scores = np.zeros((len(places), joints))
    scores[:, 0] = 0.9
    skeleton = DOT if joints == 1 else None
    return Poses(points, scores, skeleton=skeleton, **more)


PATHS = {
    "three": lambda t: [[100 + 3 * t, 50], [300 - 2 * t, 80], [200, 200 + t]],
    "two": lambda t: [[100 + 2 * t, 100], [300 - 2 * t, 130]],
    "one": lambda t: [[100 + 4 * t, 100]],
    "close": lambda t: [[100 + 2 * t, 100], [130 + 2 * t, 100], [160 + 2 * t, 100]],
    "far apart": lambda t: [[100 + 3 * t, 100], [1800 - 3 * t, 900]],
    "many": lambda t: [[60 * k, 50 * k % 190 + 3 * t] for k in range(12)],
    "turning": lambda t: [
        [300 + 80 * np.cos(t / 10), 300 + 80 * np.sin(t / 10)],
        [300 - 80 * np.cos(t / 10), 300 - 80 * np.sin(t / 10)],
    ],
}


@pytest.mark.parametrize("joints", [1, 17])
@pytest.mark.parametrize("paths", PATHS)
@pytest.mark.parametrize("name", OWN)
def test_every_point_keeps_its_id(name, paths, joints):
    tracker = make(name)
    place = PATHS[paths]
    ids = [tracker.update(dots(place(t), joints)).track_ids for t in range(30)]
    expected = list(range(1, len(place(0)) + 1))
    assert all(sorted(found.tolist()) == expected for found in ids[5:])
    assert all((found == ids[-1]).all() for found in ids[5:])


@pytest.mark.parametrize("name", OWN)
def test_a_given_box_is_the_size(name):
    tracker = make(name)
    for t in range(20):
        centres = np.array([[100 + 15 * t, 100], [100 + 15 * t, 250]])
        boxes = np.concatenate([centres - 40, centres + 40], axis=1)
        ids = tracker.update(dots(centres, boxes=boxes)).track_ids
    assert sorted(ids.tolist()) == [1, 2]


@pytest.mark.parametrize("name", OWN)
def test_boxes_of_points_stay_as_they_are(name):
    poses = dots([[10, 20], [300, 40]])
    assert make(name).update(poses).boxes.tolist() == poses.boxes.tolist()


def test_points_among_people_take_a_share_of_their_size():
    shape = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]
    tracker = Tracker()
    for t in range(20):
        points = np.zeros((4, 17, 2))
        points[0] = shape + np.array([100 + 3 * t, 300])
        points[1:, 0] = [[500, 100 + 3 * t], [600 - 3 * t, 400], [800, 300 - 3 * t]]
        scores = np.zeros((4, 17))
        scores[0], scores[1:, 0] = 0.9, 0.9
        ids = tracker.update(Poses(points, scores)).track_ids
    assert len(set(ids.tolist()) - {-1}) == len(ids[ids > 0])
    assert ids.max() <= 4


def boxes_alone(t):
    """Two people who have boxes but no joints."""
    centres = np.array([[100 + 5 * t, 200], [400 - 5 * t, 220]])
    half = np.array([20, 60])
    boxes = np.concatenate([centres - half, centres + half], axis=1)
    joints = np.zeros((2, 17, 2))
    return Poses(joints, np.zeros((2, 17)), boxes=boxes, scores=[0.9, 0.9])


@pytest.mark.parametrize("name", OWN)
def test_people_without_joints_keep_their_ids(name):
    tracker = make(name)
    ids = [tracker.update(boxes_alone(t)).track_ids.tolist() for t in range(20)]
    assert ids[5:] == [ids[-1]] * 15
    assert sorted(ids[-1]) == [1, 2]


@pytest.mark.parametrize("name", ["default", "released", "iou", "oks"])
def test_a_person_without_any_position_gets_no_id(name):
    tracker = make(name)
    nowhere = Poses(np.zeros((1, 17, 2)), np.zeros((1, 17)), scores=[0.9])
    for t in range(10):
        ids = tracker.update(Poses.concatenate([boxes_alone(t), nowhere])).track_ids
    assert sorted(ids.tolist()) == [-1, 1, 2]
