"""The `flow` matcher: optical flow at joints and on the background."""

import cv2
import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, Tracker
from poseflow.tracker.base import FrameContext
from poseflow.tracker.matchers.optical_flow import (
    OpticalFlowMatcher,
    OpticalFlowOptions,
)
from poseflow.tracker.motion.camera_motion import CameraOptions, camera_motion

METHODS = ("sparse", "dense")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("colour", [True, False])
def test_matches_follow_the_people(scene, check_matches, method, colour):
    people, images = scene
    if not colour:
        images = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images]
    matcher = OpticalFlowMatcher(OpticalFlowOptions(method=method))
    found = [
        matcher.match(FrameContext(t, image), people.poses(t))
        for t, image in enumerate(images)
    ]
    check_matches(people, found)


@pytest.mark.parametrize("method", METHODS)
def test_the_camera_shows_in_the_background(method):
    """Noise that shifts as a whole: every match does, at full resolution."""
    random = np.random.default_rng(0)
    world = cv2.GaussianBlur(random.integers(0, 255, (500, 900), np.uint8), (0, 0), 3)
    world = cv2.normalize(world, None, 0, 255, cv2.NORM_MINMAX)
    matcher = OpticalFlowMatcher(OpticalFlowOptions(method=method, width_px=400))
    empty = Poses.empty()
    assert matcher.match(FrameContext(0, world[20:420, 40:840]), empty) is None
    found = matcher.match(FrameContext(1, world[14:414, 28:828]), empty)
    motion = camera_motion(found, np.zeros((0, 4)), CameraOptions())
    np.testing.assert_allclose(motion[:, 2], [12, 6], atol=1.5)
    np.testing.assert_allclose(motion[:, :2], np.eye(2), atol=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_no_people_no_image_another_size(method):
    flat = np.zeros((60, 80), np.uint8)
    someone = Poses(np.random.default_rng(0).uniform(-50, 100, (2, 17, 2)))
    matcher = OpticalFlowMatcher(OpticalFlowOptions(method=method))
    assert matcher.match(FrameContext(0), someone) is None
    assert matcher.match(FrameContext(1, flat), Poses.empty()) is None
    assert matcher.match(FrameContext(2, flat), someone).shape == (0, 4)
    assert matcher.match(FrameContext(3, flat), someone).shape[1] == 4
    assert matcher.match(FrameContext(4, np.zeros((40, 40), np.uint8)), someone) is None
    assert matcher.match(FrameContext(5), someone) is None
    assert matcher.match(FrameContext(6, flat), someone) is None


@pytest.mark.parametrize("name", ["released", "poseflow", "default"])
def test_trackers_take_it_by_name(scene, name):
    tracker = Tracker(name, matcher="flow")
    ids = [
        tracker.update(scene[0].poses(t), image).track_ids
        for t, image in enumerate(scene[1])
    ]
    assert len(set(ids[-1].tolist())) == len(ids[-1]) > 0
    assert tracker.update(Poses.empty(), scene[1][0]).track_ids.tolist() == []


def test_poseflow_follows_the_camera():
    """All people jump by a body's width; the background shows that the camera moved."""
    random = np.random.default_rng(0)
    shape = random.uniform(-1, 1, (17, 2)) * [30, 90]
    tracker, shift = Tracker("poseflow"), np.zeros(2)
    for t in range(20):
        step = np.array([130.0, 0]) if t in (8, 14) else np.zeros(2)
        shift = shift + step
        at = random.uniform((0, 500), (1280, 720), (80, 2))
        places = np.array([[100, 200], [230, 200]]) + shift
        poses = Poses(places[:, None] + shape + random.normal(0, 1, (2, 17, 2)))
        matches = np.concatenate([at, at + step], axis=1)
        tracked = tracker.update(poses, correspondences=matches)
        assert tracked.track_ids.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "sparse"),
        ({"width_px": 1}, "width"),
        ({"offset_fraction": 2}, "offset"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(PoseFlowError, match=message):
        OpticalFlowOptions(**options)
