"""Camera motion between two frames (sparse optical flow, RANSAC), and scene cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.validation import check_options, option

STILL = np.array([[1.0, 0, 0], [0, 1.0, 0]])
"""The motion of a camera that does not move."""

CORNER_QUALITY, CORNER_DISTANCE_PX = 0.01, 6
"""Shi-Tomasi corners: least quality over the best one's, least distance."""

PERSON_MARGIN_PX = 2
"""People's boxes grow by this much before corners are searched outside them."""

RETURN_ERROR_PX = 1.0
"""A followed corner counts if following it back ends this near its origin."""

FOLLOWED_FRACTION = 0.2
"""With fewer corners followed, the two frames may be different scenes."""

FOLLOWED_ERROR_PX, MATCHES_ERROR_PX = 1.0, 2.0
"""RANSAC reprojection errors of followed corners and of given correspondences."""

COORDINATE_LIMIT_PX = 1e6
"""Larger coordinates are no image positions; OpenCV computes in float32."""

CUT_SIZE_PX, CUT_LEAST_DEVIATION = 16, 4.0
"""Size of the images that are compared for cuts; least deviation of their greys."""


@dataclass(frozen=True)
class CameraOptions:
    """Parameters of camera motion.

    Attributes:
        width_px: Width to which images are reduced.
        maximum_corners: Most corners that are followed.
        minimum_inliers: Fewer inliers give no motion.
        inlier_fraction: Fraction of corners that must be inliers.
        cut_difference: Mean difference of the two images at 16 x 16 pixels, in standard
            deviations of their grey levels, above which there is a scene cut, if too
            few corners could be followed.
    """

    width_px: int = option(320, low=32)
    maximum_corners: int = option(150, low=4)
    minimum_inliers: int = option(12, low=3)
    inlier_fraction: float = option(0.5, low=0, high=1)
    cut_difference: float = option(0.5, low=0)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


class CameraStep(NamedTuple):
    """From one frame to the next.

    Attributes:
        motion: `(2, 3)` similarity transform of the previous frame to this one, pixels.
        cut: True if there is a scene cut between them.
    """

    motion: Floats
    cut: bool


class CameraMotion:
    """Camera motion from corners of the background (Lucas-Kanade, RANSAC similarity).

    Sources: Lucas and Kanade (1981) on pyramids (Bouguet, 2000), corners by Shi and
    Tomasi (1994), consensus by Fischler and Bolles (1981).
    """

    def __init__(self, options: CameraOptions | None = None) -> None:
        self.options = options or CameraOptions()
        self.reset()

    def reset(self) -> None:
        """Start a new sequence."""
        self._before: Image | None = None
        self._corners: Any = None
        self._size: tuple[int, int] | None = None

    def update(self, image: Image, boxes: Floats) -> CameraStep:
        """Compare an image with the previous one.

        Args:
            image: `(H, W, 3)` BGR or `(H, W)` grey.
            boxes: `(P, 4)` xyxy of the people in it; corners inside are not used.
        """
        now, factor = shrink(image, self.options.width_px)
        size = (image.shape[1], image.shape[0])
        before, corners = self._before, self._corners
        same_size = self._size == size
        self._before, self._size = now, size
        self._corners = background_corners(
            now, boxes * np.tile(factor, 2), self.options.maximum_corners
        )
        if before is None or not same_size:
            return CameraStep(STILL, False)

        motion, found = self._follow(before, now, corners)
        if motion is None:
            cut = not found and image_change(before, now) > self.options.cut_difference
            return CameraStep(STILL, cut)
        motion[:, 2] /= factor
        return CameraStep(motion, False)

    def _follow(
        self, before: Image, now: Image, corners: Any
    ) -> tuple[Floats | None, bool]:
        """The motion, or None; and whether enough corners were followed."""
        import cv2

        least = self.options.minimum_inliers
        if corners is None or len(corners) < least:
            return None, True
        there, good, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None)  # type: ignore[call-overload]
        back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None)  # type: ignore[call-overload]
        returned = np.abs(back - corners).reshape(-1, 2).max(axis=1) < RETURN_ERROR_PX
        kept = (good.ravel() > 0) & (again.ravel() > 0) & returned
        if kept.sum() < least:
            return None, bool(kept.mean() > FOLLOWED_FRACTION)
        motion, inliers = cv2.estimateAffinePartial2D(
            corners[kept],
            there[kept],
            method=cv2.RANSAC,
            ransacReprojThreshold=FOLLOWED_ERROR_PX,
        )
        agreeing = 0 if inliers is None else int(inliers.sum())
        enough = max(least, self.options.inlier_fraction * kept.sum())
        if motion is None or agreeing < enough:
            return None, bool(kept.mean() > FOLLOWED_FRACTION)
        return np.asarray(motion, np.float64), True


