"""Affine maps between pictures, crops and heatmaps, as matrices `(..., 2, 3)`."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats


def inverse(matrices: Floats) -> Floats:
    """The maps back.

    Examples:
        >>> inverse(np.array([[2.0, 0, 10], [0, 2, 20]])).tolist()
        [[0.5, 0.0, -5.0], [0.0, 0.5, -10.0]]
    """
    linear = np.linalg.inv(matrices[..., :2])
    return np.concatenate([linear, -linear @ matrices[..., 2:]], axis=-1)


def after(second: Floats, first: Floats) -> Floats:
    """One map after another.

    Examples:
        >>> move = np.array([[1.0, 0, 3], [0, 1, 0]])
        >>> double = np.array([[2.0, 0, 0], [0, 2, 0]])
        >>> after(double, move).tolist()
        [[2.0, 0.0, 6.0], [0.0, 2.0, 0.0]]
    """
    both = second[..., :2] @ first
    both[..., 2] += second[..., 2]
    return np.asarray(both)


def strided(matrices: Floats, before: float, behind: float) -> Floats:
    """Maps between pixels as maps between grids of so many pixels a step."""
    scaled = matrices / behind
    scaled[..., :2] *= before
    return np.asarray(scaled)


def moved(points: Floats, matrices: Floats) -> Floats:
    """Points `(N, K, 2)`, each row through its map `(N, 2, 3)`."""
    turned = points @ matrices[:, :, :2].swapaxes(1, 2)
    return np.asarray(turned + matrices[:, None, :, 2])
