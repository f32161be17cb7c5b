"""Poses from and to the objects of ultralytics, MMPose, rtmlib and supervision."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from poseflow import PoseFlowError, Poses

RNG = np.random.default_rng(1)
POINTS = RNG.uniform(1, 99, (2, 17, 2)).astype(np.float32)
MARKS = RNG.uniform(0.1, 1, (2, 17)).astype(np.float32)
BOXES = np.array([[1, 2, 30, 40], [5, 6, 70, 80]], np.float32)


class OnDevice:
    """A tensor that numpy cannot read before it is on the CPU, as one of CUDA."""

    def __init__(self, values):
        self._values = torch.as_tensor(values)

    def __array__(self, *_, **__):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def detach(self):
        return self

    def cpu(self):
        return self._values


def result(people=2, values=3, ids=(7, 3), points=POINTS, make=OnDevice):
    joints = np.concatenate([points, MARKS[..., None]], 2)[:people, :, :values]
    boxes = SimpleNamespace(
        xyxy=make(BOXES[:people]),
        conf=make(np.float32([0.9, 0.5])[:people]),
        id=None if ids is None else make(np.float32(ids[:people])),
    )
    return SimpleNamespace(boxes=boxes, keypoints=SimpleNamespace(data=make(joints)))


def check(poses, ids=(-1, -1), scores=(0.9, 0.5), boxes=BOXES):
    np.testing.assert_array_equal(poses.keypoints, POINTS)
    np.testing.assert_array_equal(poses.keypoint_scores, MARKS)
    assert poses.track_ids.tolist() == list(ids)
    if boxes is not None:
        np.testing.assert_array_equal(poses.boxes, boxes)
    if scores is not None:
        assert poses.scores.tolist() == pytest.approx(scores)


@pytest.mark.parametrize("make", [OnDevice, torch.as_tensor, np.asarray])
def test_ultralytics(make):
    check(Poses.from_ultralytics(result(make=make)), (7, 3))
    check(Poses.from_ultralytics(result(ids=None, make=make)))


def test_ultralytics_without_people_scores_or_joints():
    assert len(Poses.from_ultralytics(result(0))) == 0
    nothing = result(0)
    nothing.keypoints = None
    assert len(Poses.from_ultralytics(nothing, "halpe26")) == 0
    assert Poses.from_ultralytics(nothing, "halpe26").skeleton.name == "halpe26"
    pairs = Poses.from_ultralytics(result(values=2))
    assert pairs.keypoint_scores[1].tolist() == [0.5] * 17
    boxes = result()
    boxes.keypoints = None
    with pytest.raises(PoseFlowError, match="boxes without joints"):
        Poses.from_ultralytics(boxes)
    with pytest.raises(PoseFlowError, match="26 joints, got an array of 17"):
        Poses.from_ultralytics(result(), "halpe26")


def test_a_joint_at_the_origin_is_missing_in_every_adapter():
    points = POINTS.copy()
    points[0, 3] = 0
    supervision = SimpleNamespace(xy=points, confidence=MARKS, data={})
    people = [{"keypoints": p, "keypoint_scores": MARKS[0]} for p in points]
    for found in (
        Poses.from_ultralytics(result(points=points)),
        Poses.from_rtmlib(points, MARKS),
        Poses.from_mmpose(people),
        Poses.from_supervision(supervision),
    ):
        assert np.argwhere(~found.present).tolist() == [[0, 3]]
    assert Poses.from_ultralytics(result(points=points), keep_origin=True).present.all()


def instances():
    return [
        {
            "keypoints": POINTS[k].tolist(),
            "keypoint_scores": MARKS[k].tolist(),
            "bbox": (BOXES[k].tolist(),),
            "bbox_score": np.float32([0.9, 0.5])[k],
        }
        for k in range(2)
    ]


def samples(separate):
    whole = {
        "keypoints": POINTS,
        "keypoint_scores": MARKS,
        "bboxes": BOXES,
        "bbox_scores": np.float32([0.9, 0.5]),
    }
    parts = [slice(k, k + 1) for k in range(2)] if separate else [slice(None)]
    return [
        SimpleNamespace(
            pred_instances=SimpleNamespace(**{k: v[part] for k, v in whole.items()})
        )
        for part in parts
    ]


@pytest.mark.parametrize(
    "people",
    [
        instances(),
        {"predictions": [instances()], "visualization": []},
        samples(False)[0],
        samples(False),
        samples(True),
        [
            {
                "keypoints": np.column_stack([POINTS[k], MARKS[k]]),
                "bbox": np.append(BOXES[k], [0.9, 0.5][k]),
            }
            for k in range(2)
        ],
    ],
    ids=["instances", "inferencer", "sample", "batch", "top-down", "0.x"],
)
def test_mmpose(people):
    check(Poses.from_mmpose(people))


def test_mmpose_without_people_and_with_tracks():
    assert len(Poses.from_mmpose([])) == 0
    assert len(Poses.from_mmpose({"predictions": [[]]})) == 0
    tracked = instances()
    tracked[0]["track_id"], tracked[1]["track_id"] = 4, None
    check(Poses.from_mmpose(tracked), (4, -1))
    with pytest.raises(PoseFlowError, match="of 2 images, expected those of one"):
        Poses.from_mmpose({"predictions": [instances(), instances()]})
    with pytest.raises(PoseFlowError, match="expected MMPose's"):
        Poses.from_mmpose(3)


def test_rtmlib():
    check(Poses.from_rtmlib(POINTS, MARKS), scores=None, boxes=None)
    one = Poses.from_rtmlib(POINTS[0], MARKS[0])
    np.testing.assert_array_equal(one.keypoints[0], POINTS[0])
    assert len(Poses.from_rtmlib(np.zeros((0, 17, 2)), np.zeros((0, 17)))) == 0
    assert len(Poses.from_rtmlib([], [])) == 0
    assert Poses.from_rtmlib(np.zeros((0, 133, 2)), []).skeleton.name == "wholebody133"


def test_supervision_of_any_version():
    keypoints = SimpleNamespace(xy=POINTS, confidence=MARKS, class_id=None, data={})
    detections = SimpleNamespace(
        xyxy=BOXES, confidence=np.float32([0.9, 0.5]), tracker_id=np.array([7, 3])
    )
    check(Poses.from_supervision(keypoints, detections), (7, 3))
    detections.tracker_id = None
    check(Poses.from_supervision(keypoints, detections))
    with pytest.raises(PoseFlowError, match="the 2 people with joints, got 1"):
        Poses.from_supervision(keypoints, SimpleNamespace(xyxy=BOXES[:1]))
    nothing = SimpleNamespace(xy=np.zeros((0, 0, 2)), confidence=None, data=None)
    assert len(Poses.from_supervision(nothing)) == 0


def test_supervision_itself():
    supervision = pytest.importorskip("supervision")
    marks = MARKS.copy()
    marks[0, 2] = 0
    poses = Poses(POINTS, marks, BOXES, [0.9, 0.5], [7, -1])
    there = poses.to_supervision()
    assert isinstance(there, supervision.KeyPoints)
    assert there.xy[0, 2].tolist() == [0, 0]
    back = Poses.from_supervision(there)
    np.testing.assert_array_equal(back.present, poses.present)
    np.testing.assert_array_equal(
        back.keypoints[back.present], poses.keypoints[poses.present]
    )
    np.testing.assert_array_equal(back.boxes, poses.boxes)
    np.testing.assert_array_equal(back.scores, poses.scores)
    np.testing.assert_array_equal(back.track_ids, poses.track_ids)
    detections = there.as_detections()
    assert len(detections) == 2
    assert len(Poses.empty().to_supervision()) == 0


def test_supervision_that_is_not_installed_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(PoseFlowError, match="pip install supervision"):
        Poses.empty().to_supervision()
