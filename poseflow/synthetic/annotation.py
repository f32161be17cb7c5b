"""`Annotation`: ground truth of one frame: poses, visibility, occlusion, depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.poses import Poses

OUTSIDE, OCCLUDED, VISIBLE = 0, 1, 2
"""Visibility of a joint as in COCO: outside the image, occluded, visible."""

OCCLUDED_SCORE = 0.5
"""Score of a joint that is in the image but occluded; a visible one has 1."""

NO_OCCLUDER, PROP_OCCLUDER = 0, -1
"""Values of `Annotation.occluders` that are no track id: not occluded, by a prop."""

MIN_VISIBLE = 0.15
"""People with a smaller visible fraction are left out of the ground truth."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """Ground truth of the people of one frame.

    Attributes:
        poses: The P people with any joint in the image, occluded ones included. Joints
            outside the image are missing, occluded ones have the score
            `OCCLUDED_SCORE`; boxes are whole silhouettes clipped to the image.
        visibility: `(P, K)` `OUTSIDE`, `OCCLUDED` or `VISIBLE`.
        occluders: `(P, K)` int64: track id of the person that occludes the joint (its
            own for self-occlusion), `PROP_OCCLUDER` or `NO_OCCLUDER`.
        full_boxes: `(P, 4)` xyxy of the silhouettes, unclipped.
        visible_boxes: `(P, 4)` xyxy of the visible part, zeros if there is none.
        head_boxes: `(P, 4)` xyxy of the heads, unclipped.
        depths: `(P,)` metres from the camera along the ground.
        visible_fractions: `(P,)` share of the body's joints that are in the image
            and occluded by no other person or prop.
        points: `(P, J, 2)` pixels of all points of `synthetic.POINTS`.
        world: `(P, J, 3)` the same in space, metres: x right, y up, z away.
    """

    poses: Poses
    visibility: npt.NDArray[np.int8]
    occluders: Ints
    full_boxes: Floats
    visible_boxes: Floats
    head_boxes: Floats
    depths: Floats
    visible_fractions: Floats
    points: Floats
    world: Floats

    def __len__(self) -> int:
        """Number of people, P."""
        return len(self.poses)

    def __getitem__(self, which: Any) -> Annotation:
        """People by mask, slice or indices."""
        names = self.__dataclass_fields__
        return Annotation(**{name: getattr(self, name)[which] for name in names})
