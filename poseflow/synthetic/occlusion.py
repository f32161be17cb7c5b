"""Occlusion of joints by the silhouettes of bodies in front, and self-occlusion.

A body's silhouette is a union of capsules around its segments, the same ones that the
renderer paints, with the radii of a clothed body.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.synthetic.body import POINT, POINTS

# Two ends and the radius as a fraction of stature.
_SEGMENTS = (
    ("left_shoulder", "left_elbow", 0.030),
    ("right_shoulder", "right_elbow", 0.030),
    ("left_elbow", "left_wrist", 0.023),
    ("right_elbow", "right_wrist", 0.023),
    ("left_wrist", "left_hand", 0.018),
    ("right_wrist", "right_hand", 0.018),
    ("left_hip", "left_knee", 0.046),
    ("right_hip", "right_knee", 0.046),
    ("left_knee", "left_ankle", 0.031),
    ("right_knee", "right_ankle", 0.031),
    ("left_heel", "left_big_toe", 0.020),
    ("right_heel", "right_big_toe", 0.020),
    ("left_shoulder", "left_hip", 0.045),
    ("right_shoulder", "right_hip", 0.045),
    ("neck", "pelvis", 0.072),
    ("head_bottom", "head", 0.036),
    ("head", "head", 0.056),
)
SEGMENT_A = np.array([POINT[a] for a, _, _ in _SEGMENTS])
SEGMENT_B = np.array([POINT[b] for _, b, _ in _SEGMENTS])
SEGMENT_RADIUS = np.array([r for _, _, r in _SEGMENTS])

_NEIGHBOURS = {
    "head": ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top"),
    "neck": ("head_bottom", "thorax", "left_shoulder", "right_shoulder"),
    "pelvis": ("left_hip", "right_hip", "thorax"),
}


def _adjacent() -> Bools:
    """`(J, S)`: segments that carry a point and so cannot hide it."""
    touch = np.zeros((len(POINTS), len(_SEGMENTS)), bool)
    for s, (a, b, _) in enumerate(_SEGMENTS):
        for end in (a, b):
            touch[POINT[end], s] = True
            for name in _NEIGHBOURS.get(end, ()):
                touch[POINT[name], s] = True
    for side in ("left", "right"):
        for name in ("ankle", "heel", "big_toe", "small_toe"):
            for s, (a, b, _) in enumerate(_SEGMENTS):
                if {a, b} & {f"{side}_ankle", f"{side}_heel"}:
                    touch[POINT[f"{side}_{name}"], s] = True
    return touch


ADJACENT = _adjacent()

_FACE = np.array([POINT[n] for n in ("nose", "left_eye", "right_eye")])
_EARS = np.array([POINT["left_ear"], POINT["right_ear"]])
_HEAD = POINT["head"]


def point_radii() -> Floats:
    """Radius of the body around each point, fractions of stature `(J,)`."""
    radii = np.full(len(POINTS), 0.012)
    np.maximum.at(radii, SEGMENT_A, SEGMENT_RADIUS)
    np.maximum.at(radii, SEGMENT_B, SEGMENT_RADIUS)
    radii[[POINT["neck"], POINT["pelvis"], POINT["head_bottom"]]] = 0.03
    radii[POINT["head_top"]] = 0.006
    radii[[POINT["left_shoulder"], POINT["right_shoulder"]]] = 0.036
    return radii


def inside_capsules(points: Floats, a: Floats, b: Floats, radii: Floats) -> Floats:
    """Test which points lie in which capsules.

    Args:
        points: `(N, J, 2)` pixels.
        a: First ends `(N, S, 2)`.
        b: Other ends `(N, S, 2)`.
        radii: `(N, S)` pixels.

    Returns:
        `(N, J, S)`: where along the axis the nearest point is, in [0, 1]; -1 outside.
    """
    span = b - a
    length = np.maximum((span**2).sum(-1), 1e-9)
    offset = points[:, :, None] - a[:, None]
    along = np.clip((offset * span[:, None]).sum(-1) / length[:, None], 0, 1)
    gap = offset - along[..., None] * span[:, None]
    return np.where((gap**2).sum(-1) <= radii[:, None] ** 2, along, -1.0)


def hidden_by_self(pixels: Floats, depths: Floats, radii: Floats) -> Any:
    """Self-occlusion: points behind the own body, `(N, J)` bool.

    Args:
        pixels: `(N, J, 2)`.
        depths: `(N, J)` metres along the optical axis.
        radii: Segment radii in pixels `(N, S)`.
    """
    a, b = SEGMENT_A, SEGMENT_B
    along = inside_capsules(pixels, pixels[:, a], pixels[:, b], radii)
    front = depths[:, None, a] * (1 - along) + depths[:, None, b] * along
    behind = depths[:, :, None] > front + 0.07
    hidden = np.asarray(((along >= 0) & behind & ~ADJACENT).any(axis=2))
    # The face is visible from the front only; ears are occluded by the whole head.
    head = depths[:, _HEAD, None]
    hidden[:, _FACE] |= depths[:, _FACE] > head + 0.015
    hidden[:, _EARS] |= depths[:, _EARS] > head + 0.045
    return hidden


def hidden_by_other(points: Floats, front: Floats, radii: Floats) -> Any:
    """Points of one person occluded by another's body, `(N, J)` bool.

    Args:
        points: Pixels of the person behind `(N, J, 2)`.
        front: Pixels of the person in front `(N, J, 2)`.
        radii: Segment radii in pixels of the latter `(N, S)`.
    """
    along = inside_capsules(points, front[:, SEGMENT_A], front[:, SEGMENT_B], radii)
    return (along >= 0).any(axis=2)
