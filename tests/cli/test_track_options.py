"""`poseflow track`: parts of a source, people, smoothing, blur, windows, messages."""

import logging

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, PoseSequence
from poseflow.cli.app import app
from poseflow.pipeline import window
from poseflow.pipeline.protocols import EndOfRun
from poseflow.pipeline.track import drain
from poseflow.video import open_source, open_writer

SIZE = (160, 120)
BODY = np.random.default_rng(0).uniform(-0.5, 0.5, (17, 2)) * [20, 60]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A clip of ten frames at 10 frames/s, three people with scores .9, .5, .2."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    frames = []
    with open_writer("clip.mp4", SIZE, 10) as writer:
        for t in range(10):
            image = random.integers(0, 255, (15, 20, 3), np.uint8)
            writer.write(np.kron(image, np.ones((8, 8, 1), np.uint8)))
            noise = random.normal(0, 1.5, (3, 17, 2))
            places = np.array([[30, 60], [80, 60], [130, 60]])
            points = BODY + places[:, None] + noise
            poses = Poses(points, scores=[0.9, 0.5, 0.2], skeleton="coco17")
            frames.append(Frame(t, t / 10, poses, name=f"{t:06d}.jpg"))
    poseflow.write(PoseSequence.collect(frames), "poses.json")

    def run(*arguments, source=("clip.mp4", "--poses", "poses.json")):
        command = ["track", *source, "-o", "out.json", *arguments]
        return CliRunner().invoke(app, command)

    return run


def written():
    return poseflow.read("out.json")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--start", "4"], range(4, 10)),
        (["--stop", "0.3s"], range(3)),
        (["--start", "0:00.2", "--stop", "5"], range(2, 5)),
    ],
)
def test_a_part_of_the_source(run, options, expected):
    done = run(*options)
    assert done.exit_code == 0, done.stderr
    assert [frame.index for frame in written()] == list(expected)
    assert done.stderr.startswith(f"out.json: {len(expected)} frames")
    assert "warning" not in done.stderr


def test_a_part_of_poses_alone(run):
    done = run("--start", "4", "--stop", "6", source=("poses.json",))
    assert done.exit_code == 0, done.stderr
    assert [frame.index for frame in written()] == [4, 5]


def test_a_part_is_drawn_alone(run):
    assert run("--start", "7", "--render", "out.mp4").exit_code == 0
    with open_source("out.mp4") as shots:
        assert sum(1 for _ in shots) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "10"], "its last frame is 9, at 0.90 s"),
        (["--start", "3", "--stop", "3"], "nothing lies between start 3 and stop 3"),
        (["--start", "soon"], "start: expected a frame (300)"),
    ],
)
def test_parts_that_are_refused(run, tmp_path, options, message):
    done = run(*options)
    assert done.exit_code == 1
    assert message in done.stderr
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("options", "people"),
    [
        ([], 3),
        (["--score-threshold", "0.4"], 2),
        (["--max-people", "1"], 1),
        (["--score-threshold", "0.95"], 0),
    ],
)
def test_people_are_selected_before_tracking(run, options, people):
    assert run(*options).exit_code == 0
    assert max((len(frame.poses) for frame in written()), default=0) == people


def test_smoothing(run):
    spread = []
    for options in ([], ["--smooth"]):
        assert run(*options).exit_code == 0
        points = [f.poses.keypoints[0] for f in written()][4:]
        spread.append(np.std(points, axis=0).mean())
    assert spread[1] < 0.97 * spread[0]


def test_blurred_people(run):
    for options, blurred in (([], False), (["--blur", "people"], True)):
        assert run("--render", "shots/", *options).exit_code == 0
        with open_source("clip.mp4") as before, open_source("shots/") as after:
            pairs = [(a.image, b.image) for a, b in zip(before, after, strict=True)]
        # Within the margin around the second person, beside the skeleton.
        changed = [
            np.median(np.abs(a[35:85, 64:68].astype(int) - b[35:85, 64:68]))
            for a, b in pairs
        ]
        assert (np.median(changed) > 20) == blurred
    assert "expected faces or people" in run("--blur", "all").output


def test_show_without_a_display(run, tmp_path, monkeypatch):
    monkeypatch.setattr(window, "why_no_window", lambda: "there is no display")
    done = run("--show")
    assert done.exit_code == 1
    assert "cannot show a window: there is no display" in done.stderr
    assert not (tmp_path / "out.json").exists()
    done = run("--show", source=("poses.json",))
    assert done.exit_code == 2


class FakeWindow:
    """A window that is closed at the fourth frame."""

    def __init__(self, title, overlay, source):
        self.frames = []

    def write(self, frame):
        assert frame.image is not None
        self.frames.append(frame.index)
        if len(self.frames) == 4:
            raise EndOfRun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_what_was_done_is_kept_when_the_window_is_closed(run, monkeypatch):
    monkeypatch.setattr(window, "LiveWindow", FakeWindow)
    done = run("--show", "--render", "out.mp4")
    assert done.exit_code == 0, done.stderr
    assert [frame.index for frame in written()] == [0, 1, 2, 3]
    assert "out.mp4: 4 frames" in done.stderr


def test_drain_ends_with_a_sink():
    taken = []

    class Sink:
        def write(self, frame):
            taken.append(frame.index)
            if frame.index == 1:
                raise EndOfRun

    frames = [Frame(k, 0.0, Poses.empty("coco17")) for k in range(5)]
    assert drain(frames, [Sink()]) == (2, 0)
    assert taken == [0, 1]


def test_quiet_and_verbose(run):
    level = logging.getLogger("poseflow").level
    assert run("-q").stderr == ""
    assert run("-v").exit_code == 0
    assert logging.getLogger("poseflow").level == level, "only during the command"
