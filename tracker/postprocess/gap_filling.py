"""Gap filling: poses between two sightings of a track, by linear interpolation."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats
from poseflow.poses import Poses

FILL_SCORE_FACTOR = 0.5
"""Factor on the scores of interpolated poses."""

FILL_SIZES = 0.5
"""Farthest that a person moved in a gap that is filled, in person sizes."""


def stayed_near(before: Poses, after: Poses) -> bool:
    """Whether one person moved so little between two poses that a gap may be filled."""
    boxes = np.concatenate([before.boxes, after.boxes]).astype(np.float64)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = (boxes[:, 2:] - boxes[:, :2]).max()
    return bool(np.linalg.norm(centres[1] - centres[0]) < FILL_SIZES * max(size, 1e-9))


def interpolate(
    before: Poses, after: Poses, steps: int, score_factor: float = FILL_SCORE_FACTOR
) -> Poses:
    """Poses of the `steps` frames between two sightings of one person.

    Args:
        before: The earlier pose, one person.
        after: The later one.
        steps: Number of frames between, n, at least 1.
        score_factor: Factor on the scores.

    Returns:
        n poses in order of time with the id of `before`, marked as interpolated; joints
        that either pose lacks are missing.

    Examples:
        >>> one = Poses(np.zeros((1, 17, 2)) + 10, track_ids=[4])
        >>> other = Poses(np.zeros((1, 17, 2)) + 40, track_ids=[4])
        >>> between = interpolate(one, other, 2)
        >>> between.keypoints[:, 0, 0].tolist(), between.interpolated.tolist()
        ([20.0, 30.0], [True, True])
    """
    share = np.arange(1, steps + 1) / (steps + 1)
    both = before.present & after.present

    def mix(name: str) -> Floats:
        one, other = getattr(before, name), getattr(after, name)
        weight = share.reshape(-1, *(1,) * (one.ndim - 1))
        mixed: Floats = (1 - weight) * one + weight * other
        return mixed

    return Poses(
        np.where(both[..., None], mix("keypoints"), 0),
        np.where(both, score_factor * mix("keypoint_scores"), 0),
        mix("boxes"),
        score_factor * mix("scores"),
        np.repeat(before.track_ids, steps),
        before.skeleton,
        dtype=before.keypoints.dtype,
        interpolated=np.ones(steps, np.bool_),
    )
