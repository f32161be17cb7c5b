"""Mean appearances of tracks: which people count, and what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from poseflow import PoseFlowError, Poses
from poseflow.tracker import TrackAppearances

FEATURES = 9
TRUE = np.random.default_rng(1).normal(0, 6, (40, FEATURES))


def people(ids, **given):
    return Poses(np.ones((len(ids), 17, 2)), track_ids=ids, **given)


def collected(frames, ids=(1, 2, 3), **given):
    """Appearances of people who wear what `TRUE` has for their id."""
    random = np.random.default_rng(0)
    found = TrackAppearances()
    for _ in range(frames):
        seen = TRUE[list(ids)] + random.normal(0, 1, (len(ids), FEATURES))
        found.add(people(list(ids), **given), embeddings=seen)
    return found


def test_tracks_of_other_people_differ_and_their_fragments_agree():
    found = collected(60)
    seen = TRUE[[1]] + np.random.default_rng(2).normal(0, 1, (1, FEATURES))
    for _ in range(5):
        found.add(people([9]), embeddings=seen)
    odds = found.log_odds(np.array([1, 2, 3]), np.array([9, 9, 9]))
    assert odds[0] > 2
    assert (odds[1:] < -2).all()


def test_of_unknown_tracks_nothing_is_known():
    assert collected(60).log_odds(np.array([1, 50]), np.array([50, 51])).tolist() == [
        0,
        0,
    ]


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(TrackAppearances(), id="nothing"),
        pytest.param(collected(5), id="few frames"),
        pytest.param(collected(90, ids=(1,)), id="one person at a time"),
        pytest.param(collected(90, ids=(-1, -1)), id="people without ids"),
        pytest.param(collected(90, interpolated=[True] * 3), id="interpolated people"),
    ],
)
def test_not_ready(found):
    assert not found.ready
    assert found.log_odds(np.array([1]), np.array([2])).tolist() == [0]


def test_many_tracks_and_frames_without_people():
    found = TrackAppearances()
    for k in range(200):
        found.add(people([]), embeddings=np.zeros((0, FEATURES)))
        ids = [k // 5, 1000 + k // 5]
        found.add(people(ids), embeddings=TRUE[[k // 5 % 20, 20 + k // 5 % 20]])
    every = np.arange(40)
    odds = found.log_odds(every, 1000 + every)
    assert np.isfinite(odds).all()
    assert odds.shape == (40,)


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.zeros((3, 4)), "expected 9 features as in earlier frames, got 4"),
        (np.zeros((2, FEATURES)), r"expected shape \(3, features\), one row per"),
        (np.zeros(3), r"got \(3,\)"),
    ],
)
def test_bad_embeddings_are_refused(embeddings, message):
    with pytest.raises(PoseFlowError, match=message):
        collected(1).add(people([1, 2, 3]), embeddings=embeddings)


def test_a_grey_image_among_those_in_colour_is_left_out():
    found = TrackAppearances()
    standing = Poses(
        np.random.default_rng(0).uniform(20, 80, (1, 17, 2)), track_ids=[1]
    )
    found.add(standing, np.zeros((100, 120, 3), np.uint8))
    found.add(standing, np.zeros((100, 120), np.uint8))
    assert found.size == (120, 100)
