"""The street: facades, pavement and things that stand about, painted once per scene.

Surfaces are drawn flat, in metres, and put into the picture by the camera's own
projection of their plane.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.synthetic.camera import Camera
from poseflow.synthetic.cast import FAR
from poseflow.synthetic.config import SceneConfig
from poseflow.synthetic.props import Prop

Image = npt.NDArray[np.uint8]

FACADE_Z = FAR + 3.4
KERB_Z = FAR + 0.45
FAR_KERB_Z = FAR + 2.2
FACADE_HEIGHT = 9.0


def paint_background(config: SceneConfig, camera: Camera, seed: int) -> Image:
    """The empty street as the still camera sees it, with its margin, `(H, W, 3)`."""
    rng = np.random.default_rng((seed, 41))
    mx, my = camera.margin
    width, height = camera.size[0] + 2 * mx, camera.size[1] + 2 * my
    if config.plot == "dance":
        wall, ground = _studio(rng, camera), _floor(rng, camera)
    else:
        wall, ground = _facades(rng, camera), _pavement(rng, camera)
    canvas = np.full((height, width, 3), 170, np.uint8)
    half = _half_extent(camera)
    near = _nearest(camera)
    floor = np.array(
        [[-half, 0, FACADE_Z], [half, 0, FACADE_Z], [half, 0, near], [-half, 0, near]]
    )
    upright = np.array(
        [
            [-half, FACADE_HEIGHT, FACADE_Z],
            [half, FACADE_HEIGHT, FACADE_Z],
            [half, 0, FACADE_Z],
            [-half, 0, FACADE_Z],
        ]
    )
    for texture, corners in ((ground, floor), (wall, upright)):
        canvas = _lay(canvas, texture, corners, camera)
    # Air and lens: a little darker to the corners.
    y, x = np.mgrid[:height, :width]
    away = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 0.35
    shade = np.round((1 - away) * 255).astype(np.uint8)
    return np.asarray(
        cv2.multiply(canvas, cv2.merge([shade] * 3), scale=1 / 255), np.uint8
    )


def _half_extent(camera: Camera) -> float:
    """Metres to each side that are painted."""
    return camera.half_width(FACADE_Z) * 1.15 + 1.0


def _nearest(camera: Camera) -> float:
    """Distance of the nearest ground that can come into view, less a bit."""
    mx, my = camera.margin
    below = np.arctan((camera.size[1] / 2 + my + 4) / camera.pixels) + camera.pitch
    return float(camera.height / np.tan(below)) * 0.97


def _lay(canvas: Image, texture: Image, corners: Any, camera: Camera) -> Image:
    """Warp a flat texture into the picture; corners clockwise from its top left."""
    placed = camera.project(corners)[0] + camera.margin
    h, w = texture.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, placed.astype(np.float32))
    size = (canvas.shape[1], canvas.shape[0])
    warped = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((h, w), 255, np.uint8), matrix, size)
    return np.asarray(np.where(mask[..., None] > 127, warped, canvas), np.uint8)


def _grain(
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


def _tint(rng: np.random.Generator, low: int, high: int, spread: float) -> Any:
    """A muted colour, BGR floats."""
    grey = rng.uniform(low, high)
    return np.clip(grey + rng.normal(0, spread, 3) + [-spread / 2, 0, spread / 2], 0, 255)


_FACADES = (
    (72, 88, 148), (150, 186, 206), (192, 214, 224), (158, 160, 162), (112, 160, 196),
    (200, 190, 178), (84, 104, 132), (134, 150, 170), (168, 178, 168), (98, 108, 160),
)  # fmt: skip
_SIGNS = (
    (52, 40, 32), (40, 44, 120), (92, 60, 30), (48, 78, 40), (36, 36, 40), (60, 90, 150),
    (190, 200, 205), (120, 100, 60),
)  # fmt: skip
_CARS = (
    (60, 58, 56), (198, 200, 202), (150, 150, 152), (40, 36, 120), (110, 70, 40),
    (36, 34, 34), (90, 110, 120),
)  # fmt: skip


def _pick(rng: np.random.Generator, palette: tuple[tuple[int, int, int], ...]) -> Any:
    """A colour of a palette, a little off."""
    colour = np.array(palette[int(rng.integers(len(palette)))], float)
    return np.clip(colour * rng.uniform(0.88, 1.1) + rng.normal(0, 4, 3), 0, 255)


def _tone(colour: Any) -> tuple[float, float, float]:
    b, g, r = (float(v) for v in np.clip(colour, 0, 255))
    return b, g, r


def _facades(rng: np.random.Generator, camera: Camera) -> Image:
    """A row of houses with shops, `FACADE_HEIGHT` tall."""
    ppm = camera.pixels / FACADE_Z * 1.4
    width = int(2 * _half_extent(camera) * ppm)
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
    noise = _grain(rng, (height, width), ((2, 3.0), (9, 3.0), (60, 4.0)))
    return np.asarray(np.clip(wall + noise[..., None], 0, 255), np.uint8)


def _house(rng: np.random.Generator, wall: Image, ppm: float) -> None:
    """One house front, painted in place."""
    height, width = wall.shape[:2]
    m = ppm

    def px(metres: float) -> int:
        return int(round(metres * m))

    colour = _pick(rng, _FACADES)
    wall[:] = np.asarray(colour, np.uint8)
    if rng.random() < 0.5:
        _bricks(rng, wall, colour, m)
    # Upper floors: windows with frames, sills and curtains.
    pitch = rng.uniform(1.7, 2.4)
    count = max(int(width / m / pitch), 1)
    frame = _tone(_tint(rng, 200, 245, 5) if rng.random() < 0.7 else _tint(rng, 40, 70, 8))
    for floor in (3.9, 6.9):
        for k in range(count):
            cx = int((k + 0.5) * width / count)
            y = height - px(floor + 1.7)
            _window(rng, wall, (cx - px(0.5), y, px(1.0), px(1.6)), frame, m)
    band = height - px(3.35)
    cv2.rectangle(wall, (0, band - px(0.14)), (width, band), _tone(colour * 0.75), -1)
    # Ground floor: a shop or a house door with windows.
    if rng.random() < 0.68:
        _shop(rng, wall, m)
    else:
        for k in range(count):
            cx = int((k + 0.5) * width / count)
            if k == count // 2:
                door = _tone(_pick(rng, _SIGNS[:6]))
                x0, y0 = cx - px(0.5), height - px(2.25)
                cv2.rectangle(wall, (x0 - px(0.08), y0 - px(0.1)), (cx + px(0.58), height), frame, -1)  # noqa: E501
                cv2.rectangle(wall, (x0, y0), (cx + px(0.5), height), door, -1)
                for row in range(3):
                    top = y0 + px(0.12 + 0.7 * row)
                    cv2.rectangle(wall, (x0 + px(0.12), top), (cx + px(0.38), top + px(0.55)), _tone(np.array(door) * 0.7), max(px(0.03), 1))  # noqa: E501
            else:
                box = (cx - px(0.5), height - px(2.5), px(1.0), px(1.5))
                _window(rng, wall, box, frame, m)
    cv2.rectangle(wall, (0, height - px(0.35)), (width, height), _tone(colour * 0.6), -1)
    if rng.random() < 0.5:
        x = int(rng.uniform(0.02, 0.05) * width)
        cv2.rectangle(wall, (x, 0), (x + px(0.1), height), _tone(colour * 0.55), -1)


def _bricks(rng: np.random.Generator, wall: Image, colour: Any, m: float) -> None:
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


def _window(
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
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, wall.shape[1]), min(y + h, wall.shape[0])  # noqa: E501
    if x1 <= x0 or y1 <= y0:
        return
    glass = _tint(rng, 45, 95, 6)
    sheen = np.linspace(1.7, 0.8, y1 - y0)[:, None, None]
    pane = np.clip(np.asarray(glass) * sheen + rng.normal(0, 2, (y1 - y0, x1 - x0, 1)), 0, 255)  # noqa: E501
    wall[y0:y1, x0:x1] = pane.astype(np.uint8)
    if rng.random() < 0.5:
        cloth = _tone(_tint(rng, 165, 220, 6))
        for side in (0, 1):
            a = x0 if side == 0 else x1 - (x1 - x0) // 4
            cv2.rectangle(wall, (a, y0), (a + (x1 - x0) // 4, y1), cloth, -1)
    mid = (x + w // 2, y), (x + w // 2, y + h)
    cv2.line(wall, *mid, frame, max(t // 2, 1))
    cv2.line(wall, (x, y + h // 3), (x + w, y + h // 3), frame, max(t // 2, 1))
    cv2.rectangle(wall, (x - 2 * t, y + h + t), (x + w + 2 * t, y + h + 2 * t), _tone(np.array(frame) * 0.8), -1)  # noqa: E501


def _shop(rng: np.random.Generator, wall: Image, m: float) -> None:
    """Shop windows, a sign with letters and perhaps an awning."""
    height, width = wall.shape[:2]

    def px(metres: float) -> int:
        return int(round(metres * m))

    base = _pick(rng, _SIGNS)
    top = height - px(3.1)
    cv2.rectangle(wall, (px(0.15), top), (width - px(0.15), height), _tone(base), -1)
    panes = max(int(width / m / 1.9), 1)
    door = int(rng.integers(panes))
    for k in range(panes):
        x0 = int(px(0.3) + k * (width - px(0.6)) / panes) + px(0.06)
        x1 = int(px(0.3) + (k + 1) * (width - px(0.6)) / panes) - px(0.06)
        y0 = height - px(2.45)
        y1 = height - (px(0.05) if k == door else px(0.55))
        if x1 <= x0:
            continue
        warm = _tint(rng, 70, 150, 12) * [0.8, 0.95, 1.1]
        sheen = np.linspace(0.7, 1.15, y1 - y0)[:, None, None]
        wall[y0:y1, x0:x1] = np.clip(np.asarray(warm) * sheen, 0, 255).astype(np.uint8)
        for _ in range(int(rng.integers(5, 12))):
            w, h = px(rng.uniform(0.1, 0.4)), px(rng.uniform(0.15, 0.7))
            x = int(rng.integers(x0, max(x1 - w, x0 + 1)))
            y = y1 - h - px(rng.choice([0.0, 0.0, 0.7, 1.2]))
            cv2.rectangle(wall, (x, max(y, y0)), (min(x + w, x1), max(y + h, y0)), _tone(_tint(rng, 40, 200, 28)), -1)  # noqa: E501
        # Reflection: a slanted lighter streak.
        streak = wall[y0:y1, x0:x1].copy()
        a = int(rng.uniform(-0.3, 0.8) * (x1 - x0))
        quad = np.array([[a, 0], [a + px(0.4), 0], [a - px(0.3), y1 - y0], [a - px(0.7), y1 - y0]])  # noqa: E501
        cv2.fillPoly(streak, [quad.astype(np.int32)], (215, 210, 200), cv2.LINE_AA)
        wall[y0:y1, x0:x1] = cv2.addWeighted(wall[y0:y1, x0:x1], 0.78, streak, 0.22, 0)
        cv2.rectangle(wall, (x0, y0), (x1, y1), _tone(base * 0.5), max(px(0.05), 1))
    sign = _pick(rng, _SIGNS)
    cv2.rectangle(wall, (px(0.15), top), (width - px(0.15), top + px(0.55)), _tone(sign), -1)  # noqa: E501
    text = "".join(chr(c) for c in rng.integers(65, 91, int(rng.integers(4, 9))))
    ink = _tone(np.clip(300 - sign, 0, 255) if sign.mean() > 128 else sign * 0.3 + 180)
    scale = 0.38 * m / 22
    cv2.putText(wall, text, (px(0.5), top + px(0.45)), cv2.FONT_HERSHEY_DUPLEX, scale, ink, max(int(scale * 2), 1), cv2.LINE_AA)  # noqa: E501
    if rng.random() < 0.45:
        stripe = px(0.3)
        colours = (_tone(_pick(rng, _SIGNS)), (205.0, 212.0, 216.0))
        y0, y1 = top + px(0.5), top + px(1.05)
        for k, x in enumerate(range(px(0.1), width - px(0.1), max(stripe, 1))):
            right = min(x + stripe, width - px(0.1))
            cv2.rectangle(wall, (x, y0), (right, y1), colours[k % 2], -1)


def _ground(camera: Camera) -> tuple[int, int, float, float]:
    """Rows, columns, pixels per metre and nearest distance of the ground's texture."""
    ppm = camera.pixels / FACADE_Z * 1.5
    near = _nearest(camera)
    return (
        int((FACADE_Z - near) * ppm),
        int(2 * _half_extent(camera) * ppm),
        ppm,
        near,
    )


