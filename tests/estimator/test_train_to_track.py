"""Train, validate and track with the new weights, by the commands of the manual."""

import json

import cv2
import numpy as np
from typer.testing import CliRunner

from poseflow.cli.app import app


def test_train_validate_track(tmp_path, dots):
    dots.write_coco(tmp_path, count=32)
    config = str(dots.write_config(tmp_path))
    run = CliRunner().invoke
    result = run(app, ["train", config, "--set", "epochs=30"])
    assert result.exit_code == 0, result.output
    weights = str(tmp_path / "run" / "best.safetensors")
    result = run(app, ["validate", config, "--weights", weights])
    assert result.exit_code == 0, result.output
    assert "PCK@0.5" in result.output

    clip = tmp_path / "clip"
    clip.mkdir()
    rng = np.random.default_rng(5)
    for k in range(4):
        cv2.imwrite(str(clip / f"{k:06d}.png"), dots.draw(dots.PLACES + k, rng=rng))
    out = str(tmp_path / "tracked.json")
    command = ["track", str(clip), "-o", out, "--weights", weights]
    result = run(app, [*command, "--detector", "whole", "--tracker", "iou"])
    assert result.exit_code == 0, result.output
    entries = json.loads((tmp_path / "tracked.json").read_text())
    assert [e["idx"] for e in entries] == [1] * 4
    found = np.array([e["keypoints"] for e in entries]).reshape(4, -1, 3)[..., :2]
    truth = np.stack([dots.PLACES + k for k in range(4)])
    assert np.median(np.linalg.norm(found - truth, axis=2)) < 6
