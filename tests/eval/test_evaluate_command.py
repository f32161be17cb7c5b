"""`poseflow evaluate`: scores, files, exit codes and messages."""

import gzip
import json
import math
import shutil
import zipfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import poseflow
from poseflow import synthetic
from poseflow.cli.guard import GuardedGroup
from poseflow.cli.scoring.evaluate import evaluate

GOLDEN = Path(__file__).parent.parent / "golden" / "poseval"
app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)
app.callback()(lambda: None)
app.command()(evaluate)


def run(*words):
    return CliRunner().invoke(app, ["evaluate", *map(str, words)])


def sides(case="pt17_edge"):
    return GOLDEN / case / "gt", GOLDEN / case / "pred"


@pytest.mark.parametrize("case", ["pt17_ties", "pt18_edge", "gt18_pred17"])
def test_json_equals_the_reference(case, tmp_path):
    path = tmp_path / "scores.json"
    result = run(*sides(case), "--mode", "poseval", "--json", path)
    assert result.exit_code == 0, result.output
    found = json.loads(path.read_text())
    with gzip.open(GOLDEN / case / "reference.json.gz", "rt") as file:
        reference = json.load(file)
    assert found["joint_names"] == reference["joint_names"]
    for metric, key in (("ap", "total_AP_stable"), ("mot", "total_MOT")):
        for field, values in reference[key].items():
            for a, b in zip(found[metric][field], values, strict=True):
                assert (a is None and math.isnan(b)) or abs(a - b) <= 1e-9


def test_table_has_the_fields_layout():
    lines = run(*sides()).output.splitlines()
    columns = ["Head", "Shou", "Elb", "Wri", "Hip", "Knee", "Ankl", "Total"]
    assert lines[0].split() == ["strict", *columns]
    assert lines[1].split()[0] == "AP"
    assert lines[2].split()[0] == "MOTA"
    assert "MOTP" in lines[2]
    assert any(line.split() == ["poseval", *columns] for line in lines)


@pytest.mark.parametrize(
    ("layout", "start"), [("markdown", "| strict"), ("latex", "%")]
)
def test_other_layouts(layout, start):
    assert run(*sides(), "--table", layout).output.startswith(start)


def test_json_to_standard_output():
    found = json.loads(run(*sides(), "--mode", "strict", "--json", "-").stdout)
    assert found["mode"] == "strict"


def test_file_for_each_sequence(tmp_path):
    result = run(*sides(), "--mode", "poseval", "--per-sequence", tmp_path / "out")
    assert result.exit_code == 0
    with gzip.open(GOLDEN / "pt17_edge" / "reference.json.gz", "rt") as file:
        reference = json.load(file)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    sequences = ["total", *reference["sequence_order"]]
    assert names == {f"{s}_{m}_metrics.json" for s in sequences for m in ("AP", "MOT")}
    for name in reference["sequence_order"]:
        found = json.loads((tmp_path / "out" / f"{name}_MOT_metrics.json").read_text())
        expected = reference["per_sequence"][name]["MOT"]["mota"]
        for a, b in zip(found["mota"], expected, strict=True):
            assert (a is None and math.isnan(b)) or abs(a - b) <= 1e-9


def test_a_result_in_the_alphapose_format_is_scored_by_name(tmp_path):
    gt, pred = sides("pt17_basic")
    first = sorted(pred.iterdir())[0]
    path = tmp_path / "street.json"
    poseflow.write(poseflow.read(first), path)
    name = first.name.split(".")[0]
    words = ("--sequence", name, "--mode", "strict", "--table", "latex")
    assert run(gt, path, *words).output == run(gt, first, *words).output


def test_check_lists_everything_and_scores_nothing(tmp_path):
    gt, pred = sides()
    clean = run(gt, pred, "--check")
    assert "AP" not in clean.stdout.split()
    for path in list(pred.iterdir())[1:]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "stranger.json").write_text('{"annolist": []}')
    result = run(gt, tmp_path, "--check")
    assert result.exit_code == 1
    assert "no file for sequence" in result.stdout
    assert "'stranger'" in result.stdout


