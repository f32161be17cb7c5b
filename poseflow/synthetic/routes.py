"""Routes: a person's position, heading and phase of stride over time.

The stride frequency follows the log-log law of Grieve and Gear, Ergonomics 9 (1966):
proportional to (speed / stature)^0.57, scaled to 0.92 strides per second at 1.35 m/s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Floats

RATE = 30.0
"""Samples per second of a route; motion in between is interpolated."""

SMOOTHING = 0.32
"""Standard deviation in seconds of the smoothing that rounds corners and starts."""

PADDING = 2.0
"""Seconds of route computed before and after a person's time in the scene."""


@dataclass(frozen=True)
class Go:
    """Walk straight to a point of the ground, metres, at `speed` m/s."""

    x: float
    z: float
    speed: float


@dataclass(frozen=True)
class Stay:
    """Stand for some seconds, facing `face` (radians; None keeps the direction)."""

    seconds: float
    face: float | None = None
    sway: float = 0.0


@dataclass(frozen=True)
class Route:
    """A person's path over the ground, sampled at `RATE`.

    Heading 0 faces the camera, a quarter turn faces the right of the image.

    Attributes:
        begin: Time in seconds of the first sample.
        x: Metres to the right of the camera `(N,)`.
        z: Metres away from the camera `(N,)`.
        heading: Radians, continuous `(N,)`.
        stride: Strides made so far `(N,)`, never falling.
        pace: Speed in m/s `(N,)`, turning on the spot included.
    """

    begin: float
    x: Floats
    z: Floats
    heading: Floats
    stride: Floats
    pace: Floats

    @property
    def end(self) -> float:
        """Time in seconds of the last sample."""
        return self.begin + (len(self.x) - 1) / RATE

    def at(self, values: Floats, times: Floats) -> Floats:
        """One of the sampled series at `times` in seconds."""
        grid = self.begin + np.arange(len(self.x)) / RATE
        return np.interp(times, grid, values)

    def at_stride(self, values: Floats, strides: Floats) -> Floats:
        """One of the sampled series at the times of `strides`."""
        # A tiny slope keeps the abscissa rising where the person stands.
        rising = self.stride + np.arange(len(self.stride)) * 1e-9
        return np.interp(strides, rising, values)


def plan(
    start: tuple[float, float],
    legs: Sequence[Go | Stay],
    begin: float,
    height: float = 1.7,
    tempo: float = 0.0,
    phase: float = 0.0,
) -> Route:
    """Smooth route from a list of legs.

    Args:
        start: Ground position x, z in metres at time `begin`.
        legs: Walks and stops, one after the other.
        begin: Time in seconds when it starts.
        height: Stature, which sets the length of a stride.
        tempo: Strides per second made even when standing (dancing).
        phase: Phase of the stride at the start, in [0, 1).

    Returns:
        The route from `PADDING` before `begin` to `PADDING` after the last leg.
    """
    xs, zs, knots = [start[0]], [start[1]], [0.0]
    facing: list[tuple[float, float, float, float]] = []
    for leg in legs:
        now = knots[-1]
        if isinstance(leg, Go):
            way = float(np.hypot(leg.x - xs[-1], leg.z - zs[-1]))
            knots.append(now + max(way / leg.speed, 1 / RATE))
            xs.append(leg.x)
            zs.append(leg.z)
        else:
            knots.append(now + leg.seconds)
            xs.append(xs[-1])
            zs.append(zs[-1])
            if leg.face is not None:
                facing.append((now, knots[-1], leg.face, leg.sway))
    grid = np.arange(-PADDING, knots[-1] + PADDING + 1 / RATE, 1 / RATE)
    x = _smooth(_extended(grid, knots, xs))
    z = _smooth(_extended(grid, knots, zs))

    vx, vz = np.gradient(x) * RATE, np.gradient(z) * RATE
    speed = np.hypot(vx, vz)
    heading = _headings(grid, vx, vz, speed, facing)
    turning = np.abs(np.gradient(heading)) * RATE
    pace = _smooth(speed + 0.22 * turning, 0.1)
    frequency = 0.92 * (pace / height / (1.35 / 1.72)) ** 0.57
    # Below a shuffling speed there are no steps.
    frequency *= np.clip(pace / 0.25 - 0.2, 0, 1)
    frequency = np.maximum(frequency, tempo)
    stride = phase + np.concatenate([[0], np.cumsum(frequency[:-1]) / RATE])
    return Route(begin - PADDING, x, z, heading, stride, pace)


def _extended(grid: Floats, knots: list[float], values: list[float]) -> Floats:
    """Interpolate, keeping the first and last leg's velocity outside."""
    inside = np.interp(grid, knots, values)
    if len(knots) > 1:
        first = (values[1] - values[0]) / max(knots[1] - knots[0], 1e-9)
        last = (values[-1] - values[-2]) / max(knots[-1] - knots[-2], 1e-9)
        inside += np.where(grid < 0, grid * first, 0)
        inside += np.where(grid > knots[-1], (grid - knots[-1]) * last, 0)
    return inside


def _smooth(values: Floats, seconds: float = SMOOTHING) -> Floats:
    """Gaussian smoothing that continues the ends by point reflection."""
    reach = int(np.ceil(3 * seconds * RATE))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (seconds * RATE)) ** 2)
    reach = min(reach, len(values) - 1)
    kernel = kernel[len(kernel) // 2 - reach : len(kernel) // 2 + reach + 1]
    before = 2 * values[0] - values[reach:0:-1]
    after = 2 * values[-1] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, values, after])
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), "valid"))


def _headings(
    grid: Floats,
    vx: Floats,
    vz: Floats,
    speed: Floats,
    facing: list[tuple[float, float, float, float]],
) -> Floats:
    """Headings: along the velocity, or as given while standing."""
    heading = np.arctan2(vx, -vz)
    known = speed > 0.3
    sways = np.zeros(len(grid))
    for begin, end, face, sway in facing:
        inside = (grid >= begin) & (grid <= end)
        heading[inside] = face
        known |= inside
        sways[inside] = sway
    if not known.any():
        return np.zeros(len(grid))
    places = np.flatnonzero(known)
    nearest: Any = np.maximum.accumulate(np.where(known, np.arange(len(grid)), 0))
    nearest = np.where(nearest < places[0], places[0], nearest)
    heading = np.unwrap(heading[nearest])
    heading = heading + sways * np.sin(2 * np.pi * 0.23 * grid)
    return _smooth(heading, 0.22)
