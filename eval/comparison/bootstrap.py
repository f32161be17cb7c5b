"""Paired bootstrap intervals of the difference of two results, over sequences.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13;
Hesterberg, "What Teachers Should Know About the Bootstrap" (The American Statistician
2015), section 4, for the widening: percentile intervals are too narrow for few
observations, by about the factor that `widening` gives.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from poseflow.arrays import Floats, Ints

SAME = 1e-9
"""Percent up to which a difference is rounding."""


def draw(sequences: int, resamples: int, seed: int) -> Ints:
    """How often each resample has each sequence, `(R, S)`; S draws with replacement."""
    rng = np.random.default_rng(seed)
    chances = np.full(sequences, 1 / max(sequences, 1))
    return rng.multinomial(sequences, chances, resamples)


def widening(sequences: int, confidence: float) -> float:
    """Factor of an interval's width for few sequences: t / z x sqrt(n / (n - 1)).

    Args:
        sequences: n, at least 2.
        confidence: Such as 0.95.

    Examples:
        >>> round(widening(3, 0.95), 2), round(widening(50, 0.95), 2)
        (2.69, 1.04)
    """
    from scipy.special import stdtrit

    tail = (1 + confidence) / 2
    quantile = float(stdtrit(sequences - 1, tail))
    normal = NormalDist().inv_cdf(tail)
    return quantile / normal * math.sqrt(sequences / (sequences - 1))


def interval(
    estimate: float, resampled: Floats, sequences: int, confidence: float
) -> tuple[float, float] | None:
    """Confidence interval of a difference, None if it cannot be estimated.

    Args:
        estimate: The difference over all sequences.
        resampled: `(R,)` differences over resampled sequences; NaN where undefined.
        sequences: Number of sequences.
        confidence: Such as 0.95.
    """
    known = resampled[~np.isnan(resampled)]
    if sequences < 2 or not len(known) or math.isnan(estimate):
        return None
    tail = 50 * (1 - confidence)
    low, high = np.percentile(known, [tail, 100 - tail]).tolist()
    factor = widening(sequences, confidence)
    # An end on the far side of the estimate would shrink the interval.
    low, high = min(low, estimate), max(high, estimate)
    return estimate - factor * (estimate - low), estimate + factor * (high - estimate)
