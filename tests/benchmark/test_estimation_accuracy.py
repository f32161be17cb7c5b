"""`benchmarks/estimation_accuracy.py` on a rendered folder in the COCO layout."""

import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from poseflow.estimator.movenet import scores
from poseflow.synthetic import SceneConfig, make_scene


@pytest.fixture
def script():
    path = Path(__file__).parents[2] / "benchmarks" / "estimation_accuracy.py"
    spec = importlib.util.spec_from_file_location("estimation_accuracy", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def folder(tmp_path):
    """Four rendered images with people and four without."""
    images, annotations = [], []
    for number in range(4):
        config = SceneConfig(frames=1, people=3, size=(640, 360))
        scene = make_scene(config, seed=number, skeleton="coco17")
        people = scene.annotation(0).poses
        name = f"{number}.png"
        cv2.imwrite(str(tmp_path / name), scene.render(0))
        images.append({"id": number, "file_name": name, "width": 640, "height": 360})
        for box, points, marks in zip(
            people.boxes, people.keypoints, people.keypoint_scores, strict=True
        ):
            size = box[2:] - box[:2]
            visible = 2 * (marks[:, None] > 0)
            joints = np.concatenate([points, visible], axis=1)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [*box[:2].tolist(), *size.tolist()],
                    "area": float(size.prod() / 2),
                    "keypoints": joints.ravel().tolist(),
                    "num_keypoints": int((marks > 0).sum()),
                }
            )
    content = {"images": images, "annotations": annotations, "categories": []}
    (tmp_path / "people.json").write_text(json.dumps(content))
    (tmp_path / "empty").mkdir()
    for number in range(4):
        grey = np.full((120, 160, 3), 40 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "empty" / f"{number}.png"), grey)
    return tmp_path


def run(script, folder, monkeypatch, capsys, *more):
    torch.set_num_threads(1)
    data = f"{folder / 'people.json'}={folder}"
    empty = ["--empty", str(folder / "empty")]
    arguments = [data, *empty, "--folds", "2", "--test", "1", *more]
    monkeypatch.setattr(sys, "argv", ["estimation_accuracy.py", *arguments])
    script.main()
    return capsys.readouterr().out


def test_accuracy_and_reliability(script, folder, monkeypatch, capsys):
    out = run(script, folder, monkeypatch, capsys, "--quality", "fast", "balanced")
    assert out.count("images\n") == 2
    lines = [line for line in out.splitlines() if line.startswith("balanced: recall")]
    assert len(lines) == 2
    recall = float(lines[0].split()[2])
    assert recall > 50
    assert "| fast: PERSON |" in out
    assert "| balanced: boxed_joint |" in out


def test_fit_replaces_the_constants(script, folder, monkeypatch, capsys):
    for name in script.FIRST:
        monkeypatch.setattr(scores, name, getattr(scores, name))
    monkeypatch.setattr(scores, "SECOND", dict(scores.SECOND))
    before, second = scores.PERSON, dict(scores.SECOND)
    out = run(script, folder, monkeypatch, capsys, "--quality", "balanced", "--fit")
    assert f"PERSON = {scores.PERSON}" in out
    assert before != scores.PERSON
    assert len(scores.PERSON.slopes) == len(before.slopes)
    assert f"thunder: {scores.SECOND['thunder']}" in out
    assert second["thunder"] != scores.SECOND["thunder"]
    assert second["lightning"] == scores.SECOND["lightning"]
