"""Number of people that is stable."""

from __future__ import annotations

from collections import Counter

import pytest

from poseflow.tracker.people_count import stable_count


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ({}, None),
        ({0: 100}, None),
        ({4: 100}, 4),
        ({4: 50, 3: 50}, 4),  # animals that touch: one is missed most of the time
        ({4: 35, 3: 65}, None),
        ({4: 10, 3: 90}, 3),
        ({4: 30, 3: 50, 2: 20}, None),  # people come and go
        ({4: 80, 5: 10, 3: 10}, 4),  # a false positive for some frames
        ({4: 60, 5: 20, 3: 20}, None),
        ({1: 100}, None),  # the next one may be another person
        ({1: 20, 2: 80}, 2),
        ({1: 35, 2: 65}, None),
        ({0: 25, 1: 15, 2: 60}, None),
    ],
)
def test_stable_count(frames, expected):
    assert stable_count(Counter(frames), 5 / 6) == expected


def test_a_lower_share_of_presence():
    frames = Counter({3: 52, 4: 48})
    assert stable_count(frames, 0.75) == 4
    assert stable_count(frames, 0.9) is None
