"""Both argsorts equal numpy's stable one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poseflow.eval.metrics.sorting import order_of_numbers, order_of_scores


def stable(keys):
    return np.argsort(keys, kind="stable").tolist()


@pytest.mark.parametrize("top", [1, 9, 65_536, 65_537, 2**32])
@pytest.mark.parametrize("count", [0, 1, 2, 3000])
def test_numbers(top, count):
    keys = np.random.default_rng(count).integers(0, top, count)
    keys = np.concatenate([keys, keys[::2]])
    assert order_of_numbers(keys).tolist() == stable(keys)


@given(
    st.integers(0, 300).flatmap(
        lambda n: hnp.arrays(
            np.float64,
            n,
            elements=st.one_of(
                st.sampled_from([0.0, -0.0, 0.1, 0.5, -9999.0, -np.inf, np.inf]),
                st.floats(allow_nan=False),
            ),
        )
    )
)
def test_scores(scores):
    assert order_of_scores(scores).tolist() == stable(scores)


@pytest.mark.parametrize("digits", [1, 3, 15])
def test_many_scores(digits):
    scores = np.random.default_rng(digits).random(20_000).round(digits)
    assert order_of_scores(scores).tolist() == stable(scores)
