"""Tracking scores of pose sequences: effect of mutations, sums and errors."""

import doctest
import json
import math
from pathlib import Path

import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses, PoseSequence, Skeleton, skeletons
from poseflow.eval.tracking import score_tracking, tracking_table


def walkers(people=3, frames=10, seed=0):
    """People who walk side by side, far apart, ids 1 to `people`."""
    rng = np.random.default_rng(seed)
    shape = rng.uniform(0, [40, 160], (17, 2))
    out = []
    for t in range(frames):
        at = np.array([[200.0 * p + 3 * t, 50] for p in range(people)])
        poses = Poses(shape + at[:, None], track_ids=np.arange(people) + 1)
        out.append(Frame(t, t / 25, poses))
    return PoseSequence(tuple(out), skeletons.COCO17, "walk")


def changed(sequence, index, poses):
    frames = list(sequence)
    frames[index] = Frame(index, frames[index].time, poses)
    return PoseSequence(tuple(frames), sequence.skeleton, sequence.name)


@pytest.mark.parametrize("similarity", ["oks", "iou"])
def test_ground_truth_against_itself_is_perfect(similarity):
    truth = walkers()
    scores = score_tracking(truth, truth, similarity)
    ratios = ("mota", "motp", "idf1", "idp", "idr", "hota", "det_a", "ass_a", "loc_a")
    for name in (*ratios, "precision", "recall"):
        assert getattr(scores, name) == pytest.approx(100), name
    assert (scores.id_switches, scores.fragmentations) == (0, 0)
    assert (scores.mostly_tracked, scores.mostly_lost) == (3, 0)


def test_no_people_on_either_side():
    nothing = PoseSequence((), skeletons.COCO17)
    scores = score_tracking(nothing, nothing)
    assert math.isnan(scores.mota)
    assert math.isnan(scores.idf1)
    assert (scores.hota, scores.loc_a) == (0, 100)
    assert scores.to_dict()["MOTA"] is None
    assert json.loads(json.dumps(scores.to_dict()))["num_objects"] == 0
    assert "walk" not in scores.table()


def test_a_result_without_people_misses_all_people():
    truth = walkers()
    scores = score_tracking(truth, PoseSequence((), skeletons.COCO17))
    assert (scores.mota, scores.recall, scores.counts["num_misses"]) == (0, 0, 30)
    assert math.isnan(scores.precision)


def test_swapping_two_ids_in_one_frame():
    truth = walkers()
    poses = truth[4].poses.replace(track_ids=[2, 1, 3])
    scores = score_tracking(truth, changed(truth, 4, poses))
    assert scores.id_switches == 4  # two there, two back
    assert scores.mota == pytest.approx(100 * (1 - 4 / 30))
    assert scores.idf1 == pytest.approx(100 * 28 / 30)
    assert scores.recall == scores.precision == 100
    assert scores.motp == pytest.approx(100)
    assert scores.det_a == 100
    # Persons 1 and 2: nine matches of 9/11, one of 1/19; person 3: ten of 1.
    expected = 100 * (2 * (9 * 9 / 11 + 1 / 19) + 10) / 30
    assert scores.ass_a == pytest.approx(expected)


def test_deleting_the_people_of_one_frame():
    truth = walkers()
    scores = score_tracking(truth, changed(truth, 4, Poses.empty("coco17")))
    assert scores.counts["num_misses"] == 3
    assert (scores.id_switches, scores.fragmentations) == (0, 3)
    assert scores.mota == scores.recall == pytest.approx(90)
    assert scores.precision == 100
    assert scores.idf1 == pytest.approx(100 * 2 * 27 / 57)


def test_shifting_by_one_frame():
    truth = walkers()
    frames = [Frame(f.index + 1, f.time, f.poses) for f in truth]
    later = PoseSequence(tuple(frames), truth.skeleton)
    scores = score_tracking(truth, later, "iou")
    assert scores.counts["num_misses"] == 3
    assert scores.counts["num_false_positives"] == 3
    assert scores.motp < 100
    assert scores.id_switches == 0