def _pavement(rng: np.random.Generator, camera: Camera) -> Image:
    """Paving stones, a kerb, a strip of road and the far pavement."""
    rows, columns, ppm, _ = _ground(camera)
    z = FACADE_Z - (np.arange(rows) + 0.5) / ppm
    x = (np.arange(columns) + 0.5) / ppm
    size_x, size_z = float(rng.choice([0.6, 0.8, 1.0])), float(rng.choice([0.4, 0.5]))
    base = _tint(rng, 120, 170, 7)
    row = np.floor(z / size_z).astype(int)
    column = np.floor((x[None, :] + (row[:, None] % 2) * size_x / 2) / size_x).astype(int)
    shades = np.clip(rng.normal(1, 0.06, (row.max() + 2, column.max() + 2)), 0.8, 1.2)
    shade = shades[row[:, None], column]
    gap = 1.4 / ppm
    across = (x[None, :] + (row[:, None] % 2) * size_x / 2) % size_x
    joint = (across < gap) | ((z % size_z) < gap)[:, None]
    shade = np.where(joint, 0.72, shade)
    ground = np.asarray(base)[None, None] * shade[..., None]
    road = (z > KERB_Z) & (z < FAR_KERB_Z)
    ground[road] = np.asarray(_tint(rng, 70, 95, 4))
    for edge in (KERB_Z, FAR_KERB_Z):
        kerb = np.abs(z - edge) < 0.09
        ground[kerb] = np.asarray(base) * 1.18
        ground[np.abs(z - edge - 0.12) < 0.03] *= 0.55
    noise = _grain(rng, (rows, columns), ((2, 7.0), (5, 4.0), (25, 5.0), (120, 6.0)))
    ground = ground + noise[..., None]
    image = np.asarray(np.clip(ground, 0, 255), np.uint8)
    # Stains, leaves, a manhole.
    for _ in range(60):
        centre = (int(rng.integers(columns)), int(rng.integers(rows)))
        axes = (int(rng.uniform(0.02, 0.12) * ppm) + 1, int(rng.uniform(0.02, 0.1) * ppm) + 1)  # noqa: E501
        tone = image[centre[1], centre[0]] * rng.uniform(0.6, 0.9)
        cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, tone.tolist(), -1, cv2.LINE_AA)  # noqa: E501
    centre = (int(rng.uniform(0.3, 0.7) * columns), int(rng.uniform(0.5, 0.8) * rows))
    for radius, tone in ((0.36, (70, 70, 72)), (0.32, (98, 97, 95)), (0.16, (75, 75, 76))):
        cv2.circle(image, centre, int(radius * ppm), tone, -1, cv2.LINE_AA)
    return image


