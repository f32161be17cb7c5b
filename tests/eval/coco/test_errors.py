"""COCO: errors by kind, the AP that mending gains, and the compiled engine."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from poseflow import PoseFlowError, skeletons
from poseflow.cli.app import app
from poseflow.errors import MissingExtraError
from poseflow.eval.coco.errors import JOINT_KINDS, STEPS
from poseflow.eval.coco.evaluate import evaluate_coco

SIGMAS = np.array(skeletons.COCO17.sigmas)
AREA = 10_000.0
WRIST = skeletons.COCO17.index("left_wrist")
HIP = skeletons.COCO17.index("left_hip")


def dataset(images=6):
    """Two people an image, 2000 pixels apart, joints 100 pixels apart."""
    people = []
    for image in range(1, images + 1):
        for k in range(2):
            points = np.zeros((17, 3))
            points[:, 0] = 2000 * k + 100 * np.arange(17)
            points[:, 2] = 2
            people.append((image, points))
    return {
        "images": [{"id": k + 1, "file_name": f"{k}.jpg"} for k in range(images)],
        "categories": [
            {"id": 1, "name": "person", "keypoints": list(skeletons.COCO17.joints)}
        ],
        "annotations": [
            {
                "id": k + 1,
                "image_id": image,
                "category_id": 1,
                "keypoints": points.ravel().tolist(),
                "num_keypoints": 17,
                "iscrowd": 0,
                "area": AREA,
                "bbox": [float(points[0, 0]), 0.0, 1600.0, 100.0],
            }
            for k, (image, points) in enumerate(people)
        ],
    }


def result(gt, change=None, score=0.9):
    """The annotation as a result, every person changed by `change(points, k)`."""
    found = []
    for k, person in enumerate(gt["annotations"]):
        points = np.array(person["keypoints"]).reshape(-1, 3)
        if change is not None:
            change(points, k)
        found.append(
            {
                "image_id": person["image_id"],
                "category_id": 1,
                "keypoints": points.ravel().tolist(),
                "score": score,
            }
        )
    return found


def shift_of(ks, joint):
    """Distance at which a joint's keypoint similarity is `ks`."""
    return 2 * SIGMAS[joint] * np.sqrt(-2 * AREA * np.log(ks))


def jitter(points, k):
    for joint in range(5, 10):
        points[joint, 1] += shift_of(0.6, joint)


def miss(points, k):
    points[:8, 1] += 700


def inversion(points, k):
    points[[WRIST, HIP]] = points[[HIP, WRIST]]


def swap(points, k):
    points[WRIST, 0] += 2000 if k % 2 == 0 else -2000


def found_errors(tmp_path, gt, pred, **options):
    (tmp_path / "gt.json").write_text(json.dumps(gt))
    (tmp_path / "pred.json").write_text(json.dumps(pred))
    options = {"diagnose": True} | options
    report = evaluate_coco(tmp_path / "gt.json", tmp_path / "pred.json", **options)
    return report.errors


@pytest.mark.parametrize("kind", [jitter, miss, inversion, swap])
def test_a_kind_of_error_that_is_alone_gains_all(tmp_path, kind):
    gt = dataset()
    errors = found_errors(tmp_path, gt, result(gt, kind))
    name = kind.__name__
    gains = errors.gains
    assert gains[name] == pytest.approx(100 - errors.ap["given"])
    assert gains[name] > 5
    assert all(value == 0 for step, value in gains.items() if step != name)
    wrong = {"jitter": range(5, 10), "swap": [WRIST], "inversion": [WRIST, HIP]}
    joints = wrong.get(name, range(8))
    column = errors.kinds[:, JOINT_KINDS.index(name)]
    assert np.flatnonzero(column).tolist() == sorted(joints)
    assert errors.kinds.sum() == 12 * 17


def test_duplicates_and_false_positives(tmp_path):
    gt = dataset()
    right = result(gt)
    twice = result(gt)
    for k, (one, other) in enumerate(zip(right, twice, strict=True)):
        one["score"], other["score"] = 0.9 - 0.05 * k, 0.89 - 0.05 * k
    errors = found_errors(tmp_path, gt, [*right, *twice])
    assert (errors.matched, errors.duplicates, errors.false_positives) == (12, 12, 0)
    assert errors.gains["duplicate"] == pytest.approx(100 - errors.ap["given"])
    assert errors.ap["given"] < 80
    far = result(gt, lambda points, k: points.__iadd__([0, 5000, 0]), score=0.95)
    errors = found_errors(tmp_path, gt, [*right, *far])
    assert (errors.matched, errors.duplicates, errors.false_positives) == (12, 0, 12)
    assert errors.gains["false positive"] == pytest.approx(100 - errors.ap["given"])


