"""Painting of one person, body part by body part from back to front."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.synthetic.body import POINT, Body
from poseflow.synthetic.painting.clothes import Clothing
from poseflow.synthetic.painting.sprites import PersonTextures, stamp

# Half widths as fractions of stature: at the part's widest.
_WIDTHS = {
    "upper_arm": 0.034,
    "forearm": 0.027,
    "hand": 0.023,
    "thigh": 0.054,
    "shin": 0.036,
    "shoe": 0.027,
}
_ENDS = {
    "upper_arm": (0.02, 0.024),
    "forearm": (0.024, 0.004),
    "hand": (0.004, 0.02),
    "thigh": (0.05, 0.03),
    "shin": (0.028, 0.01),
    "shoe": (0.020, 0.019),
}


FAR_SHADE = 0.45
"""Share of the light that the far arm and leg of a person seen from the side lose: what
is seen of them faces the rest of the body."""

CONTACT_SHADE = 0.25
"""Share of the light lost beside a limb (ambient occlusion)."""

CONTACT_REACH = 1.3
"""How far that shadow reaches, in half widths of the limb."""

_LIMBS = ("upper_arm", "forearm", "thigh", "shin")


class Figure:
    """One person in one frame, to be painted."""

    def __init__(
        self,
        frame: Image,
        labels: npt.NDArray[np.int32] | None,
        label: int,
        pixels: Floats,
        world: Floats,
        body: Body,
        clothing: Clothing,
        textures: PersonTextures,
    ) -> None:
        self.frame, self.labels, self.label = frame, labels, label
        self.at = {name: pixels[k] for name, k in POINT.items()}
        self.world = {name: world[k] for name, k in POINT.items()}
        self.body, self.clothing, self.textures = body, clothing, textures
        # Pixels per stature at the pelvis.
        trunk = np.linalg.norm(world[POINT["neck"]] - world[POINT["pelvis"]])
        shown = np.linalg.norm(pixels[POINT["neck"]] - pixels[POINT["pelvis"]])
        self.unit = float(shown) / max(float(trunk), 1e-6) * body.height
        self.girth = body.girth
        self.chest = self._turn("left_shoulder", "right_shoulder")
        self.hips = self._turn("left_hip", "right_hip")
        self.face = self._turn("left_ear", "right_ear")
        self.light = 1.0

    def _turn(self, left: str, right: str) -> float:
        """How far a left-right pair is turned from facing the camera, in turns."""
        a, b = self.world[left], self.world[right]
        x, _, z = (a + b) / 2
        angle = np.arctan2(a[2] - b[2], a[0] - b[0]) + np.arctan2(x, z)
        return float(angle / (2 * np.pi))

    def paint(self) -> None:
        """All parts, back to front."""
        facing = np.cos(2 * np.pi * self.chest) > 0
        middle = self.world["thorax"][2]
        depth = {
            side: self._mean_depth(f"{side}_elbow", f"{side}_wrist")
            for side in ("left", "right")
        }
        arms = sorted(depth, key=lambda side: -depth[side])
        far = [side for side in arms if depth[side] > middle + 0.04]
        near = [side for side in arms if side not in far]
        self.light = 1 - FAR_SHADE * abs(np.sin(2 * np.pi * self.chest))
        for side in far:
            self._arm(side)
        self.light = 1.0
        legs = sorted(
            ("left", "right"),
            key=lambda side: -self._mean_depth(f"{side}_knee", f"{side}_ankle"),
        )
        if facing:
            self._behind()
        self.light = 1 - FAR_SHADE * abs(np.sin(2 * np.pi * self.hips))
        self._leg(legs[0])
        self.light = 1.0
        self._leg(legs[1])
        self._trunk()
        if not facing:
            self._behind()
        self._head()
        for side in near:
            self._arm(side)

    def _mean_depth(self, first: str, second: str) -> float:
        """Metres away of the middle between two points."""
        return float(self.world[first][2] + self.world[second][2]) / 2

    def _stamp(
        self,
        part: str,
        shape: str,
        turn: float,
        top: Any,
        bottom: Any,
        half: float,
    ) -> None:
        length = float(np.hypot(*(bottom - top)))
        sprite = self.textures.sprite(part, shape, turn, length, 2 * half, self.light)
        if part in _LIMBS:
            shadow = np.zeros_like(sprite)
            shadow[..., 3] = CONTACT_SHADE * sprite[..., 3]
            stamp(self.frame, shadow, top, bottom, half * CONTACT_REACH)
        stamp(self.frame, sprite, top, bottom, half, self.labels, self.label)

    def _limb(self, part: str, a: str, b: str, turn: float) -> None:
        """A tapered capsule from joint to joint."""
        top, bottom = self.at[a], self.at[b]
        span = bottom - top
        length = max(float(np.hypot(*span)), 1e-6)
        thick = self.unit * (self.girth if part not in ("hand", "shoe") else 1.0)
        first, last = (end * thick for end in _ENDS[part])
        along = span / length
        self._stamp(
            part,
            part,
            turn,
            top - along * first,
            bottom + along * last,
            _WIDTHS[part] * thick,
        )

    def _arm(self, side: str) -> None:
        self._limb("hand", f"{side}_wrist", f"{side}_hand", self.chest)
        self._limb("forearm", f"{side}_elbow", f"{side}_wrist", self.chest)
        self._limb("upper_arm", f"{side}_shoulder", f"{side}_elbow", self.chest)

    def _leg(self, side: str) -> None:
        self._shoe(side)
        self._limb("shin", f"{side}_knee", f"{side}_ankle", self.hips)
        self._limb("thigh", f"{side}_hip", f"{side}_knee", self.hips)

    def _shoe(self, side: str) -> None:
        heel, toe = self.at[f"{side}_heel"], self.at[f"{side}_big_toe"]
        rise = np.array([0.0, -0.012 * self.unit])
        half = 0.027 * self.unit
        span = toe - heel
        length = float(np.hypot(*span))
        along = span / length if length > 1e-6 else np.array([0.0, 1.0])
        top, bottom = heel + rise - along * half * 0.2, toe + rise + along * half * 0.3
        # A foot that comes towards the camera is seen as a rounded block.
        if np.hypot(*(bottom - top)) < 1.8 * half:
            centre = (top + bottom) / 2
            reach = np.array([0, 0.9 * half])
            top, bottom = centre - reach, centre + reach
        turn = self.hips + (0.25 if abs(span[0]) > abs(span[1]) else 0.0)
        self._stamp("shoe", "shoe", turn, top, bottom, half)

    def _width(self, turn: float, front: float, side: float) -> float:
        """Apparent half width of an elliptic cross-section, pixels."""
        a, b = front * np.cos(2 * np.pi * turn), side * np.sin(2 * np.pi * turn)
        return float(np.hypot(a, b)) * self.unit

    def _trunk(self) -> None:
        neck, pelvis = self.at["neck"], self.at["pelvis"]
        axis = pelvis - neck
        axis = axis / max(float(np.hypot(*axis)), 1e-6)
        self._stamp(
            "neck",
            "neck",
            self.chest,
            self.at["head_bottom"] - axis * 0.02 * self.unit,
            neck + axis * 0.03 * self.unit,
            0.034 * self.unit,
        )
        body, girth = self.body, self.girth
        half = self._width(self.hips, 0.098 * body.hips * girth, 0.078 * girth)
        self._stamp(
            "pelvis",
            "pelvis",
            self.hips,
            pelvis - axis * 0.075 * self.unit,
            pelvis + axis * 0.07 * self.unit,
            half,
        )
        if self.clothing.coat:
            self._skirt(half)
        wide = 0.122 * body.shoulders * (0.6 + 0.4 * girth)
        half = self._width(self.chest, wide, 0.082 * girth)
        side_on = abs(np.sin(2 * np.pi * self.chest)) > 0.8
        self._stamp(
            "torso",
            "torso_side" if side_on else "torso_front",
            self.chest,
            neck - axis * 0.012 * self.unit,
            pelvis + axis * 0.012 * self.unit,
            half,
        )

    def _skirt(self, half: float) -> None:
        knees = (self.at["left_knee"] + self.at["right_knee"]) / 2
        pelvis = self.at["pelvis"]
        spread = abs(self.at["left_knee"][0] - self.at["right_knee"][0]) / 2
        end = pelvis + (knees - pelvis) * self.clothing.coat
        reach = max(half, spread * self.clothing.coat + 0.05 * self.unit * self.girth)
        top = pelvis - (knees - pelvis) * 0.1
        self._stamp("coat", "skirt", self.hips, top, end, reach)

    def _behind(self) -> None:
        """Paint what is on the back: a rucksack, long hair."""
        if self.clothing.bag == "backpack":
            forward = np.array(
                [np.sin(2 * np.pi * self.chest), 0.12 * np.cos(2 * np.pi * self.chest)]
            )
            shift = -forward * 0.075 * self.unit
            neck, pelvis = self.at["neck"], self.at["pelvis"]
            top = neck + (pelvis - neck) * 0.1 + shift
            bottom = neck + (pelvis - neck) * 0.72 + shift
            half = self._width(self.chest, 0.09, 0.055)
            self._stamp("bag", "bag", self.chest + 0.5, top, bottom, half)
        if self.clothing.hair == "long":
            self._mane()

    def _mane(self) -> None:
        back = -np.sin(2 * np.pi * self.face) * 0.03 * self.unit
        shift = np.array([back, 0.0])
        head, neck = self.at["head"], self.at["neck"]
        self._stamp(
            "hair",
            "hair",
            self.face,
            head + shift + [0, -0.03 * self.unit],
            neck + shift * 0.8 + [0, 0.035 * self.unit],
            0.052 * self.unit,
        )

    def _head(self) -> None:
        top, bottom = self.at["head_top"], self.at["head_bottom"]
        centre = self.at["head"]
        up = top - bottom
        up = up / max(float(np.hypot(*up)), 1e-6)
        sideways = np.sin(2 * np.pi * self.face)
        if abs(sideways) > 0.4 and np.cos(2 * np.pi * self.face) > -0.3:
            nose = self.at["nose"] - [sideways * 0.006 * self.unit, 0]
            r = 0.009 * self.unit
            self._stamp("neck", "ball", 0.0, nose + up * r, nose - up * 1.2 * r, r)
        if self.clothing.hair != "long" and abs(sideways) < 0.7:
            for side in ("left", "right"):
                ear = self.at[f"{side}_ear"] + (self.at[f"{side}_ear"] - centre) * 0.1
                r = 0.019 * self.unit
                self._stamp("neck", "ball", 0.0, ear + up * r, ear - up * r, r * 0.5)
        half = self._width(self.face, 0.0455, 0.056)
        self._stamp(
            "head",
            "head",
            self.face,
            centre + up * 0.068 * self.unit,
            centre - up * 0.066 * self.unit,
            half,
        )
        if self.clothing.hair == "bun":
            back = np.array([-sideways * 0.055 * self.unit, 0.0])
            r = 0.024 * self.unit
            spot = centre + back + up * 0.035 * self.unit
            if np.cos(2 * np.pi * self.face) < 0.6:
                self._stamp("hair", "ball", 0.0, spot + up * r, spot - up * r, r)
        if self.clothing.hair == "long" and np.cos(2 * np.pi * self.face) < 0.2:
            self._mane()
