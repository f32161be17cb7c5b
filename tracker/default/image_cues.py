"""What `default` takes from a picture: looks, the camera's motion, cuts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.boxes import keypoint_extent
from poseflow.poses import Poses
from poseflow.tracker.base import FrameContext
from poseflow.tracker.default.appearance import UNCLEAN, limb_colours
from poseflow.tracker.matchers.base import make_matcher
from poseflow.tracker.motion.camera_motion import (
    CameraMotion,
    CameraOptions,
    camera_motion,
)


class Percept(NamedTuple):
    """What one frame shows beside the poses.

    Attributes:
        colours: `(P, D)` appearance, NaN where unknown; D = 0 without any.
        clean: `(P, D)` where nobody else may have lent a colour.
        motion: `(2, 3)` the camera's, or None if unknown.
        cut: True if another scene begins.
    """

    colours: Floats
    clean: Bools
    motion: Floats | None
    cut: bool

    @property
    def weight(self) -> Floats:
        """`(P, D)` how much a feature counts."""
        return np.where(self.clean, 1.0, UNCLEAN)


class Eye:
    """Looks at pictures, if there are any, and at embeddings, if the user has them.

    Args:
        looks: Take colours from the picture.
        matcher: How the camera is followed: `flow`, `orb` or `none`.
        options: Of following it.
    """

    def __init__(
        self, looks: bool, matcher: str, options: CameraOptions | None = None
    ) -> None:
        self._looks = looks
        self._options = options or CameraOptions()
        self._camera = CameraMotion(options) if matcher == "flow" else None
        self._matcher = make_matcher("orb") if matcher == "orb" else None

    def reset(self) -> None:
        """Forget the picture before."""
        if self._camera is not None:
            self._camera.reset()
        if self._matcher is not None:
            self._matcher.reset()

    def look(self, view: FrameContext, poses: Poses) -> Percept:
        """Look at a frame."""
        people = len(poses)
        colours: Floats = np.zeros((people, 0))
        clean: Bools = np.zeros((people, 0), np.bool_)
        motion, cut = None, False
        boxes = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
        if view.embeddings is not None:
            colours = np.asarray(view.embeddings, np.float64)
            clean = np.ones(colours.shape, np.bool_)
        elif view.image is not None and self._looks:
            sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=1)
            colours, clean = limb_colours(view.image, poses, sizes)
        given = view.correspondences
        if given is None and self._matcher is not None:
            given = self._matcher.match(view, poses)
        if isinstance(given, np.ndarray):
            motion = camera_motion(given, boxes, self._options)
        elif self._camera is not None:
            if view.image is None:
                self._camera.reset()
            else:
                motion, cut = self._camera.update(view.image, boxes)
        return Percept(colours, clean, motion, cut)
