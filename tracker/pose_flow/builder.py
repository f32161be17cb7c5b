"""PF-Builder: confidence, inter-frame similarity, candidates, flow objective.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking" (BMVC 2018), section 3;
docs/paper.md maps each equation to its function and lists the differences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.tracker.assignment import assign
from poseflow.tracker.matchers.correspondences import Correspondences, count_shared
from poseflow.tracker.observations import Observations
from poseflow.tracker.pose_flow.options import PoseFlowOptions
from poseflow.tracker.pose_flow.pose_flow import PoseFlow

MINIMUM_SIGMA = 0.02
"""Added to the scaled OKS sigmas: error of the prediction, in sizes."""

CENTRE_SIGMA = 0.2
"""Sigma of the centre of the box, which is compared as one more joint."""

JUMP_SIZES, JUMP_FRAMES = 1.2, 10
"""Gate: within so many frames a person is at most so many sizes away."""

MINIMUM_MATCHED_JOINTS = 3
"""Joints with feature points from which correspondences count."""

CORRESPONDENCE_WEIGHT = 0.5
"""Largest fraction that correspondences take from a pair's similarity."""


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


def joint_boxes(
    points: Floats, present: Bools, sizes: Floats, fraction: float
) -> Floats:
    """Boxes around joints, `(K, P, 4)` xyxy, NaN where a joint is missing.

    Args:
        points: `(P, K, 2)` pixels.
        present: `(P, K)`.
        sizes: `(P,)` longer side of each person's box.
        fraction: Side of a joint's box over the longer side; 0.1 in the paper.
    """
    half = (fraction / 2 * sizes)[:, None, None]
    boxes = np.concatenate([points - half, points + half], axis=2)
    boxes[~present] = np.nan
    return np.ascontiguousarray(boxes.transpose(1, 0, 2))


def correspondence_similarity(
    matches: Correspondences, first: Floats, second: Floats
) -> tuple[Floats, Ints]:
    """d_c: mean fraction of a joint's feature points matched into the other's joint.

    Args:
        matches: Of the earlier frame to the later.
        first: `(K, N, 4)` boxes around the joints of the earlier frame.
        second: `(K, P, 4)` of the later one.

    Returns:
        `(N, P)` in [0, 1], and `(N,)` how many joints had any feature point at all;
        with none, the similarity is 0 and means nothing.

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


def joint_sigmas(skeleton_sigmas: npt.ArrayLike, factor: float) -> Floats:
    """Standard deviations `(K + 1,)` of the joints and the box's centre, in sizes."""
    sigmas = np.asarray(skeleton_sigmas) * factor
    return np.append(sigmas + MINIMUM_SIGMA, CENTRE_SIGMA)


def motion_similarity(
    flows: Sequence[PoseFlow],
    observations: Observations,
    frame: int,
    sigmas: Floats,
    options: PoseFlowOptions,
) -> Floats:
    """Motion-compensated OKS of pose flows and poses, as a density.

    A pose flow that was missed has a larger deviation; its similarity is scaled by the
    ratio of the deviations, so that an uncertain prediction competes with less weight.

    Args:
        flows: The N pose flows.
        observations: The P poses.
        frame: Number of the frame.
        sigmas: `(K + 1,)` of `joint_sigmas`.
        options: Gates and growth of the deviation.

    Returns:
        `(N, P)` in [0, 1]; 0 outside the gates.
    """
    similarity = np.zeros((len(flows), len(observations)))
    if not similarity.size:
        return similarity
    gap = np.array([frame - flow.last_frame for flow in flows], np.float64)
    points = np.stack([flow.points for flow in flows])
    velocity = np.stack([flow.velocity for flow in flows])
    sizes = np.array([flow.size for flow in flows])
    known = np.stack([flow.known for flow in flows])
    expected = points + (velocity * gap[:, None])[:, None]

    larger = np.maximum(sizes[:, None], observations.sizes)
    smaller = np.minimum(sizes[:, None], observations.sizes)
    near = _within(expected, observations, options.gate_sizes * larger)
    unmoved = _within(points, observations, JUMP_SIZES * smaller)
    near &= unmoved | (gap > JUMP_FRAMES)[:, None]
    near &= (gap <= options.relink_frames)[:, None]
    f, p = np.nonzero(near)

    weight = observations.weight[p] * known[f]
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    deviation = sigmas + options.sigma_growth_per_frame * (gap[f, None] - 1)
    step = np.square(observations.points[p] - expected[f]).sum(axis=-1)
    density = np.exp(-step / (2 * np.square(sizes[f, None] * deviation)))
    oks = (weight * density).sum(axis=1)
    scaled = (weight * density * (sigmas / deviation)).sum(axis=1)
    # A pose flow that has stopped is continued by re-linking only.
    refused = (gap[f] > options.stop_frames) & (oks < options.relink_oks)
    similarity[f, p] = np.where(refused, 0, scaled)
    return similarity


def _within(points: Floats, observations: Observations, radius: Floats) -> Bools:
    """Whether the centres of pose flows and poses are within `(N, P)` pixels."""
    step = points[:, None, -1] - observations.points[None, :, -1]
    near: Bools = np.square(step).sum(axis=-1) <= np.square(radius)
    return near


def correspondence_factor(similarity: Floats, joints: Ints) -> Floats:
    """Factor `(N, P)` on the motion similarity, from d_c of the same pairs.

    1 for the pose with the most correspondences of a pose flow, less for the others,
    so that pose flows that were missed, and have no d_c, remain comparable.

    Args:
        similarity: `(N, P)` of `correspondence_similarity`, P at least 1.
        joints: `(N,)` how many joints had feature points; below
            `MINIMUM_MATCHED_JOINTS` the factor is 1.
    """
    behind = similarity.max(axis=1, keepdims=True) - similarity
    factor: Floats = 1 - behind * CORRESPONDENCE_WEIGHT
    factor[joints < MINIMUM_MATCHED_JOINTS] = 1
    return factor


def extend(
    similarity: Floats,
    confidence: Floats,
    candidate_similarity: float,
    similarity_weight: float,
) -> Ints:
    """One step of the dynamic programme: which pose flow continues to which pose.

    With V the value of a pose flow so far, V' = V + s(P') + w similarity over the
    candidate graph {similarity >= epsilon}. Pose flows do not share a pose, so the best
    step for all of them together is an assignment, in which V is a constant.

    Args:
        similarity: `(N, P)` of pose flows and poses, in [0, 1].
        confidence: `(P,)` s(P').
        candidate_similarity: Epsilon.
        similarity_weight: Weight w of the similarity beside the confidence, the latter
            divided by its mean.

    Returns:
        `(n, 2)` pose flows and poses.
    """
    if not similarity.size:
        return np.zeros((0, 2), np.int64)
    usual = max(float(confidence.mean()), 1e-12)
    value = confidence[None] / usual + similarity_weight * similarity
    return assign(value, 0.0, similarity >= candidate_similarity)
