"""What distances between appearances mean: log odds learned from a stream."""

from __future__ import annotations

import numpy as np
import pytest

from poseflow.tracker.appearance.model import AppearanceModel

FEATURES = 12


def learned(apart, people=3, frames=60, known=1.0):
    """A model that has learned people whose appearances are so far apart.

    Returns:
        The model, and `(people, FEATURES)` their means and counts.
    """
    random = np.random.default_rng(0)
    true = random.normal(0, apart, (people, FEATURES))
    model = AppearanceModel(FEATURES)
    means, counts = np.zeros((people, FEATURES)), np.zeros((people, FEATURES))
    for _ in range(frames):
        seen = true + random.normal(0, 1, true.shape)
        seen[random.random(seen.shape) > known] = np.nan
        model.learn(means, counts, seen)
        counts += np.isfinite(seen)
        step = np.where(np.isfinite(seen), seen - means, 0) / np.maximum(counts, 1)
        means += step
    return model, means, counts


def odds(model, means, counts, a, b):
    """Log odds that tracks a and b are the same, from means of both."""
    distance, evidence = model.distances(means[[a]], counts[[a]], means[[b]])
    return model.log_odds(distance, evidence)[0]


@pytest.mark.parametrize("known", [1.0, 0.6])
def test_people_who_differ_are_told_apart(known):
    model, means, counts = learned(apart=6, known=known)
    assert model.ready
    assert odds(model, means, counts, 0, 0) > 3
    assert odds(model, means, counts, 0, 1) < -3


def test_people_who_wear_the_same_have_odds_near_zero():
    model, means, counts = learned(apart=0)
    assert abs(odds(model, means, counts, 0, 0)) < 1
    assert abs(odds(model, means, counts, 0, 1)) < 1


def test_without_common_features_the_odds_are_zero():
    model, means, counts = learned(apart=6)
    unknown = np.full((1, FEATURES), np.nan)
    distance, evidence = model.distances(means[:1], counts[:1], unknown)
    assert model.log_odds(distance, evidence).tolist() == [0]


@pytest.mark.parametrize("frames", [0, 3])
def test_a_model_of_few_observations_is_not_ready(frames):
    assert not learned(apart=6, frames=frames, people=1)[0].ready


def test_a_model_without_features_is_never_ready():
    model = AppearanceModel()
    model.learn(np.zeros((2, 0)), np.zeros((2, 0)), np.zeros((2, 0)))
    assert not model.ready
