"""Encoders of CSV: one row a joint (long), or one row a person (wide)."""

from __future__ import annotations

import csv
import io

import msgspec
import numpy as np

from poseflow.arrays import Floats
from poseflow.columns import FRAME_COLUMNS, JOINT_COLUMNS, PERSON_COLUMNS
from poseflow.errors import FormatError
from poseflow.formats.base import Hints
from poseflow.formats.json.numbers import shortest
from poseflow.formats.metadata import metadata
from poseflow.poses import Poses
from poseflow.sequence import Frame
from poseflow.skeletons import get
from poseflow.skeletons.skeleton import Skeleton

METADATA_COLUMN = "poseflow"
"""The last column; its first cell holds the metadata as JSON, the others are empty."""

_NO_PERSON = b"-1,-1,0,,,,,"
"""Cells of `PERSON_COLUMNS` in the row of a frame without people."""


def wide_columns(skeleton: Skeleton) -> list[str]:
    """Columns of the joints in a wide table: x, y and score of each."""
    return [f"{j}_{what}" for j in skeleton.joints for what in ("x", "y", "score")]


def _row(cells: list[str]) -> bytes:
    """A line of cells, quoted where needed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode()


def _cells(table: Floats) -> list[bytes]:
    """Each row's numbers with commas between, shortest form; empty where not finite."""
    if not table.size:
        return [b""] * len(table)
    # One call for all numbers: the JSON of a table without its brackets.
    text = msgspec.json.encode(table.tolist())[2:-2].replace(b"null", b"")
    return text.split(b"],[")


class CsvEncoder:
    """A line of column names, then the rows of each frame.

    Args:
        hints: Metadata, which the first row carries.
        wide: One row a person instead of one a joint.
    """

    def __init__(self, hints: Hints, *, wide: bool) -> None:
        self._hints = hints
        self._wide = wide
        self._skeleton: Skeleton | None = None
        self._template = b""
        self._tail = b""

    def start(self) -> bytes:
        """Nothing: the columns depend on the joints of the first frame."""
        return b""

    def frame(self, frame: Frame) -> bytes:
        """The rows of a frame; one without joints for a frame without people.

        Raises:
            FormatError: If the joints are others than those of the first frame.
        """
        head = b""
        if self._skeleton is None:
            head = self._header(frame.poses.skeleton)
        elif frame.poses.skeleton != self._skeleton:
            raise FormatError(
                f"frame {frame.index}: expected the joints of {self._skeleton.name}, "
                f"as in the first frame, found {frame.poses.skeleton.name}; convert "
                "them"
            )
        place = _row([str(frame.index), repr(float(frame.time)), frame.name]) + b","
        if not len(frame.poses):
            rows = place + _NO_PERSON + b"," * (self._joint_cells() + 1) + b"\n"
        else:
            rows = self._people(place, frame.poses)
        if self._tail:
            # The first row only: the metadata takes the place of an empty cell.
            first, _, rest = rows.partition(b"\n")
            rows, self._tail = first + self._tail + b"\n" + rest, b""
        return head + rows

    def _joint_cells(self) -> int:
        assert self._skeleton is not None
        return 3 * len(self._skeleton) if self._wide else len(JOINT_COLUMNS)

    def _header(self, skeleton: Skeleton) -> bytes:
        self._skeleton = skeleton
        joints = wide_columns(skeleton) if self._wide else list(JOINT_COLUMNS)
        columns = [*FRAME_COLUMNS, *PERSON_COLUMNS, *joints, METADATA_COLUMN]
        names = [_row([joint]).replace(b"%", b"%%") for joint in skeleton.joints]
        # NUL stands for the cells of the person, which are put in at the end.
        self._template = b"".join(b"\0" + name + b",%b,%b,%b,\n" for name in names)
        known = msgspec.json.encode(metadata(skeleton, self._hints))
        self._tail = _row([known.decode()])
        return _row(columns) + b"\n"

    def _people(self, place: bytes, poses: Poses) -> bytes:
        persons = _cells(shortest(np.column_stack([poses.scores, poses.boxes])))
        points = np.where(poses.present[..., None], poses.keypoints, np.nan)
        marks = poses.keypoint_scores[..., None]
        triples = np.concatenate([shortest(points), shortest(marks)], axis=2)
        joints = _cells(triples.reshape(len(poses), -1))
        rows: list[bytes] = []
        ids, filled = poses.track_ids.tolist(), poses.interpolated.tolist()
        for k, (track_id, made, person, numbers) in enumerate(
            zip(ids, filled, persons, joints, strict=True)
        ):
            cells = b"%b%d,%d,%d,%b," % (place, k, track_id, made, person)
            if self._wide:
                rows.append(cells + numbers + b",\n")
            else:
                body = self._template % tuple(numbers.split(b","))
                rows.append(body.replace(b"\0", cells))
        return b"".join(rows)

    def end(self) -> bytes:
        """The header and the metadata where there was no frame."""
        if self._skeleton is not None:
            return b""
        head = self._header(self._hints.skeleton or get("coco17"))
        cells = len(FRAME_COLUMNS) + len(PERSON_COLUMNS) + self._joint_cells()
        return head + b"," * cells + self._tail + b"\n"
