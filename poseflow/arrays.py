"""Array types of annotations: what an array holds; docstrings give shape and unit."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
"""Floating-point numbers, float32 or float64."""

Ints: TypeAlias = npt.NDArray[np.int64]
"""Indices, counts and identities."""

Bools: TypeAlias = npt.NDArray[np.bool_]
"""Masks."""

Image: TypeAlias = npt.NDArray[np.uint8]
"""`(H, W, 3)` BGR or `(H, W)` grey, 0 to 255."""
