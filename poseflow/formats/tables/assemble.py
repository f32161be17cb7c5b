"""Assembly of a `PoseSequence` from the columns of a table in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Hints
from poseflow.formats.frame_builder import Problems, note_repeated_ids
from poseflow.formats.metadata import frame_time
from poseflow.formats.people import broken_joints, complete_people
from poseflow.formats.skeleton_fields import skeleton_of
from poseflow.frame_names import text_of, without_suffix
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import for_joint_count, get
from poseflow.skeletons.skeleton import Skeleton

SUFFIXES = (".gz", ".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".npz")


@dataclass
class PeopleTable:
    """The people of a file as it has them, one row each, and its frames.

    Attributes:
        indices: `(F,)` index of each frame, unique.
        times: `(F,)` its time in seconds, NaN where the file has none.
        names: Its name, F in all.
        rows: `(P,)` position of each person's frame.
        points: `(P, K, 2)` pixels; not finite for missing joints.
        marks: `(P, K)` scores of the joints.
        boxes: `(P, 4)` x1, y1, x2, y2; NaN where the file has none.
        scores: `(P,)` scores of the people; NaN where the file has none.
        track_ids: `(P,)` identities, -1 for none.
        interpolated: `(P,)` people filled in between sightings of a track.
        joints: Names of the K joints, where the file gives them.
        places: `(P,)` number of each person's line or row, for messages.
    """

    indices: Ints
    times: Floats
    names: Sequence[str]
    rows: Ints
    points: Floats
    marks: Floats
    boxes: Floats
    scores: Floats
    track_ids: Ints
    joints: Sequence[str] | None = None
    places: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    interpolated: Bools | None = None


def assemble(
    path: Path,
    table: PeopleTable,
    hints: Hints,
    given: Hints,
    problems: Problems,
    *,
    place: str = "line",
    kept: int | None = None,
) -> PoseSequence:
    """The sequence of a table: frames in order, people completed, problems reported.

    Args:
        path: The file, for its name.
        table: Its columns; points, marks, boxes and scores are changed.
        hints: What is known: the caller's hints, completed by the file's metadata.
        given: The caller's hints.
        problems: Gets joints that cannot be read; reported at the end.
        place: What `table.places` counts.
        kept: How many rows were read; None for as many as people.

    Raises:
        FormatError: If no skeleton fits, or nothing could be read.
    """
    skeleton = _skeleton(path, table, hints)
    interpolated = table.interpolated
    if interpolated is None:
        interpolated = np.zeros(len(table.rows), np.bool_)
    if not len(table.rows):
        table.points = np.zeros((0, len(skeleton), 2))
        table.marks = np.zeros((0, len(skeleton)))
    broken = broken_joints(table.points, table.marks) & (table.marks != 0)
    if broken.any():
        row = int(broken.any(axis=1).argmax())
        where = table.places[row] if len(table.places) else row
        problems.broken_joints += int(broken.sum())
        problems.broken_place = f"{place} {where}"
    complete_people(
        table.points,
        table.marks,
        table.boxes,
        table.scores,
        keep_origin=hints.keep_origin,
    )
    by_index = np.argsort(table.indices, kind="stable")
    rank = np.empty(len(by_index), np.int64)
    rank[by_index] = np.arange(len(by_index))
    order = np.argsort(rank[table.rows], kind="stable")
    bounds = np.searchsorted(rank[table.rows][order], np.arange(len(by_index) + 1))
    arrays = [
        array if (order[1:] > order[:-1]).all() else array[order]
        for array in (
            table.points,
            table.marks,
            table.boxes,
            table.scores,
            table.track_ids,
            interpolated,
        )
    ]
    note_repeated_ids(
        problems,
        table.track_ids[order],
        rank[table.rows][order],
        lambda k: table.names[by_index[k]] or str(table.indices[by_index[k]]),
    )
    problems.note_divided([(table.points, table.marks)])
    problems.report(len(table.rows) if kept is None else kept)
    problems.report_folders(table.names)
    times = {
        int(index): float(time)
        for index, time in zip(table.indices, table.times, strict=True)
        if np.isfinite(time)
    }

    def frame(place: int, source: int) -> Frame:
        part = slice(bounds[place], bounds[place + 1])
        poses = Poses._trusted(*(array[part] for array in arrays), skeleton)
        index = int(table.indices[source])
        time = frame_time(index, times, hints, given.fps)
        return Frame(index, time, poses, name=table.names[source])

    frames = (frame(place, source) for place, source in enumerate(by_index.tolist()))
    name = text_of(without_suffix(path.name, *SUFFIXES))
    return hints.sequence(frames, skeleton, name)


def _skeleton(path: Path, table: PeopleTable, hints: Hints) -> Skeleton:
    """The skeleton whose joints the table has."""
    joints = table.points.shape[1]
    found = hints.skeleton
    if not joints:
        return found or get("coco17")
    if found is None and table.joints is not None:
        found = skeleton_of(table.joints)
    try:
        found = found or for_joint_count(joints)
    except PoseFlowError as error:
        raise FormatError(f"{path}: {error}") from error
    if len(found) != joints and len(table.rows):
        raise FormatError(
            f"{path}: expected {len(found)} joints of {found.name}, found {joints}"
        )
    return found
