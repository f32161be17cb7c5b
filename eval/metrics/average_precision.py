"""Average precision (AP): area under the precision/recall curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.eval.metrics.sorting import order_of_scores


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall, fractions, as the threshold falls.

    Attributes:
        precision: `(n,)` true among the predictions so far.
        recall: `(n,)` true so far among the annotated; NaN if nothing is annotated.
    """

    precision: Floats
    recall: Floats

    @property
    def average_precision(self) -> float:
        """Area under the curve whose precision never rises with recall."""
        return area_under(self.precision, self.recall)


def precision_recall(
    scores: Floats, correct: Bools, annotated: int, *, tied_together: bool
) -> Curve:
    """The curve of samples with scores.

    Args:
        scores: `(n,)` any finite values or -inf.
        correct: `(n,)` which samples are true positives.
        annotated: Number of annotated joints.
        tied_together: Whether samples of equal score enter as one step, so that their
            order does not matter. Otherwise the later sample enters first, which is
            what a stable ascending sort reversed gives.

    Examples:
        >>> curve = precision_recall(
        ...     np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2,
        ...     tied_together=True)
        >>> curve.recall.tolist(), round(curve.average_precision, 4)
        ([0.5, 0.5, 1.0], 0.8333)
    """
    order = order_of_scores(scores)[::-1]
    found = np.cumsum(correct[order])
    seen = np.arange(1, len(order) + 1)
    if tied_together and len(order):
        ranked = scores[order]
        last = np.flatnonzero(np.concatenate([ranked[1:] != ranked[:-1], [True]]))
        found, seen = found[last], seen[last]
    recall = found / annotated if annotated else np.full(len(found), np.nan)
    return Curve(found / seen, recall)


def area_under(precision: Floats, recall: Floats) -> float:
    """Area under the right-maximum of a precision/recall curve.

    Returns:
        A fraction; 0 for an empty curve, NaN where recall is.

    Examples:
        >>> area_under(np.array([1.0, 0.5, 0.75]), np.array([0.25, 0.25, 0.5]))
        0.4375
    """
    if not len(recall):
        return 0.0
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * envelope).sum())