def test_frames_of_either_side_may_be_left_out():
    truth = walkers()
    without = changed(truth, 4, Poses.empty("coco17"))
    sparse = PoseSequence(
        tuple(f for f in without if len(f.poses)), truth.skeleton, "walk"
    )
    a, b = (score_tracking(truth, x).to_dict() for x in (without, sparse))
    assert a == b


def test_people_without_an_id_do_not_count_in_a_result():
    truth = walkers()
    poses = truth[4].poses.replace(track_ids=[-1, 2, 3])
    scores = score_tracking(truth, changed(truth, 4, poses))
    assert (scores.counts["num_misses"], scores.counts["num_predictions"]) == (1, 29)


def test_scores_add_up():
    truth = walkers()
    poses = truth[4].poses.replace(track_ids=[2, 1, 3])
    good, bad = (score_tracking(truth, r) for r in (truth, changed(truth, 4, poses)))
    both = sum([good, bad])
    assert both.counts["num_objects"] == 60
    assert both.mota == pytest.approx((good.mota + bad.mota) / 2)
    assert both.ass_a == pytest.approx((good.ass_a + bad.ass_a) / 2)
    assert len(tracking_table([good, bad, both]).splitlines()) == 4
    with pytest.raises(PoseFlowError, match="threshold"):
        good + score_tracking(truth, truth, threshold=0.7)


def test_tables():
    scores = score_tracking(walkers(), walkers())
    head, dashes, row = scores.table("markdown").splitlines()
    assert head.startswith("| sequence | HOTA |")
    assert dashes.count("---:") == head.count("|") - 2 == row.count("|") - 2
    assert str(scores).splitlines()[1].split()[:2] == ["walk", "100.0"]
    assert scores.table("latex").splitlines()[1].startswith("walk & 100.0 & ")
    with pytest.raises(PoseFlowError, match="text, markdown or latex"):
        scores.table("html")


def test_joints_pair_by_name():
    truth = walkers()
    order = tuple(reversed(truth.skeleton.joints))
    mirrored = Skeleton("coco_backwards", order)
    frames = [
        Frame(
            f.index,
            f.time,
            Poses(
                f.poses.keypoints[:, ::-1],
                track_ids=f.poses.track_ids,
                skeleton=mirrored,
            ),
        )
        for f in truth
    ]
    scores = score_tracking(truth, PoseSequence(tuple(frames), mirrored))
    assert scores.mota == pytest.approx(100)
    fish = PoseSequence((), Skeleton("fish", ("mouth", "tail")))
    with pytest.raises(PoseFlowError, match="no joint in common"):
        score_tracking(truth, fish)


@pytest.mark.parametrize(
    ("side", "ids", "message"),
    [
        pytest.param("truth", [-1, 2, 3], "without a track id", id="no id"),
        pytest.param("truth", [2, 2, 3], "truth, frame 4: track id 2", id="truth"),
        pytest.param("result", [3, 2, 3], "result, frame 4: track id 3", id="result"),
    ],
)
def test_bad_ids_are_named(side, ids, message):
    truth = walkers()
    broken = changed(truth, 4, truth[4].poses.replace(track_ids=ids))
    pair = (broken, truth) if side == "truth" else (truth, broken)
    with pytest.raises(PoseFlowError, match=message):
        score_tracking(*pair)


def test_bad_arguments_are_named():
    truth = walkers()
    with pytest.raises(PoseFlowError, match="'oks', 'pckh' or 'iou'"):
        score_tracking(truth, truth, "pck")
    with pytest.raises(PoseFlowError, match="got 0"):
        score_tracking(truth, truth, threshold=0)
    twice = PoseSequence((truth[0], truth[0]), truth.skeleton, "x")
    with pytest.raises(PoseFlowError, match="frame 0 comes twice"):
        score_tracking(truth, twice)


def test_the_example_in_the_documentation_runs():
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
