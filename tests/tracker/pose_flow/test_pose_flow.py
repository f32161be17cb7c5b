"""PF-Builder and PF-NMS: formulas by hand, and the sliding window's output."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from poseflow import Poses, Tracker
from poseflow.benchmark.tracking import make_clip, run_clip
from poseflow.eval import score_tracking
from poseflow.tracker import PoseFlowOptions
from poseflow.tracker.pose_flow.builder import (
    correspondence_similarity,
    extend,
    joint_boxes,
    pose_confidence,
)
from poseflow.tracker.pose_flow.nms import (
    group_flows,
    intra_frame_similarity,
    merge_poses,
)

FOLDER = "poseflow.tracker.pose_flow"
SHAPE = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]


def crowd(places, seed=0, score=0.8):
    random = np.random.default_rng(seed)
    places = np.asarray(places, float).reshape(-1, 2)
    points = places[:, None] + SHAPE + random.normal(0, 1, (len(places), 17, 2))
    return Poses(points, np.full((len(places), 17), score))


def test_the_page_names_what_exists():
    """Every function, class and option that docs/paper.md names."""
    page = (Path(__file__).parents[3] / "docs" / "paper.md").read_text()
    table = page[page.index("| paper |") : page.index("## Immediate")]
    options = {field.name for field in fields(PoseFlowOptions)}
    named = set(re.findall(r"`([\w.]+)(?:=\w+)?`", table))
    for name in named - options - {"Tracker.final_frames"}:
        module, _, rest = name.removeprefix("poseflow.").partition(".")
        parent = "poseflow" if name.startswith("poseflow.") else FOLDER
        found = importlib.import_module(f"{parent}.{module}")
        for part in rest.split("."):
            found = getattr(found, part)
    assert len(named) > 20


def test_confidence_counts_present_joints():
    scores = np.array([[0.2, 0.6, 0.0], [0.0, 0.0, 0.0]])
    assert pose_confidence(scores, np.array([0.5, 0.3])) == pytest.approx([1.5, 0.3])


def test_correspondences_by_hand():
    """Two joints: of the first's four points three arrive, of the second's none."""
    old = joint_boxes(
        np.array([[[0.0, 0], [50, 0]]]), np.ones((1, 2), bool), np.array([100.0]), 0.1
    )
    new = old + 20
    at = np.array([[0, 0], [1, 1], [-1, 2], [2, -2], [50, 1]], float)
    to = at + 20
    to[3:] += 500
    similarity, joints = correspondence_similarity(np.c_[at, to], old, new)
    assert similarity[0, 0] == pytest.approx(0.375)
    assert joints.tolist() == [2]


def test_similarity_without_features_is_zero():
    boxes = joint_boxes(np.zeros((1, 2, 2)), np.ones((1, 2), bool), np.ones(1), 0.1)
    similarity, joints = correspondence_similarity(np.zeros((0, 4)), boxes, boxes)
    assert similarity.tolist() == [[0.0]]
    assert joints.tolist() == [0]


def test_candidates_are_gated():
    similarity = np.array([[0.9, 0.03], [0.5, 0.03]])
    pairs = extend(similarity, np.ones(2), 1 / 25, 4.0)
    assert pairs.tolist() == [[0, 0]]
    assert extend(np.zeros((0, 3)), np.ones(3), 1 / 25, 4.0).shape == (0, 2)


def test_the_steps_are_the_best_of_all_assignments():
    random = np.random.default_rng(0)
    for _ in range(20):
        similarity, confidence = random.random((3, 3)), random.random(3) + 1
        pairs = extend(similarity, confidence, 0.0, 4.0)
        value = confidence / confidence.mean() + 4 * similarity
        from itertools import permutations

        best = max(value[range(3), p].sum() for p in permutations(range(3)))
        assert value[pairs[:, 0], pairs[:, 1]].sum() == pytest.approx(best)


def test_intra_frame_similarity_does_not_depend_on_scale():
    poses = np.stack([SHAPE, SHAPE + 4, SHAPE + 70])
    there, scores = np.ones((3, 17), bool), np.full((3, 17), 0.8)
    small = intra_frame_similarity(poses, there, scores, np.full(3, 180.0))
    large = intra_frame_similarity(poses * 7, there, scores, np.full(3, 1260.0))
    assert small == pytest.approx(large)
    assert small[0, 1] > 0.5 > 0.3 > small[0, 2]
    assert np.diag(small) == pytest.approx(1)


def test_halves_without_a_joint_in_common_are_not_similar():
    there = np.zeros((2, 17), bool)
    there[0, :8], there[1, 8:] = True, True
    alike = intra_frame_similarity(
        np.stack([SHAPE, SHAPE]), there, there * 1.0, np.full(2, 180.0)
    )
    assert alike[0, 1] == 0


def test_grouping_is_greedy():
    alike = np.array([[1, 0.6, 0.0], [0.6, 1, 0.6], [0.0, 0.6, 1]])
    groups = group_flows(np.array([3.0, 2, 1]), alike, 0.5)
    assert [g.tolist() for g in groups] == [[0, 1], [2]]
    assert group_flows(np.zeros(0), np.zeros((0, 0)), 0.5) == []


def test_merging_ignores_missing_joints():
    points = [np.array([[0.0, 0]]), np.array([[10.0, 0]]), np.array([[99.0, 9]])]
    place, score = merge_poses(points, [np.ones(1), 3 * np.ones(1), np.zeros(1)])
    assert place.tolist() == [[7.5, 0]]
    assert score.tolist() == [2]


def final_output(tracker, frames):
    """Every frame's final poses, and how late each was."""
    now, final, delay = [], {}, []
    for t, poses in enumerate(frames):
        now.append(tracker.update(poses))
        for index, people in tracker.final_frames:
            assert index not in final
            final[index] = people
            delay.append(t - index)
    tracker.finish()
    for index, people in tracker.final_frames:
        assert index not in final
        final[index] = people
    return now, final, delay


