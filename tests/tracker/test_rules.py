"""Rules that hold for every tracker, such as gating by distance."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from poseflow import Poses, Tracker
from poseflow.tracker.pose_flow.nms import group_flows, intra_frame_similarity

SHAPE = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]
OWN = ["default", "poseflow", "released", "iou", "oks"]


def people(places, seed=0):
    places = np.asarray(places, float).reshape(-1, 2)
    jitter = np.random.default_rng(seed).normal(0, 1, (len(places), 17, 2))
    return Poses(places[:, None] + SHAPE + jitter, np.full((len(places), 17), 0.8))


def make(name):
    return Tracker(name, **({"matcher": "none"} if name == "released" else {}))


def gone_and_replaced(tracker):
    """A fast person vanishes; five frames later another is at the predicted place."""
    for t in range(12):
        first = tracker.update(people([[100 + 60 * t, 300]], seed=t)).track_ids
    for _ in range(5):
        tracker.update(Poses.empty())
    for t in range(3):
        later = tracker.update(people([[100 + 60 * (17 + t), 300]], seed=t)).track_ids
    return first.tolist(), later.tolist()


def test_the_gate_prevents_id_jumps():
    assert gone_and_replaced(Tracker()) == ([1], [2])
    assert gone_and_replaced(Tracker(gate_body_lengths=1e3)) == ([1], [1])


@pytest.mark.parametrize("name", OWN)
def test_no_id_goes_far_at_once(name):
    """One leaves, another comes far away in the very next frame: another id."""
    tracker = make(name)
    for t in range(15):
        tracker.update(people([[100, 300], [700, 300]], seed=t))
    for t in range(8):
        ids = tracker.update(people([[100, 300], [1100, 300]], seed=t)).track_ids
    assert ids.tolist() == [1, 3]


@pytest.mark.parametrize("name", OWN)
def test_no_people_then_three_hundred_then_none(name):
    tracker = make(name)
    for _ in range(50):
        assert len(tracker.update(Poses.empty())) == 0
    grid = np.stack(np.meshgrid(np.arange(20) * 90, np.arange(15) * 220), -1)
    for t in range(4):
        ids = tracker.update(people(grid, seed=t)).track_ids
    assert len(set(ids.tolist())) == 300
    assert len(tracker.update(Poses.empty())) == 0


@pytest.mark.parametrize("name", OWN)
def test_the_order_of_the_input_changes_only_the_order(name):
    plain, shuffled = make(name), make(name)
    random = np.random.default_rng(0)
    for t in range(25):
        poses = people(np.c_[np.arange(8) * 110 + 3 * t, np.full(8, 300)], seed=t)
        order = random.permutation(8) if t else np.arange(8)
        expected = plain.update(poses).track_ids[order]
        assert (shuffled.update(poses[order]).track_ids == expected).all()


def test_pf_nms_groups_duplicates():
    """PF-NMS: at least 99 of 100 duplicates are merged."""
    random = np.random.default_rng(0)
    right = total = 0
    for _ in range(40):
        places = np.arange(5)[:, None] * [150, 0] + random.uniform(-20, 20, (5, 2))
        points = places[:, None] + SHAPE
        both = np.concatenate(
            [points + random.normal(0, s, points.shape) for s in (1.5, 3)]
        )
        there = np.ones(both.shape[:2], np.bool_)
        marks = np.repeat([0.8, 0.6], 5)[:, None] * there
        alike = intra_frame_similarity(both, there, marks, np.full(10, 180.0))
        groups = group_flows(marks.mean(axis=1), alike, 0.5)
        total += 5
        right += sum(
            sorted(g.tolist()) in [[k, k + 5] for k in range(5)] for g in groups
        )
    assert right >= 0.99 * total


@pytest.mark.parametrize("name", ["default", "poseflow", "released"])
def test_a_stream_holds_no_more_in_the_end(name):
    """Frames, not seconds: what is held does not grow with what has been seen."""
    path = Path(__file__).parents[2] / "benchmarks" / "stream_tracking.py"
    spec = importlib.util.spec_from_file_location("stream_tracking", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tracker, held = make(name), []
    for poses in module.stream(900, people=6):
        tracker.update(poses)
        held.append(module.held(tracker))
    assert max(held[500:]) <= 1.3 * max(held[100:500])
    assert max(held) < 60


@pytest.mark.parametrize("sizes_per_frame", [0.3, 0.6, 0.8])
def test_a_fast_person_keeps_the_id_from_the_first_frame(sizes_per_frame):
    tracker = Tracker()
    height = float(np.ptp(SHAPE[:, 1]))
    ids = [
        tracker.update(people([[sizes_per_frame * height * t, 300]], seed=t)).track_ids
        for t in range(8)
    ]
    assert [found.tolist() for found in ids] == [[1]] * 8


def test_who_stops_while_missed_is_not_new():
    """Walks, is missed for some frames, and is found again where it was seen last."""
    tracker = Tracker()
    for t in range(20):
        tracker.update(people([[300 + 4 * t, 300]], seed=t))
    for _ in range(8):
        tracker.update(Poses.empty())
    for t in range(4):
        ids = tracker.update(people([[376, 300]], seed=t)).track_ids
    assert ids.tolist() == [1]


def test_a_single_false_positive_does_not_take_a_lost_id():
    tracker = Tracker()
    for t in range(20):
        tracker.update(people([[300, 300], [900, 300]], seed=t))
    for _ in range(3):
        tracker.update(people([[900, 300]], seed=1))
    beside = tracker.update(people([[430, 300], [900, 300]], seed=2)).track_ids
    for t in range(3):
        ids = tracker.update(people([[300, 300], [900, 300]], seed=t)).track_ids
    assert beside.tolist()[0] == -1
    assert ids.tolist() == [1, 2]
