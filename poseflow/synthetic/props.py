"""Geometry of props, the objects that occlude people: walls, trees, lamps, cars.

A prop is flat and upright, facing the camera, at one distance. Its outline decides what
it occludes; `poseflow.synthetic.painting.props` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.synthetic.actors import FAR, NEAR, WALL_Z, wall_width
from poseflow.synthetic.camera import Camera
from poseflow.synthetic.config import SceneConfig


@dataclass(frozen=True)
class Prop:
    """One occluding object.

    Attributes:
        kind: `wall`, `tree`, `lamp` or `car`.
        x: Metres to the right of the camera, of its middle.
        z: Metres away.
        width: Metres.
        height: Metres.
        seed: Seed of its texture and crown.
    """

    kind: str
    x: float
    z: float
    width: float
    height: float
    seed: int = 0

    def outlines(self) -> list[Floats]:
        """Closed outlines in metres, x to the right of the middle and y up."""
        w, h = self.width, self.height
        if self.kind == "tree":
            trunk = [[-w / 2, 0], [-w * 0.33, 0.5 * h], [-w * 0.3, h], [w * 0.3, h]]
            return [np.array([*trunk, [w * 0.36, 0.5 * h], [w / 2, 0]]), self._crown()]
        if self.kind == "car":
            return [np.array(_CAR) * [w / 4.3, h / 1.45]]
        if self.kind == "lamp":
            base = [[-w, 0], [-w, 0.5], [-w / 2, 0.6], [-w / 2, h]]
            return [np.array(base + [[-x, y] for x, y in reversed(base)])]
        return [np.array([[-w / 2, 0], [-w / 2, h], [w / 2, h], [w / 2, 0]])]

    def _crown(self) -> Floats:
        rng = np.random.default_rng((self.seed, 5))
        angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)
        wave = sum(
            rng.uniform(0.03, 0.1) * np.sin(k * angle + rng.uniform(0, 6.3))
            for k in (2, 3, 5, 7, 11)
        )
        leaves = rng.uniform(-0.06, 0.06, len(angle))
        radius = 1.5 * (1 + wave + leaves)
        crown = np.stack([1.15 * radius * np.cos(angle), radius * np.sin(angle)], 1)
        return np.asarray(crown + np.array([0, self.height + 0.9]))

    def pixels(self, camera: Camera) -> list[Floats]:
        """The outlines in the base image."""
        found = []
        for outline in self.outlines():
            points = np.zeros((len(outline), 3))
            points[:, 0] = outline[:, 0] + self.x
            points[:, 1] = outline[:, 1]
            points[:, 2] = self.z
            found.append(camera.project(points)[0])
        return found

    def mask(self, camera: Camera) -> Image:
        """Mask in the base image with its margin: 0 to 255, smooth edges."""
        width, height = camera.size
        mx, my = camera.margin
        canvas = np.zeros((height + 2 * my, width + 2 * mx), np.uint8)
        for outline in self.pixels(camera):
            fixed = np.round((outline + np.array([mx, my])) * 16).astype(np.int32)
            cv2.fillPoly(canvas, [fixed], (255,), cv2.LINE_AA, 4)
        return canvas


_CAR = [
    [-2.15, 0.3], [-2.1, 0.75], [-1.95, 0.85], [-1.2, 0.95], [-0.6, 1.4], [0.7, 1.45],
    [1.45, 0.98], [2.05, 0.9], [2.15, 0.6], [2.12, 0.3], [1.75, 0.3], [1.65, 0.08],
    [1.4, 0.0], [1.15, 0.08], [1.05, 0.3], [-1.0, 0.3], [-1.1, 0.08], [-1.35, 0.0],
    [-1.6, 0.08], [-1.7, 0.3],
]  # fmt: skip


def place_props(config: SceneConfig, camera: Camera, seed: int) -> tuple[Prop, ...]:
    """The props of a scene, farthest first."""
    rng = np.random.default_rng((seed, 2))
    if config.plot == "wall":
        return (Prop("wall", 0.0, WALL_Z, wall_width(config), 2.45, seed),)
    if not config.props:
        return ()
    side = float(rng.choice([-1, 1]))
    tree_z = float(rng.uniform(NEAR + 1.2, NEAR + 3))
    lamp_z = float(rng.uniform(NEAR - 0.4, NEAR + 1))
    car_z = FAR + 0.9
    tree_x = side * float(rng.uniform(0.35, 0.7)) * camera.half_width(tree_z)
    lamp_x = -side * float(rng.uniform(0.3, 0.7)) * camera.half_width(lamp_z)
    car_x = float(rng.uniform(-0.6, 0.6)) * camera.half_width(car_z)
    props = [
        Prop("car", car_x, car_z, 4.3, 1.45, int(rng.integers(2**31))),
        Prop("tree", tree_x, tree_z, 0.42, 3.0, int(rng.integers(2**31))),
        Prop("lamp", lamp_x, lamp_z, 0.14, 5.0, int(rng.integers(2**31))),
    ]
    return tuple(sorted(props, key=lambda prop: -prop.z))
