"""`poseflow events`: tables, files and ground truth."""

import json

import pytest
import typer
from typer.testing import CliRunner

from poseflow.cli.events import events
from poseflow.cli.guard import GuardedGroup

app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)
app.callback()(lambda: None)
app.command()(events)

JOINTS = [v for k in range(17) for v in (10.0 + k, 20.0 + 3 * k, 1.0)]


def save(path, ids):
    people = [
        {"image_id": f"{t}.jpg", "keypoints": JOINTS, "score": 0.5, "idx": i}
        for t, i in enumerate(ids)
    ]
    path.write_text(json.dumps(people))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "in.json", [1, 1, 2, 2])
    save(tmp_path / "truth.json", [5, 5, 5, 5])
    return lambda *arguments: CliRunner().invoke(app, ["events", *arguments])


def test_table(run):
    done = run("in.json", "--fps", "10")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["frame", "time", "event", "track", "suspicion"]
    assert lines[1].split() == ["0", "0.00", "s", "birth", "1"]
    assert lines[3].split()[:5] == ["2", "0.20", "s", "birth", "2"]
    assert lines[3].endswith("may continue track 1")


def test_most_suspicious_first(run):
    done = run("in.json", "--sort", "suspicion", "--top", "1", "--format", "csv")
    assert done.stdout.splitlines()[1].startswith("2,0.0,birth,2 1,0.")


def test_ground_truth(run):
    done = run("in.json", "--gt", "truth.json", "--format", "json", "-o", "out.json")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    rows = json.loads(open("out.json").read())  # noqa: PTH123, SIM115
    switch = next(row for row in rows if row["kind"] == "switch")
    assert (switch["frame"], switch["tracks"], switch["person"]) == (2, [1, 2], 5)
    assert done.stderr.startswith("1 switches, 1 of them shown by the 1 most")


def test_no_people(run, tmp_path):
    (tmp_path / "none.json").write_text("[]")
    assert run("none.json").stdout == ""
    assert run("none.json", "--format", "json").stdout == "[]\n"


def test_refused(run):
    assert "result itself" in run("in.json", "-o", "in.json").stderr
    assert run("no.json").exit_code == 1
    assert run("in.json", "--gt", "no.json").exit_code == 1
