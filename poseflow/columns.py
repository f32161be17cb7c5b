"""`PoseColumns`: the people of a whole video as arrays, and their long table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.poses import Poses

Columns = dict[str, npt.NDArray[Any]]

FRAME_COLUMNS = ("frame", "time", "name")
BOX_COLUMNS = ("box_x1", "box_y1", "box_x2", "box_y2")
PERSON_COLUMNS = ("person", "id", "interpolated", "score", *BOX_COLUMNS)
JOINT_COLUMNS = ("joint", "x", "y", "joint_score")


@dataclass(frozen=True, eq=False)
class PoseColumns:
    """The people of F frames in one struct of arrays, P people in all.

    Attributes:
        indices: `(F,)` index of each frame.
        times: `(F,)` its time in seconds.
        names: Its name, F in all.
        rows: `(P,)` position of each person's frame, ascending.
        poses: The P people, frame after frame.
    """

    indices: Ints
    times: Floats
    names: Sequence[str]
    rows: Ints
    poses: Poses

    @property
    def starts(self) -> Ints:
        """`(F + 1,)`: people of frame f are `starts[f]` to `starts[f + 1]`."""
        return np.searchsorted(self.rows, np.arange(len(self.indices) + 1))

    @property
    def persons(self) -> Ints:
        """`(P,)` position of each person in its frame, from 0."""
        return np.arange(len(self.rows)) - self.starts[self.rows]


def person_table(columns: PoseColumns) -> Columns:
    """One row a person: the columns of its frame and its own, without joints."""
    poses, rows = columns.poses, columns.rows
    names = np.array(list(columns.names), dtype=object)
    table: Columns = {
        "frame": columns.indices[rows],
        "time": columns.times[rows],
        "name": names[rows],
        "person": columns.persons,
        "id": poses.track_ids,
        "interpolated": poses.interpolated,
        "score": poses.scores,
    }
    for k, name in enumerate(BOX_COLUMNS):
        table[name] = poses.boxes[:, k]
    return table


def long_table(columns: PoseColumns) -> Columns:
    """One row a joint: see `poseflow.PoseSequence.to_table`."""
    poses = columns.poses
    people, joints = poses.keypoint_scores.shape
    table = {n: np.repeat(c, joints) for n, c in person_table(columns).items()}
    names = np.array(poses.skeleton.joints, dtype=object)
    table["joint"] = np.tile(names, people)
    points = np.where(poses.present[..., None], poses.keypoints, np.nan)
    table["x"] = points[..., 0].ravel()
    table["y"] = points[..., 1].ravel()
    table["joint_score"] = poses.keypoint_scores.ravel()
    return table
