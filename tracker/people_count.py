"""Number of people where it is stable: animals in an arena, a team on a field."""

from __future__ import annotations

from collections import Counter

SHORT_POSES = 5
"""Tracks with fewer poses do not count as people: most are false positives."""

STABLE, MORE = 0.85, 0.15
"""Least share of the frames with the stable number of people, or one less, and largest
share with more."""

LEAST_PEOPLE = 2
"""One person is no stable number: the next one may be another."""


def stable_count(frames: Counter[int], present: float) -> int | None:
    """Number of people if it is about the same all the time; else None.

    One may be missed in many frames, as when animals touch. Where people come and go,
    the numbers vary more.

    Args:
        frames: Number of frames by the number of people in them.
        present: The stable number itself must be as frequent as if each of the people
            were there in this share of the frames, independently.

    Examples:
        >>> stable_count(Counter([4, 4, 4, 3, 3, 4, 5, 4, 4, 3]), 0.75)
        4
        >>> print(stable_count(Counter([4, 4, 2, 3, 5, 5, 3, 4, 6, 3]), 0.75))
        None
    """
    total = frames.total()
    more = 0
    for people in sorted(frames, reverse=True):
        if people < LEAST_PEOPLE or more > MORE * total:
            return None
        here = frames[people]
        usual = present**people * total
        if here >= usual and here + frames[people - 1] >= STABLE * total:
            return people
        more += here
    return None