def _studio(rng: np.random.Generator, camera: Camera) -> Image:
    """A rehearsal hall's wall: panels, mirrors, posters."""
    ppm = camera.pixels / FACADE_Z * 1.4
    width = int(2 * _half_extent(camera) * ppm)
    height = int(FACADE_HEIGHT * ppm)
    base = _tint(rng, 110, 190, 14)
    wall = np.empty((height, width, 3), np.uint8)
    wall[:] = np.asarray(base, np.uint8)
    step = int(2.6 * ppm)
    for x in range(0, width, step):
        kind = rng.integers(3)
        a, b = (x + int(0.15 * ppm), height - int(3.2 * ppm)), (x + step - int(0.15 * ppm), height - int(0.4 * ppm))  # noqa: E501
        if kind == 0:
            _window(rng, wall, (a[0], a[1], b[0] - a[0], b[1] - a[1]), (215.0, 218.0, 220.0), ppm)  # noqa: E501
        else:
            cv2.rectangle(wall, a, b, _tone(base * rng.uniform(0.7, 1.15)), -1)
        if kind == 2:
            for _ in range(4):
                px, py = rng.integers(a[0], b[0]), rng.integers(a[1], b[1])
                w, h = rng.uniform(0.3, 0.8, 2) * ppm
                cv2.rectangle(wall, (int(px), int(py)), (int(px + w), int(py + h)), _tone(_tint(rng, 40, 220, 50)), -1)  # noqa: E501
                cv2.putText(wall, "DANCE", (int(px), int(py + h / 2)), cv2.FONT_HERSHEY_DUPLEX, 0.3 * ppm / 22, (20, 20, 20), 1, cv2.LINE_AA)  # noqa: E501
        cv2.line(wall, (x, 0), (x, height), _tone(base * 0.6), max(int(0.05 * ppm), 1))
    cv2.rectangle(wall, (0, height - int(0.25 * ppm)), (width, height), _tone(base * 0.5), -1)  # noqa: E501
    noise = _grain(rng, (height, width), ((2, 3.0), (12, 3.0), (80, 5.0)))
    return np.asarray(np.clip(wall + noise[..., None], 0, 255), np.uint8)


