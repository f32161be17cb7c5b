"""Textures of clothing, skin and hair for every body part of one person.

A part is a cylinder; its texture is the unrolled surface, `(ROWS, FULL, 3)` uint8 BGR,
rows from the upper end down, columns by angle: the middle column faces forward, the
person's left is to the right of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from poseflow.arrays import Image

FULL = 256
"""Columns of a whole turn."""

ROWS = 128

_SKIN = [
    (168, 198, 238), (140, 175, 222), (118, 155, 205), (90, 128, 180), (62, 95, 145),
    (45, 70, 110), (35, 52, 82),
]  # fmt: skip
_HAIR = [
    (22, 24, 28), (30, 38, 52), (38, 55, 85), (60, 95, 140), (95, 150, 190),
    (150, 155, 160), (35, 50, 120),
]  # fmt: skip
_TROUSERS = [
    (80, 52, 38), (100, 72, 52), (42, 40, 40), (60, 60, 66), (120, 150, 180),
    (70, 90, 110), (52, 62, 54), (135, 100, 75), (35, 30, 60), (165, 170, 175),
]  # fmt: skip


@dataclass(frozen=True)
class Clothing:
    """Textures of one person's body parts, and the kinds of hair, sleeves and bag.

    Attributes:
        parts: Unrolled textures by name.
        hair: `short`, `long`, `bun`, `bald` or `cap`.
        sleeves: Fraction of the arm that is covered: 1 long, 0.5 short, 0 none.
        coat: Length of the coat's or skirt's skirts as a fraction of the thigh, or 0.
        bag: `none`, `backpack` or `shoulder`.
    """

    parts: dict[str, Image]
    hair: str
    sleeves: float
    coat: float
    bag: str


def make_clothing(seed: int) -> Clothing:
    """Clothing, skin and hair drawn from a seed."""
    rng = np.random.default_rng((seed, 21))
    skin = np.array(_SKIN[int(rng.choice(len(_SKIN), p=_odds(len(_SKIN))))], float)
    skin = np.clip(skin * rng.uniform(0.93, 1.07, 3), 0, 255)
    hair_colour = np.array(_HAIR[int(rng.integers(len(_HAIR)))], float)
    if skin[0] < 80:
        hair_colour = np.array(_HAIR[int(rng.integers(2))], float)
    hair = str(
        rng.choice(
            ["short", "long", "bun", "bald", "cap"], p=[0.45, 0.25, 0.1, 0.08, 0.12]
        )
    )
    sleeves = float(rng.choice([1.0, 0.5, 0.0], p=[0.6, 0.33, 0.07]))
    coat = float(rng.choice([0.0, 0.55, 0.95], p=[0.74, 0.13, 0.13]))
    bag = str(rng.choice(["none", "backpack", "shoulder"], p=[0.66, 0.2, 0.14]))
    main = _colour(rng)
    second = _colour(rng)
    legs = np.array(_TROUSERS[int(rng.integers(len(_TROUSERS)))], float)
    legs = np.clip(legs * rng.uniform(0.8, 1.25), 0, 235)
    top = _fabric(rng, main, second, ROWS, FULL, "any")
    torso = _garment(rng, top.copy(), main, second, skin)
    sleeve = _fabric_like(rng, top, ROWS)
    arm_skin = _skin(rng, skin, ROWS)
    upper = sleeve.copy()
    if sleeves < 1:
        cut = int(ROWS * (0.62 if sleeves > 0 else 0.08))
        upper[cut:] = arm_skin[cut:]
        upper[max(cut - 4, 0) : cut] = (upper[max(cut - 4, 0) : cut] * 0.7).astype(
            np.uint8
        )
    forearm = sleeve.copy() if sleeves == 1 else arm_skin
    if sleeves == 1:
        forearm[-10:] = (forearm[-10:] * 0.75).astype(np.uint8)
    bag_cloth = _seams(rng, _fabric(rng, _colour(rng), second, ROWS, FULL, "any"))
    if bag == "backpack":
        _add_straps(torso, bag_cloth)
    denim = _fabric(rng, legs, legs * 0.85, ROWS, FULL, "plain")
    thigh = _seams(rng, denim.copy())
    shin = _seams(rng, _fabric(rng, legs, legs * 0.85, ROWS, FULL, "plain"))
    if rng.random() < 0.16 and not coat:
        # Shorts: bare shins.
        thigh[int(ROWS * 0.75) :] = _skin(rng, skin, ROWS)[int(ROWS * 0.75) :]
        shin = _skin(rng, skin, ROWS)
        shin[int(ROWS * 0.86) :] = _grain(rng, (225, 225, 225), 8)[int(ROWS * 0.86) :]
    shoe_colour = np.array(
        [(40, 38, 36), (235, 235, 238), (60, 80, 120), (50, 40, 150), (120, 110, 100)][
            int(rng.integers(5))
        ],
        float,
    )
    shoe = _fabric(rng, shoe_colour, shoe_colour * 0.7, ROWS, FULL, "plain")
    shoe[:, : FULL // 8] = 225
    shoe[:, -FULL // 8 :] = 225
    parts = {
        "torso": torso,
        "pelvis": _belt(rng, denim.copy()) if not coat else top,
        "upper_arm": upper,
        "forearm": forearm,
        "hand": _skin(rng, skin, ROWS),
        "thigh": thigh,
        "shin": shin,
        "shoe": shoe,
        "neck": _skin(rng, skin * 0.9, ROWS),
        "head": _face(rng, skin, hair_colour, hair, second),
        "hair": _strands(rng, hair_colour, ROWS),
        "coat": _fabric_like(rng, top, ROWS),
        "bag": bag_cloth,
    }
    return Clothing(parts, hair, sleeves, coat, bag)


def _odds(count: int) -> Any:
    weights = np.linspace(1.4, 0.6, count)
    return weights / weights.sum()


def _colour(rng: np.random.Generator) -> Any:
    """A random colour of clothes: often muted, sometimes bright."""
    hue = rng.integers(180)
    saturation = rng.choice([rng.integers(0, 45), rng.integers(50, 165)])
    value = rng.integers(45, 225)
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(float)


def _noise(rng: np.random.Generator, rows: int, columns: int, cell: int) -> Any:
    """Smooth noise around 0, periodic over the columns, `(rows, columns)`."""
    small = rng.normal(size=(max(rows // cell, 2), max(columns // cell, 2)))
    small = np.concatenate([small, small[:, :1]], axis=1)
    wide = columns + columns // max(columns // cell, 2)
    large = cv2.resize(small, (wide, rows), interpolation=cv2.INTER_CUBIC)
    return large[:, :columns]


def _grain(
    rng: np.random.Generator, colour: Any, strength: float = 10.0, rows: int = ROWS
) -> Image:
    """A colour with weave, folds and wear."""
    fine = rng.normal(size=(rows, FULL)) * 0.5 + _noise(rng, rows, FULL, 3) * 0.7
    folds = _noise(rng, rows, FULL, 28) * 0.9 + _noise(rng, rows, FULL, 12) * 0.6
    field = (fine + folds)[..., None] * strength
    return np.asarray(np.clip(np.asarray(colour) + field, 0, 255), np.uint8)


def _fabric(
    rng: np.random.Generator, main: Any, second: Any, rows: int, columns: int, kind: str
) -> Image:
    """Cloth: plain, striped, checked or printed."""
    if kind == "any":
        kind = str(
            rng.choice(
                ["plain", "stripes", "bars", "checks", "print", "dots"],
                p=[0.34, 0.16, 0.1, 0.18, 0.12, 0.1],
            )
        )
    cloth = _grain(rng, main, 9.0, rows).astype(float)
    y, x = np.mgrid[:rows, :columns]
    accent = np.asarray(second, float)
    step = int(rng.choice([8, 12, 16, 24]))
    # Periods divide the turn, so that patterns close behind the back.
    around = columns // int(rng.choice([8, 16, 32]))
    if kind == "stripes":
        mask = ((y // step) % 2).astype(float)
    elif kind == "bars":
        mask = ((x // (around // 2)) % 2).astype(float)
    elif kind == "checks":
        mask = 0.5 * ((y // step) % 2) + 0.5 * ((x // (around // 2)) % 2)
    elif kind == "print":
        mask = (_noise(rng, rows, columns, 14) > 0.25).astype(float)
        mask = cv2.GaussianBlur(mask, (3, 3), 0)
    elif kind == "dots":
        dx = (x % around) - around / 2
        dy = ((y + (x // around % 2) * step // 2) % step) - step / 2
        mask = (dx**2 + dy**2 < (0.3 * min(around, step)) ** 2).astype(float)
    else:
        mask = np.zeros((rows, columns))
    mask = mask[..., None] * 0.85
    cloth = cloth * (1 - mask) + (accent + cloth - np.asarray(main)) * mask
    return np.asarray(np.clip(cloth, 0, 255), np.uint8)


def _fabric_like(rng: np.random.Generator, cloth: Image, rows: int) -> Image:
    """More of the same cloth, shifted."""
    shift = int(rng.integers(FULL))
    shade = np.clip(1 + 0.05 * _noise(rng, rows, FULL, 20), 0.7, 1.3)[..., None]
    return np.asarray(np.clip(np.roll(cloth, shift, axis=1) * shade, 0, 255), np.uint8)


def _garment(
    rng: np.random.Generator, cloth: Image, main: Any, second: Any, skin: Any
) -> Image:
    """Add a neckline, buttons or a zip, and prints on chest and back."""
    middle = FULL // 2
    dark = tuple((np.asarray(main) * 0.45).tolist())
    bright = tuple(np.clip(255 - np.asarray(main), 30, 245).tolist())
    if rng.random() < 0.45:
        cv2.line(cloth, (middle, 8), (middle, ROWS - 1), dark, 2, cv2.LINE_AA)
        for y in range(22, ROWS - 4, 18):
            cv2.circle(cloth, (middle + 3, y), 2, bright, -1, cv2.LINE_AA)
    for centre, chance in ((middle, 0.45), (0, 0.4)):
        if rng.random() < chance:
            patch = np.roll(cloth, middle - centre, axis=1)
            _logo(rng, patch, (middle, int(rng.integers(40, 62))), second, bright)
            cloth = np.roll(patch, centre - middle, axis=1)
    cv2.ellipse(
        cloth, (middle, -2), (20, int(rng.integers(8, 22))), 0, 0, 180,
        tuple(np.asarray(skin).tolist()), -1, cv2.LINE_AA,
    )  # fmt: skip
    if rng.random() < 0.5:
        y = int(rng.integers(78, 95))
        for sign in (-1, 1):
            x = middle + sign * 30
            cv2.rectangle(cloth, (x - 11, y), (x + 11, y + 20), dark, 1, cv2.LINE_AA)
    cloth[-4:] = (cloth[-4:] * 0.6).astype(np.uint8)
    return cloth


def _logo(
    rng: np.random.Generator,
    cloth: Image,
    centre: tuple[int, int],
    colour: Any,
    bright: Any,
) -> None:
    """A print: letters, a disc, a badge or a star of strokes."""
    x, y = centre
    fill = tuple(np.asarray(colour).tolist())
    kind = rng.integers(3)
    if kind == 0:
        cv2.circle(cloth, (x, y), 19, fill, -1, cv2.LINE_AA)
        cv2.circle(cloth, (x, y), 13, bright, 3, cv2.LINE_AA)
    elif kind == 1:
        cv2.rectangle(cloth, (x - 24, y - 13), (x + 24, y + 13), fill, -1, cv2.LINE_AA)
    else:
        for angle in rng.uniform(0, 2 * np.pi, 7):
            tip = (int(x + 24 * np.cos(angle)), int(y + 24 * np.sin(angle)))
            cv2.line(cloth, (x, y), tip, fill, 3, cv2.LINE_AA)
    text = "".join(chr(c) for c in rng.integers(65, 91, 3))
    cv2.putText(
        cloth, text, (x - 21, y + 7), cv2.FONT_HERSHEY_DUPLEX, 0.65, bright, 2,
        cv2.LINE_AA,
    )  # fmt: skip


def _add_straps(torso: Image, bag: Image) -> None:
    """Paint a rucksack's straps on the chest, its pocket and zip on the rucksack."""
    dark = (bag.reshape(-1, 3).mean(axis=0) * 0.4).tolist()
    middle = FULL // 2
    for sign in (-1, 1):
        top, low = (middle + sign * 34, 0), (middle + sign * 46, 88)
        cv2.line(torso, top, low, dark, 9, cv2.LINE_AA)
    cv2.rectangle(bag, (middle - 40, 70), (middle + 40, 118), dark, 3, cv2.LINE_AA)
    cv2.ellipse(bag, (middle, 40), (52, 26), 0, 180, 360, dark, 3, cv2.LINE_AA)
    cv2.line(bag, (middle - 12, 4), (middle + 12, 4), dark, 6, cv2.LINE_AA)


