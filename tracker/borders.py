"""Borders of the image, where people enter and leave."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats

BORDER_SIZES = 0.5
"""Distance of a centre from the border of the image within which people enter and
leave, in person sizes."""


def at_border(places: Floats, sizes: Floats, bounds: Floats) -> Bools:
    """Whether people so near to the border enter or leave, `(N,)`.

    Args:
        places: `(N, 2)` centres, pixels.
        sizes: `(N,)` longer side of each person, pixels.
        bounds: `(2, 2)` left and upper, right and lower border, pixels.
    """
    inside = np.minimum(places - bounds[0], bounds[1] - places)
    near: Bools = (inside < BORDER_SIZES * sizes[:, None]).any(axis=1)
    return near
