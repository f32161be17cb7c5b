"""`poseflow demo` from pixels to scores."""

import cv2
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import PoseFlowError
from poseflow.cli.app import app
from poseflow.demo import run_demo
from poseflow.video import open_source


def test_everything_is_there(tmp_path):
    done = run_demo(tmp_path, frames=12, size=(320, 180), seed=3)
    assert sorted(p.name for p in done.files) == [
        *("poses.json", "sheet.png", "source.mp4", "tracked.json", "tracked.mp4")
    ]
    for video in ("source.mp4", "tracked.mp4"):
        with open_source(tmp_path / video) as source:
            assert sum(1 for _ in source) == 12
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert len(poseflow.read(tmp_path / "poses.json").track_ids) == 0
    assert len(poseflow.read(tmp_path / "tracked.json").track_ids) > 1
    assert 0 < done.scores.idf1 <= done.oracle.idf1 + 20
    assert done.oracle.id_switches == 0


def test_the_command_prints_files_and_scores(tmp_path):
    arguments = ["demo", "--out", str(tmp_path), "--frames", "4", "--tracker", "iou"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "tracker iou:" in done.stdout
    assert "id switches, IDF1" in done.stdout
    assert "tracked.mp4" in done.stdout


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PoseFlowError, match="not a folder"):
        run_demo(tmp_path / "file" / "demo", frames=3)
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--suite", "moon"])
    assert done.exit_code == 1
    assert "moon" in done.stderr
