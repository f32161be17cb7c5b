"""The oracle ladder: a result mended step by step, and what each step gains.

The steps follow each other, so that the gains add up to what the result has lost. A
cause that is alone in a result gets all of the loss. Where causes meet, the earlier
step gets what only both together would gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poseflow.arrays import Bools, Ints
from poseflow.eval.diagnosis.identity_errors import (
    SWITCHES,
    Timelines,
    mended_ids,
    timelines,
)
from poseflow.eval.diagnosis.track_table import (
    Matched,
    TrackTable,
    match_people,
    score,
)
from poseflow.eval.metrics.clear import Convention
from poseflow.eval.tracking import TrackingScores

STEPS = (
    "duplicates",
    "false positives",
    "misses",
    "localisation",
    *SWITCHES,
    "shared ids",
)
"""Causes in the order in which they are mended:

- duplicates: further detections of a person that has a match are removed;
- false positives: the other detections without a match are removed;
- misses: people without a match get a perfect detection, with their id before the gap;
- localisation: matched detections are moved onto the person;
- crossing, occlusion, re-entry, fragment: switches of that cause are undone;
- shared ids: every person gets an id of its own.
"""


@dataclass(frozen=True, eq=False)
class Diagnosed:
    """One sequence with its matches and timelines."""

    table: TrackTable
    matched: Matched
    lines: Timelines

    @classmethod
    def of(
        cls, table: TrackTable, threshold: float, convention: Convention
    ) -> Diagnosed:
        """Match a sequence and find its switches."""
        matched = match_people(table, threshold, convention)
        return cls(table, matched, timelines(table, matched))

    def mended(self, step: str) -> TrackTable:
        """The result after that step and all before it."""
        table, matched = self.table, self.matched
        if step == "duplicates":
            return _keep(table, ~matched.duplicate)
        if step == "false positives":
            return _keep(table, matched.person >= 0)
        if step == "misses":
            return self._without_misses()
        if step == "shared ids":
            return self._perfect(self.lines.person)
        mended = SWITCHES[: SWITCHES.index(step) + 1] if step in SWITCHES else ()
        return self._perfect(mended_ids(self.lines, mended))

    def true_ids(self) -> TrackTable:
        """The given poses with true ids; those without a match keep an id of theirs."""
        table, person = self.table, self.matched.person
        matched = person >= 0
        ids = np.unique(table.result_ids, return_inverse=True)[1]
        truth = np.unique(table.truth_ids, return_inverse=True)[1]
        ids = ids + int(truth.max(initial=-1)) + 1
        ids[matched] = truth[person[matched]]
        return replace(table, result_ids=ids)

    def _without_misses(self) -> TrackTable:
        """Matched detections, and perfect ones where people were missed."""
        kept = _keep(self.table, self.matched.person >= 0)
        missed = ~self.lines.found
        rows = self.lines.rows[missed]
        count = len(kept.result_ids)
        return TrackTable.of(
            kept.name,
            (kept.truth_frames, kept.truth_ids),
            (
                np.concatenate([kept.result_frames, self.lines.frame[missed]]),
                np.concatenate([kept.result_ids, self.lines.id[missed]]),
            ),
            np.concatenate([kept.at, rows]),
            np.concatenate([kept.by, count + np.arange(len(rows))]),
            np.concatenate([kept.similarity, np.ones(len(rows))]),
        )

    def _perfect(self, ids: Ints) -> TrackTable:
        """Every person found exactly, with these ids in order of the timelines."""
        table = self.table
        placed = np.empty_like(ids)
        placed[self.lines.rows] = ids
        all_rows = np.arange(len(ids))
        return replace(
            table,
            result_frames=table.truth_frames,
            result_ids=placed,
            at=all_rows,
            by=all_rows,
            similarity=np.ones(len(ids)),
        )


def climb(
    people: Sequence[Diagnosed], threshold: float, convention: Convention
) -> dict[str, TrackingScores]:
    """Scores of the result as `given` and after every step, all sequences together."""

    def scored(tables: list[TrackTable]) -> TrackingScores:
        return score(tables, threshold, convention)

    steps = {"given": scored([one.table for one in people])}
    for step in STEPS:
        steps[step] = scored([one.mended(step) for one in people])
    steps["true ids"] = scored([one.true_ids() for one in people])
    return steps


def _keep(table: TrackTable, kept: Bools) -> TrackTable:
    """The table with some of the result's detections."""
    cells = kept[table.by]
    place = np.cumsum(kept) - 1
    return replace(
        table,
        result_frames=table.result_frames[kept],
        result_ids=table.result_ids[kept],
        at=table.at[cells],
        by=place[table.by[cells]],
        similarity=table.similarity[cells],
    )
