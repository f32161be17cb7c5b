"""Counting of correspondences against the definition, written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poseflow import PoseFlowError
from poseflow.tracker.matchers.correspondences import (
    PixelIdentity,
    as_correspondences,
    count_shared,
    shared_fraction,
)


def by_definition(matches, first, second):
    def inside(points, regions):
        x, y = points[:, 0], points[:, 1]
        x1, y1, x2, y2 = np.moveaxis(regions[..., None], -2, 0)
        return (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)

    a, b = inside(matches[:, :2], first), inside(matches[:, 2:], second)
    both = (a[:, :, None] & b[:, None]).sum(-1)
    return a.sum(-1), b.sum(-1), both


def regions_around(random, layers, count, spread, whole):
    centre = random.uniform(-20, 120, (layers, count, 2))
    half = random.uniform(0, spread, (layers, count, 2))
    regions = np.concatenate([centre - half, centre + half], -1)
    return regions.round() if whole else regions


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    matches=st.integers(0, 60),
    layers=st.integers(1, 4),
    people=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    spread=st.sampled_from([0.0, 3.0, 30.0, 300.0]),
    whole=st.booleans(),
)
def test_counts_are_those_of_the_definition(
    seed, matches, layers, people, spread, whole
):
    random = np.random.default_rng(seed)
    points = random.uniform(-10, 110, (matches, 4))
    if whole:  # points on borders and several at one place
        points = points.round(-1)
    first = regions_around(random, layers, people[0], spread, whole)
    second = regions_around(random, layers, people[1], spread, whole)
    first[random.random(first.shape[:2]) < 0.2] = (np.inf, np.inf, -np.inf, -np.inf)
    second[random.random(second.shape[:2]) < 0.2] = np.nan
    for ours, expected in zip(
        count_shared(points, first, second),
        by_definition(points, first, second),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, expected)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), whole=st.booleans())
def test_closed_form_is_every_pixel_with_itself(seed, whole):
    random = np.random.default_rng(seed)
    width, height = random.integers(1, 90, 2)
    y, x = np.mgrid[:height, :width].reshape(2, -1)
    written_out = np.stack([x, y, x, y], axis=1).astype(float)
    first = regions_around(random, 2, 3, 40, whole)
    second = regions_around(random, 2, 4, 40, whole)
    closed = PixelIdentity(int(width), int(height))
    assert len(closed) == len(written_out)
    for ours, expected in zip(
        count_shared(closed, first, second),
        by_definition(written_out, first, second),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, expected)


def test_far_out_points_and_regions_do_no_harm():
    matches = np.array([[0, -1e12, 0, 0], [0, 1e12, 5, 5], [1, 1, 1, 1.0]])
    everywhere = np.array([[[-1e15, -1e15, 1e15, 1e15]]])
    assert [c.item() for c in count_shared(matches, everywhere, everywhere)] == [3] * 3
    tiny = np.array([[[0.5, 0.5, 1.5, 1.5]]])
    assert [c.item() for c in count_shared(matches, tiny, tiny)] == [1] * 3


def test_share_without_correspondences_is_zero():
    nowhere = np.array([[[50, 50, 60, 60.0]]])
    assert shared_fraction(np.array([[1, 1, 1, 1.0]]), nowhere, nowhere) == [[[0]]]


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        pytest.param(np.zeros((3, 2)), "rows of x1, y1, x2, y2", id="two columns"),
        pytest.param(np.zeros(4), "rows of x1", id="flat"),
        pytest.param([["a", "b", "c", "d"]], "numbers", id="words"),
    ],
)
def test_bad_correspondences_are_refused(given_, message):
    with pytest.raises(PoseFlowError, match=message):
        as_correspondences(given_)


def test_extra_columns_and_broken_rows_are_dropped():
    rows = [[1, 2, 3, 4, 9], [np.nan, 2, 3, 4, 9]]
    assert as_correspondences(rows).tolist() == [[1, 2, 3, 4]]
    assert as_correspondences([]).shape == (0, 4)
