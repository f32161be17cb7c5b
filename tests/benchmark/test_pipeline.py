"""Pipeline benchmark: from the pixels of a video to a result file."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from poseflow import PoseFlowError, synthetic
from poseflow.benchmark.pipeline import measure_pipeline
from poseflow.cli.app import app
from poseflow.video import open_writer


class Known:
    """An estimator that returns the ground truth of the demo's street."""

    def __init__(self):
        scene = synthetic.make_scene("street", seed=8, frames=6, skeleton="posetrack18")
        self.people = [scene.annotation(k).poses for k in range(6)]
        self.asked = 0

    def estimate(self, image):
        # The estimator runs on the first image once more, before anything is timed.
        self.asked += 1
        return self.people[max(self.asked - 2, 0) % 6]


def test_street_is_tracked_and_scored():
    report = measure_pipeline(frames=6, detect_every=(1,), estimator=Known())
    assert "1280 x 720" in report.clip
    decoding, tracking = report.rows
    assert decoding.frames == tracking.frames == 6
    assert decoding.fps > 0
    assert decoding.cpu_ms > 0
    assert decoding.ap is None
    assert tracking.ap > 70
    assert tracking.mota > 50
    assert json.loads(json.dumps(report.to_dict()))["rows"][1]["frames"] == 6
    assert "| tracking, --detect-every 1 | 6 |" in report.table()


def test_own_clip_by_command(tmp_path):
    torch.set_num_threads(1)
    clip = tmp_path / "clip.mp4"
    with open_writer(clip, (96, 64), 5) as video:
        for _ in range(4):
            video.write(np.zeros((64, 96, 3), np.uint8))
    figures = tmp_path / "figures.json"
    arguments = ["benchmark", "pipeline", "--video", str(clip), "--json", str(figures)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    rows = json.loads(figures.read_text())["rows"]
    assert [row["name"].split()[-1] for row in rows] == [
        *("alone", "fast", "balanced", "best", "2", "4")
    ]
    assert all(row["frames"] == 4 and row["mota"] is None for row in rows)
    assert f"{clip}, 96 x 64" in done.stdout


def test_not_a_clip(tmp_path):
    with pytest.raises(PoseFlowError, match=r"none\.mp4"):
        measure_pipeline(tmp_path / "none.mp4", estimator=Known())
