"""Privacy: blur faces or people, or draw silhouettes over them, by joints alone."""

from __future__ import annotations

from typing import Any, Literal, get_args

import cv2
import numpy as np

from poseflow.arrays import Bools, Floats, Image
from poseflow.drawing.palette import identity_colors
from poseflow.errors import PoseFlowError
from poseflow.poses import NO_TRACK, Poses
from poseflow.similarity.boxes import keypoint_extent

Hide = Literal["faces", "people", "silhouettes"]

HELD_FRAMES = 15
"""A track that is not seen stays hidden where it was for so many frames."""

GROWTH_PER_FRAME = 0.03
"""What a held place grows by in every frame, as a part of its size."""

HEAD_JOINTS = (
    "nose",
    "head_top",
    "head",
    *(f"{s}_{p}" for s in ("left", "right") for p in ("eye", "ear")),
)
NECK_JOINTS = ("neck", "upper_neck", "head_bottom", "left_shoulder", "right_shoulder")

FACE_HEIGHT, LEAST_FACE_PIXELS = 0.14, 6.0
"""Radius of a face as a part of a person's height, and in pixels at least."""

BODY_MARGIN = 0.12
"""Added around a person's joints and box on every side, as a part of the size."""

BLOCKS = 6
"""A hidden place is reduced to about so many pixels across, then blurred."""

LIMB_WIDTH = 0.11
"""Width of a silhouette's limbs as a part of a person's height."""


class Privacy:
    """Hides people in images; needs nothing but their poses.

    Every person is hidden, with an id or without. A track that is missed for a few
    frames stays hidden in its last place, which grows; give every frame in order, and
    `reset` between videos. What no pose was found for is not hidden.

    Args:
        hide: `"faces"`, `"people"` (the box and all joints), or `"silhouettes"`:
            people are blurred, and their limbs are drawn over them in the colour of the
            id.

    Raises:
        PoseFlowError: If `hide` is none of these.

    Examples:
        >>> import numpy as np
        >>> from poseflow import Poses
        >>> image = np.random.default_rng(0).integers(0, 255, (90, 60, 3), np.uint8)
        >>> pose = Poses(np.random.default_rng(1).uniform(20, 60, (1, 17, 2)))
        >>> hidden = Privacy("people").apply(image, pose)
        >>> bool((hidden[40, 40] != image[40, 40]).any())
        True
    """

    def __init__(self, hide: Hide = "faces") -> None:
        if hide not in get_args(Hide):
            raise PoseFlowError(
                f"hide: expected {', '.join(get_args(Hide))}, got {hide!r}"
            )
        self.hide = hide
        self.reset()

    def reset(self) -> None:
        """Forget the places of tracks; call it between videos."""
        self._held: dict[int, tuple[int, Floats]] = {}

    def apply(self, image: Image, poses: Poses) -> Image:
        """A copy of an image in which the people are hidden.

        Args:
            image: `(H, W, 3)` uint8 BGR; not changed.
            poses: All people of the image.
        """
        out = np.array(image, order="C")
        places = _faces(poses) if self.hide == "faces" else _bodies(poses)
        for place in [*places, *self._missed(poses, places)]:
            _obscure(out, place, oval=self.hide == "faces")
        if self.hide == "silhouettes":
            _silhouettes(out, poses)
        return out

    def _missed(self, poses: Poses, places: Floats) -> list[Floats]:
        """Places of tracks that this frame lacks; remembers those that it has."""
        here = {
            track: place
            for track, place in zip(poses.track_ids.tolist(), places, strict=True)
            if track != NO_TRACK
        }
        held = {
            track: (age + 1, place)
            for track, (age, place) in self._held.items()
            if track not in here and age < HELD_FRAMES
        }
        self._held = held | {track: (0, place) for track, place in here.items()}
        return [_grown(place, GROWTH_PER_FRAME * age) for age, place in held.values()]


def _extents(poses: Poses) -> Floats:
    """Boxes `(P, 4)` around the given box and all joints."""
    joints = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
    boxes = poses.boxes.astype(np.float64)
    has: Bools = np.any(poses.present, axis=1, keepdims=True)
    low = np.where(has, np.minimum(joints[:, :2], boxes[:, :2]), boxes[:, :2])
    high = np.where(has, np.maximum(joints[:, 2:], boxes[:, 2:]), boxes[:, 2:])
    return np.concatenate([low, high], axis=1)


def _grown(place: Floats, part: float) -> Floats:
    side = max(place[2] - place[0], place[3] - place[1]) * part
    grown: Floats = place + np.array([-side, -side, side, side])
    return grown


