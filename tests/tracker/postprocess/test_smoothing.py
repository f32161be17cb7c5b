"""Smoothing of joints: One-Euro online, and without lag for whole sequences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poseflow import Frame, Poses, PoseSequence, skeletons
from poseflow.benchmark.tracking import make_clip
from poseflow.tracker import Smoother, ZeroLagOptions, smooth

SHAPE = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]


def test_one_euro_is_calm_at_rest_and_quick_in_motion():
    random = np.random.default_rng(0)
    still, moving = Smoother(), Smoother()
    rest, lag = [], []
    for t in range(80):
        noise = random.normal(0, 1, (1, 17, 2))
        raw = Poses(SHAPE[None] + 300 + noise, track_ids=[1])
        rest.append(still.update(raw).keypoints)
        assert np.array_equal(raw.keypoints, (SHAPE[None] + 300 + noise).astype("f4"))
        fast = Poses(SHAPE[None] + [10 * t, 300], track_ids=[1])
        lag.append(
            float((fast.keypoints - moving.update(fast).keypoints)[..., 0].mean())
        )
    assert np.std(rest[30:], axis=0).mean() < 0.8
    assert lag[-1] < 3  # a third of the motion of one frame


def test_one_euro_leaves_missing_joints_and_people_without_id_alone():
    smoother = Smoother()
    poses = Poses(np.zeros((2, 17, 2)) + SHAPE, np.ones((2, 17)), track_ids=[3, -1])
    smoother.update(poses)
    marks = np.ones((2, 17))
    marks[0, 4] = 0
    moved = Poses(SHAPE[None] + np.full((2, 17, 2), 5.0), marks, track_ids=[3, -1])
    out = smoother.update(moved)
    assert np.array_equal(out.keypoints[1], moved.keypoints[1])
    assert np.array_equal(out.keypoints[0, 4], moved.keypoints[0, 4])
    assert not np.array_equal(out.keypoints[0, 5], moved.keypoints[0, 5])
    assert len(smoother.update(Poses.empty())) == 0
    for _ in range(40):
        smoother.update(Poses.empty())
    assert not smoother._states


def walk(count=60, fps=25.0, jitter=1.5, step=4.0, seed=0):
    """A person who moves by `step` pixels a frame: the truth, and noisy joints."""
    random = np.random.default_rng(seed)
    truth = SHAPE + np.arange(count)[:, None, None] * [step, 0] + 300
    noisy = truth + random.normal(0, jitter, truth.shape)
    frames = tuple(
        Frame(t, t / fps, Poses(noisy[t][None], track_ids=[1])) for t in range(count)
    )
    return truth, PoseSequence(frames, skeletons.COCO17, "walk")


def points(sequence):
    return np.concatenate([frame.poses.keypoints for frame in sequence])


def test_jitter_falls_without_lag():
    truth, sequence = walk()
    before, after = points(sequence) - truth, points(smooth(sequence)) - truth
    assert np.abs(after).mean() < 0.62 * np.abs(before).mean()
    assert abs(after[..., 0].mean()) < 0.1


def test_a_curve_without_jitter_stays():
    _, sequence = walk(jitter=0.0)
    np.testing.assert_allclose(points(smooth(sequence)), points(sequence), atol=0.01)


def test_the_sequence_that_is_passed_in_stays():
    _, sequence = walk()
    raw = points(sequence).copy()
    result = smooth(sequence)
    assert np.array_equal(points(sequence), raw)
    for before, after in zip(sequence, result, strict=True):
        same = after.poses.replace(keypoints=before.poses.keypoints)
        assert same == before.poses


def test_a_gross_error_moves_neither_itself_nor_its_neighbours():
    truth, sequence = walk()
    frames = list(sequence)
    wrong = frames[30].poses.keypoints.copy()
    wrong[0, 4] += 80
    frames[30] = replace(frames[30], poses=frames[30].poses.replace(keypoints=wrong))
    result = points(smooth(replace(sequence, frames=tuple(frames))))
    assert np.abs(result[25:36, 4] - truth[25:36, 4]).max() < 4


def test_missing_joints_and_people_without_id_stay():
    _, sequence = walk()
    frames = []
    for frame in sequence:
        scores = np.ones((1, 17))
        scores[0, 3] = frame.index % 3 > 0
        poses = frame.poses.replace(keypoint_scores=scores)
        stranger = poses.replace(track_ids=[-1])
        frames.append(replace(frame, poses=Poses.concatenate([stranger, poses])))
    sequence = replace(sequence, frames=tuple(frames))
    for before, after in zip(sequence, smooth(sequence), strict=True):
        assert after.poses[0] == before.poses[0]
        present = before.poses.present[1]
        moved = (after.poses.keypoints[1] != before.poses.keypoints[1]).any(axis=1)
        assert not moved[~present].any()
        assert moved[present].mean() > 0.9


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_frames(count):
    _, sequence = walk(count)
    assert len(smooth(sequence)) == count


def test_frames_without_people():
    empty = PoseSequence.collect(Frame(t, t / 25, Poses.empty()) for t in range(5))
    assert smooth(empty) == empty


def test_uneven_times():
    """Frames were dropped: the motion between two of them is longer."""
    truth, sequence = walk(90)
    kept = np.flatnonzero(np.random.default_rng(2).random(90) < 0.6)
    frames = tuple(sequence[k] for k in kept.tolist())
    error = points(smooth(replace(sequence, frames=frames))) - truth[kept]
    raw = points(sequence)[kept] - truth[kept]
    assert np.abs(error).mean() < 0.72 * np.abs(raw).mean()


def test_a_long_gap_is_not_smoothed_across():
    """The person comes back elsewhere; neither side is pulled to the other."""
    _, sequence = walk(jitter=0.0)
    frames = tuple(
        replace(frame, poses=frame.poses.replace(keypoints=frame.poses.keypoints + 400))
        if frame.index >= 40
        else frame
        for frame in sequence
        if not 20 <= frame.index < 40
    )
    gone = replace(sequence, frames=frames)
    np.testing.assert_allclose(points(smooth(gone)), points(gone), atol=0.01)


def test_low_rates_are_hardly_changed():
    _, sequence = walk(30, fps=2.0, step=40.0, jitter=3)
    moved = np.abs(points(smooth(sequence)) - points(sequence))
    assert moved.mean() < 0.2


def test_times_that_run_backwards_or_are_unknown():
    _, sequence = walk()
    usual = points(smooth(sequence))
    for times in ([0.0] * 60, list(range(60, 0, -1)), [np.inf] * 60):
        frames = [replace(f, time=t) for f, t in zip(sequence, times, strict=True)]
        result = smooth(replace(sequence, frames=tuple(frames)))
        np.testing.assert_allclose(points(result), usual, atol=1e-3)


def test_interpolated_poses_follow_the_curve():
    truth, sequence = walk()
    frames = list(sequence)
    for t in range(20, 30):
        wrong = frames[t].poses.replace(
            keypoints=frames[t].poses.keypoints + 5, interpolated=[True]
        )
        frames[t] = replace(frames[t], poses=wrong)
    result = points(smooth(replace(sequence, frames=tuple(frames))))
    assert np.abs(result[20:30] - truth[20:30]).mean() < 1.5


def test_joints_of_a_rendered_scene_come_nearer_to_the_truth():
    clip = make_clip("street", 0, frames=120)
    result, errors = clip.corruption.oracle(), []
    for sequence in (result, smooth(result)):
        error = []
        for frame, true in zip(sequence, clip.truth, strict=True):
            ids = true.poses.track_ids.tolist()
            for k, person in enumerate(frame.poses.track_ids.tolist()):
                row = ids.index(person)
                both = frame.poses.present[k] & true.poses.present[row]
                offset = frame.poses.keypoints[k] - true.poses.keypoints[row]
                error.append(np.linalg.norm(offset[both], axis=1))
        errors.append(np.concatenate(error).mean())
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("name", ["stiffness_s3", "jitter_sizes", "maximum_gap_s"])
def test_bad_options(name):
    with pytest.raises(ValueError, match=name):
        ZeroLagOptions(**{name: -1.0})
