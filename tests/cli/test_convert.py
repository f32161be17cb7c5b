"""`poseflow convert`: results, exit codes and one-line messages."""

import json

import pytest
import typer
from typer.testing import CliRunner

import poseflow
from poseflow.cli.app import app as whole_app
from poseflow.cli.convert import convert
from poseflow.cli.guard import GuardedGroup

app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)
app.callback()(lambda: None)
app.command()(convert)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(app, ["convert", *arguments])

    return run


def save(path, *entries):
    path.write_text(json.dumps(list(entries)))


def entry(image="0.jpg", **more):
    return {"image_id": image, "keypoints": [1.5] * 51, "score": 0.5} | more


def test_to_another_format_and_back(run, tmp_path):
    save(tmp_path / "in.json", entry(idx=3, box=[1, 2, 3, 4]), entry("2.jpg"))
    assert run("in.json", "forvis.json", "--to", "forvis").exit_code == 0
    assert set(json.loads((tmp_path / "forvis.json").read_text())) == {"0.jpg", "2.jpg"}
    assert run("forvis.json", "back.json", "--from", "forvis").exit_code == 0
    assert list(poseflow.read("back.json")) == list(poseflow.read("in.json"))


def test_to_another_skeleton_says_what_is_missing_or_estimated(run, tmp_path):
    save(tmp_path / "in.json", entry())
    done = run("in.json", "out.json", "--skeleton", "posetrack17")
    assert done.exit_code == 0
    assert "missing (score 0): neck, head_top" in done.stderr
    assert poseflow.read("out.json")[0].poses.present.sum() == 13
    done = run("in.json", "out.json", "--skeleton", "posetrack17", "--estimate")
    assert "estimated: neck = +0.15 left_ear" in done.stderr
    assert poseflow.read("out.json")[0].poses.present.all()


def test_skeleton_of_the_input(run, tmp_path):
    save(tmp_path / "in.json", entry())
    done = run(
        *("in.json", "out.json", "--from-skeleton", "posetrack18"),
        *("--skeleton", "posetrack15"),
    )
    assert done.exit_code == 0
    assert poseflow.read("out.json", skeleton="posetrack15")[0].poses.present.all()


def test_standard_output(run, tmp_path):
    save(tmp_path / "in.json", entry())
    done = run("in.json", "-")
    assert json.loads(done.stdout)[0]["image_id"] == "0.jpg"


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        pytest.param(None, [], "cannot read in.json: no such file", id="missing"),
        pytest.param("", [], "in.json: the file is empty", id="empty"),
        pytest.param('[{"image', [], "breaks off at byte 8", id="truncated"),
        pytest.param(
            "{}}", ["--from", "forvis"], "not valid JSON at byte 2", id="more"
        ),
        pytest.param("[]", ["--to", "xml"], "unknown format 'xml'", id="format"),
        pytest.param("[]", ["--skeleton", "cow"], "unknown skeleton 'cow'", id="cow"),
    ],
)
def test_bad_input_is_one_line_and_keeps_the_output(
    run, tmp_path, content, arguments, message
):
    if content is not None:
        (tmp_path / "in.json").write_text(content)
    (tmp_path / "out.json").write_text("before")
    done = run("in.json", "out.json", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.output
    assert (tmp_path / "out.json").read_text() == "before"


def test_an_output_that_cannot_be_written_is_noticed_before_reading(run):
    done = run("nothing.json", "no/out.json")
    assert done.exit_code == 1
    assert "the folder" in done.stderr
    assert "does not exist" in done.stderr


def test_bad_entries_are_a_warning(run, tmp_path):
    save(tmp_path / "in.json", entry(), {"image_id": "1.jpg"})
    done = run("in.json", "out.json")
    assert done.exit_code == 0
    assert "warning: in.json: left out 1 of 2 poses" in done.stderr
    assert len(poseflow.read("out.json")) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("b.xyz", "no format is written to .xyz files; known suffixes are .json"),
        ("b.txt", "the suffix .txt alone does not say which format; name it; known"),
    ],
)
def test_an_unknown_suffix_is_refused_before_reading(run, tmp_path, name, reason):
    done = run("nothing.json", name)
    assert done.exit_code == 1
    assert reason in done.stderr
    assert not (tmp_path / name).exists()


def test_labels_of_yolo_need_the_size_and_can_be_tracked(run, tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    for frame in (1, 2, 3):
        joints = " ".join(["0.5 0.25 0.9"] * 17)
        (folder / f"walk_{frame}.txt").write_text(f"0 0.5 0.5 0.2 0.4 {joints} 0.8\n")
    done = run("labels", "out.json")
    assert done.exit_code == 1
    assert "divided by the size of the image" in done.stderr
    done = run("labels", "out.json", "--size", "1280by720")
    assert done.exit_code == 2
    assert run("labels", "out.json", "--size", "1280x720").exit_code == 0
    found = poseflow.read("out.json")
    assert found.size == (1280, 720)
    assert found[0].poses.keypoints[0, 0].tolist() == [640, 180]
    assert run("out.json", "again", "--to", "ultralytics-labels").exit_code == 0
    lines = (tmp_path / "again" / "labels_1.txt").read_text().split()
    assert lines[:8] == ["0", "0.5", "0.5", "0.2", "0.4", "0.5", "0.25", "0.9"]
    tracked = CliRunner().invoke(
        whole_app, ["track", "labels", "-o", "tracked.json", "--size", "1280x720"]
    )
    assert tracked.exit_code == 0, tracked.stderr
    assert len(poseflow.read("tracked.json").track_ids) == 1
