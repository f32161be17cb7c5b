"""strict mode: effect of mutations on tracking metrics, counted by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseflow.eval.metric import GROUPS, make_metric
from poseflow.eval.posetrack.pairing import SequencePair
from poseflow.eval.posetrack.preparation import prepare
from poseflow.eval.posetrack.rules import STRICT
from poseflow.formats.posetrack.annotations import JOINTS, Annotations, empty_people
from poseflow.formats.posetrack.reader import read_posetrack

FRAMES, PEOPLE = 10, 3


def truth():
    """Three people far apart, all 15 joints, ids 1 to 3, ten frames."""
    shape = np.random.default_rng(0).uniform(0, [40, 160], (15, 2))
    frames = np.repeat(np.arange(FRAMES), PEOPLE)
    person = np.tile(np.arange(PEOPLE), FRAMES)
    place = np.stack([100 + 300.0 * person + 4 * frames, np.full(len(person), 80)], 1)
    points = shape + place[:, None]
    rows = len(frames)
    return Annotations(
        name="walk",
        source="walk.json",
        format="posetrack18",
        image_names=tuple(f"{k:06d}.jpg" for k in range(FRAMES)),
        image_ids=np.arange(FRAMES),
        labelled=np.ones(FRAMES, np.int8),
        whole_numbers=np.zeros(FRAMES, np.bool_),
        **empty_people()
        | {
            "frames": frames,
            "track_ids": person + 1,
            "keypoints": points,
            "scores": np.ones((rows, 15)),
            "flags": np.ones((rows, 15)),
            "has_points": np.ones(rows, np.bool_),
            "head_boxes": np.zeros((rows, 4)),
            "head_sizes": np.full(rows, 30.0),
            "boxes": np.full((rows, 4), np.nan),
            "pose_scores": np.ones(rows),
        },
    )


def select(people, rows):
    names = [*empty_people()]
    return replace(people, **{name: getattr(people, name)[rows] for name in names})


def prepared(gt, pred, name="walk"):
    return prepare(SequencePair(name, gt, pred), STRICT)


def score(metric, pred):
    scorer = make_metric("strict", metric)
    section = scorer.combine(["walk"], scorer.measure([prepared(truth(), pred)]))
    # All joints do the same here, and so does the total.
    for values in section.joints.values():
        if metric != "pose":
            np.testing.assert_allclose(values, values[0], atol=1e-9)
    return {name: float(values[-1]) for name, values in section.joints.items()}, {
        name: values[-1] for name, values in section.counts.items()
    }


def test_ground_truth_against_itself():
    for metric in ("hota", "idf1", "pose"):
        ratios, _ = score(metric, truth())
        assert all(value == pytest.approx(100) for value in ratios.values())


def test_swapping_two_ids_in_one_frame():
    pred = truth()
    ids = pred.track_ids.copy()
    ids[4 * PEOPLE : 4 * PEOPLE + 2] = 2, 1
    pred = replace(pred, track_ids=ids)
    ratios, counts = score("hota", pred)
    assert ratios["DetA"] == ratios["LocA"] == 100
    # People 1 and 2: nine matches of 9/11 and one of 1/19; person 3: ten of 1.
    shares = (2 * (9 * 9 / 11 + 1 / 19) + 10) / 30
    assert ratios["AssA"] == pytest.approx(100 * shares)
    assert ratios["HOTA"] == pytest.approx(100 * np.sqrt(shares))
    # Runs of 4, 1 (another id) and 5 frames, over the same unions.
    runs = (2 * ((16 + 25) / 11 + 1 / 19) + 10) / 30
    assert ratios["FragA"] == pytest.approx(100 * runs)
    ratios, counts = score("idf1", pred)
    assert ratios["IDF1"] == pytest.approx(100 * 28 / 30)
    assert counts["num_switches"] == 4 * len(JOINTS)
    assert counts["num_fragmentations"] == 0
    ratios, counts = score("pose", pred)
    assert ratios["MOTA"] == pytest.approx(100 * (1 - 4 / 30))
    assert ratios["IDF1"] == pytest.approx(100 * 28 / 30)
    assert counts["num_switches"] == 4


def test_deleting_the_poses_of_a_frame():
    pred = truth()
    pred = select(pred, pred.frames != 4)
    ratios, counts = score("hota", pred)
    assert ratios["DetA"] == ratios["DetRe"] == pytest.approx(90)
    assert ratios["DetPr"] == ratios["AssPr"] == ratios["LocA"] == 100
    assert ratios["AssA"] == ratios["AssRe"] == pytest.approx(90)
    assert ratios["HOTA"] == pytest.approx(90)
    # Runs of 4 and 5 frames out of a union of 10.
    assert ratios["FragA"] == pytest.approx(100 * (16 + 25) / 10 / 9)
    ratios, counts = score("idf1", pred)
    assert ratios["IDP"] == 100
    assert ratios["IDR"] == pytest.approx(90)
    assert counts["num_switches"] == 0
    assert counts["num_fragmentations"] == PEOPLE * len(JOINTS)
    ratios, counts = score("pose", pred)
    assert ratios["MOTA"] == ratios["rec"] == pytest.approx(90)
    assert ratios["pre"] == ratios["MOTP"] == 100


def test_shifting_by_one_frame():
    pred = truth()
    moved = replace(pred, frames=pred.frames + 1)
    moved = select(moved, moved.frames < FRAMES)
    ratios, _ = score("hota", moved)
    assert ratios["DetRe"] < 90  # 4 of 18 pixels: a match at low thresholds only
    assert ratios["LocA"] < 100
    # d = 4 / (0.6 x 30) = 0.222 in every frame but the first, which has no people.
    similarity = 1 - 4 / 18 / 0.5001
    matched = (np.arange(0.05, 0.99, 0.05) <= similarity).mean()
    assert ratios["DetRe"] == pytest.approx(100 * matched * 0.9)
    ratios, counts = score("idf1", moved)
    assert ratios["IDP"] == 100
    assert ratios["IDR"] == pytest.approx(90)
    assert counts["num_switches"] == counts["num_fragmentations"] == 0


def test_half_of_the_joints_make_a_person():
    pred = truth()
    for joints, expected in ((8, 100), (7, 0)):
        points = pred.keypoints.copy()
        points[:, joints:] = np.nan
        ratios, _ = score("pose", replace(pred, keypoints=points))
        assert ratios["rec"] == pytest.approx(expected)


def test_both_clear_implementations_count_the_same():
    """`mot` and `idf1` count switches apart; on real confusion they agree."""
    golden = Path(__file__).parents[2] / "golden" / "posetrack21"
    for case in ("basic", "mixed_scores"):
        gt, pred = (read_posetrack(golden / case / side) for side in ("gt", "pred"))
        names = sorted(gt)
        sequences = [prepared(gt[name], pred[name], name) for name in names]
        switches = []
        for metric in ("mot", "idf1"):
            scorer = make_metric("strict", metric)
            section = scorer.combine(names, scorer.measure(sequences))
            switches.append(section.counts["num_switches"][:15])
        np.testing.assert_array_equal(*switches)
        assert switches[0].sum() > 100


def test_a_joint_that_is_never_annotated_costs_a_column_nothing_but_its_own_errors():
    whole = truth()
    points = whole.keypoints.copy()
    ankle = JOINTS.index("right_ankle")
    points[:, ankle] = np.nan
    blind = replace(whole, keypoints=points)
    columns = [*GROUPS, "Total"]
    for metric, field in (("hota", "HOTA"), ("hota", "LocA"), ("idf1", "IDF1")):
        scorer = make_metric("strict", metric)
        parts = scorer.measure([prepared(blind, blind)])
        section = scorer.combine(["walk"], parts)
        assert section.groups[field] == pytest.approx(np.full(8, 100.0))
        # Predicted all the same, it is wrong in as many places as the other is right.
        parts = scorer.measure([prepared(blind, whole)])
        groups = dict(
            zip(columns, scorer.combine(["walk"], parts).groups[field], strict=True)
        )
        expected = {"HOTA": 100 * np.sqrt(1 / 2), "LocA": 100, "IDF1": 100 * 2 / 3}
        assert groups["Ankl"] == pytest.approx(expected[field])
        assert groups["Knee"] == pytest.approx(100)
