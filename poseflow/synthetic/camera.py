"""Pinhole camera of a synthetic scene, and its motion over time.

The still camera projects the world onto its *base* image. Motion is a similarity of
that image (shift, zoom, roll), so that background and people follow the same map and
the ground truth is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from poseflow.arrays import Floats


@dataclass(frozen=True)
class CameraPath:
    """Amplitudes of a camera's motion; all zero is a tripod.

    Attributes:
        pan: Largest shift sideways as a fraction of the image's width.
        tilt: Largest shift up and down as a fraction of its height.
        zoom: Largest enlargement less 1.
        roll: Largest rotation in radians.
        shake: Hand shake: standard deviation as a fraction of the height.
        period: Seconds of a pan to and fro.
    """

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0
    roll: float = 0.0
    shake: float = 0.0
    period: float = 12.0

    @property
    def still(self) -> bool:
        """True if nothing moves."""
        return not any((self.pan, self.tilt, self.zoom, self.roll, self.shake))


@dataclass(frozen=True)
class Camera:
    """A camera over the origin of the ground, looking along z and a little down.

    Attributes:
        size: Width and height of the image in pixels.
        height: Metres above the ground.
        pitch: Radians below the horizontal.
        focal: Focal length as a fraction of the image's width.
        motion: Its motion.
        seed: Seed of the motion.
    """

    size: tuple[int, int] = (1280, 720)
    height: float = 2.25
    pitch: float = 0.105
    focal: float = 0.86
    motion: CameraPath = field(default_factory=CameraPath)
    seed: int = 0

    @property
    def pixels(self) -> float:
        """Focal length in pixels."""
        return self.focal * self.size[0]

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Project points of the world onto the base image.

        Args:
            points: `(..., 3)` metres: x right, y up from the ground, z away.

        Returns:
            `(..., 2)` pixels and `(...)` depth in metres along the optical axis.
        """
        sin, cos = np.sin(self.pitch), np.cos(self.pitch)
        up = points[..., 1] - self.height
        depth = cos * points[..., 2] - sin * up
        down = -cos * up - sin * points[..., 2]
        scale = self.pixels / np.maximum(depth, 0.1)
        x = self.size[0] / 2 + scale * points[..., 0]
        y = self.size[1] / 2 + scale * down
        return np.stack([x, y], axis=-1), depth

    def half_width(self, z: float) -> float:
        """Metres from the middle to the image's edge on the ground at distance z."""
        depth = np.cos(self.pitch) * z + np.sin(self.pitch) * self.height
        reach = 0.5 + self.motion.pan + 3 * self.motion.shake
        return float(depth * reach / self.focal)

    @cached_property
    def _waves(self) -> tuple[Floats, Floats]:
        """Phases of the slow motion (5,) and of the shake (3, 6, 2)."""
        rng = np.random.default_rng((self.seed, 77))
        slow = rng.uniform(0, 2 * np.pi, 5)
        fast = np.stack(
            [rng.uniform(0.7, 6.0, (3, 6)), rng.uniform(0, 2 * np.pi, (3, 6))], -1
        )
        return slow, fast

    def views(self, times: Floats) -> Floats:
        """Maps from the base image to the image at each time, `(T, 2, 3)`."""
        m, (width, height) = self.motion, self.size
        slow, fast = self._waves
        w = 2 * np.pi / m.period
        pan = m.pan * width * np.sin(w * times + slow[0])
        tilt = m.tilt * height * np.sin(1.37 * w * times + slow[1])
        zoom = 1 + m.zoom * (0.5 + 0.5 * np.sin(0.83 * w * times + slow[2]))
        roll = m.roll * np.sin(1.1 * w * times + slow[3])
        if m.shake:
            turn = 2 * np.pi * fast[..., 0, None] * times + fast[..., 1, None]
            # Amplitude falls with frequency, as a hand's does.
            weight = 1 / fast[..., 0, None]
            weight = weight / np.sqrt((weight**2).sum(axis=1, keepdims=True) / 2)
            shake = (weight * np.sin(turn)).sum(axis=1) * m.shake
            pan, tilt = pan + shake[0] * height, tilt + shake[1] * height
            roll = roll + 0.3 * shake[2]
        cos, sin = zoom * np.cos(roll), zoom * np.sin(roll)
        cx, cy = width / 2, height / 2
        out = np.empty((len(times), 2, 3))
        out[:, 0, 0], out[:, 0, 1] = cos, -sin
        out[:, 1, 0], out[:, 1, 1] = sin, cos
        out[:, 0, 2] = cx + pan - cos * cx + sin * cy
        out[:, 1, 2] = cy + tilt - sin * cx - cos * cy
        return out

    @cached_property
    def margin(self) -> tuple[int, int]:
        """Pixels of base image around its frame that motion can bring into view."""
        m, (width, height) = self.motion, self.size
        if m.still:
            return 0, 0
        roll = m.roll + m.shake
        x = (m.pan * width + 3 * m.shake * height + roll * height / 2) + 4
        y = (m.tilt * height + 3 * m.shake * height + roll * width / 2) + 4
        return int(np.ceil(x)), int(np.ceil(y))
