"""Parametric pose similarity of RMPE, for pose NMS and pose-flow NMS.

Source: Fang et al., "RMPE" (ICCV 2017), equations 8-10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.validation import check_options, option


@dataclass(frozen=True)
class SimilarityParameters:
    """Constants of the parametric similarity K + lambda H.

    The defaults are the ones AlphaPose learned from COCO (Fang et al., TPAMI 2022).

    Attributes:
        sigma_score: Steepness of the scores' tanh (sigma 1, delta 1).
        sigma_distance_px: Decay of the spatial term in pixels (sigma 2, delta 2).
        spatial_weight: Weight of the spatial term (lambda, mu).
    """

    sigma_score: float = option(1.0, low=1e-6)
    sigma_distance_px: float = option(2.65, low=1e-6)
    spatial_weight: float = option(1.7, low=0)

    def __post_init__(self) -> None:
        """Check ranges."""
        check_options(self)


def joint_distances(a: Floats, b: Floats) -> Floats:
    """Distances in pixels of each pose's joints to the same joints of the others.

    Args:
        a: Keypoints `(N, K, 2)`.
        b: Keypoints `(M, K, 2)`.

    Returns:
        `(N, M, K)` in the dtype of the keypoints.
    """
    step = a[:, None] - b[None, :]
    distances: Floats = np.sqrt(np.square(step).sum(axis=-1))
    return distances


def parametric_similarity(
    distances: Floats,
    scores_a: Floats,
    scores_b: Floats,
    near: Bools,
    parameters: SimilarityParameters | None = None,
) -> Floats:
    """K + lambda H of every pose of `a` with every pose of `b`, higher is more similar.

    `K = sum tanh(c_a / sigma_1) tanh(c_b / sigma_1)` over the joints that are near each
    other and `H = sum exp(-distance / sigma_2)` over all joints (RMPE, equations 8 and
    9, the latter with the plain distance, as released).

    Args:
        distances: `(N, M, K)` pixels, from `joint_distances`.
        scores_a: Joint scores `(N, K)`.
        scores_b: Joint scores `(M, K)`.
        near: `(N, M, K)`: which joints count in K. RMPE: b's joint lies in a box around
            a's with sides of a tenth of the person's; released: within one pixel.
        parameters: Constants.

    Returns:
        `(N, M)`, at least 0.

    Examples:
        >>> import numpy as np
        >>> pose = np.zeros((1, 2, 2))
        >>> d = joint_distances(pose, pose + 1.0)
        >>> parametric_similarity(d, np.ones((1, 2)), np.ones((1, 2)), d <= 1).round(3)
        array([[1.994]])
    """
    p = parameters or SimilarityParameters()
    shared = np.tanh(scores_a / p.sigma_score)[:, None] * np.tanh(
        scores_b / p.sigma_score
    )
    by_score = np.where(near, shared, 0).sum(axis=-1)
    by_place = np.exp(-distances / p.sigma_distance_px).sum(axis=-1)
    similarity: Floats = by_score + p.spatial_weight * by_place
    return similarity