def test_every_frame_becomes_final_once_and_in_time():
    clip = make_clip("noisy", 0, frames=80)
    frames = [f.poses for f in clip.poses]
    now, final, delay = final_output(Tracker("poseflow", window_frames=15), frames)
    assert sorted(final) == list(range(80))
    assert max(delay) <= 15
    for t, poses in enumerate(frames):
        assert len(now[t]) == len(final[t]) == len(poses)
        ids = final[t].track_ids
        assert len(set(ids[ids > 0].tolist())) == (ids > 0).sum()


def test_final_output_is_more_accurate():
    clip = make_clip("street", 0, frames=150)
    tracker = Tracker("poseflow")
    now, final, _ = final_output(tracker, [f.poses for f in clip.poses])
    from dataclasses import replace

    def score(views):
        frames = tuple(
            replace(f, poses=p) for f, p in zip(clip.poses, views, strict=True)
        )
        return score_tracking(clip.truth, replace(clip.poses, frames=frames))

    late = score([final[t] for t in range(150)])
    assert late.mota > score(now).mota
    released, _ = run_clip(Tracker("released", matcher="none"), clip)
    assert late.idf1 > score_tracking(clip.truth, released).idf1


def test_duplicates_are_merged():
    """All people are detected twice: one id each, and finally the weighted mean."""
    frames = []
    for t in range(40):
        poses = crowd([[100 + 3 * t, 300], [900 - 3 * t, 320]], seed=t)
        again = crowd([[103 + 3 * t, 300], [903 - 3 * t, 320]], seed=t + 99, score=0.4)
        frames.append(Poses.concatenate([poses, again]))
    now, final, _ = final_output(Tracker("poseflow"), frames)
    for t in range(40):
        for ids in (now[t].track_ids, final[t].track_ids):
            assert sorted(ids.tolist()) == [-1, -1, 1, 2]
    merged, raw = final[20], frames[20]
    k = int(np.flatnonzero(merged.track_ids == 1)[0])
    mate = (k + 2) % 4
    weight = raw.keypoint_scores[[k, mate], 0]
    place = (weight[:, None] * raw.keypoints[[k, mate], 0]).sum(0) / weight.sum()
    assert merged.keypoints[k, 0] == pytest.approx(place, rel=1e-5)


