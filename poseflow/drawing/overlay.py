"""Overlay: skeletons, ids, trails and boxes drawn over an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Image
from poseflow.drawing.labels import draw_labels
from poseflow.drawing.palette import identity_colors
from poseflow.drawing.privacy import Hide, Privacy
from poseflow.drawing.trails import Trails
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton

Colors = Literal["identity", "sides"]
Color = tuple[int, int, int]

_SHIFT = 4  # OpenCV's fixed point: a sixteenth of a pixel
_NO_PATH = np.zeros((0, 2))
_LEFT, _MIDDLE, _RIGHT = (225, 135, 15), (120, 210, 90), (45, 120, 255)
"""Colours of the person's left side, the middle and the right side."""

_FAR = 16384  # beyond any image; keeps fixed point inside 32 bits


class Overlay:
    """Draws skeletons, ids or names, trails and boxes, in the colour of the id.

    Lines scale with the person and stay legible in any image. Missing joints, and
    limbs that lack one end, are left out; joints below `faint_below` are drawn
    translucent. Nearer people (lower in the image) are drawn over farther ones.

    Args:
        trail: How many frames of each person's path to show; 0 for none. With a trail,
            give `draw` every frame in order, and `reset` between videos.
        labels: Whether to show the id.
        names: Shown in place of ids, by id.
        boxes: Whether to show the box.
        colors: `"identity"`, or `"sides"`: skeletons are blue on the person's left,
            orange on the right and green in the middle; the rest has the id's colour.
        faint_below: Joints with a smaller score are translucent.
        hide_below: Joints with a smaller score are not drawn.
        thickness: Width of limbs in pixels; default in proportion to the person.
        privacy: Hides faces or people in the image before anything is drawn, a
            `Privacy` or its `hide`; give `draw` every frame in order, and `reset`
            between videos.

    Raises:
        PoseFlowError: If an option is out of range.
    """

    def __init__(
        self,
        *,
        trail: int = 30,
        labels: bool = True,
        names: Mapping[int, str] | None = None,
        boxes: bool = False,
        colors: Colors = "identity",
        faint_below: float = 0.3,
        hide_below: float = 0.05,
        thickness: int | None = None,
        privacy: Privacy | Hide | None = None,
    ) -> None:
        if trail < 0:
            raise PoseFlowError(f"trail: expected 0 or more frames, got {trail}")
        if thickness is not None and not 1 <= thickness <= 200:
            raise PoseFlowError(f"thickness: expected 1 to 200, got {thickness}")
        if colors not in get_args(Colors):
            raise PoseFlowError(f"colors: expected identity or sides, got {colors!r}")
        self.labels, self.boxes, self.colors = labels, boxes, colors
        self.names = dict(names or {})
        self.privacy = Privacy(privacy) if isinstance(privacy, str) else privacy
        self.faint_below, self.hide_below = faint_below, hide_below
        self.thickness = thickness
        self._trails = Trails(trail) if trail else None

    def reset(self) -> None:
        """Forget trails and hidden places; call it between videos."""
        if self._trails is not None:
            self._trails.reset()
        if self.privacy is not None:
            self.privacy.reset()

    def draw(self, image: Image, poses: Poses, *, trails: bool = True) -> Image:
        """A copy of `image` with `poses` drawn over it.

        Args:
            image: `(H, W, 3)` uint8 BGR; not changed.
            poses: People in the image's pixels.
            trails: Whether to show the trails in this image.

        Raises:
            PoseFlowError: If `image` is no such array.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise PoseFlowError(
                "image: expected (height, width, 3) uint8, got "
                f"{image.shape} {image.dtype}"
            )
        if self.privacy is not None:
            canvas = self.privacy.apply(image, poses)
        else:
            canvas = np.array(image, order="C")
        if self._trails is not None:
            self._trails.update(poses)
        if not len(poses):
            return canvas
        boxes = _extents(poses)
        order = np.argsort(boxes[:, 3], kind="stable").tolist()
        colors = [_color(c) for c in identity_colors(poses.track_ids)]
        widths = self._widths(boxes, image.shape)
        soft = canvas.copy()
        for person in order:
            track = int(poses.track_ids[person])
            tall = boxes[person, 3] - boxes[person, 1]
            if trails:
                self._draw_trail(
                    canvas, soft, track, colors[person], widths[person], tall
                )
            self._draw_body(soft, poses, person, colors[person], widths[person], True)
        cv2.addWeighted(soft, 0.55, canvas, 0.45, 0, dst=canvas)
        for person in order:
            self._draw_body(
                canvas, poses, person, colors[person], widths[person], False
            )
            if self.boxes:
                _draw_box(canvas, poses.boxes[person], colors[person], widths[person])
        if self.labels:
            draw_labels(canvas, poses, boxes, colors, self.names)
        return canvas

    def _widths(self, boxes: Any, shape: tuple[int, ...]) -> list[int]:
        """Limb widths `(P,)` in pixels, from 1, bounded by the size of the image."""
        if self.thickness is not None:
            return [self.thickness] * len(boxes)
        tall = np.maximum(boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0])
        most = max(2.0, max(shape[:2]) / 220)
        return [int(w) for w in np.rint(np.clip(tall / 55, 1.5, most))]

    def _draw_trail(
        self,
        canvas: Image,
        soft: Image,
        track: int,
        color: Color,
        width: int,
        tall: float,
    ) -> None:
        """A path that fades with age: thinner in steps, its older half translucent."""
        path = self._trails.path(track) if self._trails is not None else _NO_PATH
        # The trail of a person who stands still would be a scribble.
        if len(path) < 2 or np.ptp(path, axis=0).max() < 0.25 * tall:
            return
        cuts = np.linspace(0, len(path) - 1, min(6, len(path) - 1) + 1)
        cuts = cuts.round().astype(int)
        parts = len(cuts) - 1
        for part in range(parts):
            line = path[None, cuts[part] : cuts[part + 1] + 1]
            age = 1 - (part + 1) / parts
            thick = max(round((1 - age) * (width + 1)), 1)
            if age < 0.5:
                _lines(canvas, line, color, thick)
            _lines(soft, line, color, thick)

    def _draw_body(
        self,
        canvas: Image,
        poses: Poses,
        person: int,
        color: Color,
        width: int,
        faint: bool,
    ) -> None:
        """Limbs and joints of one person: the faint ones, or the clear ones."""
        points = poses.keypoints[person]
        marks = poses.keypoint_scores[person]
        shown = (marks > 0) & (marks >= self.hide_below)
        clear = shown & (marks >= self.faint_below)
        limbs = poses.skeleton.limb_indices
        both = shown[limbs].all(axis=1)
        certain = clear[limbs].all(axis=1)
        limbs = limbs[both & (~certain if faint else certain)]
        dots = points[shown & (~clear if faint else clear)]
        if not len(limbs) and not len(dots):
            return
        # A dark rim keeps the colour readable on any ground.
        rim = _shade(color, 0.22)
        rim_width = 2 * max(1, round(width * 0.3))
        _lines(canvas, points[limbs], rim, width + rim_width)
        _dots(canvas, dots, rim, 2 * width + rim_width)
        if self.colors == "identity":
            _lines(canvas, points[limbs], color, width)
        else:
            sides = _sides(poses.skeleton)[limbs].sum(axis=1)
            for side, chosen in ((sides < 0, _LEFT), (sides > 0, _RIGHT)):
                _lines(canvas, points[limbs[side]], chosen, width)
            _lines(canvas, points[limbs[sides == 0]], _MIDDLE, width)
        _dots(canvas, dots, _shade(color, 1.0, 0.55), round(1.6 * width))


def _sides(skeleton: Skeleton) -> npt.NDArray[Any]:
    """-1 for each joint on the left, 1 on the right, 0 in the middle, `(K,)`."""
    sides = np.zeros(len(skeleton), int)
    for left, right in skeleton.left_right:
        sides[left], sides[right] = -1, 1
    return sides


def _extents(poses: Poses) -> npt.NDArray[Any]:
    """Boxes `(P, 4)` around what is visible: joints, else the given box."""
    shown = poses.present[..., None]
    low = np.where(shown, poses.keypoints, np.inf).min(axis=1)
    high = np.where(shown, poses.keypoints, -np.inf).max(axis=1)
    around = np.concatenate([low, high], axis=1)
    return np.where(np.isfinite(around), around, poses.boxes)


def _fixed(points: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    inside = np.clip(points, -_FAR, _FAR)
    return np.asarray(np.rint(inside * (1 << _SHIFT)), np.int32)


def _lines(canvas: Image, lines: npt.NDArray[Any], color: Color, width: int) -> None:
    """Polylines `(N, points, 2)` in one call."""
    if len(lines):
        cv2.polylines(
            canvas, list(_fixed(lines)), False, color, width, cv2.LINE_AA, _SHIFT
        )


def _dots(canvas: Image, points: npt.NDArray[Any], color: Color, width: int) -> None:
    """Discs of diameter `width` in one call: lines without length, with round ends."""
    _lines(canvas, np.repeat(points[:, None], 2, axis=1), color, max(width, 1))


def _draw_box(canvas: Image, box: npt.NDArray[Any], color: Color, width: int) -> None:
    x1, y1, x2, y2 = box
    corners = np.array([[[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]]])
    _lines(canvas, corners, _shade(color, 0.22), max(width // 2, 1) + 2)
    _lines(canvas, corners, color, max(width // 2, 1))


def _color(bgr: Image) -> Color:
    blue, green, red = bgr.tolist()
    return (blue, green, red)


def _shade(color: Color, factor: float, white: float = 0.0) -> Color:
    """The colour darkened by `factor`, then moved towards white by a fraction."""
    blue, green, red = (round(c * factor + (255 - c * factor) * white) for c in color)
    return (blue, green, red)
