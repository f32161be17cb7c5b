"""Animals: they stay in the arena, keep their length, touch, and are reproducible."""

import numpy as np
import pytest

from poseflow.errors import PoseFlowError
from poseflow.synthetic import ANIMALS, AnimalConfig, NoiseModel, make_animals


@pytest.mark.parametrize("name", ANIMALS)
def test_animals_stay_in_the_arena_with_their_length(name):
    config = ANIMALS[name]
    truth = make_animals(name, seed=3, frames=120)
    points = np.stack([frame.poses.keypoints for frame in truth])
    assert points.shape[1:] == (config.animals, len(config.skeleton), 2)
    assert (points > -0.4 * config.length).all()
    assert (points < np.array(config.size) + 0.4 * config.length).all()
    spine = points[:, :, : len(config.spine)]
    along = np.linalg.norm(np.diff(spine, axis=2), axis=-1).sum(axis=-1)
    assert (along < 1.01 * config.length).all()
    assert (along > 0.8 * config.length).all()


@pytest.mark.parametrize("name", ANIMALS)
def test_animals_touch_and_turn(name):
    truth = make_animals(name, seed=1, frames=200)
    points = np.stack([frame.poses.keypoints for frame in truth])
    middle = points.mean(axis=2)
    apart = np.linalg.norm(middle[:, :, None] - middle[:, None], axis=-1)
    apart[:, np.eye(middle.shape[1], dtype=bool)] = np.inf
    assert apart.min() < ANIMALS[name].length / 2
    hidden = [(frame.poses.keypoint_scores < 1).any() for frame in truth]
    assert 0 < sum(hidden) < len(hidden)
    axis = points[:, :, 0] - points[:, :, 2]
    heading = np.unwrap(np.arctan2(axis[..., 1], axis[..., 0]), axis=0)
    assert (np.ptp(heading, axis=0) > np.pi / 2).all()


def test_the_seed_gives_the_animals_and_the_frame_rate_does_not_change_them():
    first, again = make_animals("mice", 5, 30), make_animals("mice", 5, 30)
    other = make_animals("mice", 6, 30)
    assert all(a.poses == b.poses for a, b in zip(first, again, strict=True))
    assert first[9].poses != other[9].poses
    slow = make_animals(AnimalConfig(fps=5.0, frames=7), 5)
    fast = make_animals(AnimalConfig(fps=30.0, frames=37), 5)
    assert np.allclose(slow[6].poses.keypoints, fast[36].poses.keypoints)


def test_no_frames_and_one_animal():
    assert len(make_animals("fish", frames=0)) == 0
    lone = make_animals(AnimalConfig(animals=1, frames=5))
    assert [len(frame.poses) for frame in lone] == [1] * 5


def test_detector_noise_applies_to_animals():
    truth = make_animals("fish", seed=2, frames=40)
    found = NoiseModel.preset("detector").apply(truth, seed=2)
    assert found.skeleton == truth.skeleton
    assert 0.7 < len([p for f in found for p in f.poses]) / (40 * 8) < 1.2


@pytest.mark.parametrize("name", ["cats", ""])
def test_unknown_animals(name):
    with pytest.raises(PoseFlowError, match="there are mice, fish"):
        make_animals(name)


def test_bad_parameters():
    with pytest.raises(PoseFlowError, match="spine: expected at least two"):
        AnimalConfig(spine=("nose",))
    with pytest.raises(PoseFlowError, match=r"spine\[1\]"):
        AnimalConfig(spine=("nose", 3))
    with pytest.raises(PoseFlowError, match="animals must be a whole number"):
        AnimalConfig(animals=0)