def _seams(rng: np.random.Generator, cloth: Image) -> Image:
    """Side seams and wear."""
    for x in (FULL // 4, 3 * FULL // 4):
        cloth[:, x - 1 : x + 1] = (cloth[:, x - 1 : x + 1] * 0.72).astype(np.uint8)
    wear = np.clip(1 + 0.12 * _noise(rng, ROWS, FULL, 30), 0.75, 1.3)[..., None]
    return np.asarray(np.clip(cloth * wear, 0, 255), np.uint8)


def _belt(rng: np.random.Generator, cloth: Image) -> Image:
    """Trousers' top with a belt and pockets."""
    cloth = _seams(rng, cloth)
    cloth[14:30] = (cloth[14:30] * 0.35).astype(np.uint8)
    middle = FULL // 2
    cv2.rectangle(cloth, (middle - 6, 15), (middle + 6, 28), (140, 190, 205), 2)
    for sign in (-1, 1):
        a, b = (middle + sign * 25, 34), (middle + sign * 45, 70)
        cv2.line(cloth, a, b, (20, 20, 25), 2, cv2.LINE_AA)
        back = ((middle + sign * 40) + middle) % FULL
        cv2.rectangle(cloth, (back - 14, 50), (back + 14, 88), (25, 22, 20), 2)
    return cloth


def _skin(rng: np.random.Generator, colour: Any, rows: int) -> Image:
    """Bare skin."""
    return _grain(rng, colour, 4.0, rows)


def _strands(rng: np.random.Generator, colour: Any, rows: int) -> Image:
    """Hair: streaks that run down."""
    streaks = _noise(rng, 8, FULL, 3)
    field = cv2.resize(streaks, (FULL, rows), interpolation=cv2.INTER_LINEAR)
    field = field + 0.5 * _noise(rng, rows, FULL, 10)
    hair = np.asarray(colour) * (1 + 0.22 * field[..., None]) + 6 * field[..., None]
    return np.asarray(np.clip(hair, 4, 255), np.uint8)


def _face(
    rng: np.random.Generator, skin: Any, hair: Any, style: str, second: Any
) -> Image:
    """The head unrolled: crown at the top row, chin at the bottom, face in front."""
    head = _grain(rng, skin, 3.0)
    middle = FULL // 2
    x = np.arange(FULL)
    angle = np.abs(x - middle) / (FULL / 2) * 180
    y = np.arange(ROWS)[:, None]

    # Cheeks warm, temples shaded, a beard on some.
    tint = np.clip(np.asarray(skin) * [0.82, 0.86, 1.0], 0, 255)
    for sign in (-1, 1):
        cv2.circle(head, (middle + sign * 24, 82), 9, tint.tolist(), -1, cv2.LINE_AA)
    head = np.asarray(cv2.GaussianBlur(head, (0, 0), 2.0), np.uint8)
    if style in ("short", "bald", "cap") and rng.random() < 0.4:
        beard = (y > 84) & (angle < 85)[None, :]
        beard &= ~((y < 90) & (angle < 12)[None, :])
        shade = _strands(rng, hair * 0.9, ROWS)
        head = np.where(beard[..., None], (head * 0.25 + shade * 0.75), head)
        head = np.asarray(head, np.uint8)
    dark = (np.asarray(skin) * 0.45).tolist()
    brow = (np.asarray(hair) * 0.8).tolist()
    for sign in (-1, 1):
        eye = (middle + sign * 22, 58)
        cv2.ellipse(head, eye, (9, 5), 0, 0, 360, (232, 234, 236), -1, cv2.LINE_AA)
        cv2.circle(head, eye, 4, (40, 35, 30), -1, cv2.LINE_AA)
        cv2.ellipse(head, eye, (10, 6), 0, 180, 360, dark, 2, cv2.LINE_AA)
        a, b = (middle + sign * 11, 49), (middle + sign * 33, 47)
        cv2.line(head, a, b, brow, 4, cv2.LINE_AA)
    shadow = (np.asarray(skin) * 0.78).tolist()
    cv2.line(head, (middle - 4, 58), (middle - 7, 77), shadow, 3, cv2.LINE_AA)
    cv2.ellipse(head, (middle, 78), (9, 4), 0, 0, 180, dark, 2, cv2.LINE_AA)
    lips = np.clip(np.asarray(skin) * [0.55, 0.55, 0.85], 0, 255).tolist()
    cv2.ellipse(head, (middle, 94), (13, 4), 0, 0, 360, lips, -1, cv2.LINE_AA)
    cv2.line(head, (middle - 13, 94), (middle + 13, 94), dark, 1, cv2.LINE_AA)

    if style != "bald":
        # The hairline: high over the forehead, low behind the ears.
        low = {"short": 92, "long": 128, "bun": 96, "cap": 84}[style]
        line = np.interp(angle, [0, 45, 68, 88, 110, 180], [30, 32, 46, 56, low, low])
        line = line + 2.5 * _noise(rng, 2, FULL, 6)[0]
        strands = _strands(rng, hair, ROWS)
        mask = np.clip((line[None, :] - y) / 2 + 0.5, 0, 1)[..., None]
        head = np.asarray(head * (1 - mask) + strands * mask, np.uint8)
    if style == "cap":
        cap = _grain(rng, second, 6.0)
        brim = np.interp(angle, [0, 50, 70, 180], [44, 40, 36, 40])[None, :]
        mask = np.clip((brim - y) + 0.5, 0, 1)[..., None]
        shade = np.where((y > brim - 6) & (angle < 60)[None, :], 0.55, 1.0)[..., None]
        head = np.asarray(head * (1 - mask) + cap * shade * mask, np.uint8)
    if style in ("bald", "short", "cap", "bun"):
        for side in (FULL // 4, 3 * FULL // 4):
            ear = (np.asarray(skin) * 0.92).tolist()
            cv2.ellipse(head, (side, 66), (9, 13), 0, 0, 360, ear, -1, cv2.LINE_AA)
            cv2.ellipse(head, (side, 66), (5, 8), 0, 0, 360, shadow, 2, cv2.LINE_AA)
    return head
