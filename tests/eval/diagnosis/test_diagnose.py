"""Causes of what a result lost: cases with one cause alone, sums, worst moments."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mot_case import write_mot_case
from posetrack_case import CaseOptions, write_case
from typer.testing import CliRunner

import poseflow
from poseflow.cli.app import app
from poseflow.eval import diagnose_mot, score_mot
from poseflow.eval.box_similarity import overlaps
from poseflow.eval.diagnosis.diagnosis import FIGURES, diagnose
from poseflow.eval.diagnosis.ladder import STEPS
from poseflow.eval.diagnosis.track_table import TrackTable
from poseflow.formats.mot import BoxTracks

FRAMES = 40


def scene():
    """Three people far apart, 40 frames: {(frame, id): left edge}."""
    return {(t, p): 100.0 * p + t for t in range(FRAMES) for p in (1, 2, 3)}


def tracks(places):
    keys = sorted(places)
    left = np.array([places[key] for key in keys]).reshape(-1, 1)
    boxes = np.concatenate([left, 0 * left, left + 10, 0 * left + 20], axis=1)
    frames, ids = np.array(keys, np.int64).reshape(-1, 2).T
    return BoxTracks("s", frames, ids, boxes, np.ones(len(keys)), FRAMES)


def table(truth, result):
    a, b = tracks(truth), tracks(result)
    return TrackTable.of(
        "s", (a.frames, a.track_ids), (b.frames, b.track_ids), *overlaps(a, b)
    )


def renamed(places, change):
    return {(t, change.get((p, t >= 20), p)): x for (t, p), x in places.items()}


def perfect(truth):
    return truth, dict(truth)


def duplicates(truth):
    return truth, truth | {(t, 9): truth[t, 2] + 1 for t in range(10, 25)}


def false_positives(truth):
    return truth, truth | {(t, 9): 900.0 for t in range(10, 25)}


def misses(truth):
    lost = {(t, 2) for t in range(10, 25)}
    return truth, {key: x for key, x in truth.items() if key not in lost}


def localisation(truth):
    return truth, {key: x + 2 for key, x in truth.items()}


def bad_localisation(truth):
    """IoU 3 / 17, below the threshold."""
    return truth, {(t, p): x + 7 * (p == 2) for (t, p), x in truth.items()}


def crossing(truth):
    return truth, renamed(truth, {(1, True): 2, (2, True): 1})


def fragment(truth):
    return truth, renamed(truth, {(1, True): 9})


def re_entry(truth):
    truth = {(t, p): x for (t, p), x in truth.items() if p != 1 or not 15 <= t < 20}
    return truth, renamed(truth, {(1, True): 9})


def shared(truth):
    """Person 1 leaves, person 2 comes at the same time, under the same id."""
    truth = {(t, p): x for (t, p), x in truth.items() if p == 3 or (p == 1) == (t < 20)}
    return truth, {(t, 1 if p == 2 else p): x for (t, p), x in truth.items()}


ALONE = {
    "duplicates": duplicates,
    "false positives": false_positives,
    "misses": misses,
    "localisation": localisation,
    "crossing": crossing,
    "fragment": fragment,
    "re-entry": re_entry,
    "shared ids": shared,
}


def check_sums(found, tolerance=1e-9):
    for figure in FIGURES:
        lost = sum(found.parts[figure].values())
        assert lost == pytest.approx(100 - found.scores["given"][figure], abs=tolerance)


@pytest.mark.parametrize("cause", ALONE)
def test_a_cause_that_is_alone_gets_all_of_the_loss(cause):
    found = diagnose([table(*ALONE[cause](scene()))])
    check_sums(found)
    assert sum(found.parts["HOTA"].values()) > 1
    for figure in FIGURES:
        for step in STEPS:
            if step != cause:
                assert found.parts[figure][step] == pytest.approx(0, abs=1e-9), step
    # A cause that the threshold hides costs no figure a match; nothing is "worst" then.
    if cause != "localisation":
        assert {moment.cause for moment in found.moments} == {cause}


def test_a_pair_below_the_threshold_is_badly_localised():
    found = diagnose([table(*bad_localisation(scene()))])
    check_sums(found)
    for figure in FIGURES:
        assert [s for s in STEPS if abs(found.parts[figure][s]) > 1e-9] == [
            "localisation"
        ]
    (moment,) = found.moments
    assert (moment.cause, moment.truth_ids, moment.lost) == ("localisation", (2,), 40)


def test_an_occlusion_costs_misses_and_the_switch_after_them():
    truth, result = misses(scene())
    result = {(t, 9 if p == 2 and t >= 25 else p): x for (t, p), x in result.items()}
    found = diagnose([table(truth, result)])
    check_sums(found)
    changed = {s for s in STEPS if abs(found.parts["HOTA"][s]) > 1e-9}
    assert changed == {"misses", "occlusion"}
    assert found.parts["MOTA"]["occlusion"] == pytest.approx(100 / 120)
    lost, worst = found.moments
    assert (lost.cause, lost.first_frame, lost.last_frame) == ("misses", 10, 24)
    assert (worst.cause, worst.first_frame, worst.last_frame) == ("occlusion", 24, 25)
    assert (worst.truth_ids, worst.result_ids, worst.lost) == ((2,), (2, 9), 15)


def test_a_perfect_result_lost_nothing():
    found = diagnose([table(*perfect(scene()))])
    assert found.moments == ()
    assert all(abs(v) < 1e-9 for p in found.parts.values() for v in p.values())
    assert "Worst" not in str(found)


def test_an_exchange_of_ids_is_one_moment():
    (moment,) = diagnose([table(*crossing(scene()))]).moments
    assert (moment.first_frame, moment.last_frame) == (19, 20)
    assert moment.truth_ids == (1, 2)
    assert moment.lost == 40
    assert str(moment).startswith("s, frames 19 to 20: crossing, people 1, 2, ids ")


def test_oracles():
    found = diagnose([table(*crossing(scene()))])
    assert found.scores["true ids"] == pytest.approx(dict.fromkeys(FIGURES, 100))
    assert found.scores["true poses"] == pytest.approx(found.scores["given"])
    found = diagnose([table(*misses(scene()))])
    assert found.scores["true ids"] == pytest.approx(found.scores["given"])
    assert found.scores["true poses"] == pytest.approx(dict.fromkeys(FIGURES, 100))


@pytest.mark.parametrize("sides", [(True, False), (False, True), (False, False)])
def test_empty_sides(sides):
    truth, result = (scene() if side else {} for side in sides)
    found = diagnose([table(truth, result)])
    assert json.loads(json.dumps(found.to_dict()))["scores"]["given"]["HOTA"] == 0
    if truth:
        check_sums(found)
        assert found.parts["MOTA"]["misses"] == 100
    assert len(found.moments) == (3 if truth or result else 0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_parts_add_up_on_anything(seed, sequences):
    rng = np.random.default_rng(seed)
    tables = []
    for _ in range(sequences):
        truth, result = {}, {}
        for t in range(12):
            for p in range(4):
                x = rng.uniform(0, 30)
                if rng.random() < 0.8:
                    truth[t, p] = x
                if rng.random() < 0.8:
                    result[t, int(rng.integers(0, 6))] = x + rng.normal(0, 4)
        tables.append(table(truth, result))
    check_sums(diagnose(tables), 1e-6)


def test_boxes_and_their_frames(tmp_path):
    write_mot_case(tmp_path, sequences=2, frames=40, people=5)
    sides = tmp_path / "gt", tmp_path / "pred"
    found = diagnose_mot(*sides)
    check_sums(found, 1e-6)
    total = sum(score_mot(*sides))
    assert found.scores["given"]["MOTA"] == pytest.approx(total.mota)
    assert len(found.moments) == 10
    for moment in found.moments:
        assert moment.sequence in ("CASE-01", "CASE-02")
        assert 1 <= moment.first_frame <= moment.last_frame <= 40
    out = tmp_path / "out.json"
    done = CliRunner().invoke(
        app, ["evaluate-mot", *map(str, sides), "--diagnose", "--json", str(out)]
    )
    assert "Worst moments:" in done.stdout
    written = json.loads(out.read_text())["diagnosis"]
    assert written == json.loads(json.dumps(found.to_dict()))


def test_posetrack(tmp_path):
    options = CaseOptions(sequences=3, frames=(20, 30), people=(3, 5))
    write_case(tmp_path, 5, options)
    sides = tmp_path / "gt", tmp_path / "pred"
    report = poseflow.evaluate(*sides, "strict", "pose", diagnose=True)
    found = report.diagnosis
    check_sums(found, 1e-6)
    given_scores = found.scores["given"]
    for name in FIGURES:
        assert given_scores[name] == pytest.approx(report["pose"].joints[name][-1])
    assert report.to_dict()["diagnosis"]["moments"][0]["sequence"] in report.sequences
    done = CliRunner().invoke(app, ["evaluate", *map(str, sides), "--diagnose"])
    assert done.exit_code == 0
    assert "given ids on the true poses" in done.stdout
    plain = poseflow.evaluate(*sides, "strict", "mot")
    assert plain.diagnosis is None
    assert "diagnosis" not in plain.to_dict()
