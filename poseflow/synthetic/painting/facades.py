"""Textures of house fronts and of the wall of a dance studio, drawn flat."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.synthetic.camera import Camera
from poseflow.synthetic.painting.layout import FACADE_HEIGHT, FACADE_Z, half_extent
from poseflow.synthetic.painting.textures import grain, pick, tint, tone

_FACADES = (
    (72, 88, 148), (150, 186, 206), (192, 214, 224), (158, 160, 162), (112, 160, 196),
    (200, 190, 178), (84, 104, 132), (134, 150, 170), (168, 178, 168), (98, 108, 160),
)  # fmt: skip
_SIGNS = (
    (52, 40, 32), (40, 44, 120), (92, 60, 30), (48, 78, 40), (36, 36, 40),
    (60, 90, 150),
    (190, 200, 205), (120, 100, 60),
)  # fmt: skip


def paint_facades(rng: np.random.Generator, camera: Camera) -> Image:
    """A row of houses with shops, `FACADE_HEIGHT` tall."""
    ppm = camera.pixels / FACADE_Z * 1.4
    width = int(2 * half_extent(camera) * ppm)
    height = int(FACADE_HEIGHT * ppm)
    wall = np.zeros((height, width, 3), np.uint8)
    x = 0
    while x < width:
        w = min(int(rng.uniform(4.5, 8.0) * ppm), width - x)
        if width - x - w < 2.5 * ppm:
            w = width - x
        _house(rng, wall[:, x : x + w], ppm)
        cv2.line(wall, (x, 0), (x, height), (55, 55, 58), max(int(0.05 * ppm), 1))
        x += w
    noise = grain(rng, (height, width), ((2, 3.0), (9, 3.0), (60, 4.0)))
    return np.asarray(np.clip(wall + noise[..., None], 0, 255), np.uint8)


def _house(rng: np.random.Generator, wall: Image, ppm: float) -> None:
    """One house front, painted in place."""
    height, width = wall.shape[:2]
    m = ppm

    def px(metres: float) -> int:
        return round(metres * m)

    colour = pick(rng, _FACADES)
    wall[:] = np.asarray(colour, np.uint8)
    if rng.random() < 0.5:
        bricks(rng, wall, colour, m)
    # Upper floors: windows with frames, sills and curtains.
    pitch = rng.uniform(1.7, 2.4)
    count = max(int(width / m / pitch), 1)
    frame = tone(tint(rng, 200, 245, 5) if rng.random() < 0.7 else tint(rng, 40, 70, 8))
    for floor in (3.9, 6.9):
        for k in range(count):
            cx = int((k + 0.5) * width / count)
            y = height - px(floor + 1.7)
            window(rng, wall, (cx - px(0.5), y, px(1.0), px(1.6)), frame, m)
    band = height - px(3.35)
    cv2.rectangle(wall, (0, band - px(0.14)), (width, band), tone(colour * 0.75), -1)
    # Ground floor: a shop or a house door with windows.
    if rng.random() < 0.68:
        _shop(rng, wall, m)
    else:
        for k in range(count):
            cx = int((k + 0.5) * width / count)
            if k == count // 2:
                door = tone(pick(rng, _SIGNS[:6]))
                x0, y0 = cx - px(0.5), height - px(2.25)
                cv2.rectangle(
                    wall,
                    (x0 - px(0.08), y0 - px(0.1)),
                    (cx + px(0.58), height),
                    frame,
                    -1,
                )
                cv2.rectangle(wall, (x0, y0), (cx + px(0.5), height), door, -1)
                for row in range(3):
                    top = y0 + px(0.12 + 0.7 * row)
                    cv2.rectangle(
                        wall,
                        (x0 + px(0.12), top),
                        (cx + px(0.38), top + px(0.55)),
                        tone(np.array(door) * 0.7),
                        max(px(0.03), 1),
                    )
            else:
                box = (cx - px(0.5), height - px(2.5), px(1.0), px(1.5))
                window(rng, wall, box, frame, m)
    cv2.rectangle(wall, (0, height - px(0.35)), (width, height), tone(colour * 0.6), -1)
    if rng.random() < 0.5:
        x = int(rng.uniform(0.02, 0.05) * width)
        cv2.rectangle(wall, (x, 0), (x + px(0.1), height), tone(colour * 0.55), -1)


def bricks(rng: np.random.Generator, wall: Image, colour: Any, m: float) -> None:
    """Courses of brick with their own shades."""
    course = max(int(0.16 * m), 3)
    brick = max(int(0.42 * m), 6)
    rows = wall.shape[0] // course + 1
    columns = wall.shape[1] // brick + 2
    shades = np.clip(rng.normal(1, 0.075, (rows, columns)), 0.75, 1.25)
    y = np.arange(wall.shape[0])
    x = np.arange(wall.shape[1])
    row = y // course
    column = (x[None, :] + (row[:, None] % 2) * brick // 2) // brick
    shade = shades[row[:, None], column]
    joint = (y[:, None] % course == 0) | (
        (x[None, :] + (row[:, None] % 2) * brick // 2) % brick == 0
    )
    shade = np.where(joint, 1.16, shade)
    wall[:] = np.clip(np.asarray(colour) * shade[..., None], 0, 255).astype(np.uint8)


def window(
    rng: np.random.Generator,
    wall: Image,
    box: tuple[int, int, int, int],
    frame: tuple[float, float, float],
    m: float,
) -> None:
    """A window with reflections of the sky."""
    x, y, w, h = box
    t = max(int(0.07 * m), 1)
    cv2.rectangle(wall, (x - t, y - t), (x + w + t, y + h + t), frame, -1)
    x0, y0, x1, y1 = (
        max(x, 0),
        max(y, 0),
        min(x + w, wall.shape[1]),
        min(y + h, wall.shape[0]),
    )
    if x1 <= x0 or y1 <= y0:
        return
    glass = tint(rng, 45, 95, 6)
    sheen = np.linspace(1.7, 0.8, y1 - y0)[:, None, None]
    pane = np.clip(
        np.asarray(glass) * sheen + rng.normal(0, 2, (y1 - y0, x1 - x0, 1)), 0, 255
    )
    wall[y0:y1, x0:x1] = pane.astype(np.uint8)
    if rng.random() < 0.5:
        cloth = tone(tint(rng, 165, 220, 6))
        for side in (0, 1):
            a = x0 if side == 0 else x1 - (x1 - x0) // 4
            cv2.rectangle(wall, (a, y0), (a + (x1 - x0) // 4, y1), cloth, -1)
    mid = (x + w // 2, y), (x + w // 2, y + h)
    cv2.line(wall, *mid, frame, max(t // 2, 1))
    cv2.line(wall, (x, y + h // 3), (x + w, y + h // 3), frame, max(t // 2, 1))
    cv2.rectangle(
        wall,
        (x - 2 * t, y + h + t),
        (x + w + 2 * t, y + h + 2 * t),
        tone(np.array(frame) * 0.8),
        -1,
    )


def _shop(rng: np.random.Generator, wall: Image, m: float) -> None:
    """Shop windows, a sign with letters and perhaps an awning."""
    height, width = wall.shape[:2]

    def px(metres: float) -> int:
        return round(metres * m)

    base = pick(rng, _SIGNS)
    top = height - px(3.1)
    cv2.rectangle(wall, (px(0.15), top), (width - px(0.15), height), tone(base), -1)
    panes = max(int(width / m / 1.9), 1)
    door = int(rng.integers(panes))
    for k in range(panes):
        x0 = int(px(0.3) + k * (width - px(0.6)) / panes) + px(0.06)
        x1 = int(px(0.3) + (k + 1) * (width - px(0.6)) / panes) - px(0.06)
        y0 = height - px(2.45)
        y1 = height - (px(0.05) if k == door else px(0.55))
        if x1 <= x0:
            continue
        warm = tint(rng, 70, 150, 12) * [0.8, 0.95, 1.1]
        sheen = np.linspace(0.7, 1.15, y1 - y0)[:, None, None]
        wall[y0:y1, x0:x1] = np.clip(np.asarray(warm) * sheen, 0, 255).astype(np.uint8)
        for _ in range(int(rng.integers(5, 12))):
            w, h = px(rng.uniform(0.1, 0.4)), px(rng.uniform(0.15, 0.7))
            x = int(rng.integers(x0, max(x1 - w, x0 + 1)))
            y = y1 - h - px(rng.choice([0.0, 0.0, 0.7, 1.2]))
            cv2.rectangle(
                wall,
                (x, max(y, y0)),
                (min(x + w, x1), max(y + h, y0)),
                tone(tint(rng, 40, 200, 28)),
                -1,
            )
        # Reflection: a slanted lighter streak.
        streak = wall[y0:y1, x0:x1].copy()
        a = int(rng.uniform(-0.3, 0.8) * (x1 - x0))
        quad = np.array(
            [[a, 0], [a + px(0.4), 0], [a - px(0.3), y1 - y0], [a - px(0.7), y1 - y0]]
        )
        cv2.fillPoly(streak, [quad.astype(np.int32)], (215, 210, 200), cv2.LINE_AA)
        wall[y0:y1, x0:x1] = cv2.addWeighted(wall[y0:y1, x0:x1], 0.78, streak, 0.22, 0)
        cv2.rectangle(wall, (x0, y0), (x1, y1), tone(base * 0.5), max(px(0.05), 1))
    sign = pick(rng, _SIGNS)
    cv2.rectangle(
        wall, (px(0.15), top), (width - px(0.15), top + px(0.55)), tone(sign), -1
    )
    text = "".join(chr(c) for c in rng.integers(65, 91, int(rng.integers(4, 9))))
    ink = tone(np.clip(300 - sign, 0, 255) if sign.mean() > 128 else sign * 0.3 + 180)
    scale = 0.38 * m / 22
    cv2.putText(
        wall,
        text,
        (px(0.5), top + px(0.45)),
        cv2.FONT_HERSHEY_DUPLEX,
        scale,
        ink,
        max(int(scale * 2), 1),
        cv2.LINE_AA,
    )
    if rng.random() < 0.45:
        stripe = px(0.3)
        colours = (tone(pick(rng, _SIGNS)), (205.0, 212.0, 216.0))
        y0, y1 = top + px(0.5), top + px(1.05)
        for k, x in enumerate(range(px(0.1), width - px(0.1), max(stripe, 1))):
            right = min(x + stripe, width - px(0.1))
            cv2.rectangle(wall, (x, y0), (right, y1), colours[k % 2], -1)


def paint_studio(rng: np.random.Generator, camera: Camera) -> Image:
    """Wall of a dance studio: panels, mirrors, posters."""
    ppm = camera.pixels / FACADE_Z * 1.4
    width = int(2 * half_extent(camera) * ppm)
    height = int(FACADE_HEIGHT * ppm)
    base = tint(rng, 110, 190, 14)
    wall = np.empty((height, width, 3), np.uint8)
    wall[:] = np.asarray(base, np.uint8)
    step = int(2.6 * ppm)
    for x in range(0, width, step):
        kind = rng.integers(3)
        a, b = (
            (x + int(0.15 * ppm), height - int(3.2 * ppm)),
            (x + step - int(0.15 * ppm), height - int(0.4 * ppm)),
        )
        if kind == 0:
            window(
                rng,
                wall,
                (a[0], a[1], b[0] - a[0], b[1] - a[1]),
                (215.0, 218.0, 220.0),
                ppm,
            )
        else:
            cv2.rectangle(wall, a, b, tone(base * rng.uniform(0.7, 1.15)), -1)
        if kind == 2:
            for k in range(3):
                # Posters hang in a row and keep inside their panel.
                w, h = rng.uniform(0.4, 0.62) * ppm, rng.uniform(0.5, 0.9) * ppm
                left = a[0] + (0.08 + 0.72 * k) * ppm
                top = height - rng.uniform(1.9, 2.5) * ppm
                corner, end = (int(left), int(top)), (int(left + w), int(top + h))
                cv2.rectangle(wall, corner, end, tone(tint(rng, 60, 220, 30)), -1)
                cv2.putText(
                    wall,
                    "DANCE",
                    (int(left + 0.06 * w), int(top + rng.uniform(0.3, 0.8) * h)),
                    cv2.FONT_HERSHEY_DUPLEX,
                    w / 115,
                    (20, 20, 20),
                    1,
                    cv2.LINE_AA,
                )
        cv2.line(wall, (x, 0), (x, height), tone(base * 0.6), max(int(0.05 * ppm), 1))
    cv2.rectangle(
        wall, (0, height - int(0.25 * ppm)), (width, height), tone(base * 0.5), -1
    )
    noise = grain(rng, (height, width), ((2, 3.0), (12, 3.0), (80, 5.0)))
    return np.asarray(np.clip(wall + noise[..., None], 0, 255), np.uint8)
