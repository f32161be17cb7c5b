"""`poseflow.track` and the matching of known poses to frames."""

import threading

import cv2
import numpy as np
import pytest

import poseflow
from poseflow import Frame, PoseFlowError, Poses, PoseSequence, Tracker
from poseflow.pipeline.track import KnownPoses, track
from poseflow.video import SourceFrame, VideoWriter

BLACK = np.zeros((60, 80, 3), np.uint8)


def person(x):
    """One person whose first joint says where they are."""
    cloud = np.random.default_rng(0).uniform(0, 40, (1, 17, 2))
    cloud[0, 0] = x, 0
    return Poses(cloud)


def shot(index, name):
    return SourceFrame(index, index / 10, name, BLACK)


@pytest.mark.parametrize(
    ("frames", "asked", "expected"),
    [
        pytest.param([(5, "b.png")], (0, "b.png"), 5, id="same name"),
        pytest.param([(0, "b.png")], (0, "a.png"), None, id="other name, same place"),
        pytest.param([(10, "10.jpg")], (0, "000010.jpg"), 10, id="padded"),
        pytest.param(
            [(10, "10.jpg")], (10, "000020.jpg"), None, id="number over place"
        ),
        pytest.param(
            [(3, "000003.jpg")], (3, "c.png"), 3, id="a video's over a folder"
        ),
        pytest.param([(3, "")], (3, "000003.jpg"), 3, id="nameless"),
        pytest.param([], (0, "a.png"), None, id="no poses at all"),
        pytest.param([(7, "IMG_1")], (0, "IMG_1.jpg"), 7, id="without suffix"),
        pytest.param([(7, "IMG_1.png")], (0, "IMG_1.JPG"), 7, id="other suffix"),
        pytest.param([(7, "a/b/x.jpg")], (0, "x.jpg"), 7, id="folders in the result"),
        pytest.param([(7, "x.jpg")], (0, "b/x.jpg"), 7, id="folders in the source"),
        pytest.param([(7, "c:\\b\\x.jpg")], (0, "b/x.jpg"), 7, id="backslashes"),
        pytest.param([(7, "a/x.jpg")], (0, "b/x.jpg"), None, id="other folder"),
        pytest.param([(7, "v1.2")], (0, "v1.3.jpg"), None, id="a dot is no suffix"),
        pytest.param(
            [(7, "v_000000000041")], (0, "000041.jpg"), 7, id="OpenPose's, in a video"
        ),
        pytest.param(
            [(7, "000007.jpg")], (0, "v_000000000007.png"), 7, id="OpenPose's images"
        ),
        pytest.param(
            [(0, "0.jpg"), (7, "x/IMG_0")], (7, "IMG_0.jpg"), 7, id="name over number"
        ),
    ],
)
def test_which_poses_belong_to_a_frame(frames, asked, expected):
    known = KnownPoses([Frame(k, 0.0, person(k), name=name) for k, name in frames])
    found = known.of(shot(*asked))
    if expected is None:
        assert len(found) == 0
    else:
        assert found.keypoints[0, 0, 0] == expected


def test_names_that_fit_twice_are_refused():
    known = KnownPoses([Frame(k, 0.0, person(k), name=f"{k}/x") for k in (1, 2)])
    with pytest.raises(PoseFlowError, match=r"'x\.jpg' of the source fits '1/x' and"):
        known.of(shot(0, "x.jpg"))
    known = KnownPoses([Frame(1, 0.0, person(1), name="x")])
    known.of(shot(0, "a/x.jpg"))
    with pytest.raises(PoseFlowError, match=r"'x' fits 'a/x\.jpg' and 'b/x\.jpg'"):
        known.of(shot(1, "b/x.jpg"))


def test_frames_come_with_image_time_and_ids():
    people = [Frame(k, 0, person(k)) for k in range(4)]
    frames = list(poseflow.track([BLACK] * 4, poses=people, tracker="iou"))
    assert [f.index for f in frames] == [0, 1, 2, 3]
    assert [f.poses.track_ids.tolist() for f in frames] == [[1]] * 4
    assert all(f.image is not None and f.image.shape == BLACK.shape for f in frames)
    assert frames[1].time > frames[0].time


def test_no_people_in_some_frames_and_in_all():
    people = [Frame(2, 0, person(2))]
    frames = list(poseflow.track([BLACK] * 4, poses=people))
    assert [len(f.poses) for f in frames] == [0, 0, 1, 0]
    assert len(list(poseflow.track([BLACK] * 3, poses=[]))) == 3


