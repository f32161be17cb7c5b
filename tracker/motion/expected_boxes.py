"""Expected boxes: where a detector would find the people in the next frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats
from poseflow.poses import Poses
from poseflow.similarity.boxes import keypoint_extent

CONFIDENT = 0.3
"""Joints count from this fraction of the score of the person's best joint on."""

GROWTH = 0.15
"""Fraction by which a person's box is longer than the extent of the joints.

Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking" (ECCV 2018),
section 3.2.
"""


def expected_boxes(poses: Poses, motion: npt.ArrayLike) -> Floats:
    """Boxes of the people, as a detector would give them, in the next frame.

    Args:
        poses: P people of a frame.
        motion: `(P, 2)` pixels that each is predicted to move; NaN for people who are
            not tracked.

    Returns:
        `(P, 4)` float64 xyxy: the extent of the confident joints (the person's box,
        where fewer than two are), grown; NaN where the motion is.

    Examples:
        >>> joints = np.linspace([10.0, 10], [30, 110], 17)
        >>> expected_boxes(Poses(joints[None]), [[5, 0]]).round(1).tolist()
        [[13.5, 2.5, 36.5, 117.5]]
    """
    scores = poses.keypoint_scores
    best = scores.max(axis=1, initial=0)[:, None]
    sure = poses.present & (scores >= CONFIDENT * best)
    boxes = keypoint_extent(poses.keypoints, sure).astype(np.float64)
    few = sure.sum(axis=1) < 2
    boxes[few] = poses.boxes[few]
    half = (boxes[:, 2:] - boxes[:, :2]) * (GROWTH / 2)
    half[few] = 0
    grown = boxes + np.concatenate([-half, half], axis=1)
    moved: Floats = grown + np.tile(np.asarray(motion, np.float64), 2)
    return moved


def no_motion(poses: Poses) -> Floats:
    """Zero motion, `(P, 2)`; NaN for people without a track id."""
    motion = np.zeros((len(poses), 2))
    motion[poses.track_ids < 0] = np.nan
    return motion
