"""Observations: the people of one frame as arrays that trackers compare."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.poses import Poses
from poseflow.similarity.boxes import keypoint_extent

CENTRE_WEIGHT = 0.1
"""Weight of the box centre, which replaces keypoints where none is common."""

SMALLEST = 0.2
"""Least size, over the median of the frame: tiny poses are mostly partial ones."""

LEAST_POINT_SIZE_PX, LARGEST_POINT_SIZE_PX = 10.0, 100.0
"""Limits of the size of people who are points; the largest is for one alone."""


def person_boxes(poses: Poses, only_points: bool = False) -> Floats:
    """Boxes of people as trackers compare them: the extent of their keypoints.

    People with fewer than two keypoints have their given box. Animals or balls with a
    single keypoint and no box have no size of their own: half the median distance to
    the nearest neighbour is taken, which keeps them apart.

    Args:
        poses: The people of a frame.
        only_points: No person of the sequence had more than one keypoint so far.

    Returns:
        `(P, 4)` xyxy pixels, float64; NaN for people without any position.

    Examples:
        >>> import numpy as np
        >>> from poseflow import Poses, Skeleton
        >>> skeleton = Skeleton("dot", ("centre",))
        >>> dots = Poses(np.array([[[10, 50]], [[70, 50]]]), skeleton=skeleton)
        >>> person_boxes(dots, only_points=True).tolist()
        [[-5.0, 35.0, 25.0, 65.0], [55.0, 35.0, 85.0, 65.0]]
    """
    present = poses.present
    boxes = keypoint_extent(poses.keypoints.astype(np.float64), present)
    boxes[~present.any(axis=1)] = np.nan
    given = poses.boxes.astype(np.float64)
    alone: Bools = np.asarray(np.isfinite(given).all(axis=1))
    alone &= (given[:, 2:] > given[:, :2]).any(axis=1) & (present.sum(axis=1) < 2)
    boxes[alone] = given[alone]
    points = boxes[np.isfinite(boxes).all(axis=1)]
    if not only_points or (points[:, 2:] > points[:, :2]).any():
        return boxes
    size = LARGEST_POINT_SIZE_PX
    if len(points) > 1:
        distance = np.linalg.norm(points[:, None, :2] - points[None, :, :2], axis=-1)
        np.fill_diagonal(distance, np.inf)
        half = median(distance.min(axis=1).tolist()) / 2
        size = min(max(half, LEAST_POINT_SIZE_PX), LARGEST_POINT_SIZE_PX)
    around: Floats = boxes + np.array([-size, -size, size, size]) / 2
    return around


@dataclass
class Observations:
    """The P people of one frame.

    The box centre follows the K keypoints as one more, so that people without
    keypoints, or without common ones, still have a position.

    Attributes:
        points: `(P, K + 1, 2)` pixels.
        present: `(P, K + 1)`.
        weight: `(P, K + 1)` weight of a keypoint's position: its score over the largest
            of the person, so that the detector's scale does not matter.
        sizes: `(P,)` longer side of the person, pixels, above 0.
        quality: `(P,)` mean of the keypoint scores, missing ones as 0, on the
            detector's scale.
        scores: `(P,)` person scores.
        sigmas: `(K,)` OKS sigmas of the skeleton.
        appearance: `(P, D)` appearance, NaN where unknown; D may be 0.
    """

    points: Floats
    present: Bools
    weight: Floats
    sizes: Floats
    quality: Floats
    scores: Floats
    sigmas: Floats
    appearance: Floats

    @classmethod
    def of(
        cls,
        poses: Poses,
        boxes: Floats,
        appearance: Floats | None = None,
    ) -> Observations:
        """Observations of `poses`.

        Args:
            poses: The people of the frame.
            boxes: `(P, 4)` their `person_boxes`.
            appearance: `(P, D)`, None without any.
        """
        keypoints = poses.keypoints.astype(np.float64)
        present = poses.present
        scores = np.where(present, poses.keypoint_scores, 0).astype(np.float64)
        located: Bools = np.asarray(np.isfinite(boxes).all(axis=1))
        boxes = np.where(located[:, None], boxes, 0.0)
        sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
        typical = median(sizes[located].tolist() or [1.0])
        if typical == 0 and sizes.any():  # most people are points
            typical = median(sizes[sizes > 0].tolist())
        sizes = np.maximum(sizes, max(SMALLEST * typical, 1.0))
        best = np.maximum(scores.max(axis=1, initial=0), 1e-12)[:, None]
        centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
        centre_weight = np.where(located, CENTRE_WEIGHT, 0)[:, None]
        person_scores = poses.scores.astype(np.float64)
        quality = scores.sum(axis=1) / max(present.shape[1], 1)
        quality = np.where(present.any(axis=1), quality, np.maximum(person_scores, 0))
        if appearance is None:
            appearance = np.zeros((len(poses), 0))
        return cls(
            np.concatenate([keypoints, centre], axis=1),
            np.concatenate([present, located[:, None]], axis=1),
            np.concatenate([scores / best, centre_weight], axis=1),
            sizes,
            quality,
            person_scores,
            np.asarray(poses.skeleton.sigmas, np.float64),
            appearance,
        )

    @property
    def centres(self) -> Floats:
        """`(P, 2)` box centres, pixels."""
        return self.points[:, -1]

    def __len__(self) -> int:
        """Number of people, P."""
        return len(self.sizes)
