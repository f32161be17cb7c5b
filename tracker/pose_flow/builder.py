"""PF-Builder's formulas: confidence, inter-frame similarity, candidates, one DP step.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking" (BMVC 2018), section 3;
docs/paper.md maps each equation to its function and lists what differs.
"""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.tracker.assignment import assign
from poseflow.tracker.matchers.correspondences import Correspondences, count_shared


def pose_confidence(keypoint_scores: Floats, scores: Floats) -> Floats:
    """s(P) = s_box + mean of the joint scores + their maximum, `(P,)`.

    The mean is over the joints that are present.

    Args:
        keypoint_scores: `(P, K)`, 0 where a joint is missing.
        scores: `(P,)` of the boxes, or of the whole person.

    Examples:
        >>> pose_confidence(np.array([[0.5, 1.0, 0.0]]), np.array([0.9]))
        array([2.65])
    """
    count = np.maximum((keypoint_scores > 0).sum(axis=1), 1)
    best = keypoint_scores.max(axis=1, initial=0)
    confidence: Floats = scores + keypoint_scores.sum(axis=1) / count + best
    return confidence


def joint_boxes(points: Floats, present: Bools, sizes: Floats, side: float) -> Floats:
    """Boxes around joints, `(K, P, 4)` xyxy, NaN where a joint is missing.

    Args:
        points: `(P, K, 2)` pixels.
        present: `(P, K)`.
        sizes: `(P,)` longer side of each person's box.
        side: Side of a joint's box over that; the paper has 0.1.
    """
    half = (side / 2 * sizes)[:, None, None]
    boxes = np.concatenate([points - half, points + half], axis=2)
    boxes[~present] = np.nan
    return np.ascontiguousarray(boxes.transpose(1, 0, 2))


def correspondence_similarity(
    matches: Correspondences, first: Floats, second: Floats
) -> tuple[Floats, Floats]:
    """d_c: mean share of a joint's feature points that arrive at the other's joint.

    Args:
        matches: Of the earlier frame to the later.
        first: `(K, N, 4)` boxes around the joints of the earlier frame.
        second: `(K, P, 4)` of the later one.

    Returns:
        `(N, P)` in [0, 1], and `(N,)` how many joints had any feature point at all;
        with none, the similarity is 0 and says nothing.

    Examples:
        >>> at = np.array([[[0.0, 0, 2, 2]]])
        >>> matches = np.array([[1.0, 1, 11, 1], [2, 1, 30, 1]])
        >>> correspondence_similarity(matches, at, at + [10, 0, 10, 0])[0]
        array([[0.5]])
    """
    leaving, _, both = count_shared(matches, first, second)
    share = np.divide(
        both,
        leaving[:, :, None],
        out=np.zeros_like(both),
        where=leaving[:, :, None] > 0,
    )
    joints = (leaving > 0).sum(axis=0)
    similarity: Floats = share.sum(axis=0) / np.maximum(joints, 1)[:, None]
    return similarity, joints


def extend(
    similarity: Floats, confidence: Floats, candidate: float, weight: float
) -> Ints:
    """One step of the dynamic programme: which flow goes on to which pose.

    With V the value of a flow so far, V' = V + s(P') + w similarity over the candidate
    graph {similarity >= epsilon}. Flows do not share a pose, so the best step for all
    flows together is an assignment, and V falls out of it.

    Args:
        similarity: `(N, P)` of flows and poses, in [0, 1].
        confidence: `(P,)` s(P').
        candidate: Epsilon.
        weight: What similarity counts beside confidence, over the mean confidence.

    Returns:
        `(n, 2)` flows and poses.
    """
    if not similarity.size:
        return np.zeros((0, 2), np.int64)
    usual = max(float(confidence.mean()), 1e-12)
    value = confidence[None] / usual + weight * similarity
    return assign(value, 0.0, similarity >= candidate)
