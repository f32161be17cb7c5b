"""Groups of people by stance and viewpoint, from their labels.

A mean accuracy hides the difficult groups: people upside down, and left and right of
people seen from behind.
"""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.skeletons.skeleton import Skeleton

CORNERS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")

STANCES = {
    "upright": (0, 30),
    "leaning": (30, 60),
    "lying": (60, 120),
    "upside down": (120, 181),
}
"""Angles of the torso from the vertical, degrees."""

FRONT, SIDE, BEHIND = "seen from the front", "seen from the side", "seen from behind"
UPRIGHT_BEHIND = "upright, from behind"

SIDE_WIDTH = 0.25
"""Shoulders and hips narrower than this share of the torso are seen from the side."""


def group_people(
    truth: Floats, labelled: Bools, skeleton: Skeleton
) -> dict[str, Bools]:
    """Masks `(N,)` of groups, by name; empty if the skeleton has no torso.

    People without all shoulders and hips labelled are in no group.

    Args:
        truth: `(N, K, 2)` pixels, y down.
        labelled: `(N, K)`.
        skeleton: The joints.

    Examples:
        >>> from poseflow.skeletons import get
        >>> lsp = get("lsp14")
        >>> truth = np.zeros((1, 14, 2))
        >>> corners = [lsp.index(joint) for joint in CORNERS]
        >>> truth[0, corners] = [[0, 0], [4, 0], [1, 8], [3, 8]]
        >>> groups = group_people(truth, np.ones((1, 14), bool), lsp)
        >>> [name for name, mask in groups.items() if mask[0]]
        ['upright', 'seen from behind', 'upright, from behind']
    """
    if not set(CORNERS) <= set(skeleton.joints):
        return {}
    columns = [skeleton.index(joint) for joint in CORNERS]
    corners = truth[:, columns].astype(float)
    left_shoulder, right_shoulder, left_hip, right_hip = corners.swapaxes(0, 1)
    up = (left_shoulder + right_shoulder - left_hip - right_hip) / 2
    length = np.linalg.norm(up, axis=1)
    known = labelled[:, columns].all(axis=1) & (length > 0)
    angle = np.rad2deg(np.arctan2(np.abs(up[:, 0]), -up[:, 1]))
    groups = {
        name: known & (low <= angle) & (angle < high)
        for name, (low, high) in STANCES.items()
    }
    # The left side of a person seen from behind is on the left of the upright image.
    across = (left_shoulder - right_shoulder + left_hip - right_hip) / 2
    square = np.maximum((up**2).sum(axis=1), 1e-12)
    width = (up[:, 0] * across[:, 1] - up[:, 1] * across[:, 0]) / square
    groups[FRONT] = known & (width > SIDE_WIDTH)
    groups[SIDE] = known & (np.abs(width) <= SIDE_WIDTH)
    groups[BEHIND] = known & (width < -SIDE_WIDTH)
    groups[UPRIGHT_BEHIND] = groups["upright"] & groups[BEHIND]
    return groups
