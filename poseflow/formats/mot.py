"""MOTChallenge text files: boxes with identities, one line per person and frame.

`frame, id, left, top, width, height, confidence, x, y, z`, frames from 1, pixels; lines
in any order; values after the confidence are ignored. In ground truth of
MOTChallenge the seventh number says whether the box is to be considered (1) or not (0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.boxes import xywh_to_xyxy, xyxy_to_xywh
from poseflow.errors import FormatError
from poseflow.formats.atomic import AtomicFile
from poseflow.formats.frame_names import without_suffix
from poseflow.formats.json_reader import read_bytes
from poseflow.poses import NO_TRACK
from poseflow.sequence import PoseSequence

MAX_NUMBER = 2**53
"""Largest frame number or id: whole numbers beyond it lose digits in float64."""


@dataclass(frozen=True, eq=False)
class BoxTracks:
    """Boxes of a sequence, in one table ordered by frame.

    Attributes:
        name: Name of the sequence: the file's name without `.txt`.
        frames: `(N,)` frames from 0.
        track_ids: `(N,)` identities; at most one box of an identity in a frame.
        boxes: `(N, 4)` x1, y1, x2, y2 in pixels.
        scores: `(N,)` confidence.
        num_frames: F, at least the last frame + 1.
    """

    name: str
    frames: Ints
    track_ids: Ints
    boxes: Floats
    scores: Floats
    num_frames: int

    def __len__(self) -> int:
        """N, the number of boxes."""
        return len(self.frames)

    def __repr__(self) -> str:
        ids = len(np.unique(self.track_ids))
        return (
            f"<BoxTracks {self.name!r}: {self.num_frames} frames, {len(self)} boxes, "
            f"{ids} ids>"
        )

    @classmethod
    def of(cls, sequence: PoseSequence) -> BoxTracks:
        """The boxes of a tracked pose sequence; people without an id are left out."""
        parts = [
            (f.index, f.poses[np.flatnonzero(f.poses.track_ids != NO_TRACK)])
            for f in sequence
        ]
        frames = [np.full(len(poses), index) for index, poses in parts]
        columns = [(p.track_ids, p.boxes, p.scores) for _, p in parts]
        ids, boxes, scores = zip(*columns, strict=True) if columns else ((), (), ())
        none = np.zeros(0, np.int64)
        where = np.concatenate([none, *frames])
        order = np.argsort(where, kind="stable")
        last = max((index for index, _ in parts), default=-1)
        return cls(
            sequence.name,
            where[order],
            np.concatenate([none, *ids])[order],
            np.concatenate([np.zeros((0, 4)), *boxes])[order],
            np.concatenate([np.zeros(0), *scores])[order],
            last + 1,
        )


def read_mot(path: str | Path, *, truth: bool = False) -> BoxTracks:
    """Boxes of a MOTChallenge text file; an empty file gives no boxes.

    Args:
        path: The file, numbers separated by commas or spaces.
        truth: Whether it is ground truth, in which a confidence of 0 marks a box that
            is not to be considered.

    Raises:
        FormatError: If the file cannot be read, or a line is invalid: too few numbers,
            no number, not finite, a frame below 1, a negative width or height, an id
            twice in a frame.
    """
    path = Path(path)
    try:
        lines = read_bytes(path, empty=True).decode().splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: expected text in UTF-8 or UTF-16 ({error})"
        ) from error
    rows, places = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            rows.append(_row(line, f"{path}: line {number}"))
            places.append(number)
    table = np.array(rows, np.float64).reshape(-1, 7)
    if truth:
        kept = table[:, 6] != 0
        table, places = table[kept], np.array(places)[kept].tolist()
    order = np.lexsort((table[:, 1], table[:, 0]))
    same = (np.diff(table[order, :2], axis=0) == 0).all(axis=1)
    if same.any():
        first = order[np.flatnonzero(same)[0]]
        second = order[np.flatnonzero(same)[0] + 1]
        raise FormatError(
            f"{path}: line {places[second]}: id {table[second, 1]:.0f} is in frame "
            f"{table[second, 0]:.0f} already (line {places[first]}); expected every id "
            "once in a frame"
        )
    table = table[np.argsort(table[:, 0], kind="stable")]
    frames = table[:, 0].astype(np.int64) - 1
    return BoxTracks(
        without_suffix(path.name, ".txt"),
        frames,
        table[:, 1].astype(np.int64),
        xywh_to_xyxy(table[:, 2:6]).astype(np.float64),
        table[:, 6].copy(),
        int(frames.max(initial=-1)) + 1,
    )


def _row(line: str, place: str) -> list[float]:
    """The first seven numbers of a line; a line of six has confidence 1."""
    cells = line.replace(",", " ").split()
    if len(cells) < 6:
        raise FormatError(
            f"{place}: expected frame, id, left, top, width, height, found "
            f"{len(cells)} values"
        )
    row = []
    for cell in [*cells, "1"][:7] if len(cells) == 6 else cells[:7]:
        try:
            value = float(cell)
        except ValueError:
            raise FormatError(
                f"{place}: expected a number, found {cell[:40]!r}"
            ) from None
        if not math.isfinite(value):
            raise FormatError(f"{place}: expected a finite number, found {cell[:40]}")
        row.append(value)
    for value, what in zip(row[:2], ("frame", "id"), strict=True):
        if not value.is_integer() or abs(value) > MAX_NUMBER:
            raise FormatError(
                f"{place}: expected a whole number below 2^53 as {what}, found {value}"
            )
    if row[0] < 1:
        raise FormatError(f"{place}: frames begin with 1, found {row[0]:.0f}")
    if row[4] < 0 or row[5] < 0:
        raise FormatError(
            f"{place}: expected width and height of at least 0, found {row[4]} x "
            f"{row[5]}"
        )
    return row


def write_mot(tracks: BoxTracks | PoseSequence, path: str | Path) -> None:
    """Write boxes as MOTChallenge text, atomically.

    Coordinates get up to six decimals, confidences four; frames count from 1.

    Raises:
        FormatError: If the file cannot be written.
    """
    if isinstance(tracks, PoseSequence):
        tracks = BoxTracks.of(tracks)
    sides = xyxy_to_xywh(tracks.boxes).tolist()
    columns = (tracks.frames.tolist(), tracks.track_ids.tolist(), sides)
    lines = [
        f"{frame + 1},{identity},{','.join(map(_short, box))},{score:.4f},-1,-1,-1\n"
        for frame, identity, box, score in zip(
            *columns, tracks.scores.tolist(), strict=True
        )
    ]
    with AtomicFile(path) as file:
        file.write("".join(lines).encode())


def _short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
