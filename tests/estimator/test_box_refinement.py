"""Box refinement: applying and learning its linear rules."""

import json

import cv2
import msgspec
import numpy as np
import pytest

from poseflow.boxes import box_iou
from poseflow.estimator import Detections, TopDown
from poseflow.estimator.box_refinement import (
    LEVELS,
    BoxRefinement,
    edge_features,
    refine_boxes,
)
from poseflow.estimator.training.any_config import load_any_config
from poseflow.estimator.training.detection import refinement
from poseflow.skeletons import get

OWN_EDGE = (0.0,) * len(LEVELS) + (0.5, 0.0, 0.0)
JOINTS_FROM_30 = (*(float(level == 0.3) for level in LEVELS), 0.0, 0.0, 0.0)


def rules(row):
    return BoxRefinement(side=row, top=row, bottom=row)


def joints(*points):
    table = np.array(points, float)
    return table[None, :, :2], table[None, :, 2]


def test_joints_reach_outwards_from_the_middle():
    box = np.array([[0, 0, 10, 20.0]])
    found = joints((4, 5, 0.9), (7, 14, 0.5), (1, 19, 0.25), (90, 90, 0.01))
    left, top, right, bottom = edge_features(box, *found)[:, 0]
    # At scores from 0.05, 0.1, 0.2, 0.3, 0.45 and 0.6 on.
    assert left[:6] == pytest.approx([0.4, 0.4, 0.4, 0.1, 0.1, 0.1])
    assert right[:6] == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.2, -0.1])
    assert top[:6] == pytest.approx([0.25] * 6)
    assert bottom[:6] == pytest.approx([0.45, 0.45, 0.45, 0.2, 0.2, -0.25])
    for edge in (left, top, right, bottom):
        assert edge[6:] == pytest.approx([1, np.log(0.5), 0.415])


def test_boxes_move_to_their_joints():
    box = np.array([[10, 10, 30, 50.0]])
    found = joints((5, 12, 0.9), (28, 60, 0.4), (90, 90, 0.2))
    moved = refine_boxes(box, *found, rules(JOINTS_FROM_30), (80, 55))
    assert moved.tolist() == [[5, 12, 28, 55]]
    assert moved.dtype == np.float32
    same = refine_boxes(box, *found, rules(OWN_EDGE), (80, 55))
    assert same.tolist() == box.tolist()


def test_boxes_without_joints_stay():
    box = np.array([[10, 10, 30, 50.0]])
    unseen = joints((5, 12, 0.2), (28, 60, 0.0))
    assert refine_boxes(box, *unseen, rules(JOINTS_FROM_30), (80, 90)).tolist() == [
        [10, 10, 30, 50]
    ]
    one_point = joints((20, 20, 0.9), (20, 20, 0.9))
    assert refine_boxes(box, *one_point, rules(JOINTS_FROM_30), (80, 90)).tolist() == [
        [10, 10, 30, 50]
    ]
    none = np.zeros((0, 3, 2)), np.zeros((0, 3))
    moved = refine_boxes(np.zeros((0, 4)), *none, rules(OWN_EDGE), (80, 60))
    assert moved.shape == (0, 4)


def test_rules_of_another_length_are_refused():
    text = json.dumps({"side": [0.5], "top": OWN_EDGE, "bottom": OWN_EDGE})
    with pytest.raises(msgspec.ValidationError, match="length"):
        msgspec.json.decode(text, type=BoxRefinement)


class Corners:
    """A pose network for white rectangles: their corners, over and over."""

    skeleton = get("coco17")
    width, height, margin = 48, 64, 1.6

    def predict(self, crops):
        keypoints = np.zeros((len(crops), 17, 2), np.float32)
        scores = np.full((len(crops), 17), 0.8, np.float32)
        for person, crop in enumerate(crops):
            rows, columns = np.nonzero(crop[..., 0] > 127)
            if not len(rows):
                scores[person] = 0
                continue
            x = [columns.min(), columns.max() + 1]
            y = [rows.min(), rows.max() + 1]
            corners = [(x[k % 2], y[k // 2 % 2]) for k in range(17)]
            keypoints[person] = corners
        return keypoints, scores


def draw(box, size=(200, 160)):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = 255
    return image


def test_box_of_a_body_part_is_a_duplicate_after_refinement():
    class Detector:
        def detect(self, images):
            boxes = np.array([[60, 30, 100, 90], [62, 28, 98, 150]], np.float32)
            return [Detections(boxes, np.array([0.3, 0.4], np.float32)) for _ in images]

    image = draw((60, 30, 100, 150))

    def people(**options):
        estimator = TopDown(
            Corners(), Detector(), nms=None, least_person_score=0.1, **options
        )
        return estimator.estimate_batch([image])[0]

    assert len(people()) == 2
    found = people(refinement=rules(JOINTS_FROM_30))
    assert len(found) == 1
    assert found.scores.tolist() == pytest.approx([0.4 * 0.8**2])
    # In the crop a pixel is as wide as two of the image.
    assert np.abs(found.boxes[0] - [60, 30, 100, 150]).max() < 4


@pytest.fixture
def config(tmp_path):
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    images, people = [], []
    for number in range(1, 31):
        left, top = rng.integers(10, 90, 2)
        width, height = int(rng.integers(20, 90)), int(rng.integers(50, 65))
        box = [int(left), int(top), int(left) + width, int(top) + height]
        name = f"{number}.png"
        cv2.imwrite(str(tmp_path / "images" / name), draw(box))
        images.append({"id": number, "file_name": name, "width": 200, "height": 160})
        people.append(
            {
                **{"id": number, "image_id": number, "category_id": 1, "iscrowd": 0},
                **{"bbox": [*box[:2], width, height], "area": width * height},
            }
        )
    truth = {"images": images, "annotations": people, "categories": [{"id": 1}]}
    (tmp_path / "boxes.json").write_text(json.dumps(truth))
    data = "{format: coco, annotations: boxes.json, images: images}"
    (tmp_path / "run.yaml").write_text(
        f"task: detection\nout: {tmp_path}/run\n"
        f"data: {{root: {tmp_path}, train: [{data}]}}\n"
    )
    return load_any_config(tmp_path / "run.yaml")


def test_rules_are_learned_from_wrong_boxes(config, monkeypatch):
    monkeypatch.setattr(
        refinement.TorchPoseNetwork, "from_file", lambda weights, device: Corners()
    )
    learned = refinement.learn_refinement(config, "pose.safetensors")
    truth = np.array([[60, 30, 100, 120.0], [20, 60, 110, 130]])
    wrong = np.array([[66, 24, 98, 110.0], [10, 70, 100, 124]])
    images = [draw(box.astype(int)) for box in truth]
    found = TopDown(Corners(), nms=None).estimate_batch(
        images, [box[None].astype(np.float32) for box in wrong]
    )
    for box, right, people in zip(wrong, truth, found, strict=True):
        moved = refine_boxes(
            box[None], people.keypoints, people.keypoint_scores, learned, (200, 160)
        )
        before = box_iou(box[None], right[None])[0, 0]
        assert before < 0.8 < 0.9 < box_iou(moved, right[None])[0, 0]


def test_too_few_people_give_no_rules(config, monkeypatch):
    monkeypatch.setattr(
        refinement.TorchPoseNetwork, "from_file", lambda weights, device: Corners()
    )
    monkeypatch.setattr(refinement, "LEAST_PEOPLE", 31)
    assert refinement.learn_refinement(config, "pose.safetensors") is None
