"""Colours and noise that all painted surfaces share."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def grain(
    rng: np.random.Generator,
    shape: tuple[int, int],
    scales: tuple[tuple[int, float], ...],
) -> Any:
    """Sum of smooth noises: (cell in pixels, strength), around 0."""
    total = np.zeros(shape, np.float32)
    for cell, strength in scales:
        small = rng.normal(
            size=(max(shape[0] // cell, 2), max(shape[1] // cell, 2))
        ).astype(np.float32)
        total += strength * cv2.resize(
            small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC
        )
    return total


def tint(rng: np.random.Generator, low: int, high: int, spread: float) -> Any:
    """A muted colour, BGR floats."""
    grey = rng.uniform(low, high)
    return np.clip(
        grey + rng.normal(0, spread, 3) + [-spread / 2, 0, spread / 2], 0, 255
    )


def pick(rng: np.random.Generator, palette: tuple[tuple[int, int, int], ...]) -> Any:
    """A colour of a palette, a little off."""
    colour = np.array(palette[int(rng.integers(len(palette)))], float)
    return np.clip(colour * rng.uniform(0.88, 1.1) + rng.normal(0, 4, 3), 0, 255)


def tone(colour: Any) -> tuple[float, float, float]:
    """A colour as a tuple, for OpenCV's drawing functions."""
    b, g, r = (float(v) for v in np.clip(colour, 0, 255))
    return b, g, r
