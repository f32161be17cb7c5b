"""PoseTrack21's golden figures through `poseflow evaluate`, and published ones."""

import gzip
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from poseflow.cli.guard import GuardedGroup
from poseflow.cli.scoring.evaluate import evaluate
from poseflow.formats.posetrack.annotations import JOINTS

GOLDEN = Path(__file__).parents[2] / "golden" / "posetrack21"
CASES = ("basic", "empty", "ties", "mixed_scores")
app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)
app.callback()(lambda: None)
app.command()(evaluate)


def scored(folder, path, *options):
    words = [folder / "gt", folder / "pred", "--json", path, *options]
    result = CliRunner().invoke(app, ["evaluate", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.output, json.loads(path.read_text())


def joint_order(names):
    return [*(JOINTS.index(name) for name in names), 15]


@pytest.mark.parametrize("case", CASES)
def test_golden_case(case, tmp_path):
    with gzip.open(GOLDEN / case / "reference.json.gz", "rt") as file:
        reference = json.load(file)
    order = joint_order(reference["joint_names"][:15])
    mode = ("--mode", "posetrack21")
    output, found = scored(GOLDEN / case, tmp_path / "a.json", *mode)
    for note in ("similarity alone", "product of means", "whole sequence"):
        assert note in output
    expected = reference["pose_estimation_stable"]["combined"]["per_joint"]
    for name, values in expected.items():
        ours = [found["ap"][name][k] for k in order]
        assert ours == pytest.approx(values, abs=1e-9), name
    compared = 0
    for name, values in reference["pose_tracking"]["combined"].items():
        if name in found["hota"]:
            ours = [found["hota"][name][k] / 100 for k in order]
        elif name in found["hota"]["counts"]:
            ours = [found["hota"]["counts"][name][k] for k in order]
        else:
            continue
        compared += 1
        assert ours == pytest.approx(values, abs=1e-9), name
    assert compared == 15


@pytest.mark.parametrize("case", CASES)
def test_published_hota_in_strict(case, tmp_path):
    with gzip.open(GOLDEN / case / "reference.json.gz", "rt") as file:
        reference = json.load(file)
    order = joint_order(reference["joint_names"][:15])
    options = ("--mode", "strict", "--metrics", "hota,idf1")
    output, found = scored(GOLDEN / case, tmp_path / "a.json", *options)
    for source in reference["published_hota"].values():
        for name, values in source.items():
            if name in found["hota"]:
                ours = [found["hota"][name][k] / 100 for k in order[:15]]
                assert ours == pytest.approx(values, abs=1e-9), name
    assert "IDF1" in output
    assert 0 <= found["idf1"]["IDF1"][15] <= 100


def test_micro_cases(tmp_path):
    with gzip.open(GOLDEN / "micro.json.gz", "rt") as file:
        micro = json.load(file)
    order = joint_order(
        [
            *("nose", "neck", "head_top", "left_shoulder", "right_shoulder"),
            *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip"),
            *("right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
        ]
    )
    answered = refused = 0
    for name, case in micro.items():
        folder = tmp_path / name
        for side in ("gt", "pred"):
            (folder / side).mkdir(parents=True)
            for file, content in case[side].items():
                (folder / side / file).write_text(json.dumps(content))
        if "pose_tracking" in case:
            mode = ("--mode", "posetrack21")
            _, found = scored(folder, folder / "a.json", *mode)
            for field in ("HOTA", "DetA", "AssA", "LocA", "FragA", "FA-HOTA"):
                ours = [found["hota"][field][k] / 100 for k in order]
                theirs = case["pose_tracking"][field]
                assert ours == pytest.approx(theirs, abs=1e-9), (name, field)
            answered += 1
            continue
        words = [folder / "gt", folder / "pred", "--mode", "posetrack21"]
        result = CliRunner().invoke(app, ["evaluate", *map(str, words)])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert result.exit_code in (0, 1), (name, result.output)
        refused += result.exit_code
    assert answered == 57 - 20
    assert refused == 1  # a submission for other images
