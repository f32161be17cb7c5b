"""Calibration of joint scores: from heatmap peaks to the share of joints correct."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats

Calibration = tuple[tuple[float, float], ...]
"""Points (score of the network, share of joints that are correct), both rising."""


def calibrate(scores: Floats, calibration: Calibration) -> Floats:
    """Apply a calibration curve to scores, linear between its points.

    Args:
        scores: Any shape, at least 0; 0, which means "not found", stays 0.
        calibration: Points of the curve; without any, scores stay as they are.

    Examples:
        >>> import numpy as np
        >>> calibrate(np.array([0.0, 0.2, 0.9]), ((0.2, 0.1), (0.6, 0.8))).tolist()
        [0.0, 0.1, 0.8]
    """
    if not calibration:
        return scores
    points = np.array([(0.0, 0.0), *calibration])
    shares: Floats = np.interp(scores, points[:, 0], points[:, 1])
    return shares.astype(scores.dtype)
