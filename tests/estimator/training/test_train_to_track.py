"""Train, validate and track with the new weights, by the README's lines."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from poseflow.cli.app import app
from poseflow.video import open_writer

README = Path(__file__).parents[3] / "README.md"


def lines_of_the_readme():
    """Arguments of each command between the README's marks."""
    block = re.search(r"<!-- train -->\n(.*?)<!-- /train -->", README.read_text(), re.S)
    lines = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    assert [line[:2] for line in lines] == [
        ["poseflow", name] for name in ("train", "validate", "track")
    ]
    return [line[1:] for line in lines]


def test_train_validate_track(tmp_path, dots, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dots.write_coco(tmp_path, count=32)
    # A smaller network and set in the place of the README's.
    config = tmp_path / lines_of_the_readme()[0][1]
    config.parent.mkdir(parents=True)
    dots.write_config(tmp_path, epochs=30, out="runs/rendered").rename(config)
    size = dots.draw(dots.PLACES).shape[1::-1]
    rng = np.random.default_rng(5)
    with open_writer("street.mp4", size, 10) as clip:
        for k in range(4):
            clip.write(dots.draw(dots.PLACES + k, rng=rng))

    train, validate, track = lines_of_the_readme()
    run = CliRunner().invoke
    result = run(app, train)
    assert result.exit_code == 0, result.output
    result = run(app, validate)
    assert result.exit_code == 0, result.output
    assert "PCK@0.5" in result.output
    # Dots are no people: the whole image is the one to track.
    track[track.index("embedded")] = "whole"
    result = run(app, [*track, "--tracker", "iou"])
    assert result.exit_code == 0, result.output
    entries = json.loads(Path("tracked.json").read_text())
    assert [e["idx"] for e in entries] == [1] * 4
    found = np.array([e["keypoints"] for e in entries]).reshape(4, -1, 3)[..., :2]
    truth = np.stack([dots.PLACES + k for k in range(4)])
    assert np.median(np.linalg.norm(found - truth, axis=2)) < 6
