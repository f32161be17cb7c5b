"""HOTA: detection and association accuracy, averaged over localisation thresholds.

Source: Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object
Tracking" (IJCV 2021); fragments are that paper's section 8. Two programs compute it:
TrackEval, by the authors, and PoseTrack21's kit, which deviates in the ways that
`sum_hota` and `HotaSums.scores` name.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.eval.metrics.assignment import max_weight_matching
from poseflow.eval.metrics.similarity_table import SimilarityTable

Runs = Literal["published", "posetrack21"]

ALPHAS: Floats = np.arange(0.05, 0.99, 0.05)
"""The 19 localisation thresholds: 0.05, 0.10, ... 0.95."""
ALPHAS.flags.writeable = False
EPS = np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class HotaSums:
    """Sums over matches, from which every score follows; they add over sequences.

    All are `(..., alphas)`. With c a match, TPA, FNA and FPA those of its two tracks:

    Attributes:
        tp: Matches.
        fn: Annotated detections without a match.
        fp: Detections of the result without a match.
        loc: Sum of the matches' similarity.
        ass: Sum of A(c) = TPA / (TPA + FNA + FPA).
        ass_re: Sum of TPA / (TPA + FNA).
        ass_pr: Sum of TPA / (TPA + FPA).
        frag: Sum of F(c) = n / (TPA + FNA + FPA), n the length of the match's run.
        frag_ass: Sum of sqrt(A(c) F(c)).
    """

    tp: Floats
    fn: Floats
    fp: Floats
    loc: Floats
    ass: Floats
    ass_re: Floats
    ass_pr: Floats
    frag: Floats
    frag_ass: Floats

    @classmethod
    def zeros(cls, *shape: int) -> Self:
        """Sums over no match."""
        return cls(*(np.zeros(shape) for _ in fields(cls)))

    def __add__(self, other: Self) -> Self:
        """Both together."""
        names = [field.name for field in fields(self)]
        return type(self)(*(getattr(self, n) + getattr(other, n) for n in names))

    def __getitem__(self, which: Any) -> Self:
        """Some of the groups."""
        return type(self)(*(getattr(self, f.name)[which] for f in fields(self)))

    def sum(self, axis: int | tuple[int, ...] = 0) -> Self:
        """All groups along an axis together."""
        return type(self)(*(getattr(self, f.name).sum(axis) for f in fields(self)))

    def reshape(self, *shape: int) -> Self:
        """The groups in another shape; give -1 last for the alphas."""
        return type(self)(*(getattr(self, f.name).reshape(shape) for f in fields(self)))

    def scores(self, runs: Runs = "published") -> dict[str, Floats]:
        """The scores per threshold, `(..., alphas)`, in [0, 1].

        Without matches the association scores are 0 and LocA is 1. FA-HOTA is
        sqrt(DetA mean(sqrt(A F))) as published (section 8) and
        sqrt(DetA sqrt(AssA FragA)) in PoseTrack21's kit.
        """
        tp = np.maximum(1, self.tp)
        det_a = self.tp / np.maximum(1, self.tp + self.fn + self.fp)
        det_re = self.tp / np.maximum(1, self.tp + self.fn)
        det_pr = self.tp / np.maximum(1, self.tp + self.fp)
        ass_a, frag_a = self.ass / tp, self.frag / tp
        if runs == "published":
            frag_ass = self.frag_ass / tp
        else:
            frag_ass = np.sqrt(ass_a * frag_a)
        return {
            "HOTA": np.sqrt(det_a * ass_a),
            "DetA": det_a,
            "AssA": ass_a,
            "LocA": np.where(self.tp > 0, self.loc / tp, 1.0),
            "DetRe": det_re,
            "DetPr": det_pr,
            "AssRe": self.ass_re / tp,
            "AssPr": self.ass_pr / tp,
            "RHOTA": np.sqrt(det_re * ass_a),
            "FragA": frag_a,
            "FA-HOTA": np.sqrt(det_a * frag_ass),
            "FA-RHOTA": np.sqrt(det_re * frag_ass),
        }


def sum_hota(
    table: SimilarityTable,
    *,
    align: bool = True,
    runs: Runs = "published",
    alphas: Floats = ALPHAS,
) -> HotaSums:
    """Match once for all thresholds and sum up, per group.

    Args:
        table: All pairs with a similarity above 0.
        align: Maximise similarity x global alignment score, as published and
            in TrackEval; else similarity alone, as PoseTrack21's kit does for
            joints.
        runs: A run of one pair's matches ends, as published (section 8), at every
            moment that has one of the two without the other; in PoseTrack21's kit only
            where the person is matched to another id in between.
        alphas: Ascending thresholds; a match needs similarity >= alpha.

    Returns:
        Sums of shape `(n_groups, alphas)`.
    """
    g = table.truth.tracks[table.truth_at]
    p = table.result.tracks[table.result_at]
    weights = table.similarity
    if align:
        weights = weights * alignment(table)
    cells = np.flatnonzero(
        max_weight_matching(table.truth_at, table.result_at, weights)
    )
    return _sum_matches(table, cells, g, p, runs, alphas)


def alignment(table: SimilarityTable) -> Floats:
    """Global alignment score of each cell's two tracks, `(C,)`.

    A soft count of the frames that two tracks share (each frame's similarity over what
    the two detections have with all others) over the frames in which either is there.
    """
    similarity = table.similarity
    at, by = table.truth_at, table.result_at
    around = np.bincount(at, similarity)[at] + np.bincount(by, similarity)[by]
    shared = similarity / np.maximum(around - similarity, EPS)
    g, p = table.truth.tracks[at], table.result.tracks[by]
    key = g * len(table.result_groups) + p
    _, pair = np.unique(key, return_inverse=True)
    common = np.bincount(pair, shared)[pair]
    either = table.truth_lengths[g] + table.result_lengths[p] - common
    return common / either


def _sum_matches(
    table: SimilarityTable,
    cells: Ints,
    g: Ints,
    p: Ints,
    runs: Runs,
    alphas: Floats,
) -> HotaSums:
    """Sum up given matches (positions in the table of cells)."""
    size, steps = table.n_groups, len(alphas)
    similarity = table.similarity[cells]
    level = np.searchsorted(alphas - EPS, similarity, side="right")
    shown = level > 0
    cells, similarity, level = cells[shown], similarity[shown], level[shown]
    g, p = g[cells], p[cells]
    slot = table.cell_groups[cells] * (steps + 1) + level

    def per_alpha(slots: Ints, weights: Floats | None, rows: int) -> Floats:
        sums = np.bincount(slots, weights, rows * (steps + 1))
        sums = sums.reshape(rows, steps + 1)
        return np.cumsum(sums[:, :0:-1], axis=1, dtype=np.float64)[:, ::-1]

    key = g * len(table.result_groups) + p
    pairs, pair = np.unique(key, return_inverse=True)
    tpa = per_alpha(pair * (steps + 1) + level, None, len(pairs))
    of_truth, of_result = np.divmod(pairs, max(len(table.result_groups), 1))
    lengths = table.truth_lengths[of_truth], table.result_lengths[of_result]
    union = (lengths[0] + lengths[1])[:, None] - tpa
    # Tracks are numbered group after group, so pairs come sorted by group.
    group = table.truth_groups[of_truth]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]][: len(group)])

    def per_group(values: Floats) -> Floats:
        out = np.zeros((size, steps))
        if len(starts):
            out[group[starts]] = np.add.reduceat(values, starts, axis=0)
        return out

    square = tpa * tpa
    tp = per_alpha(slot, None, size)
    squares, roots = _run_lengths(table, cells, g, pair, level, steps, runs)
    return HotaSums(
        tp=tp,
        fn=table.truth_counts[:, None] - tp,
        fp=table.result_counts[:, None] - tp,
        loc=per_alpha(slot, similarity, size),
        ass=per_group(square / union),
        ass_re=per_group(square / lengths[0][:, None]),
        ass_pr=per_group(square / lengths[1][:, None]),
        frag=per_group(squares / union),
        frag_ass=per_group(roots * np.sqrt(tpa) / union),
    )


def _run_lengths(
    table: SimilarityTable,
    cells: Ints,
    g: Ints,
    pair: Ints,
    level: Ints,
    steps: int,
    runs: Runs,
) -> tuple[Floats, Floats]:
    """Per pair and alpha, the sums of n^2 and of n^1.5 over its runs of matches."""
    size = int(pair.max(initial=-1)) + 1
    squares, roots = np.zeros((2, size, steps))
    moment = table.cell_moments[cells]
    if runs == "published":
        order = np.lexsort((moment, pair))
        seen_g = _ordinals(table.truth)[table.truth_at[cells]][order]
        seen_p = _ordinals(table.result)[table.result_at[cells]][order]
    else:
        order = np.lexsort((moment, g))
    pair, level = pair[order], level[order]
    for alpha in range(steps):
        shown = level > alpha
        if not shown.all():
            pair, level = pair[shown], level[shown]
            if runs == "published":
                seen_g, seen_p = seen_g[shown], seen_p[shown]
        # In a person's order of time, the pair changes when the id does.
        fresh = np.ones(len(pair), bool)
        fresh[1:] = pair[1:] != pair[:-1]
        if runs == "published":
            fresh[1:] |= (np.diff(seen_g) != 1) | (np.diff(seen_p) != 1)
        heads = np.flatnonzero(fresh)
        lengths = np.diff(np.append(heads, len(pair))).astype(np.float64)
        squares[:, alpha] = np.bincount(pair[heads], lengths**2, size)
        roots[:, alpha] = np.bincount(pair[heads], lengths**1.5, size)
    return squares, roots


def _ordinals(side: Any) -> Ints:
    """Number of earlier detections of each detection's track, `(N,)`."""
    order = np.lexsort((side.moments, side.tracks))
    tracks = side.tracks[order]
    first = np.flatnonzero(np.r_[True, tracks[1:] != tracks[:-1]][: len(tracks)])
    out = np.empty(len(order), np.int64)
    length = np.diff(np.append(first, len(order)))
    out[order] = np.arange(len(order)) - np.repeat(first, length)
    return out
