"""Labels: short, smooth texts on a rounded plate."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image

Color = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_FINE = 4
"""Supersampling factor: OpenCV's stroke fonts become smooth."""


@lru_cache(maxsize=512)
def text_mask(text: str, height: int) -> Floats:
    """Coverage in [0, 1] of a text whose capitals are `height` pixels, `(h, w)`."""
    tall = height * _FINE
    scale = tall / 21.0  # Hershey capitals are 21 units
    stroke = max(round(tall / 10), 1)
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    rim = stroke
    canvas = np.zeros((tall + 2 * rim + tall // 3, width + 2 * rim), np.uint8)
    cv2.putText(canvas, text, (rim, rim + tall), _FONT, scale, 255, stroke, cv2.LINE_AA)
    used = np.flatnonzero(canvas.any(axis=0))
    if len(used):
        canvas = canvas[:, used[0] : used[-1] + 1]
    canvas = canvas[: rim + tall + stroke]
    size = (max(canvas.shape[1] // _FINE, 1), max(canvas.shape[0] // _FINE, 1))
    small = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
    return _coverage(small)


@lru_cache(maxsize=512)
def plate(text: str, height: int, color: Color) -> tuple[Image, Floats]:
    """A text on a rounded plate of `color`: pixels `(h, w, 3)` and coverage."""
    letters = text_mask(text, height)
    pad = max(round(height * 0.45), 2)
    rows, columns = letters.shape[0] + 2 * pad, letters.shape[1] + 2 * pad + pad
    columns = max(columns, rows)
    shape = np.zeros((rows * _FINE, columns * _FINE), np.uint8)
    radius = min(rows, columns) * _FINE // 3
    y0, x0 = radius, radius
    y1, x1 = shape.shape[0] - 1 - radius, shape.shape[1] - 1 - radius
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)
    cv2.fillPoly(shape, [corners], 255)
    cv2.polylines(shape, [corners], True, 255, 2 * radius, cv2.LINE_AA)
    cover = cv2.resize(shape, (columns, rows), interpolation=cv2.INTER_AREA)
    pixels = np.full((rows, columns, 3), color, np.float32)
    ink = (0.0, 0.0, 0.0) if is_light(color) else (255.0, 255.0, 255.0)
    top, left = pad, (columns - letters.shape[1]) // 2
    spot = pixels[top : top + letters.shape[0], left : left + letters.shape[1]]
    spot += (np.array(ink, np.float32) - spot) * letters[..., None] * 0.92
    return pixels.astype(np.uint8), _coverage(cover)


def _coverage(drawn: npt.ArrayLike) -> Floats:
    return np.asarray(drawn, np.float32) / np.float32(255)


def is_light(color: Color) -> bool:
    """Whether black ink reads better on it than white (relative luminance, BT.601)."""
    blue, green, red = color
    return 0.114 * blue + 0.587 * green + 0.299 * red > 118


def paste(image: Image, patch: Image, cover: Floats, left: int, top: int) -> None:
    """Lay a patch over `image` in place, cut at the image's border."""
    rows, columns = image.shape[:2]
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + patch.shape[0], rows), min(left + patch.shape[1], columns)
    if y0 >= y1 or x0 >= x1:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    spot = image[y0:y1, x0:x1]
    weight = cover[part][..., None]
    spot[:] = np.rint(spot + (patch[part].astype(np.float32) - spot) * weight)


def write_title(image: Image, title: str) -> None:
    """Write a title on a plate at the top left of an image, in place."""
    height = max(max(image.shape[:2]) // 60, 9)
    text = title.encode("ascii", "replace").decode()
    patch, cover = plate(text, height, (40, 40, 40))
    paste(image, patch, cover, height // 2, height // 2)
