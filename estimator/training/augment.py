"""Data augmentation of training crops: pure functions of a random generator."""

from __future__ import annotations

import cv2
import numpy as np

from poseflow.arrays import Bools, Floats, Image
from poseflow.estimator.training.config import AugmentConfig
from poseflow.skeletons.skeleton import Skeleton

LOWER_BODY = ("hip", "pelvis", "knee", "ankle", "heel", "toe", "foot")

HALF_BODY_MARGIN = 1.2
"""Factor by which a half body's box is larger than its joints' extent."""


def lower_body(skeleton: Skeleton) -> Bools:
    """Which joints belong to the lower body, by name, `(K,)`."""
    return np.array([any(p in j for p in LOWER_BODY) for j in skeleton.joints])


def half_body_box(
    joints: Floats,
    labelled: Bools,
    lower: Bools,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> Floats | None:
    """Half-body augmentation: a box around the upper or lower body, or None.

    Args:
        joints: `(K, 2)` pixels.
        labelled: `(K,)`.
        lower: `(K,)`, from `lower_body`.
        config: Its probability.
        rng: Called equally often in all cases.

    Returns:
        `(4,)` xyxy.
    """
    wanted, prefer_upper = rng.random() < config.half_body, rng.random() < 0.7
    if not wanted or labelled.sum() < config.half_body_joints:
        return None
    upper, under = labelled & ~lower, labelled & lower
    chosen = upper if prefer_upper or under.sum() < 3 else under
    if chosen.sum() < 3:
        return None
    points = joints[chosen]
    low, high = points.min(axis=0), points.max(axis=0)
    half = np.maximum(high - low, 2.0) * (HALF_BODY_MARGIN / 2)
    centre = (low + high) / 2
    return np.concatenate([centre - half, centre + half])


def random_box(image: Image, rng: np.random.Generator | None) -> Floats:
    """A random box `(4,)` of a person's shape in an image without people.

    Args:
        image: `(H, W, 3)`.
        rng: Random numbers; None for the middle of the image.

    Returns:
        xyxy, pixels.
    """
    whole = np.maximum(image.shape[1::-1], 1).astype(np.float64)
    if rng is None:
        return np.concatenate([whole / 4, whole * 3 / 4])
    # Upright and lying ones, from an eighth of the image's height up to all of it.
    height = whole[1] * 2 ** -rng.uniform(0, 3)
    sides = np.minimum([height * 2 ** rng.uniform(-2, 0.5), height], whole)
    corner = rng.uniform(0, 1, 2) * (whole - sides)
    return np.concatenate([corner, corner + sides])


def crop_matrix(
    box: Floats,
    size: tuple[int, int],
    margin: float,
    config: AugmentConfig | None,
    rng: np.random.Generator | None,
) -> tuple[Floats, bool]:
    """Random affine transform from image to crop pixels: scale, shift, rotation, flip.

    Args:
        box: `(4,)` xyxy pixels.
        size: Width and height of the crop.
        margin: Factor by which the crop is larger than the box.
        config: Augmentation; None for none.
        rng: Random numbers; None for no augmentation.

    Returns:
        `(2, 3)` float64, and True if left and right are exchanged.
    """
    width, height = size
    sides = np.maximum(box[2:] - box[:2], 1e-3).astype(np.float64)
    centre = (box[:2] + box[2:]).astype(np.float64) / 2
    wide = max(sides[0], sides[1] * width / height) * margin
    angle, mirrored = 0.0, False
    if config is not None and rng is not None:
        gain, turn = np.clip(rng.normal(0, 0.5, 2), -1, 1)
        wide *= 1 + config.scale * gain
        centre = centre + sides * config.shift * rng.uniform(-1, 1, 2)
        if rng.random() < config.rotate:
            angle = 2 * config.rotate_degrees * turn
        if config.tumble and rng.random() < config.tumble:
            angle = rng.uniform(-180, 180)
        mirrored = bool(rng.random() < config.flip)
    scale = width / wide
    cos, sin = scale * np.cos(np.deg2rad(angle)), scale * np.sin(np.deg2rad(angle))
    linear = np.array([[cos, -sin], [sin, cos]])
    if mirrored:
        # The crop of the mirrored image: first column to last, W - 1 - x.
        linear[0] *= -1
    middle = np.array([width / 2, height / 2])
    if mirrored:
        middle[0] = width - 1 - middle[0]
    return np.concatenate([linear, (middle - linear @ centre)[:, None]], axis=1), (
        mirrored
    )


def vary_colours(crop: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    """Colour augmentation: gains, contrast, greyscale and random erasing."""
    if config.brightness:
        # One gain for all channels and a smaller one for each.
        gains = rng.uniform(-1, 1, 4) * config.brightness
        gains = 1 + gains[0] + gains[1:] / 2
        table = np.arange(256)[:, None] * gains
        lookup = np.clip(table, 0, 255).astype(np.uint8)[None]
        crop = np.asarray(cv2.LUT(crop, lookup), np.uint8)
    if config.contrast:
        mean = crop.mean()
        gain = 1 + config.contrast * rng.uniform(-1, 1)
        lookup = np.clip(mean + gain * (np.arange(256) - mean), 0, 255).astype(np.uint8)
        crop = np.asarray(cv2.LUT(crop, lookup), np.uint8)
    if config.grey and rng.random() < config.grey:
        crop = np.repeat(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    if config.erase and rng.random() < config.erase:
        height, width = crop.shape[:2]
        size = rng.uniform(0.1, 0.35, 2) * [width, height]
        corner = rng.uniform(0, 1, 2) * ([width, height] - size)
        x, y = corner.astype(int)
        w, h = size.astype(int)
        crop[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return crop
