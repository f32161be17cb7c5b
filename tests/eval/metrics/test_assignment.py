"""Sparse assignment against the dense Hungarian method."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from poseflow.eval.metrics import assignment
from poseflow.eval.metrics.assignment import max_weight_matching


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.2, 0.5, 1.0]),
    st.booleans(),
)
def test_reaches_the_largest_total(n, m, seed, density, ties):
    rng = np.random.default_rng(seed)
    weights = rng.random((n, m)) * (rng.random((n, m)) < density)
    if ties:
        weights = np.round(weights, 1)
    i, j = np.nonzero(weights)
    chosen = max_weight_matching(i, j, weights[i, j])
    assert len(set(i[chosen])) == len(set(j[chosen])) == chosen.sum()
    best = weights[linear_sum_assignment(weights, maximize=True)].sum()
    assert weights[i, j][chosen].sum() == pytest.approx(best, abs=1e-12)


def test_many_frames_at_once_are_decided_apart():
    rng = np.random.default_rng(0)
    rows, columns, weights, expected = [], [], [], []
    for frame in range(200):
        table = rng.random((4, 4)) * (rng.random((4, 4)) < 0.6)
        i, j = np.nonzero(table)
        rows.append(i + 4 * frame)
        columns.append(j + 4 * frame)
        weights.append(table[i, j])
        expected.append(max_weight_matching(i, j, table[i, j]))
    together = max_weight_matching(*map(np.concatenate, (rows, columns, weights)))
    np.testing.assert_array_equal(together, np.concatenate(expected))


@pytest.mark.parametrize("name", ["scipy.optimize._gone", "gone._lsap", "json.decoder"])
def test_without_the_extension_the_whole_package_is_imported(monkeypatch, name):
    monkeypatch.setattr(assignment, "LSAP", name)
    monkeypatch.delitem(sys.modules, name, raising=False)
    assert assignment._solver.__wrapped__() is linear_sum_assignment


def test_the_extension_alone_is_the_same_solver():
    weights = np.random.default_rng(0).random((5, 7))
    alone = assignment._load_alone(assignment.LSAP)
    for found, expected in zip(
        alone(weights, maximize=True),
        linear_sum_assignment(weights, maximize=True),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_nothing_to_assign():
    none = np.zeros(0, np.int64)
    assert max_weight_matching(none, none, np.zeros(0)).tolist() == []


def test_first_of_equals_wins_in_a_star():
    row, column = np.array([0, 0, 0]), np.array([0, 1, 2])
    assert max_weight_matching(row, column, np.ones(3)).tolist() == [True, False, False]
