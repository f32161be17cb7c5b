"""Sprites: the visible side of a body part, from its unrolled texture.

A part is a tapered cylinder with round ends, or has an outline of its own. Its texture
turns with it, so that prints and faces move rigidly; light comes from the upper left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.synthetic.painting.clothes import FULL, ROWS

_SIZES = (6, 8, 11, 16, 22, 32, 45, 64, 90, 128, 181, 256)

# Textures kept per person; walking up to the camera passes through about as many.
_KEPT = 96

_LIGHT = -0.55  # radians to the left of the line of sight


def fitting(pixels: float) -> int:
    """The smallest prepared size that is not below `pixels`."""
    for size in _SIZES:
        if size >= pixels:
            return size
    return _SIZES[-1]


def _capsule(first: float, last: float, length: float) -> Callable[[Floats], Floats]:
    """Half width along a limb, ends included, relative to the wider end."""
    total = length + first + last
    wide = max(first, last)

    def profile(t: Floats) -> Floats:
        along = t * total - first
        ratio = np.clip(along / max(length, 1e-9), 0, 1)
        width = first + (last - first) * ratio
        over = np.where(along < 0, -along / first, (along - length) / last)
        cap = np.sqrt(np.clip(1 - np.clip(over, 0, 1) ** 2, 0, 1))
        return np.asarray(width * cap / wide)

    return profile


def _outline(*knots: tuple[float, float]) -> Callable[[Floats], Floats]:
    """Half width from a few points along the part."""
    places, widths = np.array(knots).T

    def profile(t: Floats) -> Floats:
        return np.asarray(np.interp(t, places, widths))

    return profile


def _egg(t: Floats) -> Floats:
    """A skull with a narrower jaw."""
    s = np.clip((t - 0.42) / np.where(t < 0.42, 0.42, 0.58), -1, 1)
    power = np.where(t < 0.42, 2.2, 2.6)
    round_ = np.clip(1 - np.abs(s) ** power, 0, 1) ** (1 / power)
    jaw = np.interp(t, [0, 0.5, 0.75, 1], [1, 1, 0.86, 0.74])
    return np.asarray(round_ * jaw)


SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "upper_arm": _outline(
        (0, 0.45), (0.04, 0.75), (0.1, 0.93), (0.18, 1.0), (0.5, 0.88), (0.9, 0.78),
        (0.97, 0.6), (1, 0.3),
    ),
    "forearm": _outline(
        (0, 0.45), (0.05, 0.8), (0.2, 1.0), (0.4, 0.95), (0.75, 0.68), (1, 0.56),
    ),
    "hand": _outline(
        (0, 0.66), (0.12, 0.72), (0.3, 1.0), (0.55, 0.96), (0.8, 0.7), (1, 0.3)
    ),
    "thigh": _outline(
        (0, 0.7), (0.1, 0.95), (0.2, 1.0), (0.6, 0.86), (0.88, 0.68), (0.97, 0.6),
        (1, 0.4),
    ),
    "shin": _outline(
        (0, 0.5), (0.04, 0.8), (0.12, 0.86), (0.28, 1.0), (0.5, 0.86), (0.8, 0.62),
        (1, 0.58),
    ),
    "shoe": _outline(
        (0, 0.7), (0.05, 0.92), (0.15, 1.0), (0.4, 0.98), (0.6, 0.78), (0.85, 0.66),
        (0.95, 0.55), (1, 0.25),
    ),
    "neck": _capsule(0.033, 0.036, 0.06),
    "ball": _capsule(0.5, 0.5, 0.001),
    "head": _egg,
    "torso_front": _outline(
        (0, 0.36), (0.05, 0.6), (0.1, 0.84), (0.15, 0.95), (0.22, 0.97), (0.34, 0.86),
        (0.62, 0.76), (0.85, 0.82), (0.96, 0.84), (1, 0.78),
    ),
    "torso_side": _outline(
        (0, 0.5), (0.06, 0.74), (0.16, 0.93), (0.34, 1.0), (0.6, 0.93), (0.85, 1.0),
        (0.96, 1.0), (1, 0.94),
    ),
    "pelvis": _outline(
        (0, 0.85), (0.1, 0.9), (0.45, 1.0), (0.7, 0.98), (0.86, 0.85), (0.95, 0.6),
        (1, 0.3),
    ),
    "skirt": _outline((0, 0.72), (0.25, 0.86), (0.95, 1.0), (1, 0.97)),
    "bag": _outline(
        (0, 0.5), (0.06, 0.8), (0.15, 0.95), (0.5, 1.0), (0.9, 0.97), (0.97, 0.85),
        (1, 0.6),
    ),
    "hair": _outline(
        (0, 0.55), (0.1, 0.85), (0.3, 1.0), (0.7, 0.95), (0.9, 0.8), (1, 0.5)
    ),
}  # fmt: skip


@lru_cache(maxsize=2048)
def _maps(shape: str, rows: int, columns: int) -> tuple[Any, Any, Image, Image]:
    """Texture coordinates, brightness and opacity of every pixel of a sprite.

    Returns:
        Map in turns `(rows, columns)` float32, map of rows in [0, 1], brightness times
        opacity `(rows, columns, 3)`, and opacity `(rows, columns)`, a border included.
    """
    t = (np.arange(rows) + 0.5) / rows
    u = ((np.arange(columns) + 0.5) / columns * 2 - 1)[None, :]
    width = SHAPES[shape](t)[:, None]
    inside = np.clip(u / np.maximum(width, 1e-6), -1, 1)
    angle = np.arcsin(inside)
    edge = (width - np.abs(u)) * columns / 2
    opaque = np.clip(edge + 0.5, 0, 1)
    # Lambert with plenty of skylight, and a little darker downwards.
    light = 0.5 + 0.55 * np.clip(np.cos(angle - _LIGHT), 0, 1)
    light = light * (1.03 - 0.1 * t[:, None])
    light = np.minimum(light, 1.0)
    turns = (angle / (2 * np.pi)).astype(np.float32)
    down = np.repeat(t[:, None], columns, axis=1).astype(np.float32)
    shade = np.round(light * opaque * 255).astype(np.uint8)
    three = np.asarray(cv2.merge([shade] * 3), np.uint8)
    return turns, down, three, np.round(opaque * 255).astype(np.uint8)


class PersonTextures:
    """The textures of one person at all sizes, made when first needed."""

    def __init__(self, parts: dict[str, Image]) -> None:
        self._parts = parts
        self._small: dict[tuple[str, int, int], Image] = {}

    def _texture(self, part: str, rows: int, columns: int) -> Image:
        """A texture at about sprite size, one and a half turns wide."""
        key = (part, rows, columns)
        found = self._small.get(key)
        if found is None:
            around = min(FULL, 4 * int(np.ceil(columns * np.pi / 4)))
            size = (around, min(rows, ROWS))
            small = cv2.resize(self._parts[part], size, interpolation=cv2.INTER_AREA)
            found = np.concatenate([small, small, small[:, :2]], axis=1)
            self._small[key] = found
            while len(self._small) > _KEPT:
                del self._small[next(iter(self._small))]
        return found

    def sprite(
        self,
        part: str,
        shape: str,
        turn: float,
        length: float,
        width: float,
        light: float = 1.0,
    ) -> Image:
        """A part as seen: premultiplied BGRA with a transparent border of a pixel.

        Args:
            part: Which texture.
            shape: Which outline, of `SHAPES`.
            turn: How far the part is turned from facing the camera, in turns.
            length: Pixels it will cover along its axis.
            width: Pixels it will cover across.
            light: Factor of its brightness: below 1 in the shade of another part.
        """
        rows, columns = fitting(length), fitting(width)
        texture = self._texture(part, rows, columns)
        turns, down, shade, opaque = _maps(shape, rows, columns)
        around = (texture.shape[1] - 2) // 2
        start = np.float32((0.5 - turn) % 1.0 * around)
        x = turns * np.float32(around) + start
        # The window is half a turn wide: keep it inside the doubled texture.
        if start < around / 4:
            x += np.float32(around)
        y = down * np.float32(texture.shape[0] - 1)
        seen = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        lit = cv2.multiply(seen, shade, scale=light / 255)
        whole = cv2.merge([*cv2.split(lit), opaque])
        return np.asarray(
            cv2.copyMakeBorder(whole, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0),
            np.uint8,
        )


def stamp(
    frame: Image,
    sprite: Image,
    top: Any,
    bottom: Any,
    half_width: float,
    labels: npt.NDArray[np.int32] | None = None,
    label: int = 0,
) -> None:
    """Paint a sprite between two points of a frame.

    Args:
        frame: Painted on, `(H, W, 3)`.
        sprite: Premultiplied BGRA with its border.
        top: Where the middle of its upper edge goes, pixels.
        bottom: Where the middle of its lower edge goes.
        half_width: Half its width in pixels.
        labels: If given, gets `label` where the sprite is opaque.
        label: Value written to `labels`.
    """
    rows, columns = sprite.shape[0] - 2, sprite.shape[1] - 2
    ax, ay = float(bottom[0] - top[0]), float(bottom[1] - top[1])
    length = max((ax * ax + ay * ay) ** 0.5, 1e-6)
    # Right of the axis: the axis turned a quarter, so that an upright part is upright.
    rx, ry = ay / length * half_width, -ax / length * half_width
    m = np.array(
        [
            [2 * rx / columns, ax / rows, 0.0],
            [2 * ry / columns, ay / rows, 0.0],
        ]
    )
    # Pixel centres: sprite (1 + columns / 2 - .5, 1 - .5) is the middle of the top.
    cx, cy = 0.5 + columns / 2, 0.5
    m[0, 2] = top[0] - m[0, 0] * cx - m[0, 1] * cy
    m[1, 2] = top[1] - m[1, 0] * cx - m[1, 1] * cy
    reach_x, reach_y = abs(rx) + 2, abs(ry) + 2
    x0 = max(int(min(top[0], bottom[0]) - reach_x), 0)
    y0 = max(int(min(top[1], bottom[1]) - reach_y), 0)
    x1 = min(int(max(top[0], bottom[0]) + reach_x) + 2, frame.shape[1])
    y1 = min(int(max(top[1], bottom[1]) + reach_y) + 2, frame.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    m[:, 2] -= (x0, y0)
    warped = cv2.warpAffine(sprite, m, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    blend(frame[y0:y1, x0:x1], warped)
    if labels is not None:
        labels[y0:y1, x0:x1][warped[..., 3] > 127] = label


def blend(region: Image, layer: Any) -> None:
    """Alpha-blend premultiplied BGRA over a region, in place."""
    rest = cv2.bitwise_not(cv2.extractChannel(layer, 3))
    rest = cv2.cvtColor(rest, cv2.COLOR_GRAY2BGR)
    kept = cv2.multiply(region, rest, scale=1 / 255)
    region[:] = cv2.addWeighted(kept, 1.0, layer[..., :3], 1.0, 0)
