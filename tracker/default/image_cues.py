"""Image cues of `default`: appearance, camera motion and scene cuts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poseflow.arrays import Floats
from poseflow.poses import Poses
from poseflow.tracker.appearance.limb_colours import limb_colours
from poseflow.tracker.base import FrameContext
from poseflow.tracker.matchers.base import make_matcher
from poseflow.tracker.motion.camera_motion import (
    CameraMotion,
    CameraOptions,
    camera_motion,
)


class ImageCues(NamedTuple):
    """What a frame tells besides its poses.

    Attributes:
        appearance: `(P, D)`, NaN where unknown; D = 0 without any.
        camera_motion: `(2, 3)` similarity from the previous image, None if unknown.
        cut: Whether a new scene begins; None if the images do not tell.
    """

    appearance: Floats
    camera_motion: Floats | None
    cut: bool | None


class ImageCueExtractor:
    """Image cues of one frame after another.

    Args:
        colours: Take limb colours as appearance.
        matcher: How camera motion is measured: `flow`, `orb` or `none`.
    """

    def __init__(self, colours: bool, matcher: str) -> None:
        self._colours = colours
        self._options = CameraOptions()
        self._camera = CameraMotion(self._options) if matcher == "flow" else None
        self._matcher = make_matcher("orb") if matcher == "orb" else None

    def extract(self, frame: FrameContext, poses: Poses) -> ImageCues:
        """Image cues of a frame; embeddings and correspondences given come first."""
        boxes = frame.boxes
        if frame.image is not None or frame.correspondences is not None:
            boxes = np.nan_to_num(boxes)
        appearance = self._appearance(frame, poses, boxes)
        motion, cut = self._camera_motion(frame, poses, boxes)
        return ImageCues(appearance, motion, cut)

    def _appearance(self, frame: FrameContext, poses: Poses, boxes: Floats) -> Floats:
        if frame.embeddings is not None:
            return frame.embeddings
        if frame.image is not None and self._colours:
            sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=1)
            return limb_colours(frame.image, poses, sizes)
        return np.zeros((len(poses), 0))

    def _camera_motion(
        self, frame: FrameContext, poses: Poses, boxes: Floats
    ) -> tuple[Floats | None, bool | None]:
        """Camera motion, and whether the scene was cut."""
        motion, cut = None, None
        if self._camera is not None and frame.image is not None:
            motion, cut = self._camera.update(frame.image, boxes)
        elif self._camera is not None:
            self._camera.reset()
        given = frame.correspondences
        if given is None and self._matcher is not None:
            given = self._matcher.match(frame, poses)
        if isinstance(given, np.ndarray):
            motion = camera_motion(given, boxes, self._options)
        return motion, cut
