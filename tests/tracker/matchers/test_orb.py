"""The `orb` matcher: ORB features on people, matched nearby."""

import cv2
import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, Tracker
from poseflow.benchmark.walking_people import WalkingPeople
from poseflow.tracker.base import FrameContext
from poseflow.tracker.matchers.orb import (
    Features,
    OrbMatcher,
    OrbOptions,
    match_nearby,
    people_crops,
)


def views(scene, change=lambda image: image):
    for t, image in enumerate(scene[1]):
        yield FrameContext(t, change(image)), scene[0].poses(t)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda p: p, id="colour"),
        pytest.param(lambda p: cv2.cvtColor(p, cv2.COLOR_BGR2GRAY), id="grey"),
        pytest.param(lambda p: cv2.cvtColor(p, cv2.COLOR_BGR2GRAY)[..., None], id="1"),
        pytest.param(lambda p: p[:, ::-1][:, ::-1], id="not contiguous"),
    ],
)
def test_matches_follow_the_people(scene, check_matches, change):
    matcher = OrbMatcher()
    found = [matcher.match(view, poses) for view, poses in views(scene, change)]
    check_matches(scene[0], found)


def test_features_are_computed_once_per_frame(scene, monkeypatch):
    calls = []
    real = OrbMatcher._features
    monkeypatch.setattr(
        OrbMatcher, "_features", lambda self, *a: calls.append(1) or real(self, *a)
    )
    matcher = OrbMatcher()
    for view, poses in views(scene):
        matcher.match(view, poses)
    assert len(calls) == len(scene[1])


def test_features_are_detected_only_on_people(scene, monkeypatch):
    pixels = []
    real = OrbMatcher._detect
    monkeypatch.setattr(
        OrbMatcher, "_detect", lambda s, g, n: pixels.append(g.size) or real(s, g, n)
    )
    OrbMatcher().match(FrameContext(0, scene[1][0]), scene[0].poses(0)[:1])
    assert sum(pixels) < 0.2 * 480 * 300


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((300, 480, 3), np.uint8), id="black"),
        pytest.param(np.zeros((1, 1, 3), np.uint8), id="one pixel"),
        pytest.param(np.zeros((20, 5, 3), np.uint8), id="tiny"),
    ],
)
def test_no_features(image):
    matcher, poses = OrbMatcher(), WalkingPeople(3, size=(480, 300)).poses(0)
    for t in range(2):
        found = matcher.match(FrameContext(t, image), poses)
    assert found.shape == (0, 4)


def test_no_people_and_no_image(scene):
    matcher, image = OrbMatcher(), scene[1][0]
    assert matcher.match(FrameContext(0, image), Poses.empty("coco17")) is None
    assert len(matcher.match(FrameContext(1, image), scene[0].poses(0))) == 0
    assert matcher.match(FrameContext(2, None), scene[0].poses(0)) is None
    assert matcher.match(FrameContext(3, image), scene[0].poses(0)) is None
    assert len(matcher.match(FrameContext(4, image), scene[0].poses(0))) > 0


def test_another_size_starts_anew(scene):
    matcher, image = OrbMatcher(), scene[1][0]
    matcher.match(FrameContext(0, image), scene[0].poses(0))
    large = cv2.copyMakeBorder(image, 0, 200, 0, 300, cv2.BORDER_CONSTANT)
    assert matcher.match(FrameContext(1, large), scene[0].poses(0)) is None
    assert len(matcher.match(FrameContext(2, large), scene[0].poses(0))) > 0
    tracker = Tracker("released")
    tracker.update(scene[0].poses(0), image)
    assert sorted(tracker.update(scene[0].poses(0), large).track_ids) == [1, 2, 3, 4]


def test_results_do_not_depend_on_threads(scene):
    threads = cv2.getNumThreads()
    found = []
    try:
        for count in (1, 4):
            cv2.setNumThreads(count)
            matcher = OrbMatcher()
            found.append([matcher.match(*view) for view in views(scene)][1:])
    finally:
        cv2.setNumThreads(threads)
    for one, four in zip(*found, strict=True):
        np.testing.assert_array_equal(one, four)


def test_only_those_within_reach_are_matched():
    random = np.random.default_rng(0)
    codes = random.integers(0, 256, (200, 32), np.uint8)
    points = random.uniform(0, 500, (200, 2)).astype(np.float32)
    moved = points + np.float32([8, -3])
    moved[:20] += 300  # same descriptors, out of reach
    shuffle = random.permutation(200)
    before = Features(points, codes, (500, 500), 100)
    now = Features(moved[shuffle], codes[shuffle], (500, 500), 100)
    pairs = match_nearby(before, now, 40.0, 0.8, 64)
    assert pairs[:, 0].tolist() == list(range(20, 200))
    assert (shuffle[pairs[:, 1]] == pairs[:, 0]).all()


def test_similar_descriptors_fail_the_ratio_test():
    codes = np.zeros((2, 32), np.uint8)
    points = np.array([[10, 10], [20, 10]], np.float32)
    copies = Features(points, codes, (50, 50), 40)
    assert len(match_nearby(copies, copies, 30.0, 0.8, 64)) == 0
    apart = Features(points * 10, codes, (500, 500), 40)
    assert match_nearby(apart, apart, 30.0, 0.8, 64).tolist() == [[0, 0], [1, 1]]


def test_crops_hold_all_people_and_stay_inside():
    scene = WalkingPeople(12, 2)
    crops, longer = people_crops(scene.poses(0), scene.size, 0.15)
    assert (crops[:, :2] >= 0).all()
    assert (crops[:, 2:] <= scene.size).all()
    assert 100 < longer < 250
    joints = scene.poses(0).keypoints.reshape(-1, 2)
    visible = ((joints > 0) & (joints < scene.size)).all(axis=1)
    x, y = joints[visible, :1], joints[visible, 1:]
    held = (x >= crops[:, 0]) & (x <= crops[:, 2])
    held &= (y >= crops[:, 1]) & (y <= crops[:, 3])
    assert held.any(axis=1).all()
    area = ((crops[:, 2] - crops[:, 0]) * (crops[:, 3] - crops[:, 1])).sum()
    alone = [people_crops(p, scene.size, 0.15)[0] for p in scene.poses(0)]
    alone = np.concatenate(alone)
    assert area <= ((alone[:, 2] - alone[:, 0]) * (alone[:, 3] - alone[:, 1])).sum()


def test_options_are_checked():
    with pytest.raises(PoseFlowError, match=r"ratio must be a number in \[0, 1\]"):
        OrbOptions(ratio=2)
