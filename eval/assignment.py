"""One-to-one assignment in sparse tables: the pairs of largest total weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]


def assign(rows: Ints, columns: Ints, weights: Floats) -> Mask:
    """Choose cells, at most one per row and column, of the largest total weight.

    The table may hold any number of frames at once: cells that share neither row nor
    column, directly or through others, do not influence each other. A cell alone in
    its row and column is taken at once, a row or column whose cells have no other
    neighbours takes its heaviest (the first on a tie), two by two is decided by the
    two sums, and only what remains is left to the Hungarian method.

    Args:
        rows: `(C,)` row of each cell, non-negative.
        columns: `(C,)` column of each cell, non-negative.
        weights: `(C,)`, all above 0. A cell that is not listed weighs 0.

    Returns:
        `(C,)`: which cells are chosen.

    Examples:
        >>> import numpy as np
        >>> i, j = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 2])
        >>> assign(i, j, np.array([0.9, 0.6, 0.5, 0.1]))
        array([False,  True,  True,  True])
    """
    chosen = np.zeros(len(rows), bool)
    if not len(rows):
        return chosen
    row_degrees = np.bincount(rows)[rows]
    column_degrees = np.bincount(columns)[columns]
    chosen[(row_degrees == 1) & (column_degrees == 1)] = True
    rest = np.flatnonzero(~chosen)
    if not len(rest):
        return chosen

    labels = _components(rows[rest], columns[rest])
    # A component is a star around a row if no column of it has a second cell.
    by_row = np.bincount(labels, column_degrees[rest] > 1) == 0
    by_column = np.bincount(labels, row_degrees[rest] > 1) == 0
    star = (by_row | by_column)[labels]
    chosen[_heaviest(rest[star], labels[star], weights)] = True
    rest, labels = rest[~star], labels[~star]

    order = np.argsort(labels, kind="stable")
    rest, labels = rest[order], labels[order]
    starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]][: len(rest)])
    n_rows = _distinct(rows[rest], starts, labels)
    n_columns = _distinct(columns[rest], starts, labels)
    ends = np.r_[starts[1:], len(rest)]
    small = (n_rows == 2) & (n_columns == 2)
    _two_by_two(rest, starts[small], ends[small], rows, columns, weights, chosen)
    for start, end in zip(starts[~small], ends[~small], strict=True):
        cells = rest[start:end]
        _, i = np.unique(rows[cells], return_inverse=True)
        _, j = np.unique(columns[cells], return_inverse=True)
        table = np.zeros((i.max() + 1, j.max() + 1))
        table[i, j] = weights[cells]
        taken = np.zeros(table.shape, bool)
        taken[linear_sum_assignment(table, maximize=True)] = True
        chosen[cells[taken[i, j]]] = True
    return chosen


def _components(rows: Ints, columns: Ints) -> Ints:
    """Dense labels `(C,)` of the connected parts of the table."""
    low = rows.min()
    shift = rows.max() - low + 1
    j = columns - columns.min() + shift
    size = int(j.max()) + 1
    graph = coo_array((np.ones(len(rows), np.int8), (rows - low, j)), (size, size))
    _, nodes = connected_components(graph, directed=False)
    labels: Ints = np.unique(nodes[rows - low], return_inverse=True)[1]
    return labels


def _heaviest(cells: Ints, labels: Ints, weights: Floats) -> Ints:
    """The heaviest cell of each label, the first on a tie."""
    order = np.lexsort((cells, -weights[cells], labels))
    first = np.ones(len(cells), bool)
    first[1:] = np.diff(labels[order]) != 0
    heads: Ints = order[first]
    return cells[heads]


def _distinct(values: Ints, starts: Ints, labels: Ints) -> Ints:
    """How many different values each run of `labels` (starting at `starts`) has."""
    if not len(values):
        return np.zeros(0, np.int64)
    order = np.lexsort((values, labels))
    new = np.r_[True, np.diff(values[order]) != 0]
    new[starts] = True
    return np.add.reduceat(new.astype(np.int64), starts)


def _two_by_two(
    cells: Ints,
    starts: Ints,
    ends: Ints,
    rows: Ints,
    columns: Ints,
    weights: Floats,
    chosen: Mask,
) -> None:
    """Decide all components of two rows and two columns at once, into `chosen`."""
    if not len(starts):
        return
    # Three or four cells each; the first one fixes which row and column is "0".
    lengths = ends - starts
    which = np.repeat(np.arange(len(starts)), lengths)
    inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = cells[np.repeat(starts, lengths) + inside]
    head = cells[starts][which]
    crossing = (rows[at] != rows[head]) ^ (columns[at] != columns[head])
    straight = np.bincount(which, np.where(crossing, 0, weights[at]))
    across = np.bincount(which, np.where(crossing, weights[at], 0))
    chosen[at[crossing == (across > straight)[which]]] = True
