"""How the camera moved between two pictures, and whether the scene was cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.validation import require

STILL = np.array([[1.0, 0, 0], [0, 1.0, 0]])
"""The motion of a camera that does not move."""


@dataclass(frozen=True)
class CameraOptions:
    """Parameters of the camera's motion.

    Attributes:
        width: Pictures are looked at this many pixels wide.
        corners: Most corners that are followed.
        least_corners: With fewer that agree, nothing is said.
        agreement: Share of corners that must agree.
        cut_difference: Mean difference of tiny pictures, in deviations of their grey
            levels, above which the scene was cut, if no corner could be followed.
    """

    width: int = 320
    corners: int = 150
    least_corners: int = 12
    agreement: float = 0.5
    cut_difference: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges."""
        require("width", self.width, 32)
        require("corners", self.corners, 4)
        require("least_corners", self.least_corners, 3)
        require("agreement", self.agreement, 0, 1)
        require("cut_difference", self.cut_difference, 0)


class CameraStep(NamedTuple):
    """From one picture to the next.

    Attributes:
        motion: `(2, 3)` similarity that maps the picture before onto this one, pixels.
        cut: True if this is another scene.
    """

    motion: Floats
    cut: bool


class CameraMotion:
    """Follows corners of the background (sparse Lucas-Kanade, RANSAC similarity).

    Sources: Lucas and Kanade (1981) on pyramids (Bouguet, 2000), corners by Shi and
    Tomasi (1994), consensus by Fischler and Bolles (1981).
    """

    def __init__(self, options: CameraOptions | None = None) -> None:
        self.options = options or CameraOptions()
        self.reset()

    def reset(self) -> None:
        """Forget the picture before."""
        self._before: Image | None = None
        self._corners: Any = None
        self._size: tuple[int, int] | None = None

    def update(self, image: Image, boxes: Floats) -> CameraStep:
        """Compare a picture with the one before.

        Args:
            image: `(H, W, 3)` BGR or `(H, W)` grey.
            boxes: `(P, 4)` xyxy of the people in it, who are no background.
        """
        now, factor = shrink(image, self.options.width)
        size = (image.shape[1], image.shape[0])
        before, corners = self._before, self._corners
        same_size = self._size == size
        self._before, self._size = now, size
        self._corners = background_corners(
            now, boxes * np.tile(factor, 2), self.options.corners
        )
        if before is None or not same_size:
            return CameraStep(STILL, False)

        motion, found = self._follow(before, now, corners)
        if motion is None:
            cut = (
                not found and picture_change(before, now) > self.options.cut_difference
            )
            return CameraStep(STILL, cut)
        motion[:, 2] /= factor
        return CameraStep(motion, False)

    def _follow(
        self, before: Image, now: Image, corners: Any
    ) -> tuple[Floats | None, bool]:
        """The motion, or None; and whether corners were found again at all."""
        import cv2

        least = self.options.least_corners
        if corners is None or len(corners) < least:
            return None, True
        there, good, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None)  # type: ignore[call-overload]
        back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None)  # type: ignore[call-overload]
        returned = np.abs(back - corners).reshape(-1, 2).max(axis=1) < 1
        kept = (good.ravel() > 0) & (again.ravel() > 0) & returned
        if kept.sum() < least:
            return None, bool(kept.mean() > 0.2)
        motion, inliers = cv2.estimateAffinePartial2D(
            corners[kept], there[kept], method=cv2.RANSAC, ransacReprojThreshold=1.0
        )
        agreeing = 0 if inliers is None else int(inliers.sum())
        if motion is None or agreeing < max(least, self.options.agreement * kept.sum()):
            return None, bool(kept.mean() > 0.2)
        return np.asarray(motion, np.float64), True


def shrink(image: Image, width: int) -> tuple[Image, Floats]:
    """A grey picture at most `width` wide, and its `(2,)` share of the first's size.

    Args:
        image: `(H, W, 3)` BGR or `(H, W)` grey.
        width: Pixels.
    """
    import cv2

    height, full = image.shape[:2]
    scale = min(width / full, 1.0)
    small = (max(round(full * scale), 16), max(round(height * scale), 16))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    if shrunk.ndim == 3 and shrunk.shape[2] == 3:
        shrunk = cv2.cvtColor(shrunk, cv2.COLOR_BGR2GRAY)
    grey: Image = np.asarray(shrunk, np.uint8).reshape(small[1], small[0])
    return grey, np.array([small[0] / full, small[1] / height])


def background_corners(grey: Image, boxes: Floats, most: int) -> Any:
    """Corners outside people's boxes, `(n, 1, 2)` float32, or None.

    Args:
        grey: `(H, W)`.
        boxes: `(P, 4)` xyxy of the people in it, who are no background.
        most: How many at most.
    """
    import cv2

    mask = np.full(grey.shape, 255, np.uint8)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    low = np.clip(np.floor(boxes[:, :2]), 0, 1e6).astype(np.int64) - 2
    high = np.clip(np.ceil(boxes[:, 2:]), 0, 1e6).astype(np.int64) + 3
    for (x1, y1), (x2, y2) in zip(
        np.maximum(low, 0).tolist(), high.tolist(), strict=True
    ):
        mask[y1:y2, x1:x2] = 0
    if not mask.any():
        return None
    return cv2.goodFeaturesToTrack(grey, most, 0.01, 6, mask=mask)


def camera_motion(
    matches: Floats, boxes: Floats, options: CameraOptions
) -> Floats | None:
    """The camera's motion from correspondences (RANSAC similarity).

    Args:
        matches: `(M, 4)` x1, y1, x2, y2 of the frame before and this one.
        boxes: `(P, 4)` xyxy of the people in this one; matches that end there are left
            out, for people move by themselves.
        options: How many must agree.

    Returns:
        `(2, 3)` similarity, or None if too few agree.

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
    # OpenCV computes in float32: what does not fit there is no picture's coordinate.
    matches = matches[(np.abs(matches) < 1e6).all(axis=1)]
    if len(matches) < options.least_corners:
        return None
    motion, inliers = cv2.estimateAffinePartial2D(
        np.ascontiguousarray(matches[:, :2], np.float32),
        np.ascontiguousarray(matches[:, 2:], np.float32),
        method=cv2.RANSAC,
        ransacReprojThreshold=2.0,
    )
    agreeing = 0 if inliers is None else int(inliers.sum())
    enough = max(options.least_corners, options.agreement * len(matches))
    if motion is None or agreeing < enough:
        return None
    return np.asarray(motion, np.float64)


def picture_change(a: Image, b: Image) -> float:
    """Mean difference of two grey pictures at 16 x 16, in deviations of their greys."""
    import cv2

    tiny = [
        cv2.resize(picture, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float64)
        for picture in (a, b)
    ]
    spread = max(float(tiny[0].std()), float(tiny[1].std()), 4.0)
    return float(np.abs(tiny[0] - tiny[1]).mean() / spread)
