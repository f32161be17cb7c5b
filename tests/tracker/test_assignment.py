"""One-to-one assignment, gates and ties."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poseflow.tracker.assignment import assign, assign_released


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        pytest.param(np.zeros((0, 3)), [], id="no identities"),
        pytest.param(np.zeros((3, 0)), [], id="no people"),
        pytest.param([[0.1]], [], id="below the gate"),
        pytest.param([[0.2]], [], id="at the gate"),
        pytest.param([[0.9, 0.8], [0.8, 0.1]], [[0, 1], [1, 0]], id="best total"),
        pytest.param([[0.5, 0.5]], [[0, 0]], id="tie of people: first"),
        pytest.param([[0.5], [0.5]], [[0, 0]], id="tie of identities: first"),
        pytest.param(np.full((3, 3), 0.5), [[0, 0], [1, 1], [2, 2]], id="all equal"),
        pytest.param([[np.nan, 0.5]], [[0, 1]], id="not a number"),
    ],
)
def test_pairs(similarity, expected):
    assert assign(np.asarray(similarity, float), 0.2).tolist() == expected


def test_a_forbidden_pair_takes_no_detection_away():
    similarity = np.array([[0.9, 0.5], [0.8, 0.0]])
    allowed = np.array([[True, True], [False, True]])
    assert assign(similarity, 0.2, allowed).tolist() == [[0, 0]]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_no_other_assignment_is_better(seed, rows, columns):
    similarity = np.random.default_rng(seed).random((rows, columns))
    gain = np.maximum(similarity - 0.3, 0)
    i, j = assign(similarity, 0.3).T
    if rows > columns:
        gain = gain.T
    best = max(
        sum(gain[k, c] for k, c in enumerate(chosen))
        for chosen in itertools.permutations(range(gain.shape[1]), gain.shape[0])
    )
    assert (similarity[i, j] - 0.3).sum() == pytest.approx(best)


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        # munkres 1.0.12 and 1.1.4; 2.0 and 3.0 answer [[1, 0]].
        pytest.param([[0], [1.5], [1.5], [0], [1.5]], [[4, 0]], id="one person"),
        pytest.param(np.ones((2, 3)), [[0, 0], [1, 1]], id="wide"),
        pytest.param(np.ones((3, 2)), [[1, 1], [2, 0]], id="tall"),
        pytest.param(np.zeros((0, 2)), [], id="no identities"),
    ],
)
def test_released_ties(grades, expected):
    assert assign_released(np.asarray(grades, float)).tolist() == expected