def test_check_tells_frames_out_of_order(tmp_path):
    gt, pred = sides("pt17_basic")
    for path in pred.iterdir():
        document = json.loads(gzip.decompress(path.read_bytes()))
        document["annolist"][2:4] = document["annolist"][3:1:-1]
        (tmp_path / path.name.removesuffix(".gz")).write_text(json.dumps(document))
    assert "another order" not in run(gt, pred, "--check").stdout
    result = run(gt, tmp_path, "--check")
    assert result.exit_code == 1
    assert result.stdout.count("frame 3: frames are in another order") == len(
        list(gt.iterdir())
    )
    words = ("--mode", "strict", "--json", "-")
    again, first = (json.loads(run(gt, p, *words).stdout) for p in (tmp_path, pred))
    assert again["mot"] == first["mot"]


def test_check_tells_a_submission_without_people(tmp_path):
    (tmp_path / "pred.json").write_text("[]")
    gt = sorted(sides()[0].iterdir())[0]
    result = run(gt, tmp_path / "pred.json", "--check")
    assert "no person is predicted in any frame" in result.stdout


@pytest.mark.parametrize("name", ["pred.zip", "pred"])
def test_a_truncated_archive_is_named(name, tmp_path):
    gt, pred = sides()
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        for file in pred.iterdir():
            archive.write(file, file.name)
    path.write_bytes(path.read_bytes()[:-300])
    result = run(gt, path)
    assert result.exit_code == 1
    assert "not a readable zip archive" in result.stderr


def test_plots(tmp_path):
    pytest.importorskip("matplotlib")
    result = run(*sides(), "--plots", tmp_path / "plots")
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert names == {"precision_recall.png", "mota_per_sequence.png", "switches.png"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nowhere", "nowhere"), 1, "no such file or folder"),
        ((*sides(), "--metrics", "ap,mood"), 1, "found mood"),
        ((*sides(), "--mode", "easy"), 2, "easy"),
        ((*sides(), "--sequence", "xyz"), 1, "no sequence 'xyz'"),
        ((*sides(), "--json", "/nowhere/a.json"), 1, "/nowhere"),
        (
            (GOLDEN / "pt17_edge" / "gt", GOLDEN / "pt18_edge" / "pred"),
            1,
            "pair by name",
        ),
    ],
)
def test_bad_choices_and_paths(words, code, message):
    result = run(*words)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output
    if code == 1:
        assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"annolist": 1}', b"PK\x03\x04"])
def test_bad_files(content, tmp_path):
    gt = sorted(sides()[0].iterdir())[0]
    path = tmp_path / "pred.json"
    path.write_bytes(content)
    result = run(gt, path)
    assert result.exit_code == 1
    assert "pred.json" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_empty_result_is_a_result(tmp_path):
    (tmp_path / "pred.json").write_text("[]")
    gt = sorted(sides()[0].iterdir())[0]
    result = run(gt, tmp_path / "pred.json", "--mode", "strict")
    assert result.exit_code == 0
    assert "Rec 0.0" in result.output


def test_a_sequence_without_predictions_is_empty_if_asked(tmp_path):
    gt, pred = tmp_path / "gt", tmp_path / "pred"
    for folder in (gt, pred):
        folder.mkdir()
    for name in ("000001_a", "000002_b"):
        scene = synthetic.make_scene("street", seed=2, frames=3, skeleton="posetrack18")
        synthetic.write_posetrack(scene, gt / f"{name}.json")
    shutil.copy(gt / "000001_a.json", pred)
    refused = run(gt, pred)
    assert refused.exit_code == 1
    assert "no prediction for 1 of 2 sequences, 000002_b" in refused.stderr
    assert run(gt, pred, "--missing", "empty").exit_code == 0


def test_the_skeleton_of_a_result_that_does_not_say(tmp_path):
    """17 joints are taken for COCO's; these are PoseTrack18's slots."""
    scene = synthetic.make_scene("street", seed=2, frames=3, skeleton="posetrack18")
    gt, pred = tmp_path / "000001_a.json", tmp_path / "result.json"
    synthetic.write_posetrack(scene, gt)
    poseflow.write(scene.truth(), pred)
    entries = json.loads(pred.read_text())
    pred.write_text(json.dumps([{**e, "poseflow": None} for e in entries]))

    def mota(*options):
        path = tmp_path / "scores.json"
        assert run(gt, pred, "--json", path, *options).exit_code == 0
        return json.loads(path.read_text())["mot"]["mota"][-1]

    assert mota("--skeleton", "posetrack18") == 100 > mota()
    assert run(gt, pred, "--check", "--skeleton", "posetrack18").exit_code == 0
