"""Affine transforms between images, crops and heatmaps, as matrices `(..., 2, 3)`."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats


def invert(matrices: Floats) -> Floats:
    """Inverse transforms.

    Examples:
        >>> invert(np.array([[2.0, 0, 10], [0, 2, 20]])).tolist()
        [[0.5, 0.0, -5.0], [0.0, 0.5, -10.0]]
    """
    linear = np.linalg.inv(matrices[..., :2])
    return np.concatenate([linear, -linear @ matrices[..., 2:]], axis=-1)


def compose(second: Floats, first: Floats) -> Floats:
    """The transform that applies `first`, then `second`.

    Examples:
        >>> move = np.array([[1.0, 0, 3], [0, 1, 0]])
        >>> double = np.array([[2.0, 0, 0], [0, 2, 0]])
        >>> compose(double, move).tolist()
        [[2.0, 0.0, 6.0], [0.0, 2.0, 0.0]]
    """
    both = second[..., :2] @ first
    both[..., 2] += second[..., 2]
    return np.asarray(both)


def rescale(matrices: Floats, source_stride: float, target_stride: float) -> Floats:
    """Transforms between pixels as transforms between grids of such strides."""
    scaled = matrices / target_stride
    scaled[..., :2] *= source_stride
    return np.asarray(scaled)


def transform_points(points: Floats, matrices: Floats) -> Floats:
    """Points `(N, K, 2)`, each row by its own transform `(N, 2, 3)`."""
    turned = points @ matrices[:, :, :2].swapaxes(1, 2)
    return np.asarray(turned + matrices[:, None, :, 2])
