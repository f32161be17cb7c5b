"""How a body moves: constant velocity, its joints carried along, learnt per identity.

A body's state is its joints, one velocity for all of them, and the uncertainty of
where the body is as a whole. What is measured is one offset of the whole body (a
robust mean over the joints that both poses have), so that missing joints, a hidden
half or a single stray wrist do not drag a person about. Lengths count in body sizes.

Source: Kalman, "A New Approach to Linear Filtering and Prediction Problems" (1960) with
white-noise acceleration; the joints on top follow by an alpha filter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poseflow.arrays import Floats


class Offsets(NamedTuple):
    """How n pairs of a body and a pose differ.

    Attributes:
        offset: `(n, 2)` pixels from body to pose, robust mean over common joints.
        residual: `(n, K)` pixels left at each joint once the offset is taken away.
        weight: `(n, K)` what each joint counts; 0 where either has none.
        scale: `(n,)` log of the pose's spread over the body's, on common joints.
    """

    offset: Floats
    residual: Floats
    weight: Floats
    scale: Floats


def body_offsets(
    bodies: Floats, poses: Floats, weight: Floats, sizes: Floats, slack: float
) -> Offsets:
    """Offset of the whole body in each of n pairs, and what it leaves over.

    Args:
        bodies: `(n, K, 2)` predicted joints, pixels.
        poses: `(n, K, 2)` observed joints, pixels.
        weight: `(n, K)` at least 0, 0 where a joint is missing on either side.
        sizes: `(n,)` size of each body, pixels.
        slack: Residual, in sizes, at which a joint's vote has sunk to a half.
    """
    step = poses - bodies
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    offset = np.einsum("nk,nkc->nc", weight, step) / total
    limit = np.square(slack * sizes)[:, None]
    square = np.empty(weight.shape)
    for _ in range(2):  # Cauchy weights, twice re-estimated
        left = step - offset[:, None]
        np.einsum("nkc,nkc->nk", left, left, out=square)
        robust = weight / (1 + square / limit)
        offset = np.einsum("nk,nkc->nc", robust, step)
        offset /= np.maximum(robust.sum(axis=1), 1e-9)[:, None]
    left = step - offset[:, None]
    residual = np.sqrt(np.einsum("nkc,nkc->nk", left, left))
    spreads = []
    for points in (bodies, poses):
        middle = np.einsum("nk,nkc->nc", weight, points) / total
        away = points - middle[:, None]
        spreads.append(np.einsum("nk,nkc,nkc->n", weight, away, away) / total[:, 0])
    scale = np.zeros(len(sizes))
    fair = (np.minimum(*spreads) > np.square(0.08 * sizes)) & (
        (weight > 0).sum(axis=1) >= 3
    )
    scale[fair] = 0.5 * np.log(spreads[1][fair] / spreads[0][fair])
    return Offsets(offset, residual, weight, scale)


def grow(variance: Floats, steps: float, noise: Floats) -> Floats:
    """Uncertainty of place and velocity after some frames unseen, by axis.

    Args:
        variance: `(N, 2, 3)` of place, both, velocity; in sizes (per frame) squared.
        steps: Frames.
        noise: `(2,)` variance of the acceleration that each frame adds.
    """
    place, both, speed = np.moveaxis(variance, -1, 0)
    grown: Floats = np.stack(
        [
            place + 2 * steps * both + steps**2 * speed + noise * steps**3 / 3,
            both + steps * speed + noise * steps**2 / 2,
            speed + noise * steps,
        ],
        axis=-1,
    )
    return grown


def gains(variance: Floats, measured: Floats) -> tuple[Floats, Floats, Floats]:
    """Kalman gains of place and velocity, and the variance after the measurement.

    Args:
        variance: `(n, 2, 3)` before, by axis.
        measured: `(n, 1)` variance of the measured offset.

    Returns:
        `(n, 2)` gain of place, `(n, 2)` gain of velocity, `(n, 2, 3)` variance after.
    """
    place, both, speed = np.moveaxis(variance, -1, 0)
    inverse = 1 / (place + measured)
    gain, turn = place * inverse, both * inverse
    after = np.stack([(1 - gain) * place, (1 - gain) * both, speed - turn * both], -1)
    return gain, turn, after
