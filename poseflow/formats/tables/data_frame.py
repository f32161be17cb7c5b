"""Poses of a data frame: a long table (one row a joint) or a wide one (one a person).

Used for every format whose library gives columns: CSV and Parquet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.columns import BOX_COLUMNS
from poseflow.errors import FormatError
from poseflow.formats.base import Hints
from poseflow.formats.frame_builder import Problems
from poseflow.formats.metadata import with_metadata
from poseflow.formats.skeleton_fields import known_by_names
from poseflow.formats.tables.assemble import PeopleTable, assemble
from poseflow.formats.tables.long_rows import LongRows, people_of_rows
from poseflow.poses import NO_TRACK
from poseflow.sequence import PoseSequence

if TYPE_CHECKING:
    import pandas as pd

LONG_COLUMNS = ("frame", "joint", "x", "y")
"""Columns that a long table must have."""

TEXT_COLUMNS = ("name", "joint")
NUMBER_COLUMNS = (
    *("frame", "time", "person", "id", "interpolated", "score"),
    *BOX_COLUMNS,
)

_WHOLE = 2.0**53


def wide_joints(columns: Sequence[str]) -> list[str]:
    """Joints of a wide table: every J with the columns J_x and J_y."""
    known = set(columns)
    names = [c[:-2] for c in columns if c.endswith("_x")]
    return [name for name in names if name and f"{name}_y" in known]


def is_long(columns: Sequence[str]) -> bool:
    """Whether columns are those of a table with one row a joint."""
    return set(LONG_COLUMNS) <= set(columns)


def is_wide(columns: Sequence[str]) -> bool:
    """Whether columns are those of a table with one row a person."""
    return not is_long(columns) and "frame" in columns and bool(wide_joints(columns))


def number_columns(columns: Sequence[str], place: str) -> list[str]:
    """The columns of numbers that are read; the others are text or ignored.

    Args:
        columns: Those of the file.
        place: The file, for the message.

    Raises:
        FormatError: If they are not those of a table of poses.
    """
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise FormatError(
            f"{place}: column {twice[0]!r} comes twice, expected different names"
        )
    if is_long(columns):
        wanted = {*NUMBER_COLUMNS, "x", "y", "joint_score"}
    elif is_wide(columns):
        parts = ("x", "y", "score")
        own = {f"{joint}_{part}" for joint in wide_joints(columns) for part in parts}
        wanted = {*NUMBER_COLUMNS, *own}
    else:
        raise FormatError(
            f"{place}: expected the columns frame, joint, x, y (one row a joint) or "
            "frame, NOSE_x, NOSE_y, ... (one row a person), found "
            f"{', '.join(columns)[:200] or 'none'}"
        )
    return [column for column in columns if column in wanted]


@dataclass(frozen=True)
class TableRows:
    """The rows of a file of which a sequence is made.

    Attributes:
        table: The columns, numbers as float64 (`id` also as int64), texts as
            categories.
        places: `(R,)` number of every row in the file.
        place: What they count, `line` or `row`.
        path: The file.
        problems: Gets what cannot be read.
        metadata: The field `poseflow` of the file, if it has one.
    """

    table: pd.DataFrame
    places: Ints
    place: str
    path: Path
    problems: Problems
    metadata: str | bytes | None = None

    def where(self, row: int) -> str:
        """A row of the file, for messages."""
        return f"{self.place} {self.places[row]}"

    def column(self, name: str) -> Floats:
        """A column of numbers, NaN where the file has none."""
        if name not in self.table:
            return np.full(len(self.table), np.nan)
        return self.table[name].to_numpy(np.float64)

    def boxes(self) -> Floats:
        """`(R, 4)` x1, y1, x2, y2, NaN where the file has none."""
        return np.column_stack([self.column(name) for name in BOX_COLUMNS])

    def identities(self) -> Ints:
        """`(R,)` identities, -1 for none, and for what is no whole number."""
        if "id" in self.table and self.table["id"].dtype.kind in "iu":
            ids: Ints = np.maximum(self.table["id"].to_numpy(np.int64), NO_TRACK)
            return ids
        values = self.column("id")
        bad = ~np.isnan(values) & ((values != np.floor(values)) | (values >= 2**63))
        for row in np.flatnonzero(bad).tolist():
            self.problems.ignore(
                self.where(row),
                f"id: expected a whole number, found {values[row]:g}",
            )
        return np.where(bad | ~(values >= 0), NO_TRACK, values).astype(np.int64)


def sequence_of_rows(rows: TableRows, hints: Hints) -> PoseSequence:
    """The sequence of a long or wide table.

    Args:
        rows: The rows.
        hints: What the caller knows.

    Raises:
        FormatError: If no row can be used, or the joints are those of another skeleton.
    """
    completed = hints
    if rows.metadata:
        try:
            completed = with_metadata(hints, rows.metadata)
        except ValueError as error:
            rows.problems.ignore(f"{rows.place} 1", str(error))
    rows = _with_frames(rows)
    if is_long(list(rows.table.columns)):
        people = _long_people(rows, completed)
    else:
        people = _wide_people(rows)
        _order_joints(people, completed, rows.path)
    return assemble(
        rows.path,
        people,
        completed,
        hints,
        rows.problems,
        place=rows.place,
        kept=len(rows.table),
    )


def _with_frames(rows: TableRows) -> TableRows:
    """The rows whose frame is a whole number."""
    frames = rows.column("frame")
    with np.errstate(invalid="ignore"):
        good = (frames >= 0) & (frames == np.floor(frames)) & (frames < _WHOLE)
    if good.all():
        return rows
    for row in np.flatnonzero(~good).tolist():
        found = "nothing" if np.isnan(frames[row]) else f"{frames[row]:g}"
        rows.problems.add(
            rows.where(row), f"frame: expected a whole number from 0, found {found}"
        )
    return replace(rows, table=rows.table[good], places=rows.places[good])


def _frames(rows: TableRows) -> tuple[Ints, Floats, list[str], Ints]:
    """Index, time and name of every frame, and the frame of every row."""
    frames = rows.column("frame").astype(np.int64)
    indices, first, frame_of = np.unique(frames, return_index=True, return_inverse=True)
    times = rows.column("time")[first]
    names = [""] * len(indices)
    if "name" in rows.table:
        names = [str(name) for name in rows.table["name"].iloc[first]]
    return indices, times, names, frame_of


def _wide_people(rows: TableRows) -> PeopleTable:
    """One person a row; rows without any number of a person are frames without one."""
    indices, times, names, frame_of = _frames(rows)
    joints = wide_joints(list(rows.table.columns))
    xs, ys = (
        np.column_stack([rows.column(f"{joint}_{part}") for joint in joints])
        for part in ("x", "y")
    )
    points = np.stack([xs, ys], axis=2)
    present = np.isfinite(points).all(axis=2)
    marks = np.column_stack(
        [
            rows.column(f"{joint}_score")
            if f"{joint}_score" in rows.table
            else np.where(present[:, k], 1.0, 0.0)
            for k, joint in enumerate(joints)
        ]
    )
    marks[np.isnan(points).all(axis=2) & (np.isnan(marks) | (marks == 0))] = 0
    boxes, ids, scores = rows.boxes(), rows.identities(), rows.column("score")
    kept = np.isfinite(points).any(axis=(1, 2)) | np.isfinite(boxes).all(axis=1)
    kept |= (rows.column("person") >= 0) | (ids >= 0) | np.isfinite(scores)
    return PeopleTable(
        indices,
        times,
        names,
        frame_of[kept],
        points[kept],
        marks[kept],
        boxes[kept],
        scores[kept],
        ids[kept],
        joints,
        rows.places[kept],
        interpolated=rows.column("interpolated")[kept] == 1,
    )


def _long_people(rows: TableRows, hints: Hints) -> PeopleTable:
    """One joint a row; rows without a joint are frames without people."""
    indices, times, names, frame_of = _frames(rows)
    joint = rows.table["joint"]
    kept = (joint != "").to_numpy() & joint.notna().to_numpy()
    ids = rows.identities()
    marks = rows.column("joint_score") if "joint_score" in rows.table else None
    long = LongRows(
        frame_of[kept],
        rows.column("person")[kept],
        ids[kept],
        joint[kept],
        np.column_stack([rows.column("x"), rows.column("y")])[kept],
        None if marks is None else marks[kept],
        rows.places[kept],
    )
    first, people = people_of_rows(long, hints, rows.problems, rows.place)
    first = np.flatnonzero(kept)[first]
    return PeopleTable(
        indices,
        times,
        names,
        frame_of[first],
        people.points,
        people.marks,
        rows.boxes()[first],
        rows.column("score")[first],
        ids[first],
        people.joints,
        rows.places[first],
        interpolated=rows.column("interpolated")[first] == 1,
    )


def _order_joints(people: PeopleTable, hints: Hints, path: Path) -> None:
    """Bring joints into the order of the skeleton, if it is known.

    Raises:
        FormatError: If the table has joints that the skeleton lacks.
    """
    if people.joints is None:
        return
    skeleton = hints.skeleton
    if skeleton is None:
        known = known_by_names(people.joints)
        if known is None:
            return
        skeleton, joint_of = known
        people.joints = [joint_of[name] for name in people.joints]
    wanted = list(skeleton.joints)
    unknown = [name for name in people.joints if name not in wanted]
    if unknown:
        raise FormatError(
            f"{path}: expected the joints of {skeleton.name} "
            f"({', '.join(wanted)[:80]}), found {', '.join(unknown)[:80]}"
        )
    order = [wanted.index(name) for name in people.joints]
    shape = len(people.points), len(wanted)
    points, marks = np.full((*shape, 2), np.nan), np.zeros(shape)
    points[:, order], marks[:, order] = people.points, people.marks
    people.points, people.marks, people.joints = points, marks, wanted
