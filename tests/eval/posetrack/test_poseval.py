"""poseval mode: equal to the reference program on every golden case."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.eval.evaluation import check
from poseflow.eval.metric import Section
from poseflow.eval.metrics.average_precision import area_under

GOLDEN = Path(__file__).parents[2] / "golden" / "poseval"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
CLOSE = {"rtol": 0, "atol": 1e-9}


def load(name):
    with gzip.open(GOLDEN / name, "rt") as file:
        return json.load(file)


MICRO = load("micro.json.gz")


def same(found, expected):
    np.testing.assert_allclose(found, np.array(expected, float), **CLOSE)


def check_section(section: Section, expected):
    for field, values in expected.items():
        same(section.joints[field], values)


def check_counts(section: Section, expected):
    for name, values in expected.items():
        if name == "num_frames":
            assert set(values) <= {section.extra["num_frames"]}
        else:
            same(section.counts[name], values)


def check_report(report, reference):
    check_section(report["ap"], reference.get("total_AP_stable", reference["total_AP"]))
    check_section(report["mot"], reference["total_MOT"])
    check_counts(report["mot"], reference.get("total_MOT_counts", {}))
    for name, part in reference.get("per_sequence", {}).items():
        check_section(report["ap"].sequences[name], part.get("AP_stable", part["AP"]))
        check_section(report["mot"].sequences[name], part["MOT"])
        check_counts(report["mot"].sequences[name], part.get("MOT_counts", {}))


@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(case):
    reference = load(f"{case}/reference.json.gz")
    report = poseflow.evaluate(GOLDEN / case / "gt", GOLDEN / case / "pred", "poseval")
    assert list(report.sequences) == reference["sequence_order"]
    check_report(report, reference)
    mot = report["mot"]
    same(
        [*mot.groups["MOTA"], *(mot.summary[k] for k in ("MOTP", "Prec", "Rec"))],
        reference["table_MOT"],
    )
    if reference["total_AP"] == reference["total_AP_stable"]:
        same(report["ap"].groups["AP"], reference["table_AP"])


@pytest.mark.parametrize("case", [c for c in MICRO if "reference" in MICRO[c]])
def test_micro_case_equals_the_reference(parse_sides, case):
    report = poseflow.evaluate(*parse_sides(MICRO[case]), "poseval")
    check_report(report, MICRO[case]["reference"])


# What poseflow does where the reference has no answer: it scores what can be scored,
# and says what is wrong.
NO_ANSWER = {
    "two_point_ignore_region": "ignore region of 2 corners",
    "gt_without_track_id": "no track id",
    "prediction_without_track_id": "no track id",
    "gt_without_head_box": "no head box",
    "predicted_id_twice_in_a_frame": "comes twice",
    "gt_track_id_above_limit": "above 9999",
    "sequence_of_one_frame": None,
}


@pytest.mark.parametrize("case", NO_ANSWER)
def test_micro_case_without_reference_is_scored_and_reported(parse_sides, case):
    assert "reference_fails" in MICRO[case]
    gt, pred = parse_sides(MICRO[case])
    report = poseflow.evaluate(gt, pred, "poseval")
    assert 0 <= report.mean_ap <= 100
    problems = [str(problem) for problem in check(gt, pred)]
    if NO_ANSWER[case] is None:
        parts = report["mot"].sequences.values()
        (short,) = [part for part in parts if part.extra["num_frames"] == 0]
        assert np.isnan(short.joints["mota"]).all()
    else:
        assert any(NO_ANSWER[case] in problem for problem in problems)


def test_every_micro_case_is_covered():
    failing = {case for case in MICRO if "reference_fails" in MICRO[case]}
    assert failing == {*NO_ANSWER, "fewer_prediction_frames"}


def test_other_frame_counts_are_refused_with_both_numbers(parse_sides):
    gt, pred = parse_sides(MICRO["fewer_prediction_frames"])
    with pytest.raises(PoseFlowError, match=r"4 frames.* has 5"):
        poseflow.evaluate(gt, pred, "poseval")
    assert poseflow.evaluate(gt, pred, "strict").mota < 100
    report = poseflow.evaluate(gt, pred)
    assert not report.others
    assert any("cannot score" in text for text in report.differences)


def test_area_under_an_empty_curve_is_zero():
    assert area_under(np.zeros(0), np.zeros(0)) == 0


@pytest.mark.parametrize("case", ["pt17_edge", "pt18_basic"])
def test_figures_do_not_depend_on_chunks(case, monkeypatch):
    sides = GOLDEN / case / "gt", GOLDEN / case / "pred"
    whole = poseflow.evaluate(*sides).to_json(sequences=True)
    monkeypatch.setattr("poseflow.eval.evaluation.CHUNK_BYTES", 1)
    assert poseflow.evaluate(*sides).to_json(sequences=True) == whole


def test_figures_do_not_depend_on_workers(monkeypatch):
    sides = GOLDEN / "pt17_basic" / "gt", GOLDEN / "pt17_basic" / "pred"
    alone = poseflow.evaluate(*sides).to_json(sequences=True)
    monkeypatch.setattr("poseflow.eval.evaluation.WORTH_BYTES", 0)
    assert poseflow.evaluate(*sides, workers=2).to_json(sequences=True) == alone
