"""Whole numbers written as 1.0, numbers in quotes, NaN, and mixed joint counts."""

import json
import math
import time
import warnings

import pytest

import poseflow
from poseflow.errors import FormatError
from poseflow.eval.coco.evaluate import evaluate_coco

KEYPOINTS = [float(n) for n in range(1, 52)]
TEXT = [str(n) for n in KEYPOINTS]


def save(path, content):
    path.write_text(json.dumps(content))
    return path


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return poseflow.read(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("image_id", 139.0, id="image"),
        pytest.param("image_id", "139", id="image in quotes"),
        pytest.param("score", "2.5", id="score in quotes"),
        pytest.param("idx", 3.0, id="idx"),
        pytest.param("idx", "3", id="idx in quotes"),
        pytest.param("idx", ["3.0"], id="idx in quotes and brackets"),
        pytest.param("keypoints", TEXT, id="keypoints in quotes"),
        pytest.param("box", ["1", "2.0", 3, 4], id="box in quotes"),
        pytest.param("category_id", 1.0, id="category"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_number_in_another_form_is_the_number(tmp_path, field, value, wrapped):
    plain = {"image_id": 139, "keypoints": KEYPOINTS, "score": 2.5, "idx": 3}
    plain |= {"box": [1, 2, 3, 4], "category_id": 1}
    changed = plain | {field: value}
    expected = read(save(tmp_path / "a.json", [plain]))
    (tmp_path / "b").mkdir()
    content = {"results": [changed]} if wrapped else [changed]
    assert read(save(tmp_path / "b" / "a.json", content)) == expected
    assert [frame.name for frame in expected] == ["139"]


@pytest.mark.parametrize("image", [1.5, True, None, [1], math.inf])
def test_other_values_are_no_image(tmp_path, image):
    path = save(tmp_path / "a.json", [{"image_id": image, "keypoints": KEYPOINTS}])
    with pytest.raises(FormatError, match="image_id: ") as caught:
        read(path)
    assert "expected number, got number" not in str(caught.value)


@pytest.mark.parametrize("value", [1.0, "1", "1.0"])
def test_posetrack_numbers_in_another_form(tmp_path, value):
    document = {
        "images": [{"id": value, "file_name": "s/1.jpg", "is_labeled": value}],
        "annotations": [
            {"image_id": value, "keypoints": KEYPOINTS, "track_id": value},
            {"image_id": value, "keypoints": TEXT, "track_id": 2},
        ],
        "categories": [
            {"keypoints": list(poseflow.skeletons.get("posetrack18").joints)}
        ],
    }
    (frame,) = read(save(tmp_path / "a.json", document))
    assert frame.poses.track_ids.tolist() == [1, 2]
    assert (frame.poses.keypoints[0] == frame.poses.keypoints[1]).all()


def coco(**changes):
    gt = {
        "images": [{"id": 139, "file_name": "val/000000000139.jpg"}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {
                **{"id": 1, "image_id": 139, "category_id": 1, "iscrowd": 0},
                **{"keypoints": KEYPOINTS, "area": 900.0, "bbox": [1, 2, 48, 48]},
            }
        ],
    }
    gt["annotations"][0].update(changes)
    return gt


PERSON = {"image_id": 139, "category_id": 1, "keypoints": KEYPOINTS, "score": 0.5}


@pytest.mark.parametrize(
    "changes",
    [
        {"image_id": 139.0, "category_id": 1.0},
        {"image_id": "000000000139.jpg"},
        {"image_id": "000000000139"},
        {"image_id": "x/val/000000000139.png"},
        {"image_id": "139"},
        {"category_id": "1", "score": "0.5"},
        {"keypoints": TEXT},
        {"score": math.nan},
    ],
)
def test_coco_results_in_another_form(tmp_path, changes):
    gt = save(tmp_path / "gt.json", coco())
    report = evaluate_coco(gt, save(tmp_path / "pred.json", [PERSON | changes]))
    assert report["AP"] == pytest.approx(100)
    assert (math.nan in changes.values()) == bool(report.notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"image_id": 139.0, "category_id": 1.0, "iscrowd": 0.0},
        {"image_id": "139", "category_id": "1", "area": "900"},
        {"keypoints": TEXT, "bbox": ["1", "2", "48", "48"]},
        {"bbox": [math.nan] * 4},
        {"bbox": None},
    ],
)
def test_coco_annotations_in_another_form(tmp_path, changes):
    gt = coco(**changes)
    gt["images"][0]["id"] = 139.0
    gt["categories"][0]["id"] = "1"
    pred = save(tmp_path / "pred.json", [PERSON])
    report = evaluate_coco(save(tmp_path / "gt.json", gt), pred)
    assert report["AP"] == pytest.approx(100)


def test_coco_joints_that_are_no_numbers(tmp_path):
    points = [math.nan, *KEYPOINTS[1:]]
    gt = save(tmp_path / "gt.json", coco(keypoints=points))
    pred = save(tmp_path / "pred.json", [PERSON | {"keypoints": points}])
    report = evaluate_coco(gt, pred)
    assert report["AP"] == pytest.approx(100)
    assert [note.split(" have")[0] for note in report.notes] == [
        "1 annotated joints",
        "1 predicted joints",
    ]
    gt = save(tmp_path / "gt.json", coco())
    assert 0 < evaluate_coco(gt, pred)["AP"] <= 100


def test_images_of_one_name_in_two_folders(tmp_path):
    gt = coco()
    gt["images"] += [{"id": 5, "file_name": "test/000000000139.jpg"}]
    gt = save(tmp_path / "gt.json", gt)
    pred = tmp_path / "pred.json"
    save(pred, [PERSON | {"image_id": "val/000000000139.jpg"}])
    assert evaluate_coco(gt, pred)["AP"] == pytest.approx(100)
    save(pred, [PERSON | {"image_id": "000000000139.jpg"}])
    with pytest.raises(FormatError, match=r"entry 0: image_id .* fits 2 annotated im"):
        evaluate_coco(gt, pred)


def mixed(entries):
    return [
        {"image_id": f"{k}.jpg", "keypoints": [1.0] * (51 if k % 3 else 45)}
        for k in range(entries)
    ]


def test_mixed_joint_counts_cost_time_in_proportion(tmp_path):
    seconds = []
    for entries in (2000, 16000):
        path = save(tmp_path / "a.json", mixed(entries))
        start = time.process_time()
        with pytest.warns(UserWarning, match=r"entry 0 \(image '0.jpg'\): keypoints"):
            poseflow.read(path)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 24 * max(seconds[0], 0.02)
