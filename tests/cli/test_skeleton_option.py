"""`--skeleton` of every command that reads poses, and files of skeletons."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow.cli.app import app
from poseflow.errors import PoseFlowError
from poseflow.skeletons.files import find_skeleton, read_skeleton

MOUSE = """
joints: [nose, left_ear, right_ear, tail]
limbs: [[nose, tail]]
sigmas: [0.02, 0.03, 0.03, 0.08]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Poses with four joints and no names, and a skeleton file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mouse.yaml").write_text(MOUSE)
    shape = np.array([[0, 0], [10, 5], [10, -5], [40, 0]]) + 100.0
    for name in ("a", "b"):
        entries = [
            {
                "image_id": f"{k}.jpg",
                "keypoints": np.append(shape + k, [[0.9]] * 4, 1).ravel().tolist(),
                "idx": 1,
            }
            for k in range(12)
        ]
        (tmp_path / f"{name}.json").write_text(json.dumps(entries))
    return tmp_path


@pytest.mark.parametrize(
    ("command", "made"),
    [
        ("track a.json -o out.json", "out.json"),
        ("convert a.json out.csv --from-skeleton mouse.yaml", "out.csv"),
        ("batch a.json --out out", "out/a.json"),
        ("info a.json", None),
        ("events a.json", None),
        ("edit a.json -o out.json --name 1=Anna", "out.json"),
        ("report a.json -o out.html", None),
        ("evaluate-tracks a.json b.json", None),
        ("compare a.json a.json b.json --kind tracks", None),
    ],
)
def test_a_file_names_the_joints(folder, command, made):
    words = command.split()
    plain = [word for word in words if word not in ("--from-skeleton", "mouse.yaml")]
    done = CliRunner().invoke(app, plain)
    assert done.exit_code == 1, done.output
    assert "no known skeleton has 4 joints" in done.stderr
    if words == plain:
        words += ["--skeleton", "mouse.yaml"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    if made is not None:
        skeleton = poseflow.read(made).skeleton
        assert skeleton == read_skeleton("mouse.yaml")
        assert skeleton.pairs == (("left_ear", "right_ear"),)


def test_info_shows_what_travels(folder):
    CliRunner().invoke(app, ["track", "a.json", "-o", "o.json", *SKELETON])
    done = CliRunner().invoke(app, ["info", "o.json"])
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert rows["skeleton"] == "mouse (4 joints)"
    assert rows["tracker"] == "default"
    assert rows["version"] == poseflow.__version__


SKELETON = ["--skeleton", "mouse.yaml"]


def test_evaluate_coco_takes_sigmas_by_the_names_of_joints(folder):
    truth = {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "categories": [
            {
                "id": 1,
                "name": "mouse",
                "keypoints": ["tail", "right_ear", "left_ear", "nose"],
            }
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 1,
                "keypoints": [10, 10, 2, 20, 10, 2, 30, 10, 2, 40, 10, 2],
                "num_keypoints": 4,
                "bbox": [0, 0, 50, 50],
                "area": 2500,
                "iscrowd": 0,
            }
        ],
    }
    (folder / "gt.json").write_text(json.dumps(truth))
    # The tail is off by 8 pixels, which its own sigma forgives.
    pred = [{"image_id": 1, "category_id": 1, "score": 1.0}]
    pred[0]["keypoints"] = [18, 10, 1, 20, 10, 1, 30, 10, 1, 40, 10, 1]
    (folder / "pred.json").write_text(json.dumps(pred))

    def ap(*more):
        words = ["evaluate-coco", "gt.json", "pred.json", "--json", "s.json", *more]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        return json.loads((folder / "s.json").read_text())["AP"]

    expected = ap("--sigmas", "0.08,0.03,0.03,0.02")
    assert ap(*SKELETON) == ap("--sigmas", "mouse.yaml") == expected
    assert ap("--sigmas", "0.02,0.03,0.03,0.08") < expected
    done = CliRunner().invoke(
        app, ["evaluate-coco", "gt.json", "pred.json", "--sigmas", "1", *SKELETON]
    )
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.json", '{\t"joints": ["a", "b"], "limbs": [["a", "b"]]}'),
        ("s.yml", "name: s\njoints:\n  - a\n  - b\nlimbs: [[a, b]]\npairs:\n"),
        ("s.yaml", "\ufeffjoints: [a, b]\nlimbs:\n- [a, b]\n"),
    ],
)
def test_files_of_skeletons(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    skeleton = find_skeleton(tmp_path / name)
    assert (skeleton.name, skeleton.joints) == ("s", ("a", "b"))
    assert skeleton.limbs == (("a", "b"),)
    assert poseflow.Skeleton("s", ("a", "b"), (("a", "b"),)) == skeleton


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a skeleton with the fields joints"),
        ("[a, b]", "expected a skeleton with the fields joints"),
        ("{", "expected YAML or JSON"),
        ("a: !!python/object:os.system x", "expected YAML or JSON"),
        ("name: x", "joints: expected a list, found nothing"),
        ("joints: a", "joints: expected a list"),
        ("joints: [a, on]", r"joints\[1\]: expected a name, found 'True'"),
        ("joints: [1, 2]", r"joints\[0\]: expected a name, found '1'"),
        ("joints: [a, a]", "joint names must be unique"),
        ("joints: [a, b]\nlimbs: [[a, c]]", "limbs name joints that it does not have"),
        ("joints: [a, b]\npairs: [[a, c]]", "pairs name joints that it does not have"),
        ("joints: [a, b]\npairs: [[a, b], [b, a]]", "every joint in one pair"),
        ("joints: [a, b]\nlimbs: [[0, 1]]", r"limbs\[0\]: expected a name"),
        ("joints: [a, b]\nlimbs: [a]", r"limbs\[0\]: expected two names"),
        ("joints: [a, b]\nsigmas: [0.1]", "expected 2 sigmas"),
        ("joints: [a, b]\nsigmas: [0.1, -1]", r"sigmas\[1\]: expected a number above"),
        ("joints: [a, b]\nsigmas: [0.1, .nan]", r"sigmas\[1\]: expected a number"),
        ("joints: [a, b]\nbones: []", "unknown field bones"),
    ],
)
def test_bad_files_of_skeletons(tmp_path, text, message):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(PoseFlowError, match=rf"bad\.yaml: .*{message}"):
        find_skeleton(tmp_path / "bad.yaml")


def test_names_that_are_neither_skeleton_nor_file(tmp_path):
    with pytest.raises(PoseFlowError, match=r"unknown skeleton 'dog'.*coco17"):
        find_skeleton("dog")
    with pytest.raises(PoseFlowError, match=r"cannot read .*no such file"):
        find_skeleton(tmp_path / "dog.yaml")
