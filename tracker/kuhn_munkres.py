"""The assignment of munkres 1.0.12, ties included, row by row instead of cell by cell.

The Kuhn-Munkres method (Munkres, "Algorithms for the assignment and transportation
problems", 1957) leaves open which of several zeros to take next, and where costs tie
that decides the answer. This follows the choices of the package munkres 1.0.12 and
1.1.4 (Apache-2.0), which the released tracker used, and makes the same sums in the same
order, so that rounding falls alike; tests compare the two. What the package scans in
Python, cell by cell, is done on whole rows here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def kuhn_munkres(cost: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.int64]:
    """Pairs of rows and columns with the least total cost.

    Args:
        cost: `(N, P)` finite, any sign; the smaller side is padded with zeros.

    Returns:
        `(min(N, P), 2)` rows and columns, ascending by row.
    """
    rows, columns = cost.shape
    if not rows or not columns:
        return np.zeros((0, 2), np.int64)
    n = max(rows, columns)
    left = np.zeros((n, n))
    left[:rows, :columns] = cost
    left -= left.min(axis=1, keepdims=True)
    zero = left == 0
    star_in_row, star_in_column = _first_stars(zero)

    while (star_in_column < 0).any():
        prime = np.full(n, -1)  # column of the primed zero of each row
        row_open = np.ones(n, np.bool_)
        column_open = star_in_column < 0
        waiting = zero[:, column_open].any(axis=1)  # open rows with an open zero
        row = column = 0
        while True:
            later = row + int(waiting[row:].argmax())
            row = later if waiting[later] else int(waiting.argmax())
            if not waiting[row]:
                _uncover(left, row_open, column_open)
                zero = left == 0
                waiting = zero[:, column_open].any(axis=1) & row_open
                row = column = 0
                continue
            # Of a row's zeros the last counts, scanning on from the column before.
            open_zero = zero[row] & column_open
            places = open_zero[:column].nonzero()[0]
            if not len(places):
                places = open_zero.nonzero()[0]
            column = int(places[-1])
            prime[row] = column
            if star_in_row[row] < 0:
                break
            column = int(star_in_row[row])
            row_open[row] = False
            column_open[column] = True
            waiting |= zero[:, column]
            waiting &= row_open
        while row >= 0:  # from the primed zero on, primes become stars
            column = int(prime[row])
            other = int(star_in_column[column])
            star_in_row[row], star_in_column[column] = column, row
            row = other

    made = np.flatnonzero(star_in_row[:rows] < columns)
    return np.stack([made, star_in_row[made]], axis=1)


def _first_stars(
    zero: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row after row, the first zero in a column that has no star yet."""
    n = len(zero)
    in_row, in_column = np.full(n, -1), np.full(n, -1)
    free = np.ones(n, np.bool_)
    for row in np.flatnonzero(zero.any(axis=1)):
        open_zero = zero[row] & free
        column = int(open_zero.argmax())
        if open_zero[column]:
            in_row[row], in_column[column] = column, row
            free[column] = False
    return in_row, in_column


def _uncover(
    left: npt.NDArray[np.float64],
    row_open: npt.NDArray[np.bool_],
    column_open: npt.NDArray[np.bool_],
) -> None:
    """Make a zero: add the least open cost to closed rows, take it off open columns.

    Closed rows get it in open columns too, and lose it again: rounding must fall alike.
    """
    least = left[np.ix_(row_open, column_open)].min()
    left[~row_open] += least
    left[:, column_open] -= least
