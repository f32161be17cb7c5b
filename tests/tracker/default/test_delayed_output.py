"""Delayed output of `default`: final ids of frames before confirmation."""

import numpy as np
import pytest

import poseflow
from poseflow import Frame, PoseFlowError, Poses, Tracker, synthetic
from poseflow.eval import score_tracking
from poseflow.tracker.default.delayed_output import DelayedOutput


def people(count):
    return Poses(np.zeros((count, 17, 2)))


def run(window, *frames):
    """Final ids of frames given as (serials, ids at once)."""
    output = DelayedOutput(window)
    final = []
    for index, (serials, ids) in enumerate(frames):
        given = np.array(serials, int), np.array(ids, int)
        final += output.add(index, people(len(ids)), *given)
    final += output.flush()
    assert [index for index, _ in final] == list(range(len(frames)))
    return [poses.track_ids.tolist() for _, poses in final]


@pytest.mark.parametrize(
    ("window", "frames", "expected"),
    [
        pytest.param(5, [([], []), ([], [])], [[], []], id="no people"),
        pytest.param(5, [([0], [-1]), ([0], [4])], [[4], [4]], id="named later"),
        pytest.param(0, [([0], [-1]), ([0], [4])], [[-1], [4]], id="no window"),
        pytest.param(
            1, [([0], [-1]), ([0], [-1]), ([0], [4])], [[-1], [4], [4]], id="too late"
        ),
        pytest.param(5, [([0], [-1]), ([], [])], [[-1], []], id="never named"),
        pytest.param(5, [([-1], [-1]), ([0], [4])], [[-1], [4]], id="a double"),
        pytest.param(
            5,
            [([0, 1], [2, -1]), ([1], [2])],
            [[2, -1], [2]],
            id="re-identified as a person in the frame: never twice in a frame",
        ),
    ],
)
def test_final_ids(window, frames, expected):
    assert run(window, *frames) == expected


@pytest.fixture(scope="module")
def seen():
    scene = synthetic.make_scene("street", seed=21, frames=80)
    noise = synthetic.NoiseModel.preset("detector")
    return scene, noise.apply(scene.truth(), seed=21)


@pytest.mark.parametrize("name", ["default", "poseflow"])
def test_every_frame_becomes_final_once_and_in_order(seen, name):
    tracker = Tracker(name)
    numbers = []
    for k, frame in enumerate(seen[1]):
        tracker.update(frame.poses)
        now = [number for number, _ in tracker.final_frames]
        assert all(number == k - tracker.delay_frames for number in now)
        numbers += now
    tracker.finish()
    numbers += [number for number, _ in tracker.final_frames]
    assert numbers == list(range(80))


def test_final_ids_keep_online_ids_and_add_earlier_frames(seen):
    scene, poses = seen
    blank = np.zeros((8, 8, 3), np.uint8)
    images = [blank] * len(poses)
    frames = [Frame(f.index, f.time, f.poses) for f in poses]
    options = {"poses": frames, "appearance": False, "matcher": "none"}
    at_once = list(poseflow.track(images, **options))
    final = list(poseflow.track(images, final=True, **options))
    added = 0
    for a, b in zip(at_once, final, strict=True):
        before = a.poses.track_ids
        after = b.poses[~b.poses.interpolated].track_ids
        assert (after[before > 0] == before[before > 0]).all()
        named = after[after > 0]
        assert len(set(named.tolist())) == len(named)
        added += int(((before < 0) & (after > 0)).sum())
    assert added > 0
    truth = scene.truth()
    scores = [
        score_tracking(truth, poseflow.PoseSequence.collect(result)).idf1
        for result in (at_once, final)
    ]
    assert scores[1] >= scores[0] - 1


def test_trackers_without_delay():
    tracker = Tracker("oks")
    tracker.update(people(2))
    assert (tracker.delay_frames, tracker.final_frames) == (0, ())


def test_a_negative_window():
    with pytest.raises(PoseFlowError, match="window_frames"):
        Tracker(window_frames=-1)


WALK = np.random.default_rng(3).uniform(-50, 50, (17, 2))


def walking(tracker, frames, seen):
    """Final frames of a person who walks, missed in the frames that are not seen."""
    final = []
    for t in range(frames):
        there = Poses(WALK[None] + [300 + 2.0 * t, 300])
        tracker.update(there if t in seen else Poses.empty())
        final += tracker.final_frames
    tracker.finish()
    final += tracker.final_frames
    assert [index for index, _ in final] == list(range(frames))
    return [poses for _, poses in final]


@pytest.mark.parametrize("missed", [1, 7, 15])
def test_short_gaps_are_filled(missed):
    seen = [t for t in range(60) if not 20 <= t < 20 + missed]
    final = walking(Tracker(), 60, seen)
    assert [poses.track_ids.tolist() for poses in final] == [[1]] * 60
    filled = [t for t, poses in enumerate(final) if poses.interpolated.any()]
    assert filled == list(range(20, 20 + missed))
    for t in filled:
        there = WALK + np.array([300 + 2.0 * t, 300])
        assert np.allclose(final[t].keypoints[0], there, atol=0.1)
        assert np.allclose(final[t].keypoint_scores, 0.5)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        pytest.param({}, [*range(20), *range(36, 60)], id="a gap of 16"),
        pytest.param({"fill_frames": 0}, [*range(20), *range(23, 60)], id="not wanted"),
        pytest.param({"delay_frames": 2}, [*range(9), *range(20, 60)], id="no window"),
        pytest.param({}, range(20), id="never seen again"),
        pytest.param({}, range(30, 60), id="not seen before"),
        pytest.param({}, [], id="nobody"),
    ],
)
def test_other_gaps_are_not_filled(options, seen):
    final = walking(Tracker(**options), 60, set(seen))
    assert [len(poses) for poses in final] == [int(t in set(seen)) for t in range(60)]
    assert not any(poses.interpolated.any() for poses in final)


def test_a_window_as_long_as_the_gap_fills_it():
    seen = [*range(20), *range(25, 60)]
    final = walking(Tracker(delay_frames=5), 60, seen)
    assert [len(poses) for poses in final] == [1] * 60


def test_gaps_before_a_lost_track_is_found_again_are_filled():
    """Found again as a tentative track, which continues the lost one a frame later."""
    tracker = Tracker()
    final = []
    for t in range(50):
        x = 300 + 4.0 * min(t, 20)
        poses = Poses(WALK[None] + [x, 300])
        tracker.update(Poses.empty() if 20 <= t < 28 else poses)
        final += tracker.final_frames
    tracker.finish()
    final += tracker.final_frames
    assert [poses.track_ids.tolist() for _, poses in final] == [[1]] * 50
