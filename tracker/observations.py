"""The observations of one frame: its people as the trackers compare them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.boxes import keypoint_extent
from poseflow.poses import Poses

MIDDLE_WEIGHT = 0.1
"""Vote of the box's middle, which stands in where no joint is common."""


@dataclass
class Observations:
    """The people of one frame, as the tracker looks at them.

    The middle of the box goes as one more joint behind the K of the skeleton, so that
    people without any joint, or without a common one, still have a place.

    Attributes:
        points: `(P, K + 1, 2)` pixels.
        present: `(P, K + 1)`.
        weight: `(P, K + 1)` how much a joint's place counts: its score over the
            person's best, so that the detector's scale does not matter.
        sizes: `(P,)` longer side of the person, pixels, above 0.
        quality: `(P,)` sum of the joint scores over K, on the detector's own scale.
        colours: `(P, D)` appearance, NaN where unknown; D may be 0.
        clean: `(P, D)` how much each of its features counts.
    """

    points: Floats
    present: Bools
    weight: Floats
    sizes: Floats
    quality: Floats
    colours: Floats
    clean: Floats

    @classmethod
    def of(cls, poses: Poses, colours: Floats, clean: Floats) -> Observations:
        """Look at `poses`, whose appearance is `(P, D)`."""
        keypoints = poses.keypoints.astype(np.float64)
        present = poses.present
        scores = np.where(present, poses.keypoint_scores, 0).astype(np.float64)
        boxes = keypoint_extent(keypoints, present)
        alone = present.sum(axis=1) < 2
        given = poses.boxes.astype(np.float64)
        usable: Bools = np.asarray(np.isfinite(given).all(axis=1))
        usable &= (given[:, 2:] > given[:, :2]).any(axis=1)
        boxes[alone & usable] = given[alone & usable]
        there = present.any(axis=1) | usable
        sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
        typical = float(np.median(sizes[there])) if there.any() else 1.0
        sizes = np.maximum(sizes, max(0.2 * typical, 1.0))
        best = np.maximum(scores.max(axis=1, initial=0), 1e-12)[:, None]
        middle = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
        quality = scores.sum(axis=1) / max(present.shape[1], 1)
        person = poses.scores.astype(np.float64)
        quality = np.where(present.any(axis=1), quality, np.maximum(person, 0))
        return cls(
            np.concatenate([keypoints, middle], axis=1),
            np.concatenate([present, there[:, None]], axis=1),
            np.concatenate(
                [scores / best, np.where(there, MIDDLE_WEIGHT, 0)[:, None]], axis=1
            ),
            sizes,
            quality,
            colours,
            clean,
        )

    def __len__(self) -> int:
        """Number of people, P."""
        return len(self.sizes)
