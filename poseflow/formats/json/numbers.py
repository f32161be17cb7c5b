"""Shortest decimal form of numbers for JSON: read back, they are the same floats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poseflow.arrays import Floats

_POWERS = 10.0 ** np.arange(23)  # the powers of ten that float64 holds exactly


def shortest(values: Floats) -> Floats:
    """The same numbers in float64, with as few decimals as restore them exactly.

    A float32 like 0.1 is 0.10000000149... in float64; the result is 0.1, which rounds
    to the same float32. float64 is returned as it is: JSON encoders write its shortest
    form anyway.

    Examples:
        >>> shortest(np.array([0.1, 640.25], np.float32)).tolist()
        [0.1, 640.25]
    """
    wide: Floats = values.astype(np.float64)
    if values.dtype == np.float64:
        return wide
    return _round(wide, lambda rounded: rounded, values)


def widths(low: Floats, high: Floats, exact: Floats) -> Floats:
    """Widths that, added to `low`, restore `exact` in its own precision.

    Not every pair of float64 edges has such a width; then the sum is off by the last
    bit. Edges computed from a width, as when a file is read, always have one.

    Args:
        low: Left or top edges, any shape.
        high: Right or bottom edges as they would be written.
        exact: The same edges as they are stored.
    """
    return _round(high - low, lambda rounded: low + rounded, exact)


def _round(
    values: Floats,
    restore: Callable[[Floats], Floats],
    exact: Floats,
) -> Floats:
    """The first of two roundings from which `restore` gives `exact`, or `values`."""
    result = values.copy()
    unsolved = np.isfinite(values)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        half_step = np.spacing(np.abs(exact)).astype(np.float64) / 2
        decimals = np.nan_to_num(np.floor(-np.log10(half_step)))
        # Not a generator of candidates: a Ctrl-C that comes just when Python closes one
        # that was left early is swallowed.
        for more in (0, 1, None):
            candidate = values if more is None else _decimal(values, decimals + more)
            fits = unsolved & (restore(candidate).astype(exact.dtype) == exact)
            result[fits] = candidate[fits]
            unsolved &= ~fits
            if not unsolved.any():
                break
    return result


def _decimal(values: Floats, decimals: Floats) -> Floats:
    """Rounded to so many decimals each."""
    scale = _POWERS[np.clip(decimals, 0, len(_POWERS) - 1).astype(np.int64)]
    # A quotient of whole numbers is the float64 nearest to the decimal.
    rounded: Floats = np.rint(values * scale) / scale
    return rounded
