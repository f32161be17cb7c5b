"""Appearance of people as colours along their limbs.

Mean colours along the limbs need no network and distinguish people by their clothes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton

ALONG = np.linspace(0.15, 0.85, 7)
ACROSS = np.array([-0.02, 0.0, 0.02])
"""Sampled points: shares of a limb's length, and person sizes beside it."""

LIMB_LEAST = 0.05
"""Shorter limbs, in person sizes, are skipped: face keypoints, without clothes."""

SAMPLES_LEAST = 0.5
"""Share of a limb's samples that have to lie inside the image."""

NEIGHBOUR = 0.6
"""Distance, over the sum of two people's sizes, up to which they may overlap."""

OVERLAP = 0.12
"""Distance of limb centres, in person sizes, up to which one may occlude the other."""


def limb_colours(image: Image, poses: Poses, sizes: Floats) -> Floats:
    """Mean colour of every limb of every person.

    Args:
        image: `(H, W, 3)` uint8 BGR or `(H, W)` grey.
        poses: The people of the frame.
        sizes: `(P,)` longer side of each, pixels.

    Returns:
        `(P, D)` brightness and two colour differences of each limb, in grey levels; NaN
        where a limb is not visible, or another person's limb is close.
    """
    ends = _segments(poses.skeleton)
    people, limbs = len(poses), len(ends)
    keypoints = poses.keypoints.astype(np.float64)
    present = poses.present
    start, stop = keypoints[:, ends[:, 0]], keypoints[:, ends[:, 1]]
    run = stop - start
    length = np.hypot(run[..., 0], run[..., 1])
    shown = present[:, ends[:, 0]] & present[:, ends[:, 1]]
    shown &= length > LIMB_LEAST * sizes[:, None]
    side = np.stack([-run[..., 1], run[..., 0]], -1) / np.maximum(length, 1)[..., None]
    spots = (
        start[:, :, None, None]
        + ALONG[:, None, None] * run[:, :, None, None]
        + (ACROSS * sizes[:, None])[:, None, None, :, None] * side[:, :, None, None]
    )  # (P, L, along, across, 2)
    height, width = image.shape[:2]
    # Coordinates far outside, or not finite, need not fit into an integer.
    spots = np.clip(np.nan_to_num(spots, nan=-1), -1, max(height, width))
    column = np.rint(spots[..., 0]).astype(np.int64)
    row = np.rint(spots[..., 1]).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixels = image[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    channels = 1 if image.ndim == 2 else image.shape[2]
    flat = pixels.reshape(people, limbs, ALONG.size * ACROSS.size, channels)
    inside = inside.reshape(flat.shape[:3])
    count = inside.sum(axis=2)
    total = np.einsum("plsc,pls->plc", flat.astype(np.float64), inside)
    mean = total / np.maximum(count, 1)[..., None]
    if mean.shape[-1] == 3:
        blue, green, red = np.moveaxis(mean, -1, 0)
        mean = np.stack(
            [(blue + green + red) / 3, red - green, (red + green) / 2 - blue], -1
        )
    unknown = ~shown | (count < SAMPLES_LEAST * flat.shape[2])
    mean[unknown | _occluded(start, stop, shown, sizes)] = np.nan
    colours: Floats = mean.reshape(people, limbs * mean.shape[-1])
    return colours


def _occluded(start: Floats, stop: Floats, shown: Bools, sizes: Floats) -> Bools:
    """Limbs with another person's limb near their middle, `(P, L)`."""
    people, limbs = shown.shape
    occluded = np.zeros((people, limbs), np.bool_)
    if people < 2 or not limbs:
        return occluded
    middle = (start + stop) / 2
    centre = np.where(shown[..., None], middle, 0).sum(axis=1)
    centre /= np.maximum(shown.sum(axis=1), 1)[:, None]
    apart = np.square(centre[:, None] - centre[None]).sum(axis=-1)
    a, b = np.nonzero(apart < np.square(NEIGHBOUR * (sizes[:, None] + sizes[None])))
    a, b = a[a != b], b[a != b]
    if not len(a):
        return occluded
    gap = np.square(middle[a][:, :, None] - middle[b][:, None]).sum(axis=-1)
    gap[~np.broadcast_to(shown[b][:, None], gap.shape)] = np.inf
    near = gap.min(axis=2) < np.square(OVERLAP * sizes[b])[:, None]
    np.logical_or.at(occluded, a, near)
    return occluded


@lru_cache(maxsize=16)
def _segments(skeleton: Skeleton) -> Ints:
    """Pairs of joints between which colours are sampled, `(L, 2)`."""
    ends = [tuple(sorted(pair)) for pair in skeleton.limb_indices.tolist()]
    joints = skeleton.joints
    for left, right in (("left", "right"), ("right", "left")):
        if f"{left}_shoulder" in joints and f"{right}_hip" in joints:
            a, b = joints.index(f"{left}_shoulder"), joints.index(f"{right}_hip")
            ends.append((min(a, b), max(a, b)))
    if not ends:  # no limbs known: from each joint to the next
        ends = [(k, k + 1) for k in range(len(skeleton) - 1)]
    return np.array(list(dict.fromkeys(ends)), np.int64).reshape(-1, 2)
