"""Grouping of a file's entries, one per person and in any order, into frames."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Hints
from poseflow.formats.metadata import frame_time
from poseflow.formats.people import broken_joints, complete_people
from poseflow.frame_names import (
    frame_indices,
    frame_number,
    text_of,
    without_suffix,
)
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.similarity.boxes import xywh_to_xyxy
from poseflow.skeletons import for_joint_count, get
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import PathLike

_CHUNK = 4096
"""People whose numbers are held as Python objects at a time."""


class Problems:
    """Invalid entries of a file, collected for one warning at the end."""

    SHOWN = 3

    def __init__(self, path: PathLike, counted: str = "poses") -> None:
        self.path = os.fspath(path)
        self.counted = counted
        self.bad: list[tuple[str, str]] = []
        self.count = 0
        self.ignored = 0
        self.first_ignored = ""
        self.notes: list[str] = []
        self.broken_joints = 0
        self.broken_place = ""

    def add(self, place: str, reason: str) -> None:
        """An entry that is left out."""
        self.count += 1
        if len(self.bad) < self.SHOWN:
            self.bad.append((place, reason))

    def ignore(self, place: str, reason: str) -> None:
        """An optional value that is left out of an entry; the person is kept."""
        self.ignored += 1
        self.first_ignored = self.first_ignored or f"{place}: {reason}"

    def note(self, text: str) -> None:
        """What else a warning should say of the file."""
        self.notes.append(text)

    def note_classes(self, names: Sequence[str]) -> None:
        """Note people, or animals, of several classes, which are not told apart."""
        if len(names) > 1:
            self.note(
                f"its people are of {len(names)} classes, {', '.join(names[:3])}; they "
                "are read as one kind"
            )

    def note_videos(self, names: Sequence[str]) -> None:
        """Note frames of several videos by name, which are read as those of one."""
        if len(names) > 1:
            self.note(
                f"its frames are those of {len(names)} videos by their names, "
                f"{names[0]!r} and {names[1]!r} first, and are read as one; keep the "
                "files of each in a folder of their own"
            )

    def note_divided(self, people: Iterable[tuple[Floats, Floats]]) -> None:
        """Note joints that seem to be given in parts of the image's size.

        Args:
            people: Their joints, `(P, K, 2)`, with scores, `(P, K)`.
        """
        fraction = False
        for points, marks in people:
            present = points[marks > 0]
            if len(present) and np.abs(present).max() > 1:
                return
            fraction = fraction or bool((present != np.rint(present)).any())
        if fraction:
            self.note(
                "all coordinates are between 0 and 1, as if divided by the size of the "
                "image; expected pixels, multiply them by it"
            )

    def report(self, kept: int) -> None:
        """Warn about what was left out.

        Raises:
            FormatError: If nothing was kept.
        """
        if self.count:
            shown = "; ".join(f"{place}: {reason}" for place, reason in self.bad)
            if not kept:
                raise FormatError(
                    f"{self.path}: none of its {self.count} {self.counted} can be "
                    f"read; {shown}"
                )
            more = self.count - len(self.bad)
            self._warn(
                f"left out {self.count} of {self.count + kept} {self.counted} that "
                f"cannot be read: {shown}" + (f"; and {more} more" if more else "")
            )
        if self.ignored:
            self._warn(
                f"ignored {self.ignored} optional values that cannot be read; their "
                f"people are kept; first in {self.first_ignored}"
            )
        for text in self.notes:
            self._warn(text)
        if self.broken_joints:
            self._warn(
                f"{self.broken_joints} joints have coordinates or scores that are no "
                f"finite numbers and count as missing, first in {self.broken_place}"
            )

    def report_folders(self, names: Iterable[str]) -> None:
        """Warn about frames in several folders, which may be several videos."""
        paths = [name.replace("\\", "/") for name in names]
        folders = sorted({name.rpartition("/")[0] for name in paths if "/" in name})
        if len(folders) > 1:
            self._warn(
                f"its frames are in {len(folders)} folders, {folders[0]!r} and "
                f"{folders[1]!r} first, and are read as one video; write one file for "
                "each if they are several"
            )

    def _warn(self, text: str) -> None:
        # Seen from the caller of `read`: report, finish, Format.read, read.
        warnings.warn(f"{self.path}: {text}", stacklevel=6)


@dataclass
class _Block:
    """People with the same number of joints, K."""

    rows: Ints
    points: Floats
    marks: Floats
    boxes: Floats
    scores: Floats


class FrameBuilder:
    """Collects people one by one and groups them into frames.

    Numbers are moved into arrays every few thousand people, so that the memory needed
    is that of the result and not that of Python's lists.

    Args:
        path: The file, for messages.
        hints: What the caller knows about the video; a reader may complete it.
        skeletons: The format's own skeletons by their number of joints, where that
            number alone would give another one.
        corners: Whether boxes come as left, top, right, bottom, instead of left, top,
            width, height.
    """

    def __init__(
        self,
        path: PathLike,
        hints: Hints,
        skeletons: Mapping[int, Skeleton] | None = None,
        *,
        corners: bool = False,
    ) -> None:
        self.path = os.fspath(path)
        self.hints = hints
        self._skeletons = skeletons or {}
        self._corners = corners
        self.problems = Problems(path)
        self._given_fps = hints.fps
        self._images: dict[str, int] = {}  # name -> its number, in order of appearance
        self._times: dict[str, float] = {}
        self._indices: dict[str, int] = {}
        self._image: list[int] = []
        self._ids: list[int] = []
        self._places: list[int] = []
        self._interpolated: list[int] = []
        self._blocks: list[_Block] = []
        self._numbers: list[Sequence[float | None]] = []
        self._scores: list[float | None] = []
        self._boxes: list[Sequence[float | None] | None] = []

    def image(self, name: str) -> int:
        """Add a frame, which may have no people."""
        return self._images.setdefault(name, len(self._images))

    def place_frame(self, name: str, index: int | None, seconds: float | None) -> None:
        """Note what a file says of a frame beside its people.

        Args:
            name: Name of the frame.
            index: Its index, where the name does not tell it.
            seconds: Its time, which the frame rate given by the caller overrides.
        """
        if index is not None:
            self._indices.setdefault(name, index)
        if seconds is not None:
            self._times.setdefault(name, seconds)

    def add(
        self,
        place: int,
        image: str,
        numbers: Sequence[float | None],
        score: float | None,
        box: Sequence[float | None] | None,
        track_id: int,
    ) -> None:
        """Add one person.

        Args:
            place: Position in the file, from 0, for messages.
            image: Name of the frame.
            numbers: 3 K numbers x, y, score; None counts as not finite.
            score: Of the person; None or not finite takes the mean of the joints.
            box: Left, top, width, height (see `corners`); None or not finite takes the
                joints' extent.
            track_id: Identity, -1 for none.
        """
        self._image.append(self.image(image))
        self._places.append(place)
        self._ids.append(track_id)
        self._numbers.append(numbers)
        self._scores.append(score)
        self._boxes.append(box)
        if len(self._numbers) == _CHUNK:
            self._flush()

    def mark_interpolated(self) -> None:
        """Mark the latest person as interpolated."""
        self._interpolated.append(len(self._image) - 1)

    def place(self, row: int) -> str:
        """Position of a person in the file, for messages."""
        number = self._image[row]
        image = next(islice(self._images, number, None))  # numbered in this order
        return f"entry {self._places[row]} (image {image!r})"

    def _flush(self) -> None:
        first = len(self._image) - len(self._numbers)
        lengths = np.array([len(numbers) for numbers in self._numbers], dtype=np.int64)
        nowhere = (None,) * 4
        scores = _floats(self._scores)
        boxes = _floats([box or nowhere for box in self._boxes]).reshape(-1, 4)
        for length in np.unique(lengths):
            chosen = np.flatnonzero(lengths == length)
            table = _floats([self._numbers[k] for k in chosen])
            table = table.reshape(len(chosen), -1, 3)
            points, marks = table[..., :2].copy(), table[..., 2].copy()
            self._blocks.append(
                self._block(
                    chosen + first, points, marks, boxes[chosen], scores[chosen]
                )
            )
        self._numbers, self._scores, self._boxes = [], [], []

    def _block(
        self,
        rows: Ints,
        points: Floats,
        marks: Floats,
        boxes: Floats,
        scores: Floats,
    ) -> _Block:
        broken = broken_joints(points, marks)
        if broken.any():
            if not self.problems.broken_joints:
                row = rows[int(broken.any(axis=1).argmax())]
                self.problems.broken_place = self.place(int(row))
            self.problems.broken_joints += int(broken.sum())
        with np.errstate(over="ignore", invalid="ignore"):
            if not self._corners:
                boxes = xywh_to_xyxy(boxes).astype(np.float64, copy=False)
        complete_people(
            points,
            marks,
            boxes,
            scores,
            keep_origin=self.hints.keep_origin,
            boxes_as_sides=True,
        )
        return _Block(rows, points, marks, boxes, scores)

    def finish(self) -> PoseSequence:
        """The frames, in order.

        Raises:
            FormatError: If there were people and not one could be used.
        """
        self._flush()
        skeleton = self._skeleton()
        blocks = []
        for block in self._blocks:
            if block.points.shape[1] == len(skeleton):
                blocks.append(block)
                continue
            found = block.points.shape[1]
            rows = block.rows.tolist()
            # The place of those that the message does not show is not searched.
            places = [self.place(row) for row in rows[: Problems.SHOWN]]
            for place in places + [""] * (len(rows) - len(places)):
                self.problems.add(
                    place,
                    f"keypoints: expected {3 * len(skeleton)} numbers "
                    f"({len(skeleton)} joints of {skeleton.name}), found {3 * found} "
                    f"({found} joints)",
                )
        self._blocks = []
        frames = self._frames(blocks, skeleton)
        self.problems.note_divided((block.points, block.marks) for block in blocks)
        self.problems.report(sum(len(block.rows) for block in blocks))
        self.problems.report_folders(self._images)
        name = text_of(without_suffix(Path(self.path).name, ".gz", ".json"))
        return self.hints.sequence(frames, skeleton, name)

    def _skeleton(self) -> Skeleton:
        """The given skeleton, or that of the most frequent number of joints."""
        if self.hints.skeleton is not None:
            return self.hints.skeleton
        counts: Counter[int] = Counter()
        for block in self._blocks:
            counts[block.points.shape[1]] += len(block.rows)
        if not counts:
            return get("coco17")
        unknown: PoseFlowError | None = None
        for joints, _ in counts.most_common():
            try:
                return self._skeletons.get(joints) or for_joint_count(joints)
            except PoseFlowError as error:
                unknown = unknown or error
        row = int(self._blocks[0].rows[0])
        raise FormatError(f"{self.path}: {self.place(row)}: {unknown}") from unknown

    def _index_of(self) -> dict[str, int]:
        """The index of every frame: the file's own, otherwise what its name tells."""
        by_name = frame_indices(self._images)
        if not self._indices:
            return by_name
        known = {
            name: self._indices.get(name, _number(name, position))
            for name, position in by_name.items()
        }
        # Not where that would join two frames: the file was put together from others.
        joined = len(set(known.values())) < len(set(by_name.values()))
        return by_name if joined else known

    def _frames(self, blocks: list[_Block], skeleton: Skeleton) -> tuple[Frame, ...]:
        index_of = self._index_of()
        names: dict[int, str] = {}
        for name, index in index_of.items():
            names.setdefault(index, name)
        times = {index_of[name]: seconds for name, seconds in self._times.items()}
        if not blocks:
            blocks = [_empty_block(len(skeleton))]
        rows = np.concatenate([block.rows for block in blocks])
        ids = np.array(self._ids, dtype=np.int64)[rows]
        image = np.array(self._image, dtype=np.int64)[rows]
        interpolated = np.zeros(len(self._image), np.bool_)
        interpolated[self._interpolated] = True
        interpolated = interpolated[rows]
        # Ranks instead of indices: a file's name may be any number.
        ordered = sorted(names)
        rank_of_index = {index: rank for rank, index in enumerate(ordered)}
        ranks = [rank_of_index[index_of[name]] for name in self._images]
        rank = np.array(ranks, dtype=np.int64)[image]
        order = np.lexsort((rows, rank))
        points, marks, boxes, scores = (
            np.concatenate([getattr(block, name) for block in blocks])[order]
            for name in ("points", "marks", "boxes", "scores")
        )
        ids = _without_shared_zero(ids, rank)[order]
        note_repeated_ids(self.problems, ids, rank[order], lambda k: names[ordered[k]])
        interpolated = interpolated[order]
        bounds = np.searchsorted(rank[order], np.arange(len(ordered) + 1)).tolist()

        def frame(rank: int, index: int) -> Frame:
            part = slice(bounds[rank], bounds[rank + 1])
            # Views of arrays that `_block` has made whole: long files are not copied.
            poses = Poses._trusted(
                points[part],
                marks[part],
                boxes[part],
                scores[part],
                ids[part],
                interpolated[part],
                skeleton,
            )
            time = frame_time(index, times, self.hints, self._given_fps)
            return Frame(index, time, poses, name=names[index])

        return tuple(frame(rank, index) for rank, index in enumerate(ordered))