def shrink(image: Image, width: int) -> tuple[Image, Floats]:
    """A grey image at most `width` wide, and its `(2,)` scale to the original.

    Args:
        image: `(H, W, 3)` BGR or `(H, W)` grey.
        width: Pixels.
    """
    height, full = image.shape[:2]
    scale = min(width / full, 1.0)
    small = (max(round(full * scale), 16), max(round(height * scale), 16))
    return small_grey(image, *small), np.array([small[0] / full, small[1] / height])


def small_grey(image: Image, width: int, height: int) -> Image:
    """A grey image of a given size, by area interpolation.

    Args:
        image: `(H, W, 3)` BGR or `(H, W)` grey.
        width: Pixels.
        height: Pixels.
    """
    import cv2

    grey: Any = image
    if image.ndim == 3 and image.shape[2] == 3:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    grey = grey.reshape(grey.shape[:2])
    # Means of 2 x 2 pixels are several times as fast as other factors; what is left
    # is at least half of it, so that the result is the same but for rounding.
    while grey.shape[1] >= 4 * width and grey.shape[0] >= 4 * height:
        half = -(-grey.shape[1] // 2), -(-grey.shape[0] // 2)
        grey = cv2.resize(grey, half, interpolation=cv2.INTER_AREA)
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def background_corners(grey: Image, boxes: Floats, most: int) -> Any:
    """Shi-Tomasi corners outside people's boxes, `(n, 1, 2)` float32, or None.

    Args:
        grey: `(H, W)`.
        boxes: `(P, 4)` xyxy of the people in it.
        most: How many at most.
    """
    import cv2

    mask = np.full(grey.shape, 255, np.uint8)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    low = np.clip(np.floor(boxes[:, :2]), 0, COORDINATE_LIMIT_PX).astype(np.int64)
    high = np.clip(np.ceil(boxes[:, 2:]), 0, COORDINATE_LIMIT_PX).astype(np.int64)
    low = np.maximum(low - PERSON_MARGIN_PX, 0)
    high += PERSON_MARGIN_PX + 1
    for (x1, y1), (x2, y2) in zip(low.tolist(), high.tolist(), strict=True):
        mask[y1:y2, x1:x2] = 0
    if not mask.any():
        return None
    return cv2.goodFeaturesToTrack(
        grey, most, CORNER_QUALITY, CORNER_DISTANCE_PX, mask=mask
    )


def camera_motion(
    matches: Floats, boxes: Floats, options: CameraOptions
) -> Floats | None:
    """Camera motion from correspondences (RANSAC similarity).

    Args:
        matches: `(M, 4)` x1, y1, x2, y2 of the previous frame and this one.
        boxes: `(P, 4)` xyxy of the people in this one; matches that end there are left
            out, because people move independently.
        options: How many must be inliers.

    Returns:
        `(2, 3)` similarity transform, or None with too few inliers.

    Examples:
        >>> at = np.random.default_rng(0).uniform(0, 99, (30, 2))
        >>> moved = np.concatenate([at, at + [3, 1]], axis=1)
        >>> camera_motion(moved, np.zeros((0, 4)), CameraOptions())[:, 2].round(2)
        array([3., 1.])
    """
    import cv2

    matches = matches[np.isfinite(matches).all(axis=1)]
    x, y = matches[:, 2:3], matches[:, 3:4]
    person = (x >= boxes[:, 0]) & (x <= boxes[:, 2])
    person &= (y >= boxes[:, 1]) & (y <= boxes[:, 3])
    matches = matches[~person.any(axis=1)]
    matches = matches[(np.abs(matches) < COORDINATE_LIMIT_PX).all(axis=1)]
    if len(matches) < options.minimum_inliers:
        return None
    motion, inliers = cv2.estimateAffinePartial2D(
        np.ascontiguousarray(matches[:, :2], np.float32),
        np.ascontiguousarray(matches[:, 2:], np.float32),
        method=cv2.RANSAC,
        ransacReprojThreshold=MATCHES_ERROR_PX,
    )
    agreeing = 0 if inliers is None else int(inliers.sum())
    enough = max(options.minimum_inliers, options.inlier_fraction * len(matches))
    if motion is None or agreeing < enough:
        return None
    return np.asarray(motion, np.float64)


def image_change(a: Image, b: Image) -> float:
    """Mean difference of two grey images at 16 x 16, in deviations of their greys."""
    import cv2

    tiny = [
        cv2.resize(
            image, (CUT_SIZE_PX, CUT_SIZE_PX), interpolation=cv2.INTER_AREA
        ).astype(np.float64)
        for image in (a, b)
    ]
    spread = max(float(tiny[0].std()), float(tiny[1].std()), CUT_LEAST_DEVIATION)
    return float(np.abs(tiny[0] - tiny[1]).mean() / spread)
