"""Correspondences between two frames, and the fraction that two regions share.

A correspondence maps the point (x1, y1) of one frame to (x2, y2) in the next. The
shared fraction of two regions is an intersection over union of index sets: matches that
leave the first region *and* arrive in the second, over those that do either (method of
the code released with PoseFlow, Xiu et al., BMVC 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from poseflow.arrays import Floats, Ints
from poseflow.errors import PoseFlowError


@dataclass(frozen=True)
class PixelIdentity:
    """One correspondence per pixel, each pixel with itself, in closed form.

    The released tracker substitutes these where it finds too few matches: all of x in
    0..width-1, y in 0..height-1. Counts follow from areas.

    Attributes:
        width: Pixels per row.
        height: Number of rows.
    """

    width: int
    height: int

    def __len__(self) -> int:
        """Number of correspondences, one per pixel."""
        return self.width * self.height

    def count(self, regions: Floats) -> Floats:
        """Pixels inside `(..., 4)` xyxy regions, borders included."""
        low = np.maximum(np.ceil(regions[..., :2]), 0)
        high = np.minimum(np.floor(regions[..., 2:]), (self.width - 1, self.height - 1))
        sides = np.maximum(high - low + 1, 0)
        pixels: Floats = sides[..., 0] * sides[..., 1]
        return pixels


TABLE_SIZE = 400_000
"""Entries of the lookup table behind the counting of points; about 2 MB."""

MOST_STRIPS = 30_000
"""Strips are numbered by 16-bit integers."""

Correspondences: TypeAlias = Floats | PixelIdentity
"""`(M, 4)` x1, y1, x2, y2 in pixels, or the closed form `PixelIdentity`."""


def as_correspondences(matches: npt.ArrayLike, where: str = "") -> Floats:
    """Check matches that came from outside; extra columns are dropped.

    Args:
        matches: `(M, 4)` or wider; x1, y1, x2, y2 first.
        where: The file or argument, for the message.

    Returns:
        `(M, 4)` float64; rows that are not finite are left out.

    Raises:
        PoseFlowError: If the array has another shape or is not numeric.
    """
    where = where or "correspondences"
    try:
        array = np.asarray(matches, np.float64)
    except (TypeError, ValueError) as error:
        raise PoseFlowError(
            f"{where}: expected an array of numbers ({error})"
        ) from error
    if array.size == 0:
        return np.zeros((0, 4))
    if array.ndim != 2 or array.shape[1] < 4:
        raise PoseFlowError(
            f"{where}: expected rows of x1, y1, x2, y2, got shape {array.shape}"
        )
    array = array[:, :4]
    return array[np.isfinite(array).all(axis=1)]


def count_shared(
    matches: Correspondences, first: Floats, second: Floats
) -> tuple[Floats, Floats, Floats]:
    """Count the correspondences of region pairs, in K independent layers.

    Args:
        matches: M correspondences.
        first: Regions `(K, N, 4)` xyxy in the earlier frame, borders included. An
            inverted or NaN region holds nothing.
        second: Regions `(K, P, 4)` in the later frame.

    Returns:
        Whole numbers (exact below 2**24) in float64: `(K, N)` leaving each first
        region, `(K, P)` arriving in each second region, `(K, N, P)` doing both.

    Examples:
        >>> import numpy as np
        >>> matches = np.array([[1, 1, 5, 5], [2, 2, 9, 9.0]])
        >>> old, new = np.array([[[0, 0, 3, 3.0]]]), np.array([[[4, 4, 6, 6.0]]])
        >>> [c.tolist() for c in count_shared(matches, old, new)]
        [[[2.0]], [[1.0]], [[[1.0]]]]
    """
    if isinstance(matches, PixelIdentity):
        both = np.concatenate(
            [
                np.maximum(first[:, :, None, :2], second[:, None, :, :2]),
                np.minimum(first[:, :, None, 2:], second[:, None, :, 2:]),
            ],
            axis=-1,
        )
        return matches.count(first), matches.count(second), matches.count(both)

    layers, old, new = first.shape[0], first.shape[1], second.shape[1]
    none = np.zeros((layers, old)), np.zeros((layers, new))
    if len(matches) == 0:
        return *none, np.zeros((layers, old, new))
    if layers * old * new == 0:
        return (
            _incidence(matches[:, :2], first)[1] if none[0].size else none[0],
            _incidence(matches[:, 2:], second)[1] if none[1].size else none[1],
            np.zeros((layers, old, new)),
        )
    leaving_csr, leaving_sum = _incidence(matches[:, :2], first)
    arriving_csr, arriving_sum = _incidence(matches[:, 2:], second)
    product = leaving_csr @ arriving_csr.T
    row = np.repeat(np.arange(layers * old), np.diff(product.indptr))
    both = np.zeros((layers * old, new))
    both[row, product.indices % new] = product.data
    return leaving_sum, arriving_sum, both.reshape(layers, old, new)


def shared_fraction(
    matches: Correspondences, first: Floats, second: Floats, epsilon: float = 0.0
) -> Floats:
    """Fraction of correspondences that every pair of regions shares, in K layers.

    Args:
        matches: M correspondences.
        first: Regions `(K, N, 4)` xyxy in the earlier frame.
        second: Regions `(K, P, 4)` in the later frame.
        epsilon: Added to the denominator (the released code has 1e-5).

    Returns:
        `(K, N, P)` in [0, 1]; 0 where neither region has a point.
    """
    leaving, arriving, both = count_shared(matches, first, second)
    either = leaving[:, :, None] + arriving[:, None, :] - both
    return np.divide(both, either + epsilon, out=both, where=either > 0)


def _incidence(points: Floats, regions: Floats) -> tuple[Any, Floats]:
    """Which of M points lie in which regions, as a sparse matrix.

    Points are binned in horizontal strips and sorted by x inside a strip, so that few
    points outside a region are tested. The x test is made on ranks, and is exact; the
    y test follows.

    Returns:
        CSR `(K * R, K * M)`, block diagonal in the layers, and the `(K, R)` counts.
    """
    layers, count, total = regions.shape[0], regions.shape[1], len(points)
    x1, y1, x2, y2 = regions.reshape(-1, 4).T
    box = np.flatnonzero((x2 >= x1) & (y2 >= y1))
    by_x = np.argsort(points[:, 0])
    x, y = points[by_x, 0], points[by_x, 1]
    x1, y1, x2, y2 = x1[box], y1[box], x2[box], y2[box]

    top = float(y.min())
    span = float(y.max()) - top
    # Half a typical region high, but few enough strips to bound the table below.
    strip = float(np.median(y2 - y1)) / 2 if len(box) else 1.0
    strip = max(strip, 1.0, span * total / TABLE_SIZE, span / MOST_STRIPS)
    number = ((y - top) / strip).astype(np.int16)
    last = int(number.max())
    order = np.argsort(number, kind="stable")  # radix sort: short integers
    # Points of a strip whose x rank is below r, counted on from the strip's first.
    table = np.zeros((last + 1, total + 1), np.int32)
    table[number, np.arange(1, total + 1)] = 1
    np.cumsum(table.ravel(), out=table.ravel())

    begin = np.clip(np.floor((y1 - top) / strip), 0, last + 1).astype(np.int64)
    end = np.clip(np.floor((y2 - top) / strip), -1, last).astype(np.int64)
    strips = np.maximum(end - begin + 1, 0)
    which = np.repeat(np.arange(len(box)), strips)
    base = np.repeat(begin, strips) + _ramp(strips)
    start = table[base, np.searchsorted(x, x1, "left")[which]]
    stop = table[base, np.searchsorted(x, x2, "right")[which]]
    found = stop - start
    point = order[np.repeat(start, found) + _ramp(found)]
    which = np.repeat(which, found)
    height = y[point]
    keep = height >= y1[which]
    keep &= height <= y2[which]
    row, point = box[which[keep]], by_x[point[keep]]

    per_region = np.bincount(row, minlength=layers * count)
    pointer = np.zeros(layers * count + 1, np.int32)
    np.cumsum(per_region, out=pointer[1:])
    columns = point + (row // max(count, 1)) * total
    matrix = sparse.csr_array(
        (np.ones(len(row), np.float32), columns.astype(np.int32), pointer),
        shape=(layers * count, layers * total),
    )
    return matrix, per_region.reshape(layers, count).astype(np.float64)


def _ramp(counts: Ints) -> Ints:
    """0..n-1 for every n of `counts`, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    ramp: Ints = np.arange(total) - np.repeat(ends - counts, counts)
    return ramp
