"""PF-NMS: intra-frame similarity, grouping and merging of pose flows.

Source: Xiu et al., "Pose Flow" (BMVC 2018), section 3.3; the distance of two poses is
RMPE's (Fang et al., ICCV 2017), the code that pose NMS uses too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.similarity.parametric import joint_distances, parametric_similarity
from poseflow.tracker.pose_flow.options import PoseFlowOptions
from poseflow.tracker.pose_flow.pose_flow import (
    NO_ID,
    PoseFlow,
    WindowFrame,
    track_ids,
)

REFERENCE_SIZE_PX = 60.0
"""Pixels that a person's longer side is scaled to: RMPE's sigma 2 is in pixels."""

NEAR_SIZES = 0.1
"""Joints this near each other count in K: sides of a tenth of the person (RMPE)."""

MINIMUM_COMMON_JOINTS = 0.25
"""Fraction of the joints of the pose with fewer that both poses must have."""

SIMILAR = 0.05
"""Intra-frame similarity from which the history of two pose flows is kept."""

RECENT_FRAMES, RECENT_FRACTION = 3, 0.5
"""Pose flows have parted once the median over so many frames falls below this fraction
of the median over all common frames."""

YOUNG_FRAMES = 8
"""Pose flows of one person are similar from the beginning of the younger one on, which
has no more poses than this."""

LONG_FRAMES = 20
"""Length up to which a longer pose flow counts more than a shorter one."""


def intra_frame_similarity(
    points: Floats, present: Bools, scores: Floats, sizes: Floats
) -> Floats:
    """K + lambda H of all pairs of a frame's poses, over their greatest possible value.

    Args:
        points: `(P, K, 2)` pixels.
        present: `(P, K)`.
        scores: `(P, K)` in [0, 1].
        sizes: `(P,)` longer sides, pixels.

    Returns:
        `(P, P)` in [0, 1]: 1 for a pose and its copy. Joints that either lacks do not
        count; 0 where too few joints are common.

    Examples:
        >>> pose = np.arange(34.0).reshape(1, 17, 2) * 9
        >>> two, there = np.concatenate([pose, pose + 400]), np.ones((2, 17), bool)
        >>> size = np.array([300.0, 300.0])
        >>> intra_frame_similarity(two, there, there * 0.9, size).round(2)
        array([[1., 0.],
               [0., 1.]])
    """
    size = np.maximum(sizes[:, None], sizes[None])
    both = present[:, None] & present[None]
    distances = joint_distances(points, points)
    scaled = distances * (REFERENCE_SIZE_PX / size)[..., None]
    scaled[~both] = np.inf
    near = (distances <= NEAR_SIZES * size[..., None]) & both
    similarity = parametric_similarity(scaled, scores, scores, near)
    greatest = parametric_similarity(np.where(both, 0.0, np.inf), scores, scores, both)
    count = present.sum(axis=1)
    fewer = np.minimum(count[:, None], count)
    enough = both.sum(axis=2) >= np.maximum(MINIMUM_COMMON_JOINTS * fewer, 1)
    return np.divide(
        similarity,
        greatest,
        out=np.zeros_like(greatest),
        where=enough & (greatest > 0),
    )


def duplicate_poses(
    similarity: Floats, confidence: Floats, merge_similarity: float
) -> Bools:
    """Which poses are similar to one of higher confidence, `(P,)`."""
    higher = confidence[:, None] < confidence[None]
    duplicates: Bools = np.asarray(
        ((similarity >= merge_similarity) & higher).any(axis=1)
    )
    return duplicates


def similarity_of_flows(history: Sequence[float]) -> float:
    """Median intra-frame similarity over the common frames; 0 once they have parted."""
    median = float(np.median(history))
    recent = float(np.median(list(history)[-RECENT_FRAMES:]))
    return median if recent >= RECENT_FRACTION * median else 0.0


def group_flows(
    confidence: Floats, similarity: Floats, merge_similarity: float
) -> list[Ints]:
    """Greedy grouping: the most confident pose flow takes all that are similar to it.

    Args:
        confidence: `(F,)` unified confidences.
        similarity: `(F, F)` median similarity over common frames; 0 without any.
        merge_similarity: Similarity from which pose flows are merged.

    Returns:
        Groups, the reference first.

    Examples:
        >>> similarity = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1.0]])
        >>> [g.tolist() for g in group_flows(np.array([1.0, 2, 3]), similarity, 0.5)]
        [[2], [1, 0]]
    """
    left = np.ones(len(confidence), np.bool_)
    groups = []
    for k in np.argsort(-confidence, kind="stable").tolist():
        if not left[k]:
            continue
        left[k] = False
        others = np.flatnonzero(left & (similarity[k] >= merge_similarity))
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


class FlowNMS:
    """PF-NMS over the sliding window: pose flows of one person share a track id.

    Args:
        options: Window length and thresholds.
    """

    def __init__(self, options: PoseFlowOptions) -> None:
        self.options = options
        self._history: dict[tuple[PoseFlow, PoseFlow], deque[float]] = {}

    def __len__(self) -> int:
        """Number of pairs of pose flows with common frames."""
        return len(self._history)

    def add_frame(self, flows: Sequence[PoseFlow], similarity: Floats) -> None:
        """Record the `(P, P)` intra-frame similarity of the frame's pose flows."""
        row = {id(flow): p for p, flow in enumerate(flows)}
        for (one, other), history in self._history.items():
            i, j = row.get(id(one)), row.get(id(other))
            if i is not None and j is not None:
                history.append(float(similarity[i, j]))
        for i, j in np.argwhere(np.triu(similarity, 1) > SIMILAR).tolist():
            pair, reverse = (flows[i], flows[j]), (flows[j], flows[i])
            if min(flows[i].length, flows[j].length) > YOUNG_FRAMES:
                continue  # Two people who were apart, and meet.
            if pair not in self._history and reverse not in self._history:
                self._history[pair] = deque(
                    [float(similarity[i, j])], maxlen=self.options.window_frames
                )

    def merge(self, flows: Sequence[PoseFlow], new_id: Callable[[], int]) -> None:
        """Give merged pose flows the id of their reference, parted ones their own.

        Args:
            flows: All pose flows.
            new_id: Gives an unused track id.
        """
        merged = set()
        for reference, *others in self._groups():
            for flow in others:
                if not flow.duplicate:
                    flow.own_id = flow.track_id
                flow.duplicate = True
                flow.track_id = reference.track_id
                merged.add(id(flow))
        for flow in flows:
            if not flow.duplicate or id(flow) in merged or flow.length < 2:
                continue
            flow.duplicate = False
            given = {other.track_id for other in flows if other is not flow}
            if flow.track_id == NO_ID or flow.track_id in given:
                free = flow.own_id != NO_ID and flow.own_id not in given
                flow.track_id = flow.own_id if free else new_id()

    def keep(self, flows: Sequence[PoseFlow]) -> None:
        """Drop the history of all other pose flows."""
        alive = {id(flow) for flow in flows}
        self._history = {
            pair: history
            for pair, history in self._history.items()
            if id(pair[0]) in alive and id(pair[1]) in alive
        }

    def _groups(self) -> list[list[PoseFlow]]:
        """Pose flows that are one person, the reference first."""
        least, threshold = (
            self.options.minimum_common_frames,
            self.options.merge_similarity,
        )
        pairs = {
            pair: similarity_of_flows(history)
            for pair, history in self._history.items()
            if len(history) >= least
        }
        flows = list(
            dict.fromkeys(
                flow
                for pair, similarity in pairs.items()
                if similarity >= threshold
                for flow in pair
            )
        )
        row = {id(flow): k for k, flow in enumerate(flows)}
        table = np.eye(len(flows))
        for (one, other), similarity in pairs.items():
            if id(one) in row and id(other) in row:
                i, j = row[id(one)], row[id(other)]
                table[i, j] = table[j, i] = similarity
        # The paper's confidence alone would let a short burst take over a long flow.
        worth = [flow.confidence * min(flow.length, LONG_FRAMES) for flow in flows]
        groups = group_flows(np.array(worth), table, threshold)
        return [[flows[k] for k in group.tolist()] for group in groups]


def final_poses(frame: WindowFrame, options: PoseFlowOptions) -> Poses:
    """The poses of a frame that leaves the window: merged, with their final ids."""
    poses, flows = frame.poses, frame.flows
    ids = track_ids(flows, np.array([flow.confidence for flow in flows]))
    points = poses.keypoints.copy()
    scores = poses.keypoint_scores.copy()
    for p, flow in enumerate(flows):
        if flow.length < options.minimum_frames:
            ids[p] = NO_TRACK
        same = [k for k, f in enumerate(flows) if f.track_id == flow.track_id]
        if ids[p] != NO_TRACK and len(same) > 1:
            points[p], scores[p] = merge_poses(
                [poses.keypoints[k] for k in same],
                [poses.keypoint_scores[k] for k in same],
            )
        if options.unify_confidence:
            scores[p] = np.where(scores[p] > 0, flow.confidence, 0)
    return poses.replace(keypoints=points, keypoint_scores=scores, track_ids=ids)
