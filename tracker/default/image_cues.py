"""Image cues of `default`: appearance, camera motion and scene cuts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poseflow.arrays import Floats
from poseflow.errors import PoseFlowError
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
        appearance: `(P, D)`, NaN where unknown; D = 0 before the first one.
        new_appearance: Whether it is of another kind than that of earlier frames.
        motion: `(2, 3)` affine transform from the previous image, None if unknown.
        cut: Whether a new scene begins; None if the images do not tell.
    """

    appearance: Floats
    new_appearance: bool
    motion: Floats | None
    cut: bool | None


class ImageCueExtractor:
    """Image cues of one frame after another.

    Args:
        colours: Take limb colours as appearance.
        matcher: How camera motion is measured: `flow`, `orb` or `none`.
    """

    def __init__(self, colours: bool, matcher: str) -> None:
        self._colours = colours
        self._features = 0  # D
        self._embedded = False  # whether appearances are the caller's embeddings
        self._options = CameraOptions()
        self._camera = CameraMotion(self._options) if matcher == "flow" else None
        self._matcher = make_matcher("orb") if matcher == "orb" else None
        self._size: tuple[int, int] | None = None

    def extract(self, frame: FrameContext, poses: Poses) -> ImageCues:
        """Image cues of a frame; embeddings and correspondences given come first.

        Raises:
            PoseFlowError: If embeddings have another number of features than before.
        """
        boxes = frame.boxes
        if frame.image is not None or frame.correspondences is not None:
            boxes = np.nan_to_num(boxes)
        return ImageCues(
            *self._appearance(frame, poses, boxes), *self._motion(frame, poses, boxes)
        )

    def _appearance(
        self, frame: FrameContext, poses: Poses, boxes: Floats
    ) -> tuple[Floats, bool]:
        """Appearance, unknown in frames without the usual kind, and if it is new."""
        embedded = False
        found: Floats = np.zeros((len(poses), 0))
        if frame.embeddings is not None and frame.embeddings.shape[1]:
            embedded, found = True, frame.embeddings
        elif frame.image is not None and self._colours and not self._embedded:
            sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=1)
            found = limb_colours(frame.image, poses, sizes)
        features = found.shape[1]
        if embedded and self._embedded and features != self._features:
            raise PoseFlowError(
                f"frame {frame.index}: embeddings: expected {self._features} features "
                f"as in earlier frames, got {features}; call reset() before other "
                "features"
            )
        new = embedded > self._embedded or features > self._features == 0
        if new:
            self._embedded, self._features = embedded, features
        elif features != self._features:
            found = np.full((len(poses), self._features), np.nan)
        return found, new

    def _motion(
        self, frame: FrameContext, poses: Poses, boxes: Floats
    ) -> tuple[Floats | None, bool | None]:
        """Camera motion or change of the image size, and whether the scene was cut."""
        motion, cut = None, None
        if self._camera is not None and frame.image is not None:
            motion, cut = self._camera.update(frame.image, boxes)
        elif self._camera is not None:
            self._camera.reset()
        before, size = self._size, frame.size
        if before is not None and size is not None and size != before:
            motion = np.zeros((2, 3))
            motion[:, :2] = np.diag(np.divide(size, before))
        self._size = size or before
        given = frame.correspondences
        if given is None and self._matcher is not None:
            given = self._matcher.match(frame, poses)
        if isinstance(given, np.ndarray):
            measured = camera_motion(given, boxes, self._options)
            motion = motion if measured is None else measured
        return motion, cut
