"""`Person`: one identity through a video: trajectories, speeds, heights, angles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Person:
    """One identity in the N frames in which it occurs; see `PoseSequence.person`.

    Everything is an array with one row a frame, in pixels of the image, x right and y
    down. Missing joints, and what depends on them, are NaN.

    Attributes:
        track_id: The identity.
        indices: `(N,)` index of each frame, ascending.
        times: `(N,)` its time in seconds.
        poses: The N poses.
    """

    track_id: int
    indices: Ints
    times: Floats
    poses: Poses

    def __len__(self) -> int:
        """N, the number of frames."""
        return len(self.indices)

    def __repr__(self) -> str:
        span = f", frames {self.indices[0]} to {self.indices[-1]}" if len(self) else ""
        return f"<Person {self.track_id}: {len(self)} poses{span}>"

    def trajectory(self, joint: str) -> Floats:
        """`(N, 2)` pixels: the positions of a joint.

        Raises:
            PoseFlowError: If the skeleton has no such joint.
        """
        k = self.poses.skeleton.index(joint)
        points = self.poses.keypoints[:, k].astype(np.float64)
        return np.asarray(np.where(self.poses.present[:, k, None], points, np.nan))

    def centre(self, *joints: str) -> Floats:
        """`(N, 2)` pixels: the middle of the box, or the mean of the joints named.

        NaN where one of the joints is missing. The box of a person changes with every
        arm that is raised; `centre("left_hip", "right_hip")` follows the body.
        """
        if not joints:
            corners = self.poses.boxes.astype(np.float64).reshape(-1, 2, 2)
            return np.asarray(corners.mean(axis=1))
        return np.asarray(np.mean([self.trajectory(j) for j in joints], axis=0))

    @property
    def heights(self) -> Floats:
        """`(N,)` pixels: the height of the box."""
        return np.asarray(np.diff(self.poses.boxes[:, 1::2]).ravel(), np.float64)

    @property
    def body_length(self) -> float:
        """Pixels: the median of the longer side of the box over all frames.

        For people who stand it is their height in the image, for animals seen from the
        side or from above their length.
        """
        boxes = self.poses.boxes.astype(np.float64)
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        sides = sides[np.isfinite(sides)]
        return float(np.median(sides)) if len(sides) else np.nan

    def speed(self, *joints: str) -> Floats:
        """`(N,)` pixels per second: how fast `centre(*joints)` moves.

        The distance between the frame before and the frame after, of those in which the
        centre is known, divided by the time between them; at both ends, to the one
        neighbour. NaN where the centre is missing, or is known in one frame only.

        Raises:
            PoseFlowError: If the frames have no times.
        """
        if (np.diff(self.times) <= 0).any():
            raise PoseFlowError(
                "speed: the frames have no times; give the frame rate, as in "
                "poseflow.read(path, fps=25)"
            )
        centre = self.centre(*joints)
        speed = np.full(len(self), np.nan)
        known = np.flatnonzero(np.isfinite(centre).all(axis=1))
        if len(known) > 1:
            place = np.arange(len(known))
            before, after = (
                known[np.clip(place + step, 0, len(known) - 1)] for step in (-1, 1)
            )
            distance = np.linalg.norm(centre[after] - centre[before], axis=1)
            speed[known] = distance / (self.times[after] - self.times[before])
        return speed

    def relative_speed(self, *joints: str) -> Floats:
        """`(N,)` body lengths per second: `speed` divided by `body_length`.

        NaN where the body length is 0, as that of a single joint.
        """
        length = self.body_length
        return self.speed(*joints) / (length if length > 0 else np.nan)

    def angle(self, first: str, vertex: str, last: str) -> Floats:
        """`(N,)` degrees from 0 to 180: the angle at `vertex` between two joints.

        Such as `angle("left_hip", "left_knee", "left_ankle")`: 180 is a straight leg.
        NaN where a joint is missing or coincides with the vertex.
        """
        middle = self.trajectory(vertex)
        one, other = self.trajectory(first) - middle, self.trajectory(last) - middle
        cross = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
        dot = (one * other).sum(axis=1)
        degrees = np.degrees(np.arctan2(np.abs(cross), dot))
        coincident = (one == 0).all(axis=1) | (other == 0).all(axis=1)
        return np.asarray(np.where(coincident, np.nan, degrees))
