"""Colours of identities: constant, and distinct for neighbouring ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Image

_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
"""Steps of this angle never repeat, and any run of them is spread about evenly."""

_LIGHTNESS = np.array([0.74, 0.65, 0.81])
"""OKLab lightness, in turn, so that far ids with near hues still differ. All of them
light enough to show on dark ground, saturated enough for bright ground."""

_CHROMA = 0.17
_BLUE = np.deg2rad(275)
_WITHOUT_IDENTITY = (168, 168, 168)

# Björn Ottosson, "A perceptual color space for image processing" (2020): OKLab to the
# cube roots of cone responses, and those to linear sRGB.
_LAB_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def identity_colors(track_ids: npt.ArrayLike) -> Image:
    """The colours of identities, `(N, 3)` uint8 BGR; grey for -1 (no identity).

    Hues are golden-angle steps in OKLCH, whose distances follow the eye's, with three
    lightnesses in turn. A colour depends on its id alone.

    Examples:
        >>> identity_colors([1, 2, -1]).tolist()
        [[49, 166, 86], [254, 152, 135], [168, 168, 168]]
    """
    ids = np.asarray(track_ids, np.int64).reshape(-1)
    hue = (
        ids % 987
    ) * _GOLDEN_ANGLE  # a Fibonacci number: no visible jump where it wraps
    # sRGB has no light blue of any strength, so blues are taken darker.
    blueness = np.cos(hue - _BLUE).clip(0)
    light = _LIGHTNESS[ids % len(_LIGHTNESS)] - 0.1 * blueness
    # Where sRGB has no such colour, take the strongest of the hue that it has.
    chroma = np.linspace(_CHROMA, 0, 18)
    rgb = _oklch_to_linear(light[:, None], chroma[None, :], hue[:, None])
    fits = ((rgb >= 0) & (rgb <= 1)).all(axis=2)
    best = rgb[np.arange(len(ids)), fits.argmax(axis=1)].clip(0, 1)
    curve = np.where(best <= 0.0031308, 12.92 * best, 1.055 * best ** (1 / 2.4) - 0.055)
    colors = np.rint(curve[:, ::-1] * 255).astype(np.uint8)
    colors[ids < 0] = _WITHOUT_IDENTITY
    return np.asarray(colors, np.uint8)


def _oklch_to_linear(
    light: npt.NDArray[Any], chroma: npt.NDArray[Any], hue: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    lab = np.stack(
        np.broadcast_arrays(light, chroma * np.cos(hue), chroma * np.sin(hue)), axis=-1
    )
    return np.asarray((lab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T)
