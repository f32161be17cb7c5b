"""Colours of identities: constant, distinct, and told apart by colour-blind people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Image

_HEX = (
    *("963cff", "69ff00", "a55a0f", "4be1ff", "ffb4b4", "0f7869", "f00f78"),
    *("b4a54b", "0f87e1", "c387b4", "4b7800", "b4c3ff", "00ffd2", "ffc387"),
    *("69a578", "ff782d", "ffe100", "f0002d", "7878b4", "ff3cff", "ffd2ff"),
    *("c3e1a5", "b47869", "1ea5a5", "965a78", "69b400"),
)
"""Red, green and blue. Any two are at least 16.9 apart in CIEDE2000, with lightness
from 45 to 91, so that they show on dark and bright ground, and 18 from the grey of
people without an id. The first eight are at least 15 apart as people without red
or green cones see them (Machado, Oliveira and Fernandes, 2009), any five in a row at
least 10. Found by a greedy search over sRGB from many starts; `tests/drawing` computes
the distances."""

_WITHOUT_IDENTITY = (168, 168, 168)

_TABLE = np.array([tuple(bytes.fromhex(text))[::-1] for text in _HEX], np.uint8)

COLORS = len(_TABLE)
"""Number of different colours: ids that differ by it have the same."""


def identity_colors(track_ids: npt.ArrayLike) -> Image:
    """The colours of identities, `(N, 3)` uint8 BGR; grey for -1 (no identity).

    A colour depends on its id alone; 26 ids in a row have different ones.

    Examples:
        >>> identity_colors([1, 2, 27, -1]).tolist()
        [[255, 60, 150], [0, 255, 105], [255, 60, 150], [168, 168, 168]]
    """
    ids = np.asarray(track_ids, np.int64).reshape(-1)
    colors = _TABLE[(ids - 1) % COLORS]
    colors[ids < 0] = _WITHOUT_IDENTITY
    return np.asarray(colors, np.uint8)
