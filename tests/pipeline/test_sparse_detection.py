"""`detect_every`: detection in every Nth frame, predicted boxes between."""

import numpy as np
import pytest

import poseflow
from poseflow import PoseFlowError, Poses, Tracker
from poseflow.estimator.protocols import Detections, Predicted

SIZE = (96, 200)
SHAPE = np.random.default_rng(4).uniform(0.05, 0.95, (17, 2))


def draw(*people, ground=30):
    """People are 20 x 50 blocks, each grey level a person."""
    image = np.full((*SIZE, 3), ground, np.uint8)
    for number, x in people:
        image[20:70, max(x, 0) : max(x + 20, 0)] = 200 + number
    return image


class Blocks:
    """Detector and joints for such images; joints score by what is in the box."""

    detector = "there is one"

    def __init__(self):
        self.detections = 0
        self.boxes = []

    def detect(self, image):
        self.detections += 1
        boxes = []
        for level in np.unique(image[image >= 200]):
            ys, xs = np.nonzero(image[..., 0] == level)
            boxes.append([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        found = np.array(boxes, np.float32).reshape(-1, 4)
        return Detections(found, np.full(len(found), 0.9, np.float32))

    def estimate(self, image, boxes=None):
        self.boxes.append(boxes)
        joints = np.zeros((len(boxes), 17, 2))
        scores = np.full((len(boxes), 17), 0.1)
        for k, (x1, y1, x2, y2) in enumerate(boxes.boxes.round().astype(int)):
            seen = image[y1:y2, x1:x2, 0]
            level = seen.max(initial=0)
            joints[k] = [x1, y1] + SHAPE * [x2 - x1, y2 - y1]
            if level >= 200:
                ys, xs = np.nonzero(image[..., 0] == level)
                low = np.array([xs.min(), ys.min()])
                joints[k] = low + SHAPE * [20, 50]
                scores[k] = 0.8
        return Poses(joints, scores, boxes.boxes, boxes.scores)


def run(images, every=4, tracker="default", **more):
    estimator = Blocks()
    frames = list(
        poseflow.track(
            images, estimator=estimator, tracker=tracker, detect_every=every, **more
        )
    )
    return estimator, frames


WALK = [draw((0, 10 + 3 * k), (1, 150 - 2 * k)) for k in range(17)]


class FasterForMany(Blocks):
    """Detection takes the time of two people in boxes."""

    def detects_faster(self, image, boxes):
        assert image.shape == (*SIZE, 3)
        assert np.isfinite(boxes).all()
        return len(boxes) > 2


def test_many_people_are_detected_where_that_is_faster():
    for people, detections in ((2, 3), (3, 9)):
        images = [
            draw(*((n, 20 + 60 * n + k) for n in range(people))) for k in range(9)
        ]
        estimator = FasterForMany()
        frames = list(poseflow.track(images, estimator=estimator, detect_every=4))
        assert estimator.detections == detections
        for frame in frames[2:]:
            assert sorted(frame.poses.track_ids) == list(range(1, people + 1))
        between = [boxes for boxes in estimator.boxes if isinstance(boxes, Predicted)]
        assert len(between) == 9 - detections


@pytest.mark.parametrize("tracker", ["default", "oks", "iou"])
def test_walkers_keep_their_ids_with_a_quarter_of_the_detections(tracker):
    often, whole = run(WALK, 1, tracker)
    seldom, frames = run(WALK, 4, tracker)
    assert (often.detections, seldom.detections) == (17, 5)
    for a, b in zip(whole[2:], frames[2:], strict=True):
        assert sorted(a.poses.track_ids) == sorted(b.poses.track_ids) == [1, 2]
        order = [np.argsort(f.poses.track_ids) for f in (a, b)]
        places = [f.poses.keypoints[o] for f, o in zip((a, b), order, strict=True)]
        np.testing.assert_allclose(*places, atol=0.01)
        # A person keeps the detector's score where no detector ran.
        assert b.poses.scores.tolist() == pytest.approx([0.9, 0.9])


def test_one_is_every_frame_as_ever():
    assert run(WALK, 1)[1] == run(WALK, every=1, overlap=False)[1]


@pytest.mark.parametrize("final", [False, True])
def test_the_result_does_not_depend_on_threads(final):
    alone = run(WALK, 3, overlap=False, final=final)[1]
    assert alone == run(WALK, 3, final=final)[1]


def test_no_people_in_any_frame():
    seen, frames = run([draw()] * 9)
    assert [len(f.poses) for f in frames] == [0] * 9
    assert seen.detections == 3


def test_new_people_wait_for_the_next_detection():
    images = [draw((0, 10), *([(1, 100)] if k > 1 else [])) for k in range(9)]
    assert [len(f.poses) for f in run(images)[1]] == [1] * 4 + [2] * 5


def test_people_who_left_are_dropped():
    images = [draw((0, 10), *([(1, 100)] if k < 6 else [])) for k in range(12)]
    assert [len(f.poses) for f in run(images)[1]] == [2] * 6 + [1] * 6


def test_a_person_who_leaves_the_image_is_dropped():
    images = [draw((0, 40 - 8 * k)) if k < 7 else draw() for k in range(12)]
    seen, frames = run(images, every=12)
    assert [len(f.poses) for f in frames[7:]] == [0] * 5
    for people in seen.boxes:
        assert (people.boxes[:, :2] >= 0).all()
        assert (people.boxes[:, 2:] > people.boxes[:, :2]).all()


def test_a_cut_triggers_detection():
    bright = [draw((2, 150), ground=150) for _ in range(5)]
    seen, frames = run([draw((0, 10))] * 6 + bright, every=100)
    assert seen.detections == 2
    assert [len(f.poses) for f in frames] == [1] * 11
    assert frames[6].poses.boxes[0].tolist() == [150, 20, 170, 70]


class Whole:
    def estimate(self, image):
        return Poses.empty()


class Plain:
    def update(self, poses, image=None):
        return poses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"detect_every": 0}, "expected a whole number from 1, got 0"),
        ({"detect_every": 2.5}, "whole number from 1, got 2.5"),
        ({"poses": [], "estimator": None}, "nothing is detected"),
        ({"estimator": Whole()}, "finds people and joints at once"),
        ({"tracker": Plain()}, "Plain has none"),
    ],
)
def test_misuse(arguments, message):
    usual = {"estimator": Blocks(), "detect_every": 2, "tracker": Tracker("oks")}
    with pytest.raises(PoseFlowError, match=message):
        poseflow.track(WALK, **usual | arguments)
