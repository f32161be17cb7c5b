"""One-to-one assignment of tracks and detections, gated."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from poseflow.arrays import Bools, Floats, Ints

TIE_BREAK = 1e-12
"""Largest difference of similarity that the order of rows and columns makes."""


def assign(
    similarity: Floats,
    minimum: float,
    allowed: Bools | None = None,
) -> Ints:
    """Assignment of greatest total similarity (Hungarian algorithm), gated.

    The gate comes before the assignment: a pair that cannot be accepted does not take a
    detection from a pair that can. Among equal choices the one that keeps rows and
    columns in order wins, by a term too small to outweigh a real difference, so that
    results do not depend on the solver.

    Args:
        similarity: `(N, P)`, rows tracks and columns detections.
        minimum: Pairs at or below it are not made.
        allowed: `(N, P)`; False forbids a pair.

    Returns:
        `(n, 2)` rows and columns, ascending by row.

    Examples:
        >>> import numpy as np
        >>> assign(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.2).tolist()
        [[0, 1], [1, 0]]
    """
    open_ = similarity > minimum
    if allowed is not None:
        open_ &= allowed
    # Only rows and columns that have a partner at all enter the solver.
    rows, columns = np.flatnonzero(open_.any(axis=1)), np.flatnonzero(open_.any(axis=0))
    if len(rows) == 0:
        return np.zeros((0, 2), np.int64)
    block, possible = similarity[np.ix_(rows, columns)], open_[np.ix_(rows, columns)]
    slope = np.subtract.outer(np.arange(len(rows)), np.arange(len(columns))) ** 2
    gain = np.where(possible, block - minimum - TIE_BREAK / slope.size * slope, 0.0)
    i, j = linear_sum_assignment(gain, maximize=True)
    made = possible[i, j]
    pairs: Ints = np.stack([rows[i[made]], columns[j[made]]], axis=1)
    return pairs


def assign_released(grades: Floats) -> Ints:
    """The assignment of the released tracker, ties included.

    Kuhn-Munkres as munkres 1.0.12 and 1.1.4 do it; from 2.0 on the package chooses
    other pairs among equals, which changes ids.

    Args:
        grades: `(N, P)`, larger is better; N and P may differ and be 0.

    Returns:
        `(n, 2)` rows and columns, ascending by row, n = min(N, P); pairs of grade 0
        are among them.
    """
    if grades.size == 0:
        return np.zeros((0, 2), np.int64)
    from munkres import Munkres

    return np.array(Munkres().compute((-grades).tolist()), np.int64).reshape(-1, 2)