def _floor(rng: np.random.Generator, camera: Camera) -> Image:
    """Floor boards."""
    rows, columns, ppm, _ = _ground(camera)
    board = max(int(0.16 * ppm), 2)
    length = max(int(1.8 * ppm), 4)
    y, x = np.arange(rows), np.arange(columns)
    column = x // board
    row = (y[:, None] + (column[None, :] * 7919) % length) // length
    shades = np.clip(rng.normal(1, 0.08, (row.max() + 1, column.max() + 1)), 0.75, 1.25)
    shade = shades[row, column[None, :]]
    joint = (x % board == 0)[None, :] | ((y[:, None] + (column[None, :] * 7919) % length) % length == 0)  # noqa: E501
    shade = np.where(joint, 0.65, shade)
    base = np.array([85.0, 125.0, 165.0]) * rng.uniform(0.8, 1.15)
    noise = _grain(rng, (rows, columns), ((2, 4.0), (6, 3.0), (60, 5.0)))
    return np.asarray(np.clip(base * shade[..., None] + noise[..., None], 0, 255), np.uint8)


def paint_prop(prop: Prop, camera: Camera) -> tuple[Any, tuple[int, int]]:
    """A thing as premultiplied BGRA, and where its corner is on the canvas."""
    mask = prop.mask(camera)
    x, y, w, h = cv2.boundingRect(mask)
    if w == 0 or h == 0:
        return np.zeros((1, 1, 4), np.uint8), (0, 0)
    mask = mask[y : y + h, x : x + w]
    rng = np.random.default_rng((prop.seed, 51))
    foot = camera.project(np.array([[prop.x, 0.0, prop.z], [prop.x, 1.0, prop.z]]))[0]
    ppm = float(foot[0, 1] - foot[1, 1])
    look = {"wall": _hoarding, "tree": _tree, "lamp": _post, "car": _car}[prop.kind]
    centre = foot[0] + camera.margin - [x, y]
    image = look(rng, (h, w), ppm, centre)
    grain = _grain(rng, (h, w), ((2, 3.0), (7, 4.0)))[..., None]
    image = np.clip(image + grain, 0, 255).astype(np.uint8)
    lit = cv2.multiply(image, cv2.merge([mask] * 3), scale=1 / 255)
    return cv2.merge([*cv2.split(lit), mask]), (x, y)


