"""Changes of a person's id in a result, and what happened there.

After detection errors are mended, every annotated detection has one id: that of its
match or, where it was missed, the person's id before the gap (else after it). A person
whose id changes is a *switch*, with one of the causes in `SWITCHES`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Ints
from poseflow.eval.diagnosis.track_table import Matched, TrackTable

SWITCHES = ("crossing", "occlusion", "re-entry", "fragment")
"""Causes of a switch, by what happened at it:

- crossing: another person has the new id up to `WINDOW` frames before, or gets the old
  one up to `WINDOW` frames after;
- occlusion: the person was annotated, but not found, right before (or after) it;
- re-entry: the person was not annotated in a frame before it;
- fragment: none of these: the track broke without a visible reason.

Of several, re-entry counts before occlusion, and that before crossing.
"""
WINDOW = 10
"""Frames around a switch in which ids that go over to another person explain it."""


@dataclass(frozen=True, eq=False)
class Timelines:
    """A sequence's annotated detections, person after person, each in order of time.

    Attributes:
        rows: `(N,)` rows of the `TrackTable`.
        person: `(N,)` dense number of the person.
        frame: `(N,)`.
        id: `(N,)` id, after mending detection errors.
        found: `(N,)`: has a match.
        cause: `(N,)` index in `SWITCHES` of a switch at this detection, -1 for none.
    """

    rows: Ints
    person: Ints
    frame: Ints
    id: Ints
    found: Bools
    cause: Ints

    @property
    def starts(self) -> Bools:
        """`(N,)` first detection of each person."""
        out = np.ones(len(self.person), np.bool_)
        out[1:] = self.person[1:] != self.person[:-1]
        return out


def timelines(table: TrackTable, matched: Matched) -> Timelines:
    """Ids of all annotated detections, and the causes of their changes."""
    rows = np.lexsort((table.truth_frames, table.truth_ids))
    frame = table.truth_frames[rows]
    person = np.unique(table.truth_ids[rows], return_inverse=True)[1]
    partner = matched.partner[rows]
    found = partner >= 0
    given = np.zeros(len(rows), np.int64)
    given[found] = table.result_ids[partner[found]]
    ids = _carried(person, frame, given, found, table.result_ids)
    lines = Timelines(rows, person, frame, ids, found, np.full(len(rows), -1))
    moments = np.unique(np.concatenate([table.truth_frames, table.result_frames]))
    lines.cause[:] = _causes(lines, np.searchsorted(moments, frame))
    return lines


def _carried(person: Ints, frame: Ints, given: Ints, found: Bools, known: Ints) -> Ints:
    """Ids with gaps filled: by the id before, else after, else one of the person's own.

    An id that someone else has in that frame is not carried into it.
    """
    size = len(person)
    at = np.arange(size)
    before = np.maximum.accumulate(np.where(found, at, -1))
    after = np.minimum.accumulate(np.where(found, at, size)[::-1])[::-1]
    has_before = (before >= 0) & (person[before] == person)
    last = np.minimum(after, max(size - 1, 0))
    has_after = (after < size) & (person[last] == person)
    own = max(int(known.max(initial=0)), 0) + 1 + person
    ids = np.where(has_before, given[before], np.where(has_after, given[last], own))
    # Found detections first, so that they keep their id.
    order = np.lexsort((at, ~found, ids, frame))
    twice = np.zeros(size, np.bool_)
    twice[order[1:]] = (np.diff(frame[order]) == 0) & (np.diff(ids[order]) == 0)
    out: Ints = np.where(twice & ~found, own, ids)
    return out


def _causes(lines: Timelines, moment: Ints) -> Ints:
    """Index in `SWITCHES` of every switch, `(N,)`, -1 elsewhere."""
    cause = np.full(len(lines.id), -1)
    changed = ~lines.starts
    changed[1:] &= lines.id[1:] != lines.id[:-1]
    at = np.flatnonzero(changed)
    cause[at] = SWITCHES.index("fragment")
    cause[at[_exchanged(lines, moment, at)]] = SWITCHES.index("crossing")
    cause[at[~lines.found[at] | ~lines.found[at - 1]]] = SWITCHES.index("occlusion")
    cause[at[moment[at] - moment[at - 1] > 1]] = SWITCHES.index("re-entry")
    return cause


def _exchanged(lines: Timelines, moment: Ints, at: Ints) -> Bools:
    """Which switches take an id from another person, or leave one to another."""
    order = np.lexsort((moment, lines.id))
    keys = list(zip(lines.id[order].tolist(), moment[order].tolist(), strict=True))
    people = lines.person[order]

    def others(identity: int, first: int, last: int, person: int) -> bool:
        low = bisect_left(keys, (identity, first))
        high = bisect_right(keys, (identity, last))
        return bool((people[low:high] != person).any())

    out = []
    for row in at.tolist():
        now, person = int(moment[row]), int(lines.person[row])
        old, new = int(lines.id[row - 1]), int(lines.id[row])
        out.append(
            others(new, now - WINDOW, now - 1, person)
            or others(old, now, now + WINDOW, person)
        )
    return np.array(out, np.bool_)


def mended_ids(lines: Timelines, mended: tuple[str, ...]) -> Ints:
    """Ids as if switches of some causes had not happened, `(N,)`.

    A person's stretch between two switches that remain gets the id that it has most
    often, the first on a tie.
    """
    cut = lines.starts | (lines.cause >= 0)
    for cause in mended:
        cut &= lines.starts | (lines.cause != SWITCHES.index(cause))
    stretch = np.cumsum(cut) - 1
    ids, number = np.unique(lines.id, return_inverse=True)
    key = stretch * max(len(ids), 1) + number
    keys, first, count = np.unique(key, return_index=True, return_counts=True)
    order = np.lexsort((first, -count, keys // max(len(ids), 1)))
    owner = (keys // max(len(ids), 1))[order]
    head = np.ones(len(order), np.bool_)
    head[1:] = owner[1:] != owner[:-1]
    best = ids[keys[order[head]] % max(len(ids), 1)] if len(keys) else ids
    out: Ints = best[stretch]
    return out
