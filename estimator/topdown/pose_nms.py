"""Pose NMS: parametric non-maximum suppression (RMPE, section 3.3) and NMS by OKS."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.similarity.boxes import box_area, keypoint_extent
from poseflow.similarity.oks import oks
from poseflow.similarity.parametric import (
    SimilarityParameters,
    joint_distances,
    parametric_similarity,
)

# A joint with score 0 still has a weight, or a merge of such joints would be 0 / 0.
LEAST_SCORE = 1e-5

# 1.5 squared: a person's box is assumed 1.5 times as large as the joints' extent.
EXTENT_TO_AREA = 2.25


@dataclass(frozen=True)
class PoseNMSParameters:
    """Parameters of parametric pose NMS; the defaults are AlphaPose's released ones.

    Attributes:
        similarity: Constants of the similarity.
        near_px: Distance up to which a joint counts as near in the similarity.
        length_fraction: Reference length as a fraction of the picked pose's longer box
            side; limits both distances below.
        same_similarity: Poses with a higher similarity are the same person (gamma).
        match_px: Distance at which two joints match.
        same_matches: Poses with so many matching joints are the same person.
        merge_px: Distance up to which a joint takes part in the merged one.
        least_score: A pose whose best joint scores less, before or after merging, is
            dropped.
        least_area: Least area of a person in square pixels.
    """

    similarity: SimilarityParameters = field(default_factory=SimilarityParameters)
    near_px: float = 1.0
    length_fraction: float = 0.1
    same_similarity: float = 22.48
    match_px: float = 7.0
    same_matches: int = 5
    merge_px: float = 15.0
    least_score: float = 0.3
    least_area: float = 0.0


@dataclass(frozen=True)
class NMSResult:
    """The P poses that pose NMS keeps of N, in the order in which they were picked.

    Attributes:
        keypoints: Merged joints `(P, K, 2)` pixels.
        keypoint_scores: Merged scores `(P, K)`.
        picked: Input position of each kept pose, `(P,)`.
        merged: Input positions of the poses merged into each, ascending.
        scores: Score of each person: mean + 1.25 max of its joints + box score, `(P,)`.
    """

    keypoints: Floats
    keypoint_scores: Floats
    picked: Ints
    merged: tuple[Ints, ...]
    scores: Floats


def pose_nms(
    keypoints: Floats,
    keypoint_scores: Floats,
    boxes: Floats,
    box_scores: Floats,
    parameters: PoseNMSParameters | None = None,
    *,
    present: Bools | None = None,
) -> NMSResult:
    """Parametric pose NMS: merge the poses of the same person (RMPE, section 3.3).

    The pose with the highest mean joint score is merged with all that are the same
    person, then the next one of the rest, and so on. The similarity is computed once
    for all pairs; only this choice is sequential.

    Args:
        keypoints: `(N, K, 2)` pixels, finite.
        keypoint_scores: `(N, K)`.
        boxes: `(N, 4)` xyxy pixels.
        box_scores: `(N,)`.
        parameters: See `PoseNMSParameters`.
        present: `(N, K)`; joints that are not missing, default all of them. Missing
            ones match nothing; a merged joint is missing (score 0) where no pose of its
            group has it.

    Returns:
        The kept poses; all arrays in the dtype of `keypoints`.

    Raises:
        PoseFlowError: If shapes disagree.

    Examples:
        >>> import numpy as np
        >>> poses = np.zeros((2, 17, 2)) + np.arange(17)[:, None] * 9.0
        >>> box = np.array([[0, 0, 150, 150.0]] * 2)
        >>> pose_nms(poses, np.full((2, 17), 0.8), box, np.ones(2)).merged
        (array([0, 1]),)
    """
    p = parameters or PoseNMSParameters()
    _check(keypoints, keypoint_scores, boxes, box_scores)
    scores = np.where(keypoint_scores == 0, LEAST_SCORE, keypoint_scores)
    scores = scores.astype(keypoints.dtype, copy=False)
    sides = boxes[:, 2:] - boxes[:, :2]
    lengths = p.length_fraction * sides.max(axis=1, initial=0)

    distances = joint_distances(keypoints, keypoints)
    if present is None:
        present = np.ones(scores.shape, bool)
    scores = np.where(present, scores, 0)
    distances[~(present[:, None] & present[None, :])] = np.inf
    similarity = parametric_similarity(
        distances, scores, scores, distances <= p.near_px, p.similarity
    )
    match_px = np.minimum(lengths, p.match_px)[:, None, None]
    same = (similarity > p.same_similarity) | (
        (distances <= match_px).sum(axis=-1) >= p.same_matches
    )
    np.fill_diagonal(same, True)

    groups = _greedy_groups(scores.mean(axis=1), same)
    best = scores.max(axis=1, initial=0)
    groups = [(pick, group) for pick, group in groups if best[pick] >= p.least_score]
    if not groups:
        none = np.zeros(0, np.int64)
        return NMSResult(
            keypoints[:0], scores[:0], none, (), np.zeros(0, keypoints.dtype)
        )

    picked = np.array([pick for pick, _ in groups], np.int64)
    member = np.zeros((len(groups), len(keypoints)), bool)
    for row, (_, group) in enumerate(groups):
        member[row, group] = True
    merge_px = np.minimum(lengths[picked], p.merge_px)[:, None, None]
    near = (distances[picked] <= merge_px) | ~present[picked][:, None]
    weights = np.where(member[..., None] & near, scores[None], 0)  # (P, N, K)
    # At least the smallest number, for joints that no pose of the group has.
    total = np.maximum(weights.sum(axis=1), np.finfo(scores.dtype).tiny)
    points = np.einsum("pnk,nkc->pkc", weights, keypoints) / total[..., None]
    merged_scores = np.square(weights).sum(axis=1) / total

    kept = (merged_scores.max(axis=1) >= p.least_score) & (
        EXTENT_TO_AREA * box_area(keypoint_extent(points, merged_scores > 0))
        >= p.least_area
    )
    people = merged_scores.mean(axis=1) + 1.25 * merged_scores.max(axis=1)
    return NMSResult(
        points[kept],
        merged_scores[kept],
        picked[kept],
        tuple(group for (_, group), keep in zip(groups, kept, strict=True) if keep),
        (people + box_scores[picked])[kept].astype(keypoints.dtype),
    )


def _greedy_groups(order_by: Floats, same: Bools) -> list[tuple[int, Ints]]:
    """Greedy choice, best first, each with the remaining ones of the same person."""
    free = np.ones(len(order_by), bool)
    groups = []
    for pick in np.argsort(-order_by, kind="stable"):
        if free[pick]:
            group = np.flatnonzero(free & same[pick])
            free[group] = False
            groups.append((int(pick), group.astype(np.int64)))
    return groups


def oks_nms(
    keypoints: Floats,
    scores: Floats,
    areas: Floats,
    sigmas: Floats,
    threshold: float = 0.9,
) -> Ints:
    """Non-maximum suppression of poses by OKS: keep the best of similar ones.

    Args:
        keypoints: `(N, K, 2)` pixels.
        scores: Score of each pose, `(N,)`.
        areas: Area of each person in square pixels, `(N,)`.
        sigmas: `(K,)`, as in `Skeleton.sigmas`.
        threshold: OKS in [0, 1] above which the lower-scored pose is dropped.

    Returns:
        Positions of the kept poses, best first; equal scores keep the input's order.

    Examples:
        >>> import numpy as np
        >>> same = np.zeros((2, 3, 2))
        >>> oks_nms(same, np.array([0.5, 0.9]), np.full(2, 99.0), np.full(3, 0.05))
        array([1])
    """
    mean_areas = (areas[:, None] + areas[None, :]) / 2
    everything = np.ones(keypoints.shape[:2], bool)
    alike = oks(keypoints, keypoints, mean_areas, sigmas, everything)
    groups = _greedy_groups(scores, alike > threshold)
    return np.array([pick for pick, _ in groups], np.int64)


def suppress(poses: Poses, parameters: PoseNMSParameters | None = None) -> Poses:
    """Parametric pose NMS of a frame's people; see `pose_nms`.

    Boxes stay those of the picked poses. Missing joints (score 0) match nothing.
    """
    result = pose_nms(
        poses.keypoints,
        poses.keypoint_scores,
        poses.boxes,
        poses.scores,
        parameters,
        present=poses.present,
    )
    return poses[result.picked].replace(
        keypoints=result.keypoints,
        keypoint_scores=result.keypoint_scores,
        scores=result.scores,
    )


def _check(
    keypoints: Floats, scores: Floats, boxes: Floats, box_scores: Floats
) -> None:
    if keypoints.ndim != 3 or keypoints.shape[2] != 2:
        raise PoseFlowError(
            f"keypoints: expected shape (poses, joints, 2), got {keypoints.shape}"
        )
    count, joints = keypoints.shape[:2]
    for name, array, shape in (
        ("keypoint_scores", scores, (count, joints)),
        ("boxes", boxes, (count, 4)),
        ("box_scores", box_scores, (count,)),
    ):
        if array.shape != shape:
            raise PoseFlowError(f"{name}: expected shape {shape}, got {array.shape}")
