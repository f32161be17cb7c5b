"""One person's appearances in a true sequence, and random series that fit them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from poseflow.arrays import Bools, Floats
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import PoseSequence
from poseflow.skeleton import Skeleton

# Jitter of a joint relative to the average, and what its score loses (in logits).
_JOINTS = {
    "nose": (0.75, 0.35),
    "eye": (0.7, 0.6),
    "ear": (0.8, 1.2),
    "head_top": (0.9, -0.2),
    "head_bottom": (0.8, -0.8),
    "neck": (0.8, -0.9),
    "shoulder": (0.9, -1.4),
    "elbow": (1.0, -0.1),
    "wrist": (1.25, 0.7),
    "hip": (1.05, -1.0),
    "knee": (1.0, 0.35),
    "ankle": (1.05, 0.75),
}


@dataclass(frozen=True)
class Track:
    """One person's truth: T appearances."""

    skeleton: Skeleton
    frames: list[int]
    points: Floats  # (T, K, 2)
    present: Bools  # (T, K)
    seen: Bools  # (T, K)
    heights: Floats  # (T,)
    covered: Bools  # (T, K): hidden by somebody whose joint is `cover`
    cover: Floats  # (T, K, 2)
    behind: Bools  # (T,): seen from behind


def tracks_of(truth: PoseSequence) -> Iterator[tuple[int, Track]]:
    """Each identity of a sequence with its appearances, by ascending id."""
    places: dict[int, dict[int, int]] = {}
    for number, frame in enumerate(truth):
        for k, identity in enumerate(frame.poses.track_ids.tolist()):
            places.setdefault(identity, {}).setdefault(number, k)
    for identity in sorted(places):
        if identity != NO_TRACK:
            yield identity, _track(truth, places[identity])


def _track(truth: PoseSequence, places: dict[int, int]) -> Track:
    """One identity's appearances (frame to row) and who stands in front of it."""
    frames = list(places)
    rows = [(truth[number].poses, k) for number, k in places.items()]
    points = np.stack([p.keypoints[k] for p, k in rows]).astype(np.float64)
    scores = np.stack([p.keypoint_scores[k] for p, k in rows])
    boxes = np.stack([p.boxes[k] for p, k in rows]).astype(np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    heights = np.maximum(sides.max(axis=1), 1.0)
    # A person half out of the picture is as tall as before.
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
    return Track(
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
    """For hidden joints, the same joint of somebody who stands nearer, if close."""
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


def joint_table(skeleton: Skeleton) -> tuple[Floats, Floats]:
    """Jitter factor and score loss of every joint, `(K,)` each."""
    rows = []
    for joint in skeleton.joints:
        plain = joint.removeprefix("left_").removeprefix("right_")
        rows.append(_JOINTS.get(plain, (1.0, 0.1)))
    table = np.array(rows)
    return table[:, 0], table[:, 1]


def correlated(
    rng: np.random.Generator, shape: tuple[int, ...], persistence: float
) -> Floats:
    """Standard normal series along axis 0 with that lag-one correlation."""
    noise = rng.normal(size=shape)
    if persistence == 0 or shape[0] == 0:
        return noise
    noise[1:] *= np.sqrt(1 - persistence**2)
    return np.asarray(lfilter([1.0], [1.0, -persistence], noise, axis=0))


def spells(rng: np.random.Generator, chance: Floats, length: float) -> Bools:
    """A two-state Markov chain along axis 0.

    Args:
        rng: Source of chance.
        chance: `(T, ...)` share of time to be on, in [0, 1).
        length: Mean length of a spell in frames.
    """
    enter = chance / length / np.maximum(1 - chance, 1e-9)
    # Where gaps would have to be shorter than a frame, spells are longer instead.
    leave = np.where(enter > 1, (1 - chance) / np.maximum(chance, 1e-9), 1 / length)
    dice = rng.random(chance.shape)
    out = np.zeros(chance.shape, bool)
    if len(chance) == 0:
        return out
    out[0] = dice[0] < chance[0]
    for t in range(1, len(chance)):
        out[t] = np.where(out[t - 1], dice[t] >= leave[t], dice[t] < enter[t])
        # Where the chance is nothing, no spell goes on.
        out[t] &= chance[t] > 0
    return out
