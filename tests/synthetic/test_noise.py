"""The noise model: reproducible, calibrated, with the identity of every pose."""

import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, PoseSequence
from poseflow.sequence import Frame
from poseflow.synthetic import NOISE_PRESETS, NoiseModel, make_scene


@pytest.fixture(scope="module")
def truths():
    return [make_scene("street", seed=seed, frames=250).truth() for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def detected(truths):
    return [NoiseModel().corrupt(truth, seed=k) for k, truth in enumerate(truths)]


def second_differences(truth, corruption):
    """Norms of joints' second differences over the true person height."""
    tracks, heights = {}, {}
    for frame in truth:
        for identity, box in zip(
            frame.poses.track_ids.tolist(), frame.poses.boxes, strict=True
        ):
            heights[identity, frame.index] = (box[2:] - box[:2]).max()
    for frame in corruption.oracle():
        for pose in frame.poses:
            tracks.setdefault(int(pose.track_ids[0]), {})[frame.index] = pose
    found = []
    for identity, track in tracks.items():
        for k in track:
            if k + 1 in track and k + 2 in track:
                a, b, c = track[k], track[k + 1], track[k + 2]
                keep = (a.present & b.present & c.present)[0]
                bend = a.keypoints - 2 * b.keypoints + c.keypoints
                norm = np.linalg.norm(bend[0, keep], axis=1)
                found.append(norm / heights[identity, k + 1])
    return np.concatenate(found)


def test_same_seed_same_poses(truths):
    model = NoiseModel()
    assert model.apply(truths[0], 4) == model.apply(truths[0], 4)
    assert model.apply(truths[0], 4) != model.apply(truths[0], 5)


def test_jitter_is_as_measured_on_real_output(truths, detected):
    bend = np.concatenate(
        [second_differences(t, d) for t, d in zip(truths, detected, strict=True)]
    )
    assert np.percentile(bend, 25) == pytest.approx(0.018, abs=0.004)
    assert np.percentile(bend, 50) == pytest.approx(0.034, abs=0.006)
    assert np.percentile(bend, 75) == pytest.approx(0.055, abs=0.010)
    assert np.percentile(bend, 95) == pytest.approx(0.162, abs=0.05)


def test_as_many_are_missed_as_measured_on_real_output(truths, detected):
    there = missed = 0
    for truth, corruption in zip(truths, detected, strict=True):
        for frame, source in zip(truth, corruption.sources, strict=True):
            there += len(frame.poses)
            missed += (~np.isin(frame.poses.track_ids, source)).sum()
    assert 0.07 < missed / there < 0.13


def test_losses_come_in_bursts(truths, detected):
    runs = []
    for truth, corruption in zip(truths, detected, strict=True):
        for identity in truth.track_ids:
            lost = [
                identity not in source
                for frame, source in zip(truth, corruption.sources, strict=True)
                if identity in frame.poses.track_ids
            ]
            edges = np.flatnonzero(np.diff([0, *lost, 0])).reshape(-1, 2)
            runs += (edges[:, 1] - edges[:, 0]).tolist()
    assert np.mean(runs) > 1.8


def test_oracle_has_each_person_once(truths, detected):
    for truth, corruption in zip(truths, detected, strict=True):
        for frame, true in zip(corruption.oracle(), truth, strict=True):
            ids = frame.poses.track_ids
            assert len(np.unique(ids)) == len(ids)
            assert np.isin(ids, true.poses.track_ids).all()
        assert (corruption.sequence.track_ids.size) == 0


def test_false_positives_and_duplicates_are_marked(detected):
    sources = np.concatenate([s for d in detected for s in d.sources])
    duplicates = np.concatenate([s for d in detected for s in d.duplicates])
    assert 0.005 < (sources < 0).mean() < 0.1
    assert 0.005 < duplicates.mean() < 0.05
    assert not (duplicates & (sources < 0)).any()


def test_person_score_is_the_mean_of_its_joints(detected):
    for frame in detected[0].sequence:
        marks = frame.poses.keypoint_scores
        mean = marks.sum(axis=1) / (marks > 0).sum(axis=1)
        assert np.allclose(frame.poses.scores, mean, atol=1e-6)


def test_score_correlates_with_error(truths, detected):
    scores, errors = [], []
    for truth, corruption in zip(truths, detected, strict=True):
        for frame, true in zip(corruption.oracle(), truth, strict=True):
            for pose in frame.poses:
                person = true.poses[true.poses.track_ids == pose.track_ids[0]]
                height = (person.boxes[0, 2:] - person.boxes[0, :2]).max()
                keep = pose.present[0]
                gap = np.linalg.norm(pose.keypoints - person.keypoints, axis=2)[0]
                errors.append(gap[keep] / height)
                scores.append(pose.keypoint_scores[0, keep])
    error, score = np.concatenate(errors), np.concatenate(scores)
    assert np.median(error[score > 0.55]) < np.median(error[score < 0.3])
    assert score.max() <= NoiseModel().score_top


def test_occluded_joints_stick_to_the_person_in_front():
    model = NoiseModel(
        jitter=0, stray_rate=0, sticking=1, swap_rate=0, swap_rate_behind=0,
        miss_rate=0, occluded_miss_rate=0, small_miss_rate=0, duplicate_rate=0,
        false_positives=0, ghosts=0, score_threshold=0,
    )  # fmt: skip
    front = np.random.default_rng(0).uniform(100, 200, (17, 2))
    behind = front + np.array([8, -6])
    scores = np.ones((2, 17))
    scores[1, 3:7] = 0.5
    poses = Poses(
        np.stack([front, behind]),
        scores,
        boxes=[[95, 95, 205, 210], [100, 90, 210, 200]],
        track_ids=[1, 2],
    )
    frames = tuple(Frame(k, k / 25, poses) for k in range(5))
    result = model.corrupt(PoseSequence(frames, poses.skeleton))
    for frame, source in zip(result.sequence, result.sources, strict=True):
        back = frame.poses.keypoints[source == 2][0]
        assert np.allclose(back[3:7], front[3:7], atol=1e-3)
        assert np.allclose(back[7:], behind[7:], atol=1e-3)


def test_clean_noise_is_close_to_the_ground_truth(truths):
    result = NoiseModel.preset("clean").corrupt(truths[0], 1)
    for frame, true in zip(result.oracle(), truths[0], strict=True):
        assert len(frame.poses) == len(true.poses)
        order = np.argsort(frame.poses.track_ids)
        wanted = np.argsort(true.poses.track_ids)
        gap = frame.poses.keypoints[order] - true.poses.keypoints[wanted]
        present = frame.poses.present[order] & true.poses.present[wanted]
        sides = (true.poses.boxes[:, 2:] - true.poses.boxes[:, :2]).max(axis=1)
        limit = 0.03 * sides[wanted, None, None] + 0.5
        assert (np.abs(gap) * present[..., None] < limit).all()


def test_noisy_is_worse_than_detector(truths):
    def errors(name):
        result = NoiseModel.preset(name).corrupt(truths[0], 1)
        sources = np.concatenate(result.sources)
        return (sources < 0).sum(), (sources >= 0).sum()

    calm, wild = errors("detector"), errors("noisy")
    assert wild[0] > 2 * calm[0]
    assert wild[1] < calm[1]


def test_leaving_one_person_out_changes_no_other(truths):
    model = NoiseModel(ghosts=0, false_positives=0, sticking=0)
    truth = truths[0]
    first = int(truth.track_ids[0])
    fewer = PoseSequence(
        tuple(
            Frame(f.index, f.time, f.poses[f.poses.track_ids != first]) for f in truth
        ),
        truth.skeleton,
    )
    for whole, part in zip(
        model.corrupt(truth, 3).oracle(), model.corrupt(fewer, 3).oracle(), strict=True
    ):
        a = whole.poses[whole.poses.track_ids != first]
        a, b = a[np.argsort(a.track_ids)], part.poses[np.argsort(part.poses.track_ids)]
        assert a == b


@pytest.mark.parametrize("name", sorted(NOISE_PRESETS))
def test_no_people_give_no_poses(name):
    frames = tuple(Frame(k, k / 25, Poses.empty()) for k in range(10))
    truth = PoseSequence(frames, Poses.empty().skeleton)
    result = NoiseModel.preset(name).corrupt(truth, 1)
    assert [len(f.poses) for f in result.sequence] == [0] * 10
    assert len(NoiseModel().apply(PoseSequence((), truth.skeleton))) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"jitter": -1},
        {"miss_rate": 1.5},
        {"persistence": 1},
        {"miss_frames": 0.5},
        {"score_threshold": float("nan")},
    ],
)
def test_invalid_values_are_refused(changes):
    with pytest.raises(PoseFlowError, match=next(iter(changes))):
        NoiseModel(**changes)
    with pytest.raises(PoseFlowError, match="unknown noise 'loud'"):
        NoiseModel.preset("loud")
