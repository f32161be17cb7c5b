"""`TrackTable`: a sequence's detections and similarities, and its best matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.metrics.assignment import max_weight_matching
from poseflow.eval.metrics.clear import Convention, match_clear
from poseflow.eval.metrics.hota import ALPHAS, EPS
from poseflow.eval.metrics.similarity_table import DetectionKeys, SimilarityTable
from poseflow.eval.tracking import TrackingScores, score_table

LOWEST = float(ALPHAS[0])
"""Smallest similarity of a pair that is one person, badly localised; HOTA's lowest."""


@dataclass(frozen=True, eq=False)
class TrackTable:
    """One sequence: both sides by frame, and all pairs with a similarity above 0.

    Attributes:
        name: Of the sequence.
        truth_frames: `(N,)` frame of each annotated detection, ascending.
        truth_ids: `(N,)`.
        result_frames: `(M,)` frame of each detection of the result, ascending.
        result_ids: `(M,)`.
        at: `(C,)` row of the annotated detection of each pair, ascending.
        by: `(C,)` row of the result's; ascending within one `at`.
        similarity: `(C,)` in (0, 1].
        first_frame: Number of frame 0 in messages: 1 in MOTChallenge text.
    """

    name: str
    truth_frames: Ints
    truth_ids: Ints
    result_frames: Ints
    result_ids: Ints
    at: Ints
    by: Ints
    similarity: Floats
    first_frame: int = 0

    @classmethod
    def of(
        cls,
        name: str,
        truth: tuple[Ints, Ints],
        result: tuple[Ints, Ints],
        at: Ints,
        by: Ints,
        similarity: Floats,
        first_frame: int = 0,
    ) -> TrackTable:
        """From frames and ids of both sides and pairs, in any order."""
        orders = [np.argsort(frames, kind="stable") for frames, _ in (truth, result)]
        places = []
        for order in orders:
            place = np.empty_like(order)
            place[order] = np.arange(len(order))
            places.append(place)
        near = similarity > 0
        at, by, similarity = places[0][at[near]], places[1][by[near]], similarity[near]
        cells = np.lexsort((by, at))
        return cls(
            name,
            truth[0][orders[0]],
            truth[1][orders[0]],
            result[0][orders[1]],
            result[1][orders[1]],
            at[cells],
            by[cells],
            similarity[cells],
            first_frame,
        )

    def similarities(self) -> SimilarityTable:
        """As a table of one group, with the same rows and cells."""
        return SimilarityTable.build(
            DetectionKeys(
                np.zeros(len(self.truth_ids)), self.truth_frames, self.truth_ids
            ),
            DetectionKeys(
                np.zeros(len(self.result_ids)), self.result_frames, self.result_ids
            ),
            self.at,
            self.by,
            self.similarity,
        )


def score(
    tables: Sequence[TrackTable], threshold: float, convention: Convention
) -> TrackingScores:
    """Scores of all sequences together."""
    scores = [
        score_table(table.similarities(), [table.name], [0], threshold, convention)[0]
        for table in tables
    ]
    return sum(scores[1:], scores[0])


@dataclass(frozen=True, eq=False)
class Matched:
    """Which detections are the same person.

    Attributes:
        partner: `(N,)` the result's row of each annotated detection, -1 for none.
        person: `(M,)` the annotated row of each of the result's, -1 for none.
        similarity: `(N,)` of the match, 0 without one.
        duplicate: `(M,)`: without a match, but similar enough to a person that has one.
    """

    partner: Ints
    person: Ints
    similarity: Floats
    duplicate: Bools


def match_people(
    table: TrackTable, threshold: float, convention: Convention
) -> Matched:
    """CLEAR's matches; then pairs below the threshold, of the largest total similarity.

    Args:
        table: The sequence.
        threshold: Similarity that a match of CLEAR needs.
        convention: Which program's CLEAR; see `match_clear`.
    """
    similarities = table.similarities()
    near = table.similarity >= threshold - EPS
    close = similarities.keep(near)
    cells = np.flatnonzero(near)[
        match_clear(close, 1 - close.similarity, convention).cells
    ]
    partner = np.full(len(table.truth_ids), -1)
    person = np.full(len(table.result_ids), -1)
    partner[table.at[cells]], person[table.by[cells]] = table.by[cells], table.at[cells]
    values = np.zeros(len(table.truth_ids))
    values[table.at[cells]] = table.similarity[cells]
    free = (partner[table.at] < 0) & (person[table.by] < 0)
    rest = np.flatnonzero(free & (table.similarity >= LOWEST - EPS))
    rest = rest[
        max_weight_matching(table.at[rest], table.by[rest], table.similarity[rest])
    ]
    partner[table.at[rest]], person[table.by[rest]] = table.by[rest], table.at[rest]
    values[table.at[rest]] = table.similarity[rest]
    duplicate = np.zeros(len(table.result_ids), np.bool_)
    duplicate[table.by[near]] = True
    duplicate &= person < 0
    return Matched(partner, person, values, duplicate)
