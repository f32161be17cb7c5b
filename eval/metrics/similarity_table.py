"""`SimilarityTable`: detections of ground truth and result, and pairs that may match.

Every tracking metric starts from the same facts: the tracks of each frame on
either side, and the similarity of the pairs that may match. A table holds them
for many *groups* at once - sequences, or the joints of sequences - so that the metrics
run over all of them without a Python loop. Groups share nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints


class TableSide(NamedTuple):
    """One side's detections: dense `(N,)` track numbers and `(N,)` moments.

    A moment is one frame of one group.
    """

    tracks: Ints
    moments: Ints


class DetectionKeys(NamedTuple):
    """One side's detections: group, frame and track id, `(N,)` integers each."""

    groups: npt.ArrayLike
    frames: npt.ArrayLike
    ids: npt.ArrayLike


@dataclass(frozen=True, eq=False)
class SimilarityTable:
    """Detections of both sides and the cells in which they can match.

    Attributes:
        truth: Annotated detections, ordered by moment.
        result: Detections of the tracker, ordered by moment.
        truth_at: `(C,)` row of `truth` in each cell; ordered.
        result_at: `(C,)` row of `result` in each cell, of the same moment.
        similarity: `(C,)`; pairs without a cell cannot match.
        moment_groups: `(T,)` group of each moment (one frame of one group).
        truth_groups: `(G,)` group of each annotated track.
        result_groups: `(P,)` group of each track of the result.
        n_groups: Number of groups, those without any detection included.
    """

    truth: TableSide
    result: TableSide
    truth_at: Ints
    result_at: Ints
    similarity: Floats
    moment_groups: Ints
    truth_groups: Ints
    result_groups: Ints
    n_groups: int

    @classmethod
    def build(
        cls,
        truth: DetectionKeys,
        result: DetectionKeys,
        truth_at: npt.ArrayLike,
        result_at: npt.ArrayLike,
        similarity: npt.ArrayLike,
        n_groups: int = 1,
    ) -> Self:
        """Number tracks and moments, and order everything by time.

        Args:
            truth: Annotated detections; groups are 0 .. n_groups - 1, frames and ids
                any integers that a signed 64-bit number holds.
            result: Those of the tracker.
            truth_at: `(C,)` row of the annotated detection in each cell.
            result_at: `(C,)` row of the result's detection in each cell.
            similarity: `(C,)`.
            n_groups: Number of groups.
        """
        a, b = (
            [np.asarray(field, np.int64) for field in side] for side in (truth, result)
        )
        both = np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])
        moments, moment_groups = _number(*both)
        order_a = np.argsort(moments[: len(a[0])], kind="stable")
        order_b = np.argsort(moments[len(a[0]) :], kind="stable")
        tracks_a, groups_a = _number(a[0], a[2])
        tracks_b, groups_b = _number(b[0], b[2])
        place_a, place_b = _inverse(order_a), _inverse(order_b)
        at_a = place_a[np.asarray(truth_at, np.int64)]
        at_b = place_b[np.asarray(result_at, np.int64)]
        order = np.lexsort((at_b, at_a))
        return cls(
            TableSide(tracks_a[order_a], moments[: len(a[0])][order_a]),
            TableSide(tracks_b[order_b], moments[len(a[0]) :][order_b]),
            at_a[order],
            at_b[order],
            np.asarray(similarity, np.float64)[order],
            moment_groups,
            groups_a,
            groups_b,
            n_groups,
        )

    @classmethod
    def from_frames(
        cls,
        frames: Iterable[tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]],
    ) -> Self:
        """One group from, per frame, both sides' ids and an `(n, m)` similarity.

        A pair whose similarity is NaN cannot match.

        Examples:
            >>> similarity = [[0.9], [float("nan")]]
            >>> table = SimilarityTable.from_frames([([1, 2], [7], similarity)])
            >>> table.similarity, table.truth_at, table.result_at
            (array([0.9]), array([0]), array([0]))
        """
        return cls.from_groups([frames])

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Iterable[tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]]],
    ) -> Self:
        """As `from_frames`, one list of frames for each group."""
        sides: tuple[list[Ints], list[Ints]] = ([], [])
        where: tuple[list[Ints], list[Ints]] = ([], [])
        values: list[Floats] = []
        seen = [0, 0]
        for group, frames in enumerate(groups):
            for frame, (truth_ids, result_ids, matrix) in enumerate(frames):
                ids = [np.asarray(x, np.int64) for x in (truth_ids, result_ids)]
                table = np.asarray(matrix, np.float64)
                table = table.reshape(len(ids[0]), len(ids[1]))
                cells = np.nonzero(~np.isnan(table))
                values.append(table[cells])
                for side in (0, 1):
                    where[side].append(cells[side] + seen[side])
                    seen[side] += len(ids[side])
                    head = np.full((2, len(ids[side])), [[group], [frame]])
                    sides[side].append(np.concatenate([head, ids[side][None]]))
        flat = [
            DetectionKeys(*np.concatenate([np.zeros((3, 0), np.int64), *side], axis=1))
            for side in sides
        ]
        none = np.zeros(0, np.int64)
        return cls.build(
            flat[0],
            flat[1],
            np.concatenate([none, *where[0]]),
            np.concatenate([none, *where[1]]),
            np.concatenate([np.zeros(0), *values]),
            len(groups),
        )

    def keep(self, cells: Bools) -> Self:
        """The same detections with only the cells that the mask `(C,)` keeps."""
        return type(self)(
            self.truth,
            self.result,
            self.truth_at[cells],
            self.result_at[cells],
            self.similarity[cells],
            self.moment_groups,
            self.truth_groups,
            self.result_groups,
            self.n_groups,
        )

    @cached_property
    def cell_moments(self) -> Ints:
        """`(C,)` moment of each cell."""
        return self.truth.moments[self.truth_at]

    @cached_property
    def cell_groups(self) -> Ints:
        """`(C,)` group of each cell."""
        return self.moment_groups[self.cell_moments]

    @cached_property
    def truth_lengths(self) -> Ints:
        """`(G,)` number of moments with each annotated track."""
        return np.bincount(self.truth.tracks, minlength=len(self.truth_groups))

    @cached_property
    def result_lengths(self) -> Ints:
        """`(P,)` number of moments with each track of the result."""
        return np.bincount(self.result.tracks, minlength=len(self.result_groups))

    @cached_property
    def truth_counts(self) -> Ints:
        """`(n_groups,)` annotated detections."""
        return self.per_group(self.truth_groups[self.truth.tracks])

    @cached_property
    def result_counts(self) -> Ints:
        """`(n_groups,)` detections of the result."""
        return self.per_group(self.result_groups[self.result.tracks])

    def per_group(self, groups: Ints) -> Ints:
        """Number of entries of each group, `(n_groups,)`."""
        return np.bincount(groups, minlength=self.n_groups)


def _number(groups: Ints, values: Ints) -> tuple[Ints, Ints]:
    """Dense numbers `(N,)` of (group, value), ascending, and each number's group."""
    if not len(groups):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.lexsort((values, groups))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(groups[order]) != 0) | (np.diff(values[order]) != 0)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(first) - 1
    return numbers, groups[order][first]


def _inverse(order: Ints) -> Ints:
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place
