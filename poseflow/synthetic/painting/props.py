"""Drawing of the props of `poseflow.synthetic.props`: wall, tree, lamp, car."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from poseflow.synthetic.camera import Camera
from poseflow.synthetic.painting.facades import bricks
from poseflow.synthetic.painting.textures import grain, pick, tint, tone
from poseflow.synthetic.props import Prop

_CARS = (
    (60, 58, 56), (198, 200, 202), (150, 150, 152), (40, 36, 120), (110, 70, 40),
    (36, 34, 34), (90, 110, 120),
)  # fmt: skip


def paint_prop(prop: Prop, camera: Camera) -> tuple[Any, tuple[int, int]]:
    """A prop as premultiplied BGRA, and the place of its corner on the canvas."""
    mask = prop.mask(camera)
    x, y, w, h = cv2.boundingRect(mask)
    if w == 0 or h == 0:
        return np.zeros((1, 1, 4), np.uint8), (0, 0)
    mask = mask[y : y + h, x : x + w]
    rng = np.random.default_rng((prop.seed, 51))
    foot = camera.project(np.array([[prop.x, 0.0, prop.z], [prop.x, 1.0, prop.z]]))[0]
    ppm = float(foot[0, 1] - foot[1, 1])
    draw = {"wall": _hoarding, "tree": _tree, "lamp": _post, "car": _car}[prop.kind]
    centre = foot[0] + camera.margin - [x, y]
    image = draw(rng, (h, w), ppm, centre)
    rough = grain(rng, (h, w), ((2, 3.0), (7, 4.0)))[..., None]
    image = np.clip(image + rough, 0, 255).astype(np.uint8)
    lit = cv2.multiply(image, cv2.merge([mask] * 3), scale=1 / 255)
    return cv2.merge([*cv2.split(lit), mask]), (x, y)


def _hoarding(
    rng: np.random.Generator, shape: tuple[int, int], ppm: float, foot: Any
) -> Any:
    """A concrete wall with a poster."""
    h, w = shape
    base = tint(rng, 120, 175, 10)
    image = np.empty((h, w, 3), np.uint8)
    image[:] = np.asarray(base, np.uint8)
    bricks(rng, image, base, ppm * 1.3)
    pad = int(0.15 * min(w, h))
    paper = tint(rng, 120, 230, 40)
    cv2.rectangle(image, (pad, pad), (w - pad, h - 2 * pad), tone(paper), -1)
    for _ in range(9):
        a = (int(rng.integers(pad, w - pad)), int(rng.integers(pad, h - 2 * pad)))
        r = int(rng.uniform(0.04, 0.16) * min(w, h))
        cv2.circle(image, a, r, tone(tint(rng, 40, 220, 60)), -1, cv2.LINE_AA)
    text = "".join(chr(c) for c in rng.integers(65, 91, 5))
    cv2.putText(
        image,
        text,
        (pad + 4, h // 2),
        cv2.FONT_HERSHEY_DUPLEX,
        w / 180,
        (20, 20, 24),
        max(w // 90, 1),
        cv2.LINE_AA,
    )
    cv2.rectangle(
        image, (pad, pad), (w - pad, h - 2 * pad), (45, 45, 48), max(w // 120, 1)
    )
    return image


def _tree(
    rng: np.random.Generator, shape: tuple[int, int], ppm: float, foot: Any
) -> Any:
    """Bark and leaves."""
    h, w = shape
    streaks = cv2.resize(
        rng.normal(size=(max(h // 40, 2), max(w // 2, 2))).astype(np.float32), (w, h)
    )
    bark = np.array([52.0, 68.0, 84.0]) + 13 * streaks[..., None]
    bark = bark * np.linspace(1.15, 0.75, w)[None, :, None] ** 0.5
    leaves = np.array([45.0, 100.0, 72.0]) + grain(
        rng, (h, w), ((3, 16.0), (8, 22.0), (26, 14.0))
    )[..., None] * [0.7, 1.0, 0.85]
    crown = (np.arange(h) < foot[1] - 1.9 * ppm)[:, None, None]
    trunk = (np.abs(np.arange(w) - foot[0]) < 0.16 * ppm)[None, :, None] & (
        np.arange(h) > foot[1] - 2.75 * ppm
    )[:, None, None]
    return np.where(crown & ~trunk, leaves, bark)


def _post(
    rng: np.random.Generator, shape: tuple[int, int], ppm: float, foot: Any
) -> Any:
    """A painted steel post, round."""
    h, w = shape
    colour = tint(rng, 40, 90, 3)
    round_ = 0.6 + 0.7 * np.cos(np.linspace(-1.9, 1.1, w))[None, :, None]
    return np.broadcast_to(np.asarray(colour) * round_, (h, w, 3)).astype(np.float64)


def _car(
    rng: np.random.Generator, shape: tuple[int, int], ppm: float, foot: Any
) -> Any:
    """Paint, windows and wheels."""
    h, w = shape
    colour = pick(rng, _CARS)
    image = np.empty((h, w, 3), np.uint8)
    image[:] = np.asarray(colour, np.uint8)
    image = (
        (image * np.linspace(1.1, 0.55, h)[:, None, None]).clip(0, 255).astype(np.uint8)
    )

    def at(x: float, y: float) -> tuple[int, int]:
        return int(foot[0] + x * ppm), int(foot[1] - y * ppm)

    glass = np.array([at(-1.0, 0.95), at(-0.55, 1.32), at(0.65, 1.37), at(1.2, 1.0)])
    cv2.fillPoly(image, [glass], (70, 62, 55), cv2.LINE_AA)
    cv2.line(image, at(0.05, 1.36), at(0.1, 0.35), tone(colour * 0.5), 2, cv2.LINE_AA)
    cv2.line(image, at(-2.1, 0.62), at(2.1, 0.62), tone(colour * 0.7), 1, cv2.LINE_AA)
    for x in (-1.35, 1.4):
        cv2.circle(image, at(x, 0.32), int(0.34 * ppm), (28, 28, 30), -1, cv2.LINE_AA)
        cv2.circle(image, at(x, 0.32), int(0.2 * ppm), (150, 150, 152), -1, cv2.LINE_AA)
    cv2.circle(image, at(2.05, 0.68), int(0.09 * ppm) + 1, (200, 235, 250), -1)
    cv2.circle(image, at(-2.05, 0.72), int(0.09 * ppm) + 1, (60, 50, 190), -1)
    return image
