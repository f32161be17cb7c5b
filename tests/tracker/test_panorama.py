"""Panoramas: people keep their ids across the seam."""

import numpy as np
import pytest

from poseflow import Poses, Tracker
from poseflow.tracker.motion.panorama import joined, shortest

WIDTH = 1000.0
BODY = np.random.default_rng(1).uniform(-1, 1, (17, 2)) * [20, 60]


def people(*middles):
    """Joints inside the image, those beyond an edge at the other one."""
    points = np.array(middles)[:, None] + BODY
    points[..., 0] %= WIDTH
    return Poses(points)


def ids(place, frames=60, missed=(), **options):
    tracker = Tracker(**options)
    found = []
    for t in range(frames):
        tracked = tracker.update(Poses.empty() if t in missed else people(*place(t)))
        found.append(tracked.track_ids.tolist())
    return found


@pytest.mark.parametrize("pace", [6.0, -6.0, 12.0])
@pytest.mark.parametrize("missed", [(), range(28, 34)], ids=["seen", "missed there"])
def test_a_person_crosses_the_seam(pace, missed):
    def place(t):
        return [[500 + pace * t, 300.0]]

    found = ids(place, 100, missed, wrap_width_px=WIDTH)
    assert {i for row in found for i in row} == {1}
    assert found[-1] == [1]


def test_without_the_option_the_seam_ends_the_track():
    found = ids(lambda t: [[500 + 8.0 * t, 300.0]], 100)
    assert len({i for row in found for i in row if i > 0}) > 1


def test_two_people_pass_each_other_at_the_seam():
    def place(t):
        return [[800 + 6.0 * t, 200.0], [200 - 6.0 * t, 420.0]]

    found = ids(place, 80, wrap_width_px=WIDTH)
    assert all(row == found[5] for row in found[5:])
    assert sorted(found[5]) == [1, 2]


def test_nobody_and_missing_joints():
    assert len(joined(Poses.empty(), WIDTH)) == 0
    lone = Poses(np.zeros((1, 17, 2)) + 3, np.zeros((1, 17)))
    assert joined(lone, WIDTH) == lone
    far = np.zeros((1, 17, 2)) + 980
    far[:, 5:] = 10
    scores = np.ones((1, 17))
    scores[:, 16] = 0
    made = joined(Poses(far, scores), WIDTH)
    assert made.keypoints[0, 5:16, 0].tolist() == [1010] * 11
    assert made.keypoints[0, 16, 0] == 10


def test_displacements_go_the_shorter_way():
    step = np.array([[[-990.0, 990.0], [400.0, 0.0]]])
    assert shortest(step, WIDTH).tolist() == [[[10.0, 990.0], [400.0, 0.0]]]
    assert shortest(step, None) is step
