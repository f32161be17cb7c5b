"""CLEAR MOT of joints against motmetrics, on random crowds."""

import math

import motmetrics
import numpy as np
import pytest

from poseflow.eval.posetrack.joint_mota import track_joints
from poseflow.eval.posetrack.pckh import PreparedSequence, assign_poses
from poseflow.eval.posetrack.rules import POSEVAL, STRICT

NAMES = (
    *("num_misses", "num_switches", "num_false_positives", "num_matches"),
    *("num_transfer", "num_ascend", "num_migrate", "num_objects"),
)


def crowd(seed, frames=25, people=5, coarse=False):
    """People within reach of each other, some absent, some with joints missing."""
    rng = np.random.default_rng(seed)
    columns = {"gt": ([], [], []), "pred": ([], [], [])}
    for frame in range(frames):
        for at, ids, points in columns.values():
            for person in rng.permutation(people):
                if rng.random() < 0.25:
                    continue
                place = rng.uniform(0, 22, (15, 2))
                if coarse:
                    place = np.round(place / 4) * 4  # many equal distances
                place[rng.random(15) < 0.2] = np.nan
                at.append(frame)
                ids.append(int(person))
                points.append(place)
    (gt_at, gt_ids, gt_points), (pred_at, pred_ids, pred_points) = columns.values()
    return PreparedSequence(
        num_frames=frames,
        gt_frames=np.array(gt_at),
        gt_ids=np.array(gt_ids),
        gt_keypoints=np.array(gt_points),
        head_sizes=np.full(len(gt_at), 16.0),
        pred_frames=np.array(pred_at),
        pred_ids=np.array(pred_ids),
        pred_keypoints=np.array(pred_points),
        pred_scores=np.ones((len(pred_at), 15)),
    )


def by_motmetrics(sequence, joint):
    accumulator = motmetrics.MOTAccumulator()
    for frame in range(sequence.num_frames):
        gt = np.flatnonzero(
            (sequence.gt_frames == frame) & sequence.gt_present[:, joint]
        )
        pred = np.flatnonzero(
            (sequence.pred_frames == frame) & sequence.pred_present[:, joint]
        )
        offset = (
            sequence.gt_keypoints[gt, joint][:, None]
            - sequence.pred_keypoints[pred, joint][None]
        )
        distance = np.sqrt((offset**2).sum(axis=2)) / 16
        distance[distance > 0.5] = np.nan
        accumulator.update(
            sequence.gt_ids[gt], sequence.pred_ids[pred], distance, frame
        )
    events = accumulator.events
    table = motmetrics.metrics.create().compute(
        accumulator, metrics=list(NAMES), name="all"
    )
    found = events[events.Type.isin(["MATCH", "SWITCH"])].D.sum()
    return table.loc["all"], found, events.D.sum()


@pytest.mark.parametrize("seed", range(4))
def test_counts_equal_motmetrics(seed):
    sequence = crowd(seed)
    (tracking,) = track_joints([sequence])
    counts = tracking.counts
    for joint in range(0, 15, 4):
        expected, found, everything = by_motmetrics(sequence, joint)
        for name in NAMES:
            assert counts[name][joint] == expected[name], (joint, name)
        assert math.isclose(counts["matched_distance"][joint], found)
        total = counts["candidate_distance"] + counts["matched_distance"]
        total = total + counts["extra_distance"]
        assert math.isclose(total[joint], everything)
    assert np.bincount(tracking.switch_joints, minlength=15).tolist() == (
        counts["num_switches"].tolist()
    )


def test_ties_keep_number_of_matches_and_total_distance():
    sequence = crowd(9, coarse=True)
    (tracking,) = track_joints([sequence])
    expected, _, _ = by_motmetrics(sequence, 0)
    found = tracking.counts["num_detections"][0]
    # Which of two equal choices is taken may differ, and with it what comes later.
    assert abs(found - expected["num_matches"] - expected["num_switches"]) <= 2
    assert tracking.counts["num_objects"][0] == expected["num_objects"]


def test_sequences_are_independent():
    sequences = [crowd(seed, frames=5 + seed) for seed in range(5)]
    together = track_joints(sequences)
    for sequence, tracking in zip(sequences, together, strict=True):
        (alone,) = track_joints([sequence])
        for name, values in tracking.counts.items():
            np.testing.assert_allclose(values, alone.counts[name], rtol=1e-12)


def test_no_people_at_all():
    assert track_joints([]) == []
    empty = PreparedSequence(
        num_frames=3,
        gt_frames=np.zeros(0, np.int64),
        gt_ids=np.zeros(0, np.int64),
        gt_keypoints=np.zeros((0, 15, 2)),
        head_sizes=np.zeros(0),
        pred_frames=np.zeros(0, np.int64),
        pred_ids=np.zeros(0, np.int64),
        pred_keypoints=np.zeros((0, 15, 2)),
        pred_scores=np.zeros((0, 15)),
    )
    (tracking,) = track_joints([empty])
    assert tracking.counts["num_objects"].tolist() == [0] * 15
    for rules in (STRICT, POSEVAL):
        assert len(assign_poses(empty, rules.pose_assignment)) == 0


def two_people(gt_x, pred_x):
    def side(xs):
        points = np.full((len(xs), 15, 2), np.nan)
        points[:, :3] = 0
        points[:, :3, 0] = np.array(xs)[:, None]
        return np.zeros(len(xs), np.int64), np.arange(len(xs)), points

    gt_frames, gt_ids, gt_points = side(gt_x)
    pred_frames, pred_ids, pred_points = side(pred_x)
    return PreparedSequence(
        num_frames=1,
        gt_frames=gt_frames,
        gt_ids=gt_ids,
        gt_keypoints=gt_points,
        head_sizes=np.full(len(gt_x), 10.0),
        pred_frames=pred_frames,
        pred_ids=pred_ids,
        pred_keypoints=pred_points,
        pred_scores=np.ones((len(pred_x), 15)),
    )


@pytest.mark.parametrize(
    ("gt_x", "pred_x", "poseval", "strict"),
    [
        pytest.param([0, 100], [1, 101], [0, 3], [0, 3], id="apart"),
        pytest.param([0, 2], [2, 0], [0, -1], [2, 1], id="both want the first person"),
        pytest.param([0], [3, 1], [0, -1], [-1, 1], id="nearest wins the tie"),
        pytest.param([0], [50], [-1], [-1], id="out of reach"),
    ],
)
def test_pose_assignment(gt_x, pred_x, poseval, strict):
    sequence = two_people(gt_x, pred_x)
    assert assign_poses(sequence, POSEVAL.pose_assignment).tolist() == poseval
    assert assign_poses(sequence, STRICT.pose_assignment).tolist() == strict