def test_missed_people_remain(tmp_path):
    gt = dataset()
    errors = found_errors(tmp_path, gt, result(gt)[::2])
    assert errors.missed == 6
    assert errors.gains["rest"] == pytest.approx(100 - errors.ap["given"])
    nothing = found_errors(tmp_path, gt, [])
    assert (nothing.missed, nothing.ap["given"], nothing.gains["rest"]) == (12, 0, 100)


def test_detections_in_ignored_regions_are_no_errors(tmp_path):
    gt = dataset()
    for person in gt["annotations"][1::2]:
        person["iscrowd"] = 1
    errors = found_errors(tmp_path, gt, result(gt))
    assert (errors.matched, errors.false_positives, errors.missed) == (6, 0, 0)
    assert errors.ap["given"] == pytest.approx(100)


def test_joints_that_are_not_annotated_have_no_kind(tmp_path):
    gt = dataset()
    for person in gt["annotations"]:
        person["keypoints"][3 * WRIST : 3 * WRIST + 3] = [0, 0, 0]
        person["num_keypoints"] = 16
    errors = found_errors(tmp_path, gt, result(gt))
    assert errors.kinds[WRIST].sum() == 0
    assert errors.kinds[:, 0].sum() == 12 * 16


def test_gains_add_up_and_read_well(tmp_path):
    gt = dataset()

    def all_at_once(points, k):
        (jitter, miss, inversion, swap)[k % 4](points, k)

    errors = found_errors(tmp_path, gt, result(gt, all_at_once)[1:])
    assert errors.ap["given"] + sum(errors.gains.values()) == pytest.approx(100)
    text = str(errors)
    assert text.startswith("AP as given")
    assert all(step in text for step in (*STEPS, "rest", "left_wrist"))
    assert json.loads(json.dumps(errors.to_dict()))["missed"] == 1


def test_command(tmp_path):
    gt = dataset()
    found_errors(tmp_path, gt, result(gt, jitter))
    command = ["evaluate-coco", str(tmp_path / "gt.json"), str(tmp_path / "pred.json")]
    plots = tmp_path / "plots"
    out = tmp_path / "out.json"
    more = ["--diagnose", "--plots", str(plots), "--json", str(out)]
    done = CliRunner().invoke(app, [*command, *more])
    assert done.exit_code == 0, done.output
    assert "AP as given" in done.output
    assert {file.name for file in plots.iterdir()} == {
        "ap_gains.png",
        "joint_errors.png",
    }
    assert json.loads(out.read_text())["errors"]["gains"]["jitter"] > 5
    done = CliRunner().invoke(app, [*command, "--plots", str(plots)])
    assert done.exit_code == 2


@pytest.mark.skipif(importlib.util.find_spec("hotcoco") is None, reason="needs hotcoco")
@pytest.mark.parametrize("sigmas", [None, 0.05])
@pytest.mark.filterwarnings("error")
def test_hotcoco_gives_the_same_figures(tmp_path, sigmas, capfd):
    gt = dataset()
    rng = np.random.default_rng(0)

    def noise(points, k):
        points[:, :2] += rng.normal(0, 8, (17, 2))

    pred = result(gt, noise)
    for k, person in enumerate(pred):
        person["score"] = float(k % 3) / 3
    for people in (pred, pred[:5], []):
        (tmp_path / "gt.json").write_text(json.dumps(gt))
        (tmp_path / "pred.json").write_text(json.dumps(people))
        sides = tmp_path / "gt.json", tmp_path / "pred.json"
        expected = evaluate_coco(*sides, sigmas)
        found = evaluate_coco(*sides, sigmas, engine="hotcoco")
        np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-9)
    assert capfd.readouterr().out == ""


def test_engines_that_are_not_there(tmp_path, monkeypatch):
    gt = dataset()
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    with pytest.raises(MissingExtraError, match="hotcoco"):
        found_errors(tmp_path, gt, [], engine="hotcoco")
    with pytest.raises(PoseFlowError, match="expected one of pycocotools, hotcoco"):
        found_errors(tmp_path, gt, [], engine="coco")
