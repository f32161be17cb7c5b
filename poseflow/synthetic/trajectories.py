"""Trajectories: the ground truth of one person over the frames of a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import PoseSequence
from poseflow.skeletons.skeleton import Skeleton


@dataclass(frozen=True)
class Trajectory:
    """Ground truth of one person in the T frames where it is annotated.

    Attributes:
        skeleton: The K joints.
        frames: Positions of the frames in the sequence.
        points: `(T, K, 2)` joints in pixels.
        present: `(T, K)`: joints that are annotated.
        seen: `(T, K)`: joints that are not occluded.
        heights: `(T,)` heights of the person in pixels.
        covered: `(T, K)`: joints occluded by a person whose joint is in `cover`.
        cover: `(T, K, 2)` the same joint of the person in front.
        behind: `(T,)`: whether the person is seen from behind.
    """

    skeleton: Skeleton
    frames: list[int]
    points: Floats
    present: Bools
    seen: Bools
    heights: Floats
    covered: Bools
    cover: Floats
    behind: Bools


def trajectories_of(truth: PoseSequence) -> Iterator[tuple[int, Trajectory]]:
    """Each identity of a sequence with its trajectory, by ascending id."""
    places: dict[int, dict[int, int]] = {}
    for number, frame in enumerate(truth):
        for k, identity in enumerate(frame.poses.track_ids.tolist()):
            places.setdefault(identity, {}).setdefault(number, k)
    for identity in sorted(places):
        if identity != NO_TRACK:
            yield identity, _trajectory(truth, places[identity])


def _trajectory(truth: PoseSequence, places: dict[int, int]) -> Trajectory:
    """The trajectory of one identity, whose rows by frame are `places`."""
    frames = list(places)
    rows = [(truth[number].poses, k) for number, k in places.items()]
    points = np.stack([p.keypoints[k] for p, k in rows]).astype(np.float64)
    scores = np.stack([p.keypoint_scores[k] for p, k in rows])
    boxes = np.stack([p.boxes[k] for p, k in rows]).astype(np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    heights = np.maximum(sides.max(axis=1), 1.0)
    # A person half out of the image keeps its height.
    heights = np.maximum(heights, 0.8 * np.median(heights))
    present, seen = scores > 0, scores >= 0.75
    covered = np.zeros(present.shape, bool)
    cover = points.copy()
    for t, (poses, k) in enumerate(rows):
        hidden = present[t] & ~seen[t]
        if hidden.any() and len(poses) > 1:
            _find_cover(poses, k, hidden, heights[t], covered[t], cover[t])
    behind = np.zeros(len(rows), bool)
    names = truth.skeleton.joints
    if "left_shoulder" in names and "right_shoulder" in names:
        left, right = names.index("left_shoulder"), names.index("right_shoulder")
        behind = points[:, left, 0] < points[:, right, 0]
    return Trajectory(
        truth.skeleton, frames, points, present, seen, heights, covered, cover, behind
    )


def _find_cover(
    poses: Poses,
    k: int,
    hidden: Bools,
    height: float,
    covered: Bools,
    cover: Floats,
) -> None:
    """For occluded joints, the same joint of a nearer person, if it is close."""
    front = (poses.boxes[:, 3] > poses.boxes[k, 3]) & (np.arange(len(poses)) != k)
    if not front.any():
        return
    others = poses.keypoints[front].astype(np.float64)
    gap = np.linalg.norm(others - poses.keypoints[k], axis=2)
    gap[~poses.present[front]] = np.inf
    nearest = gap.argmin(axis=0)
    joints = np.arange(len(hidden))
    covered[:] = hidden & (gap[nearest, joints] < 0.45 * height)
    cover[covered] = others[nearest, joints][covered]
