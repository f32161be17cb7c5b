"""PF-NMS: which flows are one person, and what their poses are together.

Source: Xiu et al., "Pose Flow" (BMVC 2018), section 3.3; the distance of two poses is
RMPE's (Fang et al., ICCV 2017), the very code that pose NMS uses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.pose_similarity import joint_distances, parametric_similarity

REFERENCE_SIZE = 60.0
"""Pixels that a person's longer side is scaled to, so that sigma 2 has no scale."""


def likeness(points: Floats, present: Bools, scores: Floats, sizes: Floats) -> Floats:
    """K + lambda H of all poses of a frame with each other, over what is possible.

    Args:
        points: `(P, K, 2)` pixels.
        present: `(P, K)`.
        scores: `(P, K)` in [0, 1].
        sizes: `(P,)` longer sides, pixels.

    Returns:
        `(P, P)` in [0, 1]: 1 for a pose and its copy. Joints that either lacks do not
        count; 0 where fewer than a quarter of a pose's joints are common.

    Examples:
        >>> pose = np.arange(34.0).reshape(1, 17, 2) * 9
        >>> two, there = np.concatenate([pose, pose + 400]), np.ones((2, 17), bool)
        >>> likeness(two, there, there * 0.9, np.array([300.0, 300.0])).round(2)
        array([[1., 0.],
               [0., 1.]])
    """
    size = np.maximum(sizes[:, None], sizes[None])
    both = present[:, None] & present[None]
    distances = joint_distances(points, points)
    scaled = distances * (REFERENCE_SIZE / size)[..., None]
    scaled[~both] = np.inf
    near = (distances <= 0.1 * size[..., None]) & both
    similarity = parametric_similarity(scaled, scores, scores, near)
    full = parametric_similarity(np.where(both, 0.0, np.inf), scores, scores, both)
    count = present.sum(axis=1)
    enough = both.sum(axis=2) >= np.maximum(np.minimum(count[:, None], count) / 4, 1)
    alike: Floats = np.divide(
        similarity, full, out=np.zeros_like(full), where=enough & (full > 0)
    )
    return alike


def group_flows(confidence: Floats, alike: Floats, same: float) -> list[Ints]:
    """Greedy grouping: the most confident flow takes in all that are like it.

    Args:
        confidence: `(F,)` unified confidences.
        alike: `(F, F)` median likeness over common frames; 0 without any.
        same: Likeness from which two flows are one person.

    Returns:
        Groups, the reference first.

    Examples:
        >>> alike = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1.0]])
        >>> [g.tolist() for g in group_flows(np.array([1.0, 2, 3]), alike, 0.5)]
        [[2], [1, 0]]
    """
    left = np.ones(len(confidence), np.bool_)
    groups = []
    for k in np.argsort(-confidence, kind="stable").tolist():
        if not left[k]:
            continue
        left[k] = False
        others = np.flatnonzero(left & (alike[k] >= same))
        left[others] = False
        groups.append(np.concatenate([[k], others]).astype(np.int64))
    return groups


def merge_poses(
    points: Sequence[Floats], scores: Sequence[Floats]
) -> tuple[Floats, Floats]:
    """Merge poses of one frame: places weighted by score, scores averaged.

    x^ = sum_j s_j x_j / sum_j s_j and s^ = sum_j s_j / sum_j 1(s_j != 0).

    Args:
        points: `(K, 2)` each.
        scores: `(K,)` each, 0 where a joint is missing.

    Examples:
        >>> here, there = np.zeros((1, 2)), np.ones((1, 2))
        >>> merge_poses([here, there], [np.ones(1), np.ones(1) * 3])
        (array([[0.75, 0.75]]), array([2.]))
    """
    weight = np.stack(scores)
    total = weight.sum(axis=0)
    place = (weight[..., None] * np.stack(points)).sum(axis=0)
    place /= np.maximum(total, 1e-12)[:, None]
    return place, total / np.maximum((weight > 0).sum(axis=0), 1)


def together(history: deque[float]) -> float:
    """Median likeness over the common frames; 0 once two flows have parted."""
    latest = list(history)[-3:]
    middle = float(np.median(history))
    return middle if float(np.median(latest)) >= middle / 2 else 0.0


def lesser_of(alike: Floats, confidence: Floats, same: float) -> Bools:
    """Which poses are like one of higher confidence, `(P,)`."""
    higher = confidence[:, None] < confidence[None]
    lesser: Bools = np.asarray(((alike >= same) & higher).any(axis=1))
    return lesser