def _hoarding(
    rng: np.random.Generator, shape: tuple[int, int], ppm: float, foot: Any
) -> Any:
    """A concrete wall with a poster."""
    h, w = shape
    base = _tint(rng, 120, 175, 10)
    image = np.empty((h, w, 3), np.uint8)
    image[:] = np.asarray(base, np.uint8)
    _bricks(rng, image, base, ppm * 1.3)
    pad = int(0.15 * min(w, h))
    paper = _tint(rng, 120, 230, 40)
    cv2.rectangle(image, (pad, pad), (w - pad, h - 2 * pad), _tone(paper), -1)
    for _ in range(9):
        a = (int(rng.integers(pad, w - pad)), int(rng.integers(pad, h - 2 * pad)))
        r = int(rng.uniform(0.04, 0.16) * min(w, h))
        cv2.circle(image, a, r, _tone(_tint(rng, 40, 220, 60)), -1, cv2.LINE_AA)
    text = "".join(chr(c) for c in rng.integers(65, 91, 5))
    cv2.putText(image, text, (pad + 4, h // 2), cv2.FONT_HERSHEY_DUPLEX, w / 180, (20, 20, 24), max(w // 90, 1), cv2.LINE_AA)  # noqa: E501
    cv2.rectangle(image, (pad, pad), (w - pad, h - 2 * pad), (45, 45, 48), max(w // 120, 1))
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
    leaves = np.array([45.0, 100.0, 72.0]) + _grain(
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
    colour = _tint(rng, 40, 90, 3)
    round_ = 0.6 + 0.7 * np.cos(np.linspace(-1.9, 1.1, w))[None, :, None]
    return np.broadcast_to(np.asarray(colour) * round_, (h, w, 3)).astype(np.float64)


def _car(
    rng: np.random.Generator, shape: tuple[int, int], ppm: float, foot: Any
) -> Any:
    """Paint, windows and wheels."""
    h, w = shape
    colour = _pick(rng, _CARS)
    image = np.empty((h, w, 3), np.uint8)
    image[:] = np.asarray(colour, np.uint8)
    image = (image * np.linspace(1.1, 0.55, h)[:, None, None]).clip(0, 255).astype(np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return int(foot[0] + x * ppm), int(foot[1] - y * ppm)

    glass = np.array([at(-1.0, 0.95), at(-0.55, 1.32), at(0.65, 1.37), at(1.2, 1.0)])
    cv2.fillPoly(image, [glass], (70, 62, 55), cv2.LINE_AA)
    cv2.line(image, at(0.05, 1.36), at(0.1, 0.35), _tone(colour * 0.5), 2, cv2.LINE_AA)
    cv2.line(image, at(-2.1, 0.62), at(2.1, 0.62), _tone(colour * 0.7), 1, cv2.LINE_AA)
    for x in (-1.35, 1.4):
        cv2.circle(image, at(x, 0.32), int(0.34 * ppm), (28, 28, 30), -1, cv2.LINE_AA)
        cv2.circle(image, at(x, 0.32), int(0.2 * ppm), (150, 150, 152), -1, cv2.LINE_AA)
    cv2.circle(image, at(2.05, 0.68), int(0.09 * ppm) + 1, (200, 235, 250), -1)
    cv2.circle(image, at(-2.05, 0.72), int(0.09 * ppm) + 1, (60, 50, 190), -1)
    return image
