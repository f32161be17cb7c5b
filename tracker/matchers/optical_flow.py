"""The `flow` matcher: optical flow at people's joints, and at corners around them.

Points lie where trackers count correspondences, in the squares around the joints of the
frame before, and on corners of the background, which tell how the camera moved. They
are followed sparsely (pyramidal Lucas-Kanade) or looked up in a dense field (DIS).
What does not find its way back is dropped.

Sources: Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker" (2000);
Kroeger et al., "Fast optical flow using dense inverse search" (ECCV 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.boxes import keypoint_extent
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.tracker.base import FrameContext
from poseflow.tracker.matchers.correspondences import Correspondences
from poseflow.tracker.motion.camera_motion import background_corners, shrink
from poseflow.validation import require

SPOTS = np.array([[0.0, 0.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
"""Where a joint's square is looked at: its middle, and towards its corners."""


@dataclass(frozen=True)
class OpticalFlowOptions:
    """Parameters of the `flow` matcher.

    Attributes:
        method: `"sparse"` (Lucas-Kanade at the points) or `"dense"` (DIS everywhere,
            read at the points).
        width: Pictures are looked at this many pixels wide, at most.
        aside: How far from a joint the outer points lie, over the person's longer side.
        corners: Most corners of the background that are followed.
        back: Pixels of the smaller picture by which a point may miss its origin on the
            way back.
    """

    method: str = "sparse"
    width: int = 640
    aside: float = 0.025
    corners: int = 100
    back: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.method not in ("sparse", "dense"):
            raise PoseFlowError(
                f"method must be 'sparse' or 'dense', got {self.method!r}"
            )
        require("width", self.width, 32)
        require("aside", self.aside, 0, 1)
        require("corners", self.corners, 0)
        require("back", self.back, 0)


class OpticalFlowMatcher:
    """See the module; a `Matcher`.

    Args:
        options: Parameters.
    """

    def __init__(self, options: OpticalFlowOptions | None = None) -> None:
        self.options = options or OpticalFlowOptions()
        self.reset()

    def reset(self) -> None:
        """Forget the frame before."""
        self._before: Image | None = None
        self._points: Floats = np.zeros((0, 2), np.float32)
        self._size: tuple[int, int] | None = None

    def match(self, frame: FrameContext, poses: Poses) -> Correspondences | None:
        """Follow the points of the frame before into this one.

        Args:
            frame: The frame; without an image there is nothing to be had, here and in
                the next.
            poses: Its people.

        Returns:
            `(M, 4)` x1, y1, x2, y2 in pixels, or None.
        """
        if frame.image is None:
            self.reset()
            return None
        now, factor = shrink(frame.image, self.options.width)
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
        good = np.abs(back - start).max(axis=1) <= self.options.back
        matches = np.concatenate([start[good], there[good]], axis=1)
        return matches.astype(np.float64) / np.tile(factor, 2)

    def _choose(self, grey: Image, poses: Poses, factor: Floats) -> Floats:
        """Points to follow from this frame on, `(n, 2)` float32 of the small one."""
        boxes = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
        sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
        aside = (self.options.aside * sizes)[:, None, None, None] * SPOTS
        spots = (poses.keypoints[:, :, None] + aside)[poses.present]
        points = spots.reshape(-1, 2) * factor
        if self.options.corners:
            corners = background_corners(
                grey, boxes * np.tile(factor, 2), self.options.corners
            )
            if corners is not None:
                points = np.concatenate([points, corners.reshape(-1, 2)])
        inside = (points >= 0) & (points <= np.array(grey.shape[::-1]) - 1)
        chosen: Floats = points[inside.all(axis=1)].astype(np.float32)
        return chosen


def _sparse(before: Image, now: Image, start: Floats) -> tuple[Floats, Floats]:
    """Where points go, and where those come back to; NaN for the lost."""
    import cv2

    there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, start, None)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None)  # type: ignore[call-overload]
    back[(found.ravel() == 0) | (again.ravel() == 0)] = np.nan
    return there, back


def _dense(before: Image, now: Image, start: Floats) -> tuple[Floats, Floats]:
    """The same from dense fields of the rectangle that holds all points."""
    import cv2

    margin = 0.1 * max(before.shape)
    limit = np.array(before.shape[::-1])
    low = np.maximum(np.floor(start.min(axis=0) - margin), 0).astype(np.int64)
    high = np.minimum(np.ceil(start.max(axis=0) + margin) + 1, limit).astype(np.int64)
    # DIS needs a patch on its coarsest level.
    low = np.maximum(np.minimum(low, high - 64), 0)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    first, second = np.ascontiguousarray(before[part]), np.ascontiguousarray(now[part])
    if min(first.shape) < 16:
        return start, np.full_like(start, np.nan)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    there = start - low.astype(np.float32)
    there = there + _read(search.calc(first, second, None), there)  # type: ignore[call-overload]
    back = there + _read(search.calc(second, first, None), there)  # type: ignore[call-overload]
    corner = low.astype(np.float32)
    return there + corner, back + corner


def _read(field: Any, points: Floats) -> Floats:
    """A field's vectors at points, between pixels, NaN outside; `(n, 2)`."""
    import cv2

    vectors = cv2.remap(
        field, points[:, :1], points[:, 1:], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=(np.nan, np.nan, 0, 0),
    )  # fmt: skip
    return np.asarray(vectors, np.float32).reshape(-1, 2)
