"""Kalman filter of a pose's position: constant velocity, one offset for all joints.

A track's state is its joints, one velocity for all of them, and the variance of the
position and velocity of the whole body. The measurement is one offset of the whole
body (a robust mean over the joints that both poses have), so that missing joints,
partial occlusion or a single outlying joint do not move it. Lengths are in body sizes.

Source: Kalman, "A New Approach to Linear Filtering and Prediction Problems" (1960) with
white-noise acceleration.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poseflow.arrays import Floats

ROBUST_ITERATIONS = 2
"""Re-estimations of the offset with Cauchy weights."""

SMALLEST_SPREAD_SIZES, LEAST_SCALE_JOINTS = 0.08, 3
"""The scale of a pair needs so many joints, spread at least so far."""


class Offsets(NamedTuple):
    """Differences of n pairs of a predicted body and a pose.

    Attributes:
        offset: `(n, 2)` pixels from body to pose, robust mean over common joints.
        residual: `(n, K)` pixels left at each joint once the offset is taken away.
        weight: `(n, K)` weight of each joint; 0 where either has none.
        scale: `(n,)` log of the pose's spread over the body's, on common joints.
    """

    offset: Floats
    residual: Floats
    weight: Floats
    scale: Floats


def body_offsets(
    bodies: Floats, poses: Floats, weight: Floats, sizes: Floats, slack: float
) -> Offsets:
    """Robust offset of the whole body in each of n pairs, and its residuals.

    Args:
        bodies: `(n, K, 2)` predicted joints, pixels.
        poses: `(n, K, 2)` observed joints, pixels.
        weight: `(n, K)` at least 0, 0 where a joint is missing on either side.
        sizes: `(n,)` size of each body, pixels.
        slack: Residual, in sizes, at which a joint's weight has halved (Cauchy).
    """
    step = poses - bodies
    total = np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    offset = np.einsum("nk,nkc->nc", weight, step) / total
    limit = np.square(slack * sizes)[:, None]
    square = np.empty(weight.shape)
    for _ in range(ROBUST_ITERATIONS):
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
    fair = (np.minimum(*spreads) > np.square(SMALLEST_SPREAD_SIZES * sizes)) & (
        (weight > 0).sum(axis=1) >= LEAST_SCALE_JOINTS
    )
    scale[fair] = 0.5 * np.log(spreads[1][fair] / spreads[0][fair])
    return Offsets(offset, residual, weight, scale)


def predict_variance(variance: Floats, frames: float, noise: float) -> Floats:
    """Predicted variance of position and velocity after some frames, by axis.

    Args:
        variance: `(N, 2, 3)` variance of the position, covariance, variance of the
            velocity; in sizes (per frame) squared.
        frames: Frames since the update or the last prediction.
        noise: Variance of the acceleration that each frame adds.
    """
    position, covariance, velocity = variance.transpose(2, 0, 1)
    predicted: Floats = np.stack(
        [
            position
            + 2 * frames * covariance
            + frames**2 * velocity
            + noise * frames**3 / 3,
            covariance + frames * velocity + noise * frames**2 / 2,
            velocity + noise * frames,
        ],
        axis=-1,
    )
    return predicted


def innovations(offset: Floats, variance: Floats, measured: Floats) -> Floats:
    """Offsets from the prediction over their expected deviation, `(n, 2)`.

    Args:
        offset: `(n, 2)` in sizes.
        variance: `(n, 2, 3)` of the prediction, by axis.
        measured: `(n,)` variance of the measured offset.
    """
    scaled: Floats = offset / np.sqrt(variance[..., 0] + measured[:, None])
    return scaled


def kalman_gains(variance: Floats, measured: Floats) -> tuple[Floats, Floats, Floats]:
    """Kalman gains of position and velocity, and the variance after the measurement.

    Args:
        variance: `(n, 2, 3)` before, by axis.
        measured: `(n, 1)` variance of the measured offset.

    Returns:
        Gains of position and velocity, `(n, 2)` each, and the `(n, 2, 3)` variance
        after the measurement.
    """
    position, covariance, velocity = variance.transpose(2, 0, 1)
    inverse = 1 / (position + measured)
    position_gain, velocity_gain = position * inverse, covariance * inverse
    after = np.stack(
        [
            (1 - position_gain) * position,
            (1 - position_gain) * covariance,
            velocity - velocity_gain * covariance,
        ],
        axis=-1,
    )
    return position_gain, velocity_gain, after
