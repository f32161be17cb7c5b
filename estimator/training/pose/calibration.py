"""Calibration of joint scores: reliability diagram and isotonic regression.

Source: Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from poseflow.arrays import Bools, Floats, Ints
from poseflow.estimator.calibration import Calibration
from poseflow.estimator.training.pose.metrics import Predictions, torso_sizes
from poseflow.skeleton import Skeleton

NEAR_TORSO = 0.2
"""Distance in torso lengths up to which a joint is correct."""


@dataclass(frozen=True)
class Reliability:
    """Reliability diagram: B bins of scores with equally many joints, lowest first.

    Attributes:
        scores: `(B,)` mean score.
        right: `(B,)` share of correct joints.
        counts: `(B,)` joints.
    """

    scores: Floats
    right: Floats
    counts: Ints

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of score and share correct."""
        if not self.counts.sum():
            return float("nan")
        return float(np.average(np.abs(self.scores - self.right), weights=self.counts))


def reliability(scores: Floats, right: Bools, bins: int = 10) -> Reliability:
    """Reliability diagram of scores.

    Args:
        scores: `(N,)`.
        right: `(N,)`, whether each joint is correct.
        bins: Number of bins, of equal counts; fewer if there are fewer joints.

    Examples:
        >>> import numpy as np
        >>> curve = reliability(np.array([0.1, 0.3, 0.6, 1.0]), np.arange(4) > 1, 2)
        >>> curve.scores.tolist(), curve.right.tolist(), round(curve.error, 2)
        ([0.2, 0.8], [0.0, 1.0], 0.2)
    """
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return Reliability(
        np.array([scores[part].mean() for part in parts], float),
        np.array([right[part].mean() for part in parts], float),
        np.array([len(part) for part in parts], np.int64),
    )


def fit_calibration(curve: Reliability) -> Calibration:
    """Fit a calibration curve to a reliability diagram.

    Isotonic regression over the bins (Zadrozny and Elkan, KDD 2002): the share correct
    never falls with the score.

    Examples:
        >>> import numpy as np
        >>> counts = np.full(3, 10)
        >>> fit_calibration(Reliability([0.1, 0.4, 0.8], [0.2, 0.1, 0.9], counts))
        ((0.1, 0.15), (0.4, 0.15), (0.8, 0.9))
    """
    if not len(curve.counts):
        return ()
    rising = isotonic_regression(curve.right, weights=curve.counts).x
    return tuple(
        (round(float(score), 4), round(float(share), 4))
        for score, share in zip(curve.scores, rising, strict=True)
    )


def joint_reliability(
    found: Predictions, skeleton: Skeleton, bins: int = 10
) -> Reliability:
    """Reliability diagram of the labelled joints of people with a labelled torso."""
    torso = torso_sizes(found.truth, found.labelled, skeleton)
    distance = np.linalg.norm(found.keypoints - found.truth, axis=2)
    counted = found.labelled & np.isfinite(torso)[:, None]
    right = distance <= NEAR_TORSO * np.nan_to_num(torso)[:, None]
    return reliability(found.scores[counted], right[counted], bins)
