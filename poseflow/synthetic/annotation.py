"""What is known about the people of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.poses import Poses

OUTSIDE, OCCLUDED, VISIBLE = 0, 1, 2
"""Visibility of a joint as COCO counts it: outside the picture, hidden, seen."""

OCCLUDED_SCORE = 0.5
"""Score of a joint of the truth that is in the picture but hidden; a seen one has 1."""

NOBODY, THING = 0, -1
"""What hides a joint, if not a person's track id: nothing, or a prop."""

MIN_VISIBLE = 0.15
"""People of whom less can be seen are left out of the truth unless asked for."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """Everything that is known about the people of one frame.

    Attributes:
        poses: The P people with any joint in the picture, hidden ones included. Joints
            outside the picture are missing, hidden ones have the score
            `OCCLUDED_SCORE`; boxes are whole silhouettes clipped to the picture.
        visibility: `(P, K)` `OUTSIDE`, `OCCLUDED` or `VISIBLE`.
        occluders: `(P, K)` int64: whose body hides the joint (a track id, possibly the
            own), `THING` for a prop, `NOBODY` where it is not hidden.
        full_boxes: `(P, 4)` xyxy of the silhouettes, unclipped.
        visible_boxes: `(P, 4)` xyxy of what can be seen, zeros if nothing.
        head_boxes: `(P, 4)` xyxy of the heads, unclipped.
        depths: `(P,)` metres from the camera along the ground; the order of painting.
        visible_fractions: `(P,)` share of the body's joints that are in the picture
            and hidden by nobody but the own body.
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
