"""Maximum-weight matching (one-to-one assignment) in sparse tables."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from poseflow.arrays import Bools, Floats, Ints

Solver = Callable[..., tuple[Ints, Ints]]

LSAP = "scipy.optimize._lsap"
"""Scipy's extension module with the Hungarian method."""
DOMINANCE = 1 - 1e-9
"""Share of a cell's weight that the others may reach; below 1 by more than rounding."""
DOMINANCE_ROUNDS = 4
"""How often to look for such cells; more rounds find few."""


def max_weight_matching(rows: Ints, columns: Ints, weights: Floats) -> Bools:
    """Choose cells, at most one per row and column, of the largest total weight.

    The table may hold any number of frames at once: cells that share neither row nor
    column, directly or through others, do not influence each other. A cell that
    outweighs all others of its row and column together is in every best choice, so it
    is taken at once. Of the others, a row or column whose cells have no other
    neighbours takes its heaviest (the first on a tie), two rows or two columns with
    any number of cells are decided by their four heaviest, and only what remains is
    left to the Hungarian method.

    Args:
        rows: `(C,)` row of each cell, non-negative.
        columns: `(C,)` column of each cell, non-negative.
        weights: `(C,)`, all above 0. A cell that is not listed weighs 0.

    Returns:
        `(C,)`: which cells are chosen.

    Examples:
        >>> import numpy as np
        >>> i, j = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 2])
        >>> max_weight_matching(i, j, np.array([0.9, 0.6, 0.5, 0.1]))
        array([False,  True,  True,  True])
    """
    chosen = np.zeros(len(rows), bool)
    rest = _take_dominant(rows, columns, weights, chosen)
    if not len(rest):
        return chosen

    row_degrees = np.bincount(rows[rest])[rows[rest]]
    column_degrees = np.bincount(columns[rest])[columns[rest]]
    labels = _components(rows[rest], columns[rest])
    # A component is a star around a row if no column of it has a second cell.
    by_row = np.bincount(labels, column_degrees > 1) == 0
    by_column = np.bincount(labels, row_degrees > 1) == 0
    star = (by_row | by_column)[labels]
    chosen[_heaviest(rest[star], labels[star], weights)] = True
    rest, labels = rest[~star], labels[~star]

    for across in (columns, rows):
        if len(rest):
            along = rows if across is columns else columns
            two = (_distinct(along[rest], labels) == 2)[labels]
            chosen[_best_two(rest[two], labels[two], along, across, weights)] = True
            rest, labels = rest[~two], _relabelled(labels[~two])
    if len(rest):
        chosen[_hungarian(rest, labels, rows, columns, weights)] = True
    return chosen


def _take_dominant(rows: Ints, columns: Ints, weights: Floats, chosen: Bools) -> Ints:
    """Choose cells that outweigh their row's and column's others, again and again.

    Exchanging such a cell for the at most two cells that block it always gains weight.

    Args:
        rows: `(C,)` as in `max_weight_matching`.
        columns: `(C,)`.
        weights: `(C,)`.
        chosen: `(C,)`; the cells found are set.

    Returns:
        The cells without a chosen one in their row and column.
    """
    rest = np.arange(len(rows))
    for _ in range(DOMINANCE_ROUNDS):
        row, column, weight = rows[rest], columns[rest], weights[rest]
        row_sums, column_sums = np.bincount(row, weight), np.bincount(column, weight)
        others = row_sums[row] + column_sums[column] - 2 * weight
        dominant = others < weight * DOMINANCE
        if not dominant.any():
            break
        chosen[rest[dominant]] = True
        used_rows = np.zeros(len(row_sums), bool)
        used_columns = np.zeros(len(column_sums), bool)
        used_rows[row[dominant]] = used_columns[column[dominant]] = True
        rest = rest[~used_rows[row] & ~used_columns[column]]
    return rest


def _hungarian(
    rest: Ints, labels: Ints, rows: Ints, columns: Ints, weights: Floats
) -> Ints:
    """The cells of the best assignment, component by component."""
    linear_sum_assignment = _solver()
    order = np.argsort(labels, kind="stable")
    rest, labels = rest[order], labels[order]
    i, j = _places(rows[rest], labels), _places(columns[rest], labels)
    ends = np.cumsum(np.bincount(labels)).tolist()
    taken = np.zeros(len(rest), bool)
    for start, end in zip([0, *ends], ends, strict=False):
        part = slice(start, end)
        at, by = i[part], j[part]
        table = np.zeros((at.max() + 1, by.max() + 1))
        table[at, by] = weights[rest[part]]
        partner = np.full(len(table), -1)
        row, column = linear_sum_assignment(table, maximize=True)
        partner[row] = column
        taken[part] = partner[at] == by
    chosen: Ints = rest[taken]
    return chosen


