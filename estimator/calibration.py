"""Joint scores as probabilities: how often a joint with such a score is right."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats

Calibration = tuple[tuple[float, float], ...]
"""Points (score of the network, share of joints that are right), both rising."""


def calibrated(scores: Floats, calibration: Calibration) -> Floats:
    """Scores through a calibration curve, straight between its points.

    Args:
        scores: Any shape, at least 0; 0 stays 0, it means "not found".
        calibration: Its points; without any, scores stay as they are.

    Examples:
        >>> import numpy as np
        >>> calibrated(np.array([0.0, 0.2, 0.9]), ((0.2, 0.1), (0.6, 0.8))).tolist()
        [0.0, 0.1, 0.8]
    """
    if not calibration:
        return scores
    points = np.array([(0.0, 0.0), *calibration])
    shares: Floats = np.interp(scores, points[:, 0], points[:, 1])
    return shares.astype(scores.dtype)
