"""Fixtures of the tests of matchers: walking people, and the share of right matches."""

import numpy as np
import pytest

from poseflow.benchmark.walking_people import WalkingPeople


@pytest.fixture(scope="module")
def scene():
    """People who walk, and their first four images."""
    scene = WalkingPeople(4, 5, size=(480, 300), height=130)
    return scene, list(scene.images(4))


@pytest.fixture
def check_matches():
    """Check that most matches near the people's middles move as the people do.

    People overlap, so some of these matches are another person's.
    """

    def check(people, matches_by_frame):
        right = total = 0
        for t, found in enumerate(matches_by_frame):
            if t == 0:
                assert found is None
                continue
            assert found.dtype == np.float64
            before, after = people.centres(t - 1), people.centres(t)
            for a, b in zip(before, after, strict=True):
                near = (np.abs(found[:, :2] - a) < [15, 45]).all(axis=1)
                moved = found[near, 2:] - found[near, :2] - (b - a)
                right += (np.abs(moved) < 3).all(axis=1).sum()
                total += near.sum()
        assert total > 50
        assert right / total > 0.6

    return check