@cache
def _solver() -> Solver:
    """`scipy.optimize.linear_sum_assignment`, from the extension that has it.

    Importing `scipy.optimize` takes 0.3 s of CPU, more than most evaluations. Where the
    extension is not found alone, it is imported all the same.
    """
    if LSAP not in sys.modules:
        with contextlib.suppress(ImportError, AttributeError):
            return _load_alone(LSAP)
    from scipy.optimize import linear_sum_assignment

    solver: Solver = linear_sum_assignment
    return solver


def _load_alone(name: str) -> Solver:
    """The solver of an extension module, without the packages around it.

    Raises:
        ImportError: If it is not found or does not load.
        AttributeError: If it has no such function.
    """
    package, *folders, stem = name.split(".")
    home = importlib.util.find_spec(package)
    roots = () if home is None else home.submodule_search_locations or ()
    places = [str(Path(root, *folders)) for root in roots]
    found = importlib.machinery.PathFinder.find_spec(stem, places)
    origin = None if found is None else found.origin
    spec = origin and importlib.util.spec_from_file_location(name, origin)
    if not spec or spec.loader is None:
        raise ImportError(f"{name} is not in {places}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    solver: Solver = module.linear_sum_assignment
    return solver


def _places(values: Ints, labels: Ints) -> Ints:
    """Position `(C,)` of each value among its label's distinct ones, ascending.

    Args:
        values: `(C,)`.
        labels: `(C,)` ascending, without gaps.
    """
    order = np.lexsort((values, labels))
    head = np.ones(len(order), bool)
    head[1:] = np.diff(labels) != 0
    new = head.copy()
    new[1:] |= np.diff(values[order]) != 0
    number = np.cumsum(new) - 1
    places = np.empty_like(order)
    places[order] = number - number[head][labels]
    return places


def _components(rows: Ints, columns: Ints) -> Ints:
    """Dense labels `(C,)` of the connected parts of the table."""
    row_labels = np.arange(rows.max() + 1)
    column_labels = np.full(columns.max() + 1, len(row_labels))
    while True:
        # The smallest label spreads through the component, two steps an iteration.
        np.minimum.at(column_labels, columns, row_labels[rows])
        before = row_labels[rows]
        np.minimum.at(row_labels, rows, column_labels[columns])
        if np.array_equal(before, row_labels[rows]):
            return _relabelled(before)


def _relabelled(labels: Ints) -> Ints:
    """The same labels without gaps."""
    dense: Ints = np.unique(labels, return_inverse=True)[1]
    return dense


def _heaviest(cells: Ints, labels: Ints, weights: Floats) -> Ints:
    """The heaviest cell of each label, the first on a tie."""
    order = np.lexsort((cells, -weights[cells], labels))
    first = np.ones(len(cells), bool)
    first[1:] = np.diff(labels[order]) != 0
    heads: Ints = order[first]
    return cells[heads]


def _distinct(values: Ints, labels: Ints) -> Ints:
    """How many different values each label has."""
    order = np.lexsort((values, labels))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(values[order]) != 0) | (np.diff(labels[order]) != 0)
    return np.bincount(labels[order][new])


def _best_two(
    cells: Ints, labels: Ints, along: Ints, across: Ints, weights: Floats
) -> Ints:
    """The best assignment of components that have two lines each.

    Args:
        cells: Positions of the components' cells.
        labels: Their component.
        along: Line of every cell of the table; two in each component.
        across: The other index of every cell.
        weights: Of every cell.
    """
    if not len(cells):
        return cells
    # Only a line's two heaviest cells can matter: the other line blocks at most one.
    order = np.lexsort((cells, -weights[cells], along[cells], labels))
    cells, labels = cells[order], labels[order]
    line = along[cells]
    head = np.ones(len(cells), bool)
    head[1:] = (line[1:] != line[:-1]) | (labels[1:] != labels[:-1])
    first = np.flatnonzero(head)  # lines in pairs: first, second, first, second, ...
    lengths = np.diff(np.append(first, len(cells)))
    second = np.where(lengths > 1, first + 1, -1)
    a, b = cells[first[0::2]], cells[first[1::2]]
    a2, b2 = (np.where(s >= 0, cells[s], -1) for s in (second[0::2], second[1::2]))
    # Without a second cell the other line's first stands alone.
    heavy_a = np.where(b2 >= 0, weights[b2], 0) + weights[a]
    heavy_b = np.where(a2 >= 0, weights[a2], 0) + weights[b]
    clash = across[a] == across[b]
    keep_a = ~clash | (heavy_a >= heavy_b)
    left = np.where(keep_a, a, a2)
    right = np.where(~clash | ~keep_a, b, b2)
    both: Ints = np.concatenate([left, right])
    return both[both >= 0]
