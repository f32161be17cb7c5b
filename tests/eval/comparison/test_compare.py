"""Comparing results: resampled totals, intervals, verdicts, the command."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from mot_case import write_mot_case
from posetrack_case import CaseOptions, write_case
from typer.testing import CliRunner

from poseflow import Frame, PoseFlowError, Poses, PoseSequence, Skeleton, write
from poseflow.cli.app import app
from poseflow.eval import compare, evaluate, score_mot
from poseflow.eval.comparison.bootstrap import draw, interval
from poseflow.eval.comparison.figures import posetrack_figures, tracking_figures
from poseflow.eval.evaluation import measure
from poseflow.eval.metric import make_metric
from poseflow.eval.posetrack.joint_ap import RankedJoints

SHOWN = {"ap": "mAP", "mot": "MOTA", "hota": "HOTA", "idf1": "IDF1"}
FIELDS = {"ap": "ap", "mot": "mota", "hota": "HOTA", "idf1": "IDF1"}


@pytest.fixture(scope="module")
def posetrack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case")
    options = CaseOptions(sequences=7, frames=(12, 20), people=(3, 4))
    write_case(folder, 5, replace(options, unlabelled=0.0))
    return folder


@pytest.fixture(scope="module")
def mot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mot")
    write_mot_case(folder, sequences=7, frames=30, people=6)
    return folder


@pytest.mark.parametrize(
    ("mode", "metric"),
    [
        *(("strict", m) for m in SHOWN),
        ("poseval", "ap"),
        ("poseval", "mot"),
        ("posetrack21", "ap"),
        ("posetrack21", "hota"),
    ],
)
def test_resampled_totals_are_the_totals_of_those_sequences(posetrack, mode, metric):
    done = measure(posetrack / "gt", posetrack / "pred", ((mode, metric),))
    parts = done.parts[mode, metric]
    figure = posetrack_figures(mode, done.names, {metric: parts})[SHOWN[metric]]
    draws = np.array([[1] * 7, [1, 0, 1, 1, 0, 0, 1], [0, 3, 0, 0, 1, 2, 1]])
    if metric == "ap":  # copies enter the curve together
        draws[2] = [0, 1, 1, 0, 0, 0, 0]
    expected = [
        make_metric(mode, metric)
        .total([parts[k] for k in np.repeat(np.arange(7), row)])
        .joints[FIELDS[metric]][-1]
        for row in draws
    ]
    np.testing.assert_allclose(figure.resampled(draws), expected, rtol=0, atol=1e-9)
    assert figure.total == pytest.approx(expected[0])
    report = evaluate(posetrack / "gt", posetrack / "pred", mode, metric)
    for name, value in zip(done.names, figure.sequences, strict=True):
        section = report[metric].sequences[name]
        assert section.joints[FIELDS[metric]][-1] == pytest.approx(value, nan_ok=True)


def test_copies_of_a_sequence_enter_the_curve_together():
    correct = np.zeros((3, 15), bool)
    correct[[0, 2], 0] = True
    scores = np.tile([[0.9], [0.8], [0.7]], 15)
    present = np.zeros((3, 15), bool)
    present[:, 0] = True
    annotated = np.array([4] + [0] * 14)
    part = RankedJoints(scores, correct, present, annotated)
    figure = posetrack_figures("strict", ["a"], {"ap": [part]})["mAP"]
    assert figure.resampled(np.array([[1], [5]])) == pytest.approx(
        [41.67] * 2, abs=0.01
    )


def test_resampled_totals_of_boxes(mot):
    scores = score_mot(mot / "gt", mot / "pred")
    times = np.array([[1] * 7, [0, 3, 0, 0, 1, 2, 1]])
    totals = [
        sum(scores[k] for k in np.repeat(np.arange(7), row).tolist()) for row in times
    ]
    for name, figure in tracking_figures(scores).items():
        expected = [t.to_dict()[name] for t in totals]
        np.testing.assert_allclose(figure.resampled(times), expected, atol=1e-9)
        assert figure.total == pytest.approx(expected[0])


@pytest.mark.parametrize("sequences", [3, 8, 30])
def test_intervals_cover_the_true_difference(sequences):
    rng = np.random.default_rng(0)
    inside = 0
    for trial in range(400):
        each = rng.normal(1.0, 2.0, sequences)
        drawn = draw(sequences, 300, trial) @ each / sequences
        low, high = interval(each.mean(), drawn, sequences, 0.95)
        inside += low <= 1.0 <= high
    assert 0.92 < inside / 400 < 0.98


def worse(source, target, lost, seed=0):
    """A copy of MOTChallenge results without a share of the lines."""
    rng = np.random.default_rng(seed)
    target.mkdir()
    for file in source.iterdir():
        lines = np.array(file.read_text().splitlines())
        kept = lines[rng.random(len(lines)) >= lost]
        (target / file.name).write_text("\n".join(kept) + "\n")
    return target


def test_a_worse_result_is_found_worse(mot, tmp_path):
    bad = worse(mot / "pred", tmp_path / "bad", 0.2)
    found = compare(mot / "gt", {"good": mot / "pred", "bad": bad}, seed=3)
    for figure in ("MOTA", "DetA", "IDF1", "HOTA"):
        one = found.differences["bad"][figure]
        assert one.verdict == "worse"
        assert one.interval[0] < one.value < one.interval[1] < 0
    mota = found.differences["bad"]["MOTA"]
    assert (mota.better, mota.worse, mota.equal) == (0, 7, 0)
    sizes = [abs(value) for _, value in mota.sequences]
    assert sizes == sorted(sizes, reverse=True)
    better = compare(mot / "gt", {"bad": bad, "good": mot / "pred"}, seed=3)
    turned = better.differences["good"]["MOTA"]
    assert turned.verdict == "better"
    assert turned.interval == pytest.approx((-mota.interval[1], -mota.interval[0]))
    again = compare(mot / "gt", {"good": mot / "pred", "bad": bad}, seed=3)
    assert again.to_dict() == found.to_dict()


@pytest.mark.parametrize("seed", range(4))
def test_results_of_equal_quality_show_no_difference(mot, tmp_path, seed):
    a = worse(mot / "pred", tmp_path / "a", 0.1, seed)
    b = worse(mot / "pred", tmp_path / "b", 0.1, seed + 100)
    one = compare(mot / "gt", [a, b]).differences["b"]["MOTA"]
    assert one.verdict == "no difference"
    assert one.interval[0] < 0 < one.interval[1]


def test_the_same_result_twice(posetrack):
    found = compare(posetrack / "gt", [posetrack / "pred"] * 2)
    assert list(found.results) == ["pred (1)", "pred (2)"]
    (differences,) = found.differences.values()
    assert list(differences) == ["mAP", "MOTA"]
    for one in differences.values():
        assert (one.value, one.interval, one.equal) == (0, (0, 0), 7)
        assert one.verdict == "no difference"
    assert "no difference that these sequences can show" in str(found)
    assert found.largest() == ""


def test_one_sequence_has_no_interval(mot, tmp_path):
    bad = worse(mot / "pred", tmp_path / "bad", 0.2) / "CASE-01.txt"
    sides = mot / "gt" / "CASE-01" / "gt" / "gt.txt", mot / "pred" / "CASE-01.txt"
    found = compare(sides[0], [sides[1], bad])
    one = next(iter(found.differences.values()))["MOTA"]
    assert (one.interval, one.verdict, one.worse) == (None, "unknown", 1)
    assert "one sequence: no interval" in found.table()
    assert json.loads(json.dumps(found.to_dict()))["kind"] == "mot"


def test_few_sequences_that_agree_are_not_called_equal(mot, tmp_path):
    bad = worse(mot / "pred", tmp_path / "bad", 0.2)
    for name in ("CASE-01.txt", "CASE-02.txt"):
        lines = (bad / name).read_text().splitlines()
        (bad / name).write_text("\n".join(lines[: 40 + 60 * (name == "CASE-01.txt")]))
    truth = tmp_path / "gt"
    for name in ("CASE-01", "CASE-02"):
        shutil.copytree(mot / "gt" / name, truth / name)
    with pytest.warns(UserWarning, match="not scored"):
        found = compare(truth, {"good": mot / "pred", "bad": bad})
    one = found.differences["bad"]["MOTA"]
    assert (one.verdict, one.worse) == ("unknown", 2)
    assert one.words == "worse in all 2 sequences, too few to be sure"


def test_tracked_poses_of_any_skeleton(tmp_path):
    mouse = Skeleton("mouse", ("nose", "tail"))
    rng = np.random.default_rng(0)

    def sequence(seed, noise):
        shape = np.random.default_rng(seed).uniform(0, 200, (4, 2, 2))
        frames = []
        for t in range(12):
            points = shape + 2 * t + rng.normal(0, noise, shape.shape)
            ids = np.arange(4) + 1
            poses = Poses(points, track_ids=ids, skeleton=mouse, dtype="float64")
            frames.append(Frame(t, 0.0, poses))
        return PoseSequence(tuple(frames), mouse)

    for folder, noise in (("gt", 0), ("good", 1), ("same", 1), ("bad", 15)):
        (tmp_path / folder).mkdir()
        for seed in range(8):
            write(sequence(seed, noise), tmp_path / folder / f"{seed}.json")
    results = [tmp_path / name for name in ("good", "same", "bad")]
    found = compare(tmp_path / "gt", results)
    assert found.kind == "tracks"
    assert found.differences["same"]["HOTA"].verdict == "no difference"
    assert found.differences["bad"]["HOTA"].verdict == "worse"


def test_command(posetrack, tmp_path):
    bad = tmp_path / "pred"
    shutil.copytree(posetrack / "pred", bad)
    lost = sorted(bad.iterdir())[0]
    lost.unlink()
    out = tmp_path / "out.json"
    sides = [str(posetrack / "gt"), str(posetrack / "pred"), str(bad)]
    words = ["compare", *sides, "--metrics", "mot,idf1,pose", "--json", str(out)]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 1
    assert "no prediction for 1 of 7 sequences" in refused.stderr
    done = CliRunner().invoke(app, [*words, "--missing", "empty"])
    assert done.exit_code == 0, done.output
    assert "7 sequences; intervals: paired bootstrap" in done.stdout
    assert "Largest differences by sequence:" in done.stdout
    assert "no file for sequence" in done.stderr
    found = json.loads(out.read_text())
    second = list(found["results"])[1]
    mota = found["differences"][second]["MOTA"]
    assert (mota["worse"] + mota["better"], mota["equal"]) == (1, 6)
    assert next(iter(mota["sequences"])) == lost.stem
    assert "MOTA (people)" in found["results"][second]
    words = ["compare", *sides, "--table", "markdown", "--missing", "empty"]
    done = CliRunner().invoke(app, words)
    assert done.stdout.startswith("| ")


def test_bad_input_is_named(posetrack):
    sides = [str(posetrack / "gt"), str(posetrack / "pred")]
    assert CliRunner().invoke(app, ["compare", *sides]).exit_code == 2
    done = CliRunner().invoke(app, ["compare", *sides, "nowhere"])
    assert done.exit_code == 1
    assert "nowhere" in done.stderr
    with pytest.raises(PoseFlowError, match="two results or more"):
        compare(*sides)
