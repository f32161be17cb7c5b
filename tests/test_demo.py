"""`poseflow demo` from pixels to scores."""

import cv2
import pytest
import torch
from typer.testing import CliRunner

import poseflow
from poseflow import PoseFlowError, synthetic
from poseflow.cli.app import app
from poseflow.demo import run_demo
from poseflow.video import open_source


def test_everything_is_there(tmp_path):
    torch.set_num_threads(1)
    done = run_demo(tmp_path, frames=12, size=(960, 540))
    assert sorted(p.name for p in done.files) == [
        *("report.html", "sheet.png", "source.mp4"),
        *("tracked.json", "tracked.mp4", "truth.json"),
    ]
    for video in ("source.mp4", "tracked.mp4"):
        with open_source(tmp_path / video) as source:
            assert sum(1 for _ in source) == 12
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert "source.mp4" in (tmp_path / "report.html").read_text()
    tracked = poseflow.read(tmp_path / "tracked.json")
    assert len(tracked.track_ids) == done.identities > 1
    assert len(poseflow.read(tmp_path / "truth.json").track_ids) == done.people
    # The joints' order in the file is the one that it is read with.
    assert done.report.mean_ap > 15
    assert done.report["mot"].counts["num_switches"][-1] < 10


class Known:
    """An estimator that finds the same two people in every image."""

    def estimate(self, image):
        scene = synthetic.make_scene("street", seed=8, frames=1, skeleton="posetrack17")
        return scene.annotation(0).poses[:2]


def test_another_estimator_and_tracker(tmp_path):
    done = run_demo(tmp_path, frames=4, tracker="iou", estimator=Known())
    assert done.identities == 2


def test_the_command_prints_files_and_scores(tmp_path):
    torch.set_num_threads(1)
    arguments = ["demo", "--out", str(tmp_path), "--frames", "4", "--tracker", "iou"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "identities for 7 people" in done.stdout
    assert "MOTA" in done.stdout
    assert "tracked.mp4" in done.stdout
    assert done.stdout.rstrip().endswith("report.html in a browser.")


def test_an_invalid_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PoseFlowError, match="not a folder"):
        run_demo(tmp_path / "file" / "demo", frames=3)
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--suite", "moon"])
    assert done.exit_code == 1
    assert "moon" in done.stderr