def test_people_who_meet_are_not_merged():
    """Two people of one shape stand close to each other for a second, then part."""
    way = [max(300 - 6 * t, 8, 6 * (t - 75)) for t in range(125)]
    frames = [crowd([[500, 300], [500 + x, 300]], seed=t) for t, x in enumerate(way)]
    now, final, _ = final_output(Tracker("poseflow"), frames)
    for views in (now, final):
        assert all((views[t].track_ids > 0).all() for t in range(3, 125))
    assert final[10].track_ids.tolist() == final[120].track_ids.tolist() == [1, 2]


def test_a_flow_that_parts_from_another_has_its_own_id_again():
    """Of two people the second, seen late, is close to the first; then they part."""
    frames = []
    for t in range(60):
        apart = 6 if t < 35 else 6 + 8 * (t - 35)
        people = [[500, 300], [500 + apart, 300]]
        frames.append(crowd(people if t >= 20 else people[:1], seed=t))
    now, _, _ = final_output(Tracker("poseflow"), frames)
    assert now[30].track_ids.tolist() == [1, -1]
    assert sorted(now[59].track_ids.tolist()) == [1, 2]


def test_flows_are_linked_across_a_gap():
    tracker = Tracker("poseflow")
    for t in [*range(20), *range(32, 50)]:
        people = crowd([[100 + 4 * t, 300]], seed=t)
        if t == 32:
            for _ in range(12):
                tracker.update(Poses.empty())
        ids = tracker.update(people).track_ids.tolist()
    assert ids == [1]


def test_a_flow_seen_in_the_latest_frame_wins_over_a_missed_one():
    """One person stands still and is missed; another takes the place."""
    tracker = Tracker("poseflow")
    for t in range(20):
        places = [[96 + 12 * min(t, 12), 300], [240, 300]]
        people = crowd(places if t < 8 else places[:1], seed=t)
        ids = tracker.update(people).track_ids.tolist()
    assert ids == [1]


def test_fewer_switches_than_released():
    """On a development clip; the table in the docs has all of them."""
    clip = make_clip("crowd", 0, frames=120)
    scores = [
        score_tracking(clip.truth, run_clip(Tracker(name, matcher="none"), clip)[0])
        for name in ("poseflow", "released")
    ]
    assert scores[0].id_switches < 0.7 * scores[1].id_switches
    assert scores[0].idf1 > scores[1].idf1 + 2


def test_single_false_positives_have_no_final_id():
    frames = [crowd([[100, 300], [900, 300]], seed=t) for t in range(30)]
    frames[12] = crowd([[100, 300], [900, 300], [500, 100]], seed=12)
    _, final, _ = final_output(Tracker("poseflow"), frames)
    assert final[12].track_ids.tolist() == [1, 2, -1]


def test_correspondences_decide_between_two():
    """Two people change places in one step: only features can tell."""
    tracker = Tracker("poseflow", candidate_similarity=0.01, gate_sizes=3.0)
    places = np.array([[300.0, 300], [360, 300]])
    for t in range(5):
        tracker.update(crowd(places, seed=t))
    # ... and the features agree with standing still.
    at = (places[:, None] + SHAPE).reshape(-1, 2)
    at = np.repeat(at, 3, axis=0)
    ids = tracker.update(
        crowd(places, seed=6), correspondences=np.concatenate([at, at], axis=1)
    )
    assert ids.track_ids.tolist() == [1, 2]


def test_memory_is_bounded():
    tracker, random, sizes = Tracker("poseflow"), np.random.default_rng(0), []
    for t in range(400):
        tracker.update(crowd(random.uniform(0, 2000, (4, 2)), seed=t))
        backend = tracker._backend
        sizes.append(len(backend._flows) + len(backend._nms))
        assert len(backend._window) <= 20
    assert max(sizes[250:]) <= 1.3 * max(sizes[80:250])


def test_frames_without_people():
    tracker = Tracker("poseflow")
    assert tracker.finish() == ()
    for _ in range(30):
        assert len(tracker.update(Poses.empty())) == 0
    tracker.finish()
    assert [len(p) for _, p in tracker.final_frames] == [0] * 20
