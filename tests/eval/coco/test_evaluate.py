"""OKS AP: equal to pycocotools, and errors."""

import contextlib
import copy
import gzip
import io
import json
import math

import numpy as np
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from typer.testing import CliRunner

from poseflow import PoseFlowError, skeletons
from poseflow.cli.scoring.coco import evaluate_coco as command
from poseflow.eval.coco.evaluate import evaluate_coco
from poseflow.eval.coco.report import COLUMNS


def dataset(seed, images=12, joints=17):
    """Annotations and predictions with misses, false positives and poor ones."""
    rng = np.random.default_rng(seed)
    gt = {
        "images": [
            {"id": 10 + k, "file_name": f"a/{k:06d}.jpg"} for k in range(images)
        ],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [],
    }
    if joints == 17:
        gt["categories"][0]["keypoints"] = list(skeletons.COCO17.joints)
    results = []
    for image in gt["images"]:
        for _ in range(rng.integers(0, 4)):
            size = rng.uniform(20, 200)
            points = rng.uniform(0, 400, 2) + rng.uniform(0, size, (joints, 2))
            flags = rng.integers(0, 3, joints) * (rng.random() < 0.9)
            triples = np.column_stack([points.round(2), flags])
            triples[flags == 0] = 0
            gt["annotations"].append(
                {
                    "id": len(gt["annotations"]) + 1,
                    "image_id": image["id"],
                    "category_id": 1,
                    "keypoints": triples.ravel().tolist(),
                    "num_keypoints": int((flags > 0).sum()),
                    "iscrowd": int(rng.random() < 0.1),
                    "bbox": [*points.min(0).tolist(), *np.ptp(points, axis=0).tolist()],
                    "area": float(size**2 * 0.6),
                }
            )
            for _ in range(rng.integers(0, 3)):
                noisy = points + rng.normal(
                    0, size * rng.choice([0.01, 0.1]), points.shape
                )
                entry = np.column_stack([noisy, rng.random(joints)]).round(3)
                results.append(
                    {
                        "image_id": image["id"],
                        "category_id": 1,
                        "keypoints": entry.ravel().tolist(),
                        "score": float(rng.random()),
                    }
                )
    return gt, results


def by_hand(gt, results, sigmas=None):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(gt)
        truth.createIndex()
        scorer = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "keypoints")
        if sigmas is not None:
            scorer.params.kpt_oks_sigmas = np.array(sigmas)
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return scorer.stats


@pytest.fixture
def files(tmp_path):
    def write(gt, results):
        (tmp_path / "gt.json").write_text(json.dumps(gt))
        (tmp_path / "pred.json").write_text(json.dumps(results))
        return tmp_path / "gt.json", tmp_path / "pred.json"

    return write


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("boxed", [False, True], ids=["plain", "with boxes"])
def test_equals_pycocotools(files, seed, boxed, capsys):
    gt, results = dataset(seed)
    if boxed:
        for entry in results:
            entry["bbox"] = [0, 0, 50, 90]
    report = evaluate_coco(*files(gt, results))
    stats = by_hand(gt, results)
    expected = [math.nan if value < 0 else 100 * value for value in stats]
    assert report.values == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert 0 < report["AP"] < 100
    assert report.predictions == len(results)
    assert capsys.readouterr().out == ""


def test_ground_truth_against_itself_is_perfect(files):
    gt, _ = dataset(0)
    gt["annotations"] = [a for a in gt["annotations"] if a["num_keypoints"]]
    same = [
        {k: a[k] for k in ("image_id", "category_id", "keypoints")} | {"score": 1.0}
        for a in gt["annotations"]
    ]
    report = evaluate_coco(*files(gt, same))
    assert report["AP"] == report["AR"] == pytest.approx(100)


def test_no_people_predicted_or_annotated(files):
    gt, results = dataset(0)
    report = evaluate_coco(*files(gt, []))
    assert report["AP"] == report["AR50"] == 0
    gt["annotations"] = []
    report = evaluate_coco(*files(gt, results))
    assert math.isnan(report["AP"])
    assert report.to_dict()["AP"] is None
    assert "-" in report.table()


def test_images_by_file_name_and_gz(files, tmp_path):
    gt, results = dataset(1)
    names = {image["id"]: image["file_name"] for image in gt["images"]}
    expected = evaluate_coco(*files(gt, results)).values
    for entry in results:
        entry["image_id"] = names[entry["image_id"]].removeprefix("a/")
    paths = files(gt, results)
    for path in paths:
        path.with_suffix(".json.gz").write_bytes(gzip.compress(path.read_bytes()))
    report = evaluate_coco(*(path.with_suffix(".json.gz") for path in paths))
    assert report.values == pytest.approx(expected, nan_ok=True)


