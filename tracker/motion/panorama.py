"""Panoramas of 360 degrees: the right edge of the image continues at the left one."""

from __future__ import annotations

from typing import Any

import numpy as np

from poseflow.arrays import Floats
from poseflow.poses import Poses


def shortest(displacement: Floats, width: float | None) -> Floats:
    """Displacements the shorter way round, `(..., 2)`; unchanged without a width.

    Examples:
        >>> shortest(np.array([[990.0, 5.0], [40.0, 5.0]]), 1000.0).tolist()
        [[-10.0, 5.0], [40.0, 5.0]]
    """
    if width is None:
        return displacement
    return displacement - turns(displacement, width)


def turns(displacement: Floats, width: float | None) -> Floats:
    """The whole turns in displacements, pixels, `(..., 2)`; 0 without a width."""
    whole = np.zeros(displacement.shape)
    if width is not None:
        whole[..., 0] = width * np.round(displacement[..., 0] / width)
    return whole


def joined(poses: Poses, width: float | None) -> Poses:
    """People whom the seam cuts, with all joints on one side of it.

    Without any, or without a width, the poses as they are.
    """
    if width is None:
        return poses
    x = np.where(poses.present, poses.keypoints[..., 0], np.nan)
    cut = np.zeros(len(poses), np.bool_)
    seen: Any = poses.present.any(axis=1)
    if seen.any():
        cut[seen] = np.nanmax(x[seen], axis=1) - np.nanmin(x[seen], axis=1) > width / 2
    if not cut.any():
        return poses
    keypoints = poses.keypoints.copy()
    moved = cut[:, None] & poses.present & (keypoints[..., 0] < width / 2)
    keypoints[..., 0] += width * moved
    return poses.replace(keypoints=keypoints)