def _number(name: str, otherwise: int) -> int:
    number = frame_number(name)
    return otherwise if number is None else number


def _floats(values: Any) -> Floats:
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # whole numbers of hundreds of digits
        clip = np.vectorize(_clip, otypes=[np.float64])
        array: Floats = clip(np.array(values, dtype=object))
        return array


def _clip(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf


def _empty_block(joints: int) -> _Block:
    return _Block(
        np.zeros(0, np.int64),
        np.zeros((0, joints, 2)),
        np.zeros((0, joints)),
        np.zeros((0, 4)),
        np.zeros(0),
    )


def note_repeated_ids(
    problems: Problems, ids: Ints, ranks: Ints, name_of: Callable[[int], str]
) -> None:
    """Note identities that two people of one frame have.

    Args:
        problems: Gets one note.
        ids: `(P,)` identities, -1 for none.
        ranks: `(P,)` number of each person's frame.
        name_of: The name of a frame by that number, for the message.
    """
    order = np.lexsort((ids, ranks))
    known, frames = ids[order], ranks[order]
    same = (known[1:] == known[:-1]) & (frames[1:] == frames[:-1]) & (known[1:] >= 0)
    if same.any():
        first = int(same.argmax())
        more = int(same.sum()) - 1
        problems.note(
            f"id {known[first]} is that of two people in frame "
            f"{name_of(int(frames[first]))!r}"
            + (f", and so {more} times more" if more else "")
            + "; expected every id once in a frame"
        )


def _without_shared_zero(ids: Ints, rank: Ints) -> Ints:
    """Take 0 for "no identity" where two people of a frame have it.

    Results that were never tracked often have `idx: 0` for all people.
    """
    zero = rank[ids == 0]
    if len(zero) > len(np.unique(zero)):
        return np.where(ids == 0, NO_TRACK, ids)
    return ids
