"""Which poses of one frame show somebody who is there already."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]


def twins(
    points: Floats,
    present: Bools,
    sizes: Floats,
    spread: Floats,
    same: float,
) -> tuple[Ints, Ints, Floats]:
    """Pairs of poses of one frame that are as alike as two looks at one person.

    Alike is the object keypoint similarity over the joints that both have, over the
    larger size: a quarter of the smaller number of joints at least must be common.

    Args:
        points: `(P, K, 2)` pixels.
        present: `(P, K)`.
        sizes: `(P,)` pixels.
        spread: `(K,)` standard deviation of a joint, in sizes.
        same: Similarity above which two are one, in [0, 1].

    Returns:
        First and second pose of each pair, `first < second`, and their similarity.
    """
    count = present.sum(axis=1)
    shown = np.maximum(count, 1)
    middle = np.where(present[..., None], points, 0).sum(axis=1) / shown[:, None]
    apart = np.square(middle[:, None] - middle[None]).sum(axis=-1)
    close = apart < np.square(0.35 * np.maximum(sizes[:, None], sizes[None]))
    close &= (count[:, None] > 0) & (count[None] > 0)
    first, second = np.nonzero(np.triu(close, 1))
    if not len(first):
        return first, second, np.zeros(0)
    both = present[first] & present[second]
    scale = np.maximum(sizes[first], sizes[second])
    step = np.square(points[first] - points[second]).sum(axis=-1)
    near = np.exp(-step / (2 * np.square(scale[:, None] * spread)))
    common = both.sum(axis=1)
    alike = np.where(both, near, 0).sum(axis=1) / np.maximum(common, 1)
    enough = common >= np.maximum(np.minimum(count[first], count[second]) / 4, 1)
    keep = (alike > same) & enough
    return first[keep], second[keep], alike[keep]
