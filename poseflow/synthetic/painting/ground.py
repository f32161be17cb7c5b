"""Textures of pavement and floor boards, drawn from above."""

from __future__ import annotations

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.synthetic.camera import Camera
from poseflow.synthetic.painting.layout import (
    FACADE_Z,
    FAR_KERB_Z,
    KERB_Z,
    half_extent,
    nearest,
)
from poseflow.synthetic.painting.textures import grain, tint


def _ground(camera: Camera) -> tuple[int, int, float, float]:
    """Rows, columns, pixels per metre and nearest distance of the ground's texture."""
    ppm = camera.pixels / FACADE_Z * 1.5
    near = nearest(camera)
    return (
        int((FACADE_Z - near) * ppm),
        int(2 * half_extent(camera) * ppm),
        ppm,
        near,
    )


def paint_pavement(rng: np.random.Generator, camera: Camera) -> Image:
    """Paving stones, a kerb, a strip of road and the far pavement."""
    rows, columns, ppm, _ = _ground(camera)
    z = FACADE_Z - (np.arange(rows) + 0.5) / ppm
    x = (np.arange(columns) + 0.5) / ppm
    size_x, size_z = float(rng.choice([0.6, 0.8, 1.0])), float(rng.choice([0.4, 0.5]))
    base = tint(rng, 120, 170, 7)
    row = np.floor(z / size_z).astype(int)
    column = np.floor((x[None, :] + (row[:, None] % 2) * size_x / 2) / size_x).astype(
        int
    )
    shades = np.clip(rng.normal(1, 0.06, (row.max() + 2, column.max() + 2)), 0.8, 1.2)
    shade = shades[row[:, None], column]
    gap = 1.4 / ppm
    across = (x[None, :] + (row[:, None] % 2) * size_x / 2) % size_x
    joint = (across < gap) | ((z % size_z) < gap)[:, None]
    shade = np.where(joint, 0.72, shade)
    ground = np.asarray(base)[None, None] * shade[..., None]
    road = (z > KERB_Z) & (z < FAR_KERB_Z)
    ground[road] = np.asarray(tint(rng, 70, 95, 4))
    for edge in (KERB_Z, FAR_KERB_Z):
        kerb = np.abs(z - edge) < 0.09
        ground[kerb] = np.asarray(base) * 1.18
        ground[np.abs(z - edge - 0.12) < 0.03] *= 0.55
    noise = grain(rng, (rows, columns), ((2, 7.0), (5, 4.0), (25, 5.0), (120, 6.0)))
    ground = ground + noise[..., None]
    image = np.asarray(np.clip(ground, 0, 255), np.uint8)
    # Stains, leaves, a manhole.
    for _ in range(60):
        centre = (int(rng.integers(columns)), int(rng.integers(rows)))
        axes = (
            int(rng.uniform(0.02, 0.12) * ppm) + 1,
            int(rng.uniform(0.02, 0.1) * ppm) + 1,
        )
        tone = image[centre[1], centre[0]] * rng.uniform(0.6, 0.9)
        cv2.ellipse(
            image,
            centre,
            axes,
            float(rng.uniform(0, 180)),
            0,
            360,
            tone.tolist(),
            -1,
            cv2.LINE_AA,
        )
    centre = (int(rng.uniform(0.3, 0.7) * columns), int(rng.uniform(0.5, 0.8) * rows))
    for radius, tone in (
        (0.36, (70, 70, 72)),
        (0.32, (98, 97, 95)),
        (0.16, (75, 75, 76)),
    ):
        cv2.circle(image, centre, int(radius * ppm), tone, -1, cv2.LINE_AA)
    return image


def paint_floor(rng: np.random.Generator, camera: Camera) -> Image:
    """Floor boards."""
    rows, columns, ppm, _ = _ground(camera)
    board = max(int(0.16 * ppm), 2)
    length = max(int(1.8 * ppm), 4)
    y, x = np.arange(rows), np.arange(columns)
    column = x // board
    row = (y[:, None] + (column[None, :] * 7919) % length) // length
    shades = np.clip(rng.normal(1, 0.08, (row.max() + 1, column.max() + 1)), 0.75, 1.25)
    shade = shades[row, column[None, :]]
    joint = (x % board == 0)[None, :] | (
        (y[:, None] + (column[None, :] * 7919) % length) % length == 0
    )
    shade = np.where(joint, 0.65, shade)
    base = np.array([85.0, 125.0, 165.0]) * rng.uniform(0.8, 1.15)
    noise = grain(rng, (rows, columns), ((2, 4.0), (6, 3.0), (60, 5.0)))
    return np.asarray(
        np.clip(base * shade[..., None] + noise[..., None], 0, 255), np.uint8
    )
