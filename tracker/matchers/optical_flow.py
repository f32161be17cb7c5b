"""Optical-flow matcher (`flow`): follows joints and background corners between frames.

Points lie in the squares around the joints of the previous frame, in which trackers
count correspondences, and at corners of the background, which give the camera's motion.
They are followed sparsely (pyramidal Lucas-Kanade) or read from a dense field (DIS).
Points that do not return to their origin when followed back are dropped.

Sources: Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker" (2000);
Kroeger et al., "Fast optical flow using dense inverse search" (ECCV 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.poses import Poses
from poseflow.similarity.boxes import keypoint_extent
from poseflow.tracker.base import FrameContext
from poseflow.tracker.matchers.correspondences import Correspondences
from poseflow.tracker.motion.camera_motion import background_corners, shrink
from poseflow.validation import check_options, option

POINTS = np.array([[0.0, 0.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
"""Points of a joint's square that are followed: its centre, and towards its corners."""

DENSE_MARGIN = 0.1
"""Margin of the dense field around the points, over the image's longer side."""

DENSE_SIZE_PX, DENSE_LEAST_PX = 64, 16
"""Side to which the field is extended, if the image allows; least side for DIS."""


@dataclass(frozen=True)
class OpticalFlowOptions:
    """Parameters of the `flow` matcher.

    Attributes:
        method: `"sparse"` (Lucas-Kanade at the points) or `"dense"` (DIS everywhere,
            read at the points).
        width_px: Width to which larger images are reduced.
        offset_fraction: Offset of the outer points from the joint, over the person's
            longer side.
        maximum_corners: Most corners of the background that are followed.
        return_error_px: Largest distance, in the reduced image, between a point and
            where following it back ends.
    """

    method: str = option("sparse", choices=("sparse", "dense"))
    width_px: int = option(640, low=32)
    offset_fraction: float = option(0.025, low=0, high=1)
    maximum_corners: int = option(100, low=0)
    return_error_px: float = option(1.0, low=0)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


class OpticalFlowMatcher:
    """Correspondences by optical flow; a `Matcher`.

    Args:
        options: Parameters.
    """

    def __init__(self, options: OpticalFlowOptions | None = None) -> None:
        self.options = options or OpticalFlowOptions()
        self.reset()

    def reset(self) -> None:
        """Start a new sequence."""
        self._before: Image | None = None
        self._points: Floats = np.zeros((0, 2), np.float32)
        self._size: tuple[int, int] | None = None

    def match(self, frame: FrameContext, poses: Poses) -> Correspondences | None:
        """Follow the points of the previous frame into this one.

        Args:
            frame: The frame; without an image there are no correspondences for this
                frame and the next.
            poses: Its people.

        Returns:
            `(M, 4)` x1, y1, x2, y2 in pixels, or None.
        """
        if frame.image is None:
            self.reset()
            return None
        now, factor = shrink(frame.image, self.options.width_px)
        size = (frame.image.shape[1], frame.image.shape[0])
        before, start, same = self._before, self._points, size == self._size
        self._before, self._size = now, size
        self._points = self._choose(now, poses, factor)
        if before is None or not same:
            return None
        if not len(start):
            return np.zeros((0, 4))
        follow = _sparse if self.options.method == "sparse" else _dense
        there, back = follow(before, now, start)
        good = np.abs(back - start).max(axis=1) <= self.options.return_error_px
        matches = np.concatenate([start[good], there[good]], axis=1)
        return matches.astype(np.float64) / np.tile(factor, 2)

    def _choose(self, grey: Image, poses: Poses, factor: Floats) -> Floats:
        """Points to follow to the next frame, `(n, 2)` float32 of the reduced image."""
        boxes = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
        sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
        offsets = (self.options.offset_fraction * sizes)[:, None, None, None] * POINTS
        around = (poses.keypoints[:, :, None] + offsets)[poses.present]
        points = around.reshape(-1, 2) * factor
        if self.options.maximum_corners:
            corners = background_corners(
                grey, boxes * np.tile(factor, 2), self.options.maximum_corners
            )
            if corners is not None:
                points = np.concatenate([points, corners.reshape(-1, 2)])
        inside = (points >= 0) & (points <= np.array(grey.shape[::-1]) - 1)
        chosen: Floats = points[inside.all(axis=1)].astype(np.float32)
        return chosen


def _sparse(before: Image, now: Image, start: Floats) -> tuple[Floats, Floats]:
    """Points followed to the next frame, and those followed back; NaN where lost."""
    import cv2

    there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, start, None)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None)  # type: ignore[call-overload]
    back[(found.ravel() == 0) | (again.ravel() == 0)] = np.nan
    return there, back


def _dense(before: Image, now: Image, start: Floats) -> tuple[Floats, Floats]:
    """As `_sparse`, from dense fields of the rectangle around all points."""
    import cv2

    margin = DENSE_MARGIN * max(before.shape)
    limit = np.array(before.shape[::-1])
    low = np.maximum(np.floor(start.min(axis=0) - margin), 0).astype(np.int64)
    high = np.minimum(np.ceil(start.max(axis=0) + margin) + 1, limit).astype(np.int64)
    # DIS needs a patch on its coarsest level.
    low = np.maximum(np.minimum(low, high - DENSE_SIZE_PX), 0)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    first, second = np.ascontiguousarray(before[part]), np.ascontiguousarray(now[part])
    if min(first.shape) < DENSE_LEAST_PX:
        return start, np.full_like(start, np.nan)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    there = start - low.astype(np.float32)
    there = there + _read(search.calc(first, second, None), there)  # type: ignore[call-overload]
    back = there + _read(search.calc(second, first, None), there)  # type: ignore[call-overload]
    corner = low.astype(np.float32)
    return there + corner, back + corner


def _read(field: Any, points: Floats) -> Floats:
    """A field's vectors at points, interpolated, NaN outside; `(n, 2)`."""
    import cv2

    vectors = cv2.remap(
        field, points[:, :1], points[:, 1:], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=(np.nan, np.nan, 0, 0),
    )  # fmt: skip
    return np.asarray(vectors, np.float32).reshape(-1, 2)
