"""Tuning of the parameters of parametric pose NMS."""

import json
from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, PoseSequence
from poseflow.cli.guard import GuardedGroup
from poseflow.cli.train import tune_nms as command
from poseflow.errors import PoseFlowError
from poseflow.estimator.topdown.pose_nms import PoseNMSParameters
from poseflow.estimator.training.tune_nms import load_nms_parameters, tune_nms
from poseflow.skeletons import get

COCO = get("coco17")


def scene(seed, images=6):
    """Pairs of people close together, each found twice."""
    rng = np.random.default_rng(seed)
    frames, notes = [], []
    for image in range(images):
        truth = np.stack([np.arange(17) % 4 * 30.0, np.arange(17) // 4 * 50.0], axis=1)
        pair = truth + np.array([[[100, 100]], [[112, 108]]])
        found = np.repeat(pair, 2, axis=0) + rng.normal(0, 1.5, (4, 17, 2))
        frames.append(
            Frame(
                image,
                image,
                Poses(
                    found,
                    np.full((4, 17), 0.9) - rng.uniform(0, 0.2, (4, 17)),
                    scores=rng.uniform(0.5, 1, 4),
                ),
                name=f"{image:06d}.jpg",
            )
        )
        for person in pair:
            low, size = person.min(axis=0), np.ptp(person, axis=0)
            notes.append(
                {
                    "id": len(notes) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": 0,
                    "num_keypoints": 17,
                    "keypoints": np.insert(person, 2, 2, axis=1).ravel().tolist(),
                    "area": float(size.prod()),
                    "bbox": [*low, *size],
                }
            )
    return frames, notes


def test_tuning_separates_neighbours():
    frames, notes = scene(0)
    people = [(frame.index, frame.poses) for frame in frames]
    # Begins with constants under which all people are duplicates.
    start = replace(PoseNMSParameters(), same_similarity=0.05, match_px=0.1)
    found = tune_nms(people, notes, start, most_trials=120)
    assert found.before < 0.6
    assert found.after > found.before + 0.2
    assert found.parameters != start
    again = tune_nms(people, notes, start, most_trials=120)
    assert again == found


def test_most_trials_is_a_limit():
    frames, notes = scene(1, images=1)
    people = [(frame.index, frame.poses) for frame in frames]
    assert tune_nms(people, notes, most_trials=5).trials <= 5


def test_from_files_by_the_command(tmp_path):
    frames, notes = scene(2, images=2)
    poses, truth = tmp_path / "poses.json", tmp_path / "truth.json"
    poseflow.write(PoseSequence(tuple(frames), COCO), poses)
    images = [{"id": f.index, "file_name": f.name} for f in frames]
    truth.write_text(json.dumps({"images": images, "annotations": notes}))
    app = typer.Typer(cls=GuardedGroup)
    app.command()(command)
    app.command("other")(command)
    out = tmp_path / "nms.json"
    arguments = ["tune-nms", str(truth), str(poses), "-o", str(out), "--trials", "3"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "OKS AP" in result.output
    assert isinstance(load_nms_parameters(out), PoseNMSParameters)

    truth.write_text(json.dumps({"images": [], "annotations": []}))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "none of its images" in result.output


def test_mistakes_are_named(tmp_path):
    with pytest.raises(PoseFlowError, match="at least one image"):
        tune_nms([], [])
    with pytest.raises(PoseFlowError, match="no person is annotated"):
        tune_nms([(1, Poses.empty("coco17"))], [])
    (tmp_path / "a.json").write_text('{"near_px": "x"}')
    with pytest.raises(PoseFlowError, match=r"a\.json: not parameters"):
        load_nms_parameters(tmp_path / "a.json")
