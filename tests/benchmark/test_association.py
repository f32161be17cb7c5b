"""Benchmark of association speed: reports and formulas; times are not checked."""

import numpy as np
import pytest

from poseflow.benchmark.association import (
    REFERENCE_CPU_MS,
    exponent,
    measure_association,
    orb_ratio,
)
from poseflow.benchmark.walking_people import WalkingPeople


def test_report():
    report = measure_association(people=(2, 33), frames=2, repeats=1, stream=40)
    assert {t.tracker for t in report.times} == set(report.people_exponent)
    for row in report.times:
        assert row.milliseconds > 0
        assert (row.speedup is not None) == (
            row.people in REFERENCE_CPU_MS and row.tracker.startswith("released")
        )
    assert report.orb_ratio > 0
    text = report.table()
    assert "processor:" in text
    assert "| released | 33 |" in text
    assert report.to_dict()["hardware"]["numpy"] == np.__version__


def test_orb_ratio_takes_the_number_of_features():
    milliseconds, ratio = orb_ratio(people=2, frames=2, features=100)
    assert milliseconds > 0
    assert ratio > 0


def test_exponent():
    assert exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2)
    assert np.isnan(exponent([5], [1]))


def test_walking_people_are_seeded():
    one, other = WalkingPeople(3, 1), WalkingPeople(3, 1)
    assert one.poses(4) == other.poses(4)
    np.testing.assert_array_equal(one.correspondences(4), other.correspondences(4))
    for a, b in zip(one.images(2), other.images(2), strict=True):
        np.testing.assert_array_equal(a, b)
    assert WalkingPeople(3, 2).poses(4) != one.poses(4)
    empty = WalkingPeople(0)
    assert len(empty.poses(0)) == len(empty.correspondences(1)) == 0
