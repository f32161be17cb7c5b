"""Figures of one result: totals, by sequence, and totals of resampled sequences.

Totals are not means over sequences: they pool counts. A resample, in which a sequence
occurs any number of times, therefore adds up the sequences' counts by those numbers
and divides then, as the total itself does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.metric import make_metric
from poseflow.eval.metrics.hota import HotaSums
from poseflow.eval.metrics.sorting import order_of_scores
from poseflow.eval.posetrack.joint_ap import RankedJoints
from poseflow.eval.posetrack.joint_hota import mean_curves
from poseflow.eval.posetrack.rules import RuleSet, rules_of
from poseflow.eval.tracking import TrackingScores

Resampled = Callable[[Ints], Floats]
"""Times that each sequence occurs, `(R, S)`, to a figure of each resample, `(R,)`."""

BLOCK_VALUES = 1 << 20
"""Values that resampled AP holds at once."""


@dataclass(frozen=True, eq=False)
class Figure:
    """One figure of a result; percent, higher is better, NaN where undefined.

    Attributes:
        total: Over all sequences.
        sequences: `(S,)` of each sequence alone.
        resampled: Its totals over resampled sequences.
    """

    total: float
    sequences: Floats
    resampled: Resampled


def tracking_figures(
    scores: Sequence[TrackingScores], suffix: str = ""
) -> dict[str, Figure]:
    """HOTA, DetA, AssA, MOTA and IDF1 of whole people or boxes."""
    total = sum(scores[1:], scores[0])
    counts = {
        name: np.array([s.counts[name] for s in scores], np.float64)
        for name in total.counts
    }
    wrong = counts["num_misses"] + counts["num_false_positives"]
    wrong = wrong + counts["num_switches"]
    objects = counts["num_objects"]
    either = objects + counts["num_predictions"]
    sums = stack_sums([s.sums for s in scores])
    curves = total.curves()
    single = [s.curves() for s in scores]

    def of_hota(name: str) -> Figure:
        def resampled(times: Ints) -> Floats:
            values: Floats = weighted_sums(times, sums).scores()[name].mean(axis=-1)
            return 100 * values

        each = np.array([float(c[name].mean()) for c in single])
        return Figure(float(curves[name].mean()), each, resampled)

    return {
        **{f"{n}{suffix}": of_hota(n) for n in ("HOTA", "DetA", "AssA")},
        f"MOTA{suffix}": Figure(
            total.mota,
            np.array([s.mota for s in scores]),
            lambda times: 100 - ratio(100 * (times @ wrong), times @ objects),
        ),
        f"IDF1{suffix}": Figure(
            total.idf1,
            np.array([s.idf1 for s in scores]),
            lambda times: ratio(200 * (times @ counts["idtp"]), times @ either),
        ),
    }


def posetrack_figures(
    mode: str, names: Sequence[str], parts: Mapping[str, Sequence[Any]]
) -> dict[str, Figure]:
    """Totals of PoseTrack's metrics: mAP, MOTA, HOTA, IDF1, and those of people.

    Args:
        mode: Whose rules the measurements follow.
        names: Of the sequences.
        parts: Metric -> the measurement of each sequence.
    """
    rules = rules_of(mode)
    figures: dict[str, Figure] = {}
    for metric, measured in parts.items():
        if metric == "pose":
            figures |= tracking_figures(measured, " (people)")
            continue
        shown, field = _TOTALS[metric]
        section = make_metric(mode, metric).combine(names, measured)
        each = [section.sequences[name].joints[field][-1] for name in names]
        figures[shown] = Figure(
            float(section.joints[field][-1]),
            np.array(each, np.float64),
            _RESAMPLED[metric](rules, measured),
        )
    return figures


_TOTALS = {
    "ap": ("mAP", "ap"),
    "mot": ("MOTA", "mota"),
    "hota": ("HOTA", "HOTA"),
    "idf1": ("IDF1", "IDF1"),
}


def _mota(rules: RuleSet, parts: Sequence[Any]) -> Resampled:
    names = ("num_misses", "num_switches", "num_false_positives")
    wrong = np.array([sum(p.counts[name] for name in names) for p in parts])
    objects = np.array([p.counts["num_objects"] for p in parts])
    return lambda times: mean_of_defined(
        100 - ratio(100 * (times @ wrong), times @ objects)
    )


def _idf1(rules: RuleSet, parts: Sequence[Any]) -> Resampled:
    idtp, idfp, idfn = (
        np.array([p[name].sum() for p in parts]) for name in ("idtp", "idfp", "idfn")
    )
    return lambda times: ratio(200 * (times @ idtp), times @ (2 * idtp + idfp + idfn))


def _hota(rules: RuleSet, parts: Sequence[Any]) -> Resampled:
    if rules.hota_totals == "pooled":
        pooled = stack_sums([part.sum(axis=0) for part in parts])

        def resampled(times: Ints) -> Floats:
            values: Floats = 100 * weighted_sums(times, pooled).scores()["HOTA"]
            return np.asarray(values.mean(axis=-1))

        return resampled
    # As `weighted_curves`: counts are added, association is weighted by matches.
    single = [{name: c[-1] for name, c in mean_curves(p).items()} for p in parts]
    tp, fn, fp, ass_a = (
        np.array([one[name] for one in single])
        for name in ("HOTA_TP", "HOTA_FN", "HOTA_FP", "AssA")
    )

    def weighted(times: Ints) -> Floats:
        matches = times @ tp
        det_a = matches / np.maximum(1, times @ (tp + fn + fp))
        association = (times @ (ass_a * tp)) / np.maximum(1, matches)
        return np.asarray(100 * np.sqrt(det_a * association).mean(axis=-1))

    return weighted


def _ap(rules: RuleSet, parts: Sequence[RankedJoints]) -> Resampled:
    joined = RankedJoints.join(parts)
    sequence = np.repeat(np.arange(len(parts)), [len(p.scores) for p in parts])
    annotated = np.array([p.annotated for p in parts])
    tied = rules.tied_scores == "one_step"

    def resampled(times: Ints) -> Floats:
        columns = []
        for joint in range(annotated.shape[1]):
            there = joined.present[:, joint]
            values = joined.scores[there, joint]
            order = order_of_scores(values)[::-1]
            steps = np.append(values[order][1:] != values[order][:-1], True)[
                : len(order)
            ]
            area = _weighted_areas(
                times,
                sequence[there][order],
                joined.correct[there, joint][order],
                steps if tied else np.ones_like(steps),
            )
            count = times @ annotated[:, joint]
            ap = ratio(100 * area, count)
            if rules.absent_joints == "zero":
                ap = np.nan_to_num(ap)
            columns.append(ap)
        return mean_of_defined(np.stack(columns, axis=1))

    return resampled


def _weighted_areas(
    times: Ints, sequence: Ints, correct: Bools, steps: Bools
) -> Floats:
    """Area under precision over true positives, for every resample, `(R,)`.

    Copies of a joint, one for each time that its sequence occurs, enter the curve
    together. Precision rises until the next false positive, so that only the last
    point before one can be a maximum; the others are left out beforehand.

    Args:
        times: `(R, S)`.
        sequence: `(n,)` sequence of each predicted joint, by falling score.
        correct: `(n,)` true positives.
        steps: `(n,)` whether the curve has a point after this joint.
    """
    point: Ints = np.cumsum(steps) - steps
    false = np.append(np.bincount(point, ~correct)[1:] > 0, True)
    kept = np.flatnonzero((np.bincount(point, correct) > 0) & false[: len(steps)])
    piece = np.searchsorted(kept, point)
    shape = len(kept) + 1, times.shape[1]
    cells = piece * shape[1] + sequence
    found, seen = (
        np.cumsum(np.bincount(cells, values, shape[0] * shape[1]).reshape(shape), 0)[
            :-1
        ]
        for values in (correct, None)
    )
    areas = np.zeros(len(times))
    size = max(1, BLOCK_VALUES // max(1, len(kept)))
    for start in range(0, len(times), size):
        weights = times[start : start + size].T.astype(np.float64)
        true = found @ weights
        precision = true / np.maximum(seen @ weights, 1)
        envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        gained = np.diff(true, axis=0, prepend=0)
        areas[start : start + size] = (gained * envelope).sum(axis=0)
    return areas


_RESAMPLED: Mapping[str, Callable[[RuleSet, Sequence[Any]], Resampled]] = {
    "ap": _ap,
    "mot": _mota,
    "hota": _hota,
    "idf1": _idf1,
}


def stack_sums(sums: Sequence[HotaSums]) -> HotaSums:
    """One `HotaSums` of `(S, alphas)`."""
    names = HotaSums.__dataclass_fields__
    return HotaSums(*(np.array([getattr(s, name) for s in sums]) for name in names))


def weighted_sums(times: Ints, sums: HotaSums) -> HotaSums:
    """Sums `(R, alphas)` of resamples of `(S, alphas)`."""
    names = HotaSums.__dataclass_fields__
    return HotaSums(*(times @ getattr(sums, name) for name in names))


def ratio(over: Floats, under: Floats) -> Floats:
    """Over / under, NaN where there is nothing to divide by."""
    out: Floats = np.full(np.shape(under), np.nan)
    np.divide(over, under, out=out, where=np.asarray(under) > 0)
    return out


def mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis of the values that are not NaN; NaN if all are."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))
