"""OKS sigmas of datasets with other joints than COCO's."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from poseflow import PoseFlowError, skeletons
from poseflow.cli.app import app
from poseflow.eval.coco.evaluate import evaluate_coco
from poseflow.eval.coco.sigmas import CROWDPOSE

RNG = np.random.default_rng(4)


def data(joints, names=None, category="person", **more):
    """Annotations, and predictions that are some pixels off."""
    gt = {
        "images": [{"id": k, "file_name": f"{k}.jpg"} for k in range(6)],
        "categories": [{"id": 1, "name": category, **more}],
        "annotations": [],
    }
    if names is not None:
        gt["categories"][0]["keypoints"] = list(names)
    results = []
    for k in range(6):
        points = RNG.uniform(50, 250, (joints, 2)).round(2)
        triples = np.column_stack([points, np.full(joints, 2)])
        entry = {"id": k + 1, "image_id": k, "category_id": 1, "area": 20000.0}
        entry |= {"keypoints": triples.ravel().tolist(), "bbox": [50, 50, 200, 200]}
        gt["annotations"].append(entry)
        near = np.column_stack(
            [points + RNG.normal(0, 5, points.shape), np.full(joints, 0.5)]
        )
        results.append(
            {
                **{"image_id": k, "category_id": 1, "score": 0.1 * k + 0.1},
                "keypoints": near.round(2).ravel().tolist(),
            }
        )
    return gt, results


@pytest.fixture
def files(tmp_path):
    def save(gt, results):
        paths = tmp_path / "gt.json", tmp_path / "pred.json"
        for path, content in zip(paths, (gt, results), strict=True):
            path.write_text(json.dumps(content))
        return paths

    return save


HALPE = skeletons.get("halpe26")
COCO = skeletons.get("coco17")
SHUFFLED = ("head_top", "left_ankle", "nose", "right_wrist", "neck")


@pytest.mark.parametrize(
    ("names", "joints", "category", "expected", "note"),
    [
        pytest.param(COCO.joints, 17, "person", COCO.sigmas, None, id="COCO"),
        pytest.param(None, 17, "person", COCO.sigmas, None, id="no names"),
        pytest.param(
            [n.replace("_", " ").title() for n in COCO.joints],
            *(17, "person", COCO.sigmas, None),
            id="other writing",
        ),
        pytest.param(
            list(CROWDPOSE),
            14,
            "person",
            list(CROWDPOSE.values()),
            None,
            id="CrowdPose",
        ),
        pytest.param(HALPE.joints, 26, "person", HALPE.sigmas, None, id="Halpe"),
        pytest.param(
            *(None, 26, "person", HALPE.sigmas, "halpe26, which are"),
            id="Halpe unnamed",
        ),
        pytest.param(
            *(None, 136, "person", skeletons.get("halpe136").sigmas, "halpe136"),
            id="Halpe-136",
        ),
        pytest.param(
            *(
                SHUFFLED,
                5,
                "person",
                [0.079, 0.089, 0.026, 0.062, 0.079],
                "no built-in",
            ),
            id="by joint",
        ),
        pytest.param(
            ["left_eye", "right_eye", "nose", "neck", "root_of_tail", *"abcdefghijkl"],
            *(17, "cat", COCO.sigmas, "for joints such as 'root_of_tail' of 'cat'"),
            id="animals",
        ),
        pytest.param(
            *(None, 17, "dog", COCO.sigmas, "joints without names of 'dog'"), id="dogs"
        ),
    ],
)
def test_sigmas_by_the_joints(files, names, joints, category, expected, note):
    gt, results = data(joints, names, category)
    report = evaluate_coco(*files(gt, results))
    given = evaluate_coco(*files(gt, results), sigmas=list(np.round(expected, 3)))
    assert report.values == pytest.approx(given.values, nan_ok=True)
    assert 5 < report["AP"] <= 100
    assert [note is None, note is None or note in str(report.notes)] == [
        report.notes == (),
        True,
    ]


def test_the_files_own_sigmas_come_first(files):
    own = [0.2] * 17
    gt, results = data(17, COCO.joints, sigmas=own)
    report = evaluate_coco(*files(gt, results))
    assert report.values == evaluate_coco(*files(gt, results), sigmas=own).values
    assert report.values == evaluate_coco(*files(gt, results), sigmas=0.2).values
    gt["categories"][0]["sigmas"] = [0.2] * 16
    with pytest.raises(PoseFlowError, match="sigmas: expected 17 numbers above 0"):
        evaluate_coco(*files(gt, results))


@pytest.mark.parametrize(
    ("text", "sigmas"),
    [
        ("0.1", [0.1] * 4),
        ("0.1,0.05,0.2,0.1", [0.1, 0.05, 0.2, 0.1]),
    ],
)
def test_four_joints_on_the_command_line(files, text, sigmas):
    paths = [str(path) for path in files(*data(4, ["nose", "tail", "l", "r"], "mouse"))]
    done = CliRunner().invoke(app, ["evaluate-coco", *paths])
    assert (done.exit_code, "--sigmas: a number" in done.output) == (1, True)
    done = CliRunner().invoke(app, ["evaluate-coco", *paths, "--sigmas", text])
    report = evaluate_coco(*paths, sigmas=sigmas)
    assert done.output.rstrip() == report.table()
    assert 5 < report["AP"] <= 100


@pytest.mark.parametrize("name", ["crowdpose", "lsp14"])
def test_a_skeleton_names_the_sigmas(files, name):
    paths = files(*data(14))
    expected = list(CROWDPOSE.values()) if name == "crowdpose" else None
    expected = expected or skeletons.get(name).sigmas
    report = evaluate_coco(*paths, sigmas=name)
    assert report.values == evaluate_coco(*paths, sigmas=expected).values
    with pytest.raises(PoseFlowError, match="sigmas: expected 14 numbers"):
        evaluate_coco(*paths, sigmas="coco17")
    with pytest.raises(PoseFlowError, match="nonsense"):
        evaluate_coco(*paths, sigmas="nonsense")


@pytest.mark.parametrize("split", [False, True])
def test_whole_body_fields_are_133_joints(files, split):
    whole = skeletons.get("wholebody133")
    gt, results = data(133, whole.joints)
    expected = evaluate_coco(*files(gt, results))
    for entry in gt["annotations"] + (results if split else []):
        values = entry["keypoints"]
        entry["keypoints"] = values[:51]
        start = 51
        for name, joints in [("foot", 6), ("face", 68), ("lefthand", 21)]:
            entry[f"{name}_kpts"] = values[start : start + 3 * joints]
            start += 3 * joints
        entry["righthand_kpts"] = values[start:]
    gt["categories"][0]["keypoints"] = list(COCO.joints)
    assert evaluate_coco(*files(gt, results)).values == expected.values
    for entry in results:
        entry["keypoints"] = entry["keypoints"][:51]
        for name in ("foot", "face", "lefthand", "righthand"):
            entry.pop(f"{name}_kpts", None)
    assert evaluate_coco(*files(gt, results)).annotations == 6
