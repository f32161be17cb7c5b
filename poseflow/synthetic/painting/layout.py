"""Positions of the surfaces of a street or studio, in metres."""

from __future__ import annotations

import numpy as np

from poseflow.synthetic.actors import FAR
from poseflow.synthetic.camera import Camera

FACADE_Z = FAR + 3.4
KERB_Z = FAR + 0.45
FAR_KERB_Z = FAR + 2.2
FACADE_HEIGHT = 9.0


def half_extent(camera: Camera) -> float:
    """Metres to each side that are painted."""
    return camera.half_width(FACADE_Z) * 1.15 + 1.0


def nearest(camera: Camera) -> float:
    """Distance of the nearest ground that can come into view, less a bit."""
    _, my = camera.margin
    below = np.arctan((camera.size[1] / 2 + my + 4) / camera.pixels) + camera.pitch
    return float(camera.height / np.tan(below)) * 0.97