def test_own_estimator_and_tracker():
    class Finder:
        def estimate(self, image):
            return person(image[0, 0, 0])

    class Sevens:
        def update(self, poses, image=None):
            return poses.replace(track_ids=np.full(len(poses), 7))

    images = [BLACK + k for k in range(3)]
    frames = list(poseflow.track(images, estimator=Finder(), tracker=Sevens()))
    assert [f.poses.keypoints[0, 0, 0] for f in frames] == [0, 1, 2]
    assert {f.poses.track_ids[0] for f in frames} == {7}


def test_a_tracker_goes_on_from_one_source_to_the_next():
    people = [Frame(k, 0, person(k)) for k in range(2)]
    tracker = Tracker("oks")
    for _ in range(2):
        frames = list(poseflow.track([BLACK] * 2, poses=people, tracker=tracker))
    assert frames[-1].poses.track_ids.tolist() == [1]


def test_a_broken_image_does_not_shift_the_poses(tmp_path):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.png"), BLACK)
    (tmp_path / "1.png").write_bytes(b"no image")
    people = [Frame(k, 0, person(k), name=f"{k}.png") for k in range(4)]
    with pytest.warns(UserWarning, match=r"1\.png"):
        frames = list(poseflow.track(tmp_path, poses=people))
    assert [f.poses.keypoints[0, 0, 0] for f in frames] == [0, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": None}, "needs a source of images"),
        ({"estimator": "magic"}, "unknown estimator 'magic'"),
        ({"poses": [], "estimator": object()}, "either poses"),
        ({"poses": [], "tracker": "best"}, "unknown tracker 'best'"),
        ({"poses": [], "tracker": Tracker(), "matcher": "none"}, "options matcher"),
    ],
)
def test_misuse_is_reported_before_the_first_frame(arguments, message):
    with pytest.raises(PoseFlowError, match=message):
        poseflow.track(**{"source": [BLACK]} | arguments)


def test_collect_drops_the_images():
    people = [Frame(k, 0, person(k)) for k in range(3)]
    result = PoseSequence.collect(poseflow.track([BLACK] * 3, poses=people), fps=10)
    assert len(result) == 3
    assert all(frame.image is None for frame in result)
    assert len(PoseSequence.collect([])) == 0


@pytest.mark.parametrize(
    "poses",
    [
        pytest.param([Poses.empty()], id="people without a frame"),
        pytest.param(Poses.empty(), id="one frame's people"),
        pytest.param(5, id="a number"),
    ],
)
def test_other_values_than_frames_are_named(poses):
    images = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(PoseFlowError, match=r"expected .* Frames, found"):
        list(track(images, poses=poses))


def test_a_generator_that_is_left_early_leaves_no_thread(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", (32, 32), 10) as video:
        for _ in range(40):
            video.write(np.zeros((32, 32, 3), np.uint8))
    before = threading.active_count()
    frames = track(tmp_path / "clip.mp4", poses=[Frame(0, 0.0, Poses.empty())])
    next(frames)
    assert threading.active_count() > before
    frames.close()
    assert threading.active_count() == before


def test_poses_without_images():
    frames = [Frame(k, k / 10, person(k)) for k in (4, 0, 1)]
    tracked = list(poseflow.track(poses=frames, tracker="oks", final=True))
    assert [f.index for f in tracked] == [0, 1, 2, 3, 4]
    assert [len(f.poses) for f in tracked] == [1, 1, 0, 0, 1]
    assert [round(f.time, 6) for f in tracked] == [0, 0.1, 0.2, 0.3, 0.4]
    assert tracked[-1].poses.track_ids.tolist() == [1]
    assert all(f.image is None for f in tracked)
    assert list(poseflow.track(poses=[])) == []


def test_numbers_far_apart_are_not_filled_up():
    frames = [Frame(k, 0, person(0)) for k in (0, 10**9)]
    assert len(list(poseflow.track(poses=frames, tracker="oks"))) == 2


@pytest.mark.parametrize("final", [False, True])
def test_frames_without_images(final):
    people = [Frame(k, 0, person(k)) for k in range(3)]
    frames = poseflow.track([BLACK] * 3, poses=people, final=final, images=False)
    assert [f.image for f in frames] == [None] * 3