def _bodies(poses: Poses) -> Floats:
    """Boxes `(P, 4)` with a margin."""
    extents = _extents(poses)
    sides = (extents[:, 2:] - extents[:, :2]).max(axis=1, initial=1.0)
    margin = (BODY_MARGIN * sides)[:, None]
    return np.concatenate([extents[:, :2] - margin, extents[:, 2:] + margin], axis=1)


def _faces(poses: Poses) -> Floats:
    """Boxes `(P, 4)` around heads: by head joints, else neck, else the box's top."""
    extents = _extents(poses)
    height = (extents[:, 3] - extents[:, 1])[:, None]
    top = np.stack([(extents[:, 0] + extents[:, 2]) / 2, extents[:, 1]], axis=1)
    top[:, 1] += 0.5 * FACE_HEIGHT * height[:, 0]
    joints = poses.skeleton.joints
    head = [joints.index(name) for name in HEAD_JOINTS if name in joints]
    neck = [joints.index(name) for name in NECK_JOINTS if name in joints]
    points = poses.keypoints.astype(np.float64)
    centre, spread, seen = _mean(points, poses.present, head)
    low, wide, shoulders = _mean(points, poses.present, neck)
    above = low - np.array([0.0, 0.9]) * FACE_HEIGHT * height
    centre = np.where(seen[:, None], centre, np.where(shoulders[:, None], above, top))
    radius = np.maximum.reduce(
        [
            FACE_HEIGHT * height[:, 0],
            np.where(seen, 1.6 * spread, 0),
            # A person who is cut off by the image's edge is low, not small.
            np.where(shoulders, 0.8 * wide, 0),
            np.full(len(poses), LEAST_FACE_PIXELS),
        ]
    )[:, None]
    return np.concatenate([centre - radius, centre + 1.1 * radius], axis=1)


def _mean(
    points: Floats, present: Bools, chosen: list[int]
) -> tuple[Floats, Floats, Bools]:
    """Mean of chosen joints, their largest distance from it, and whether any is there.

    Returns:
        `(P, 2)`, `(P,)`, `(P,)`.
    """
    there = present[:, chosen]
    count = there.sum(axis=1)
    total = np.where(there[..., None], points[:, chosen], 0).sum(axis=1)
    mean: Floats = total / np.maximum(count, 1)[:, None]
    away = np.linalg.norm(points[:, chosen] - mean[:, None], axis=2)
    spread: Floats = np.where(there, away, 0).max(axis=1, initial=0)
    return mean, spread, count > 0


def _obscure(image: Image, place: Floats, oval: bool) -> None:
    """Reduce a place to a few pixels and blur them, in `image` itself."""
    rows, columns = image.shape[:2]
    x1, y1 = (int(max(np.floor(v), 0)) for v in np.clip(place[:2], -1e6, 1e6))
    x2, y2 = np.ceil(np.clip(place[2:], -1e6, 1e6)).astype(int).tolist()
    x2, y2 = min(x2, columns), min(y2, rows)
    if x1 >= x2 or y1 >= y2:
        return
    part = image[y1:y2, x1:x2]
    size = part.shape[1], part.shape[0]
    block = max(max(size) / BLOCKS, 1.0)
    few = (max(round(size[0] / block), 1), max(round(size[1] / block), 1))
    small = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    if not oval:
        part[:] = hidden
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    centre = (
        round((place[0] + place[2]) / 2) - x1,
        round((place[1] + place[3]) / 2) - y1,
    )
    axes = (round((place[2] - place[0]) / 2), round((place[3] - place[1]) / 2))
    cv2.ellipse(mask, (centre, (2 * axes[0], 2 * axes[1]), 0.0), 255, -1)
    part[mask > 0] = hidden[mask > 0]


def _silhouettes(image: Image, poses: Poses) -> None:
    """Limbs as thick flat lines in the colour of the id, heads as discs."""
    extents = _extents(poses)
    colors: Any = identity_colors(poses.track_ids).tolist()
    limbs = poses.skeleton.limb_indices
    faces = _faces(poses)
    for person in np.argsort(extents[:, 3], kind="stable").tolist():
        there = poses.present[person]
        points = np.clip(poses.keypoints[person], -16384, 16384)
        tall = max(extents[person, 3] - extents[person, 1], 1.0)
        width = int(np.clip(LIMB_WIDTH * tall, 1, 255))
        lines = points[limbs[there[limbs].all(axis=1)]]
        fixed = list(np.rint(lines * 16).astype(np.int32))
        cv2.polylines(image, fixed, False, colors[person], width, cv2.LINE_AA, 4)
        place = np.clip(faces[person], -16384, 16384)
        centre = np.rint((place[:2] + place[2:]) * 8).astype(int).tolist()
        radius = round(min(0.35 * (place[2] - place[0]), 4096) * 16)
        if there.any():
            cv2.circle(image, centre, radius, colors[person], -1, cv2.LINE_AA, 4)
