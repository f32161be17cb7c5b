"""Statistics of hand-made results, and `poseflow stats`."""

import json
import math

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, PoseSequence, edit
from poseflow.cli.guard import GuardedGroup
from poseflow.cli.stats import stats
from poseflow.stats import statistics

JOINTS = np.resize([[0, 0], [20, 100]], (17, 2))

app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)
app.callback()(lambda: None)
app.command()(stats)


def sequence(*rows, fps=10.0, first=0):
    """Rows of `{id: x}` per frame; people are 100 pixels tall."""
    frames = []
    for t, row in enumerate(rows, start=first):
        points = np.array([JOINTS + np.array([x, 0]) for x in row.values()])
        poses = Poses(
            points.reshape(-1, 17, 2),
            scores=np.full(len(row), 0.5),
            track_ids=np.array(list(row), np.int64),
            skeleton="coco17",
        )
        frames.append(Frame(t, t / fps if fps else 0.0, poses))
    return PoseSequence.collect(frames, fps=fps)


def test_a_track_with_a_gap():
    walk = sequence(
        *[{1: 10 * t} for t in range(4)], {}, *[{1: 10 * t} for t in (5, 6)]
    )
    found = statistics(edit.name(walk, 1, "Anna"))
    track = found.tracks[0]
    assert (track.first, track.last, track.poses) == (0, 6, 6)
    assert track.presence == pytest.approx(600 / 7)
    assert (track.gaps, track.longest_gap) == (1, 1)
    assert (track.name, track.score, track.body_length) == ("Anna", 0.5, 100)
    assert track.distance == pytest.approx(0.6)
    assert track.speed == pytest.approx(1.0)
    assert (found.frames, found.empty_frames, found.most_people) == (7, 1, 1)
    assert found.people == pytest.approx(6 / 7)
    assert found.seconds == pytest.approx(0.7)
    assert "Anna" in found.table()


def test_frames_that_the_file_leaves_out_count():
    whole = sequence({1: 0}, {}, {}, {1: 3, -1: 50})
    sparse = PoseSequence.collect([whole[0], whole[3]], fps=10)
    for given in (whole, sparse):
        found = statistics(given)
        assert (found.frames, found.empty_frames, found.without_id) == (4, 2, 1)
        assert found.people == 0.75


@pytest.mark.parametrize("given", [sequence(), sequence({}), sequence({}, {})])
def test_no_people(given):
    found = statistics(given)
    assert (found.frames, found.people, found.tracks) == (len(given), 0, ())
    assert found.table().endswith("tracks: 0; 0 suspicious events")
    assert found.to_csv().startswith("track,name,first")


def test_without_times_and_with_one_pose():
    found = statistics(sequence({1: 0}, {1: 5, 2: 9}, fps=None))
    assert math.isnan(found.seconds)
    assert math.isnan(found.tracks[0].speed)
    assert found.tracks[0].distance == pytest.approx(0.05)
    assert found.tracks[1].distance == 0
    assert json.loads(json.dumps(found.to_dict()))["tracks"][1]["speed"] is None


def test_suspicion_of_a_track():
    one = [{1: 2 * t} for t in range(20)]
    two = [{2: 2 * t} for t in range(22, 40)]
    found = statistics(sequence(*one, {}, {}, *two))
    assert found.suspicious == 1
    assert [track.suspicion > 0.02 for track in found.tracks] == [False, True]


def test_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    poseflow.write(sequence({1: 0, 2: 300}, {1: 5, 2: 300}), "in.json")

    def run(*arguments):
        return CliRunner().invoke(app, ["stats", "in.json", *arguments])

    assert run().stdout.splitlines()[2].startswith("tracks: 2, 2 frames long (median)")
    assert json.loads(run("--format", "json").stdout)["frames"] == 2
    assert run("--format", "csv", "-o", "out.csv").stdout == ""
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3
    assert run("--fps", "0").exit_code == 1