def test_other_skeletons_take_their_own_sigmas(files):
    gt, results = dataset(2, joints=5)
    with pytest.raises(PoseFlowError, match=r"no OKS sigmas are known for .* 5 joints"):
        evaluate_coco(*files(gt, results))
    sigmas = [0.05, 0.1, 0.02, 0.07, 0.07]
    report = evaluate_coco(*files(gt, results), sigmas=sigmas)
    assert report["AP"] == pytest.approx(100 * by_hand(gt, results, sigmas)[0])
    with pytest.raises(PoseFlowError, match="sigmas: expected 5 numbers"):
        evaluate_coco(*files(gt, results), sigmas=[0.1] * 17)


def test_annotations_without_area_give_a_warning(files):
    gt, results = dataset(3)
    for entry in gt["annotations"]:
        del entry["area"], entry["bbox"]
    report = evaluate_coco(*files(gt, results))
    assert any("have no area" in note for note in report.notes)


def damaged(side, change):
    def apply():
        gt, results = dataset(0)
        change(gt if side == "gt" else results)
        return gt, results

    return apply


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: ([], []), "gt.json: expected COCO", id="a list"),
        pytest.param(lambda: ({}, []), "'images': expected a list", id="no images"),
        pytest.param(
            lambda: (dataset(0)[0], {}), "pred.json: expected a list", id="an object"
        ),
        pytest.param(
            damaged("gt", lambda d: d["annotations"][2].update(image_id=99)),
            "annotation 2: image_id 99",
            id="unknown image annotated",
        ),
        pytest.param(
            damaged("gt", lambda d: d["annotations"][0].update(category_id=7)),
            "category_id 7",
            id="unknown category",
        ),
        pytest.param(
            damaged("gt", lambda d: d["annotations"][0]["keypoints"].pop()),
            "annotation 0: keypoints: expected x, y, v",
            id="50 numbers",
        ),
        pytest.param(
            damaged("pred", lambda d: d[1].update(image_id=5)),
            "entry 1: image_id 5 is not among",
            id="unknown image",
        ),
        pytest.param(
            damaged("pred", lambda d: d[1].pop("score")),
            "entry 1: score: expected a number, found nothing",
            id="no score",
        ),
        pytest.param(
            damaged("pred", lambda d: d[1].update(keypoints=[1, 2, 3])),
            "entry 1: keypoints: expected 51 numbers for 17 joints, found 3",
            id="one joint",
        ),
        pytest.param(
            damaged("pred", lambda d: d[1].update(keypoints=["a"] * 51)),
            "entry 1: keypoints: expected numbers, found text",
            id="words",
        ),
        pytest.param(
            damaged("pred", lambda d: d.append(7)), "expected an object", id="number"
        ),
    ],
)
def test_bad_input_is_named(files, make, message):
    with pytest.raises(PoseFlowError, match=message):
        evaluate_coco(*files(*make()))


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "broken.json").write_text('{"images": [')
    (tmp_path / "broken.json.gz").write_bytes(b"not gzip")
    for name, message in [
        ("nowhere.json", "no such file"),
        ("broken.json", "the JSON breaks off at byte 12"),
        ("broken.json.gz", "not valid JSON at byte 0"),
    ]:
        with pytest.raises(PoseFlowError, match=f"{name}: {message}"):
            evaluate_coco(tmp_path / name, tmp_path / name)


SPOILT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.lists(st.integers(-5, 5), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@settings(max_examples=80, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_damaged_values_raise_only_poseflow_errors(tmp_path, data):
    """One value anywhere in either file is replaced or removed."""
    documents = list(dataset(0, images=2))
    side = data.draw(st.integers(0, 1))
    here = documents[side]
    while True:
        keys = sorted(here) if isinstance(here, dict) else list(range(len(here)))
        key = data.draw(st.sampled_from(keys))
        inner = isinstance(here[key], dict | list) and here[key]
        if inner and data.draw(st.booleans()):
            here = here[key]
            continue
        if isinstance(here, dict) and data.draw(st.booleans()):
            del here[key]
        else:
            here[key] = data.draw(SPOILT)
        break
    paths = [tmp_path / "gt.json", tmp_path / "pred.json"]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(json.dumps(document))
    with contextlib.suppress(PoseFlowError):
        evaluate_coco(*paths).table()


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.binary(max_size=4), st.floats(0, 1), st.booleans())
def test_damaged_bytes_raise_only_poseflow_errors(tmp_path, junk, where, cut):
    gt, results = dataset(0, images=2)
    paths = [tmp_path / "gt.json", tmp_path / "pred.json"]
    for path, document in zip(paths, (gt, results), strict=True):
        text = json.dumps(document).encode()
        at = int(where * len(text))
        path.write_bytes(text[:at] + junk + (b"" if cut else text[at + len(junk) :]))
    with contextlib.suppress(PoseFlowError):
        evaluate_coco(*paths).table()


def test_command_prints_and_writes(files, tmp_path):
    app = typer.Typer()
    app.command()(command)
    paths = files(*dataset(0))
    out = tmp_path / "scores.json"
    result = CliRunner().invoke(app, [*map(str, paths), "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.split()[:2] == ["AP", "AP50"]
    written = json.loads(out.read_text())
    assert written["AP"] == evaluate_coco(*paths)["AP"]
    assert set(COLUMNS) <= set(written)
