"""Changes of the tracks of a `PoseSequence`: merge, split, swap, delete and name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TypeAlias

import numpy as np

from poseflow.arrays import Bools, Ints
from poseflow.errors import PoseFlowError
from poseflow.sequence import PoseSequence

FRAMES_NAMED = 5
"""Frames that an error message names."""

LONGEST_NAME = 100
"""Characters that a person's name may have."""


@dataclass(frozen=True)
class Merge:
    """Tracks that are one person: `others` get the id `track`."""

    track: int
    others: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """A track that is two people: from `frame` on it has another id.

    Attributes:
        track: The track.
        frame: `Frame.index` of the first frame with the new id.
        new: The new id; None takes the highest id + 1.
    """

    track: int
    frame: int
    new: int | None = None


@dataclass(frozen=True)
class Swap:
    """Two tracks whose ids are exchanged from `frame` on."""

    track: int
    other: int
    frame: int


@dataclass(frozen=True)
class Delete:
    """A track that is no person: its poses are removed."""

    track: int


@dataclass(frozen=True)
class Name:
    """The name of a track's person; an empty one removes the name."""

    track: int
    name: str


Correction: TypeAlias = Merge | Split | Swap | Delete | Name


def merge(sequence: PoseSequence, track: int, *others: int) -> PoseSequence:
    """Give several tracks the id of the first of them.

    Args:
        sequence: A tracking result.
        track: The id that stays.
        *others: Ids of the same person.

    Raises:
        PoseFlowError: If an id does not occur, or two of them are in one frame; the
            message names the frames.
    """
    return apply(sequence, [Merge(track, others)])


def split(
    sequence: PoseSequence, track: int, frame: int, new: int | None = None
) -> PoseSequence:
    """Give a track a new id from a frame on.

    Args:
        sequence: A tracking result.
        track: The track to split.
        frame: `Frame.index` of the first frame with the new id.
        new: The new id; None takes the highest id + 1.

    Raises:
        PoseFlowError: If the track has no pose before `frame`, or none from it on, or
            the new id is taken.
    """
    return apply(sequence, [Split(track, frame, new)])


def swap(sequence: PoseSequence, track: int, other: int, frame: int) -> PoseSequence:
    """Exchange two ids from a frame on.

    Args:
        sequence: A tracking result.
        track: One id.
        other: The other id.
        frame: `Frame.index` of the first frame in which they are exchanged.

    Raises:
        PoseFlowError: If an id does not occur, or neither does from `frame` on.
    """
    return apply(sequence, [Swap(track, other, frame)])


def delete(sequence: PoseSequence, track: int) -> PoseSequence:
    """Remove all poses of a track.

    Raises:
        PoseFlowError: If the id does not occur.
    """
    return apply(sequence, [Delete(track)])


def name(sequence: PoseSequence, track: int, name: str) -> PoseSequence:
    """Name the person of a track; an empty text removes the name.

    Raises:
        PoseFlowError: If the id does not occur, or the name is longer than 100
            characters or has control characters.
    """
    return apply(sequence, [Name(track, name)])


def apply(
    sequence: PoseSequence, corrections: Iterable[Correction], label: str = "correction"
) -> PoseSequence:
    """Make corrections one after the other, all or none.

    Args:
        sequence: A tracking result.
        corrections: Each refers to the ids that those before it left.
        label: What a correction is called in messages, with its number.

    Raises:
        PoseFlowError: If one cannot be made; the message has its number.
    """
    columns = _Columns.of(sequence)
    for number, correction in enumerate(corrections, start=1):
        try:
            columns.correct(correction)
        except PoseFlowError as error:
            raise PoseFlowError(f"{label} {number}: {error}") from error
    return columns.sequence()


def fingerprint(sequence: PoseSequence) -> str:
    """Digest of a result's frames, ids and joints: 16 hex digits.

    Corrections carry it, so that they are not applied to another result. Joints count
    to a tenth of a pixel and names of frames not at all: a result that was converted to
    another format mostly keeps its fingerprint.
    """
    digest = sha256()
    for frame in sequence:
        poses = frame.poses
        if not len(poses):
            continue
        tenths = np.where(poses.present[..., None], poses.keypoints, 0) * 10
        ids = np.array([frame.index, *poses.track_ids.tolist()], "<i8")
        digest.update(ids.tobytes())
        digest.update(np.rint(tenths).clip(-2e9, 2e9).astype("<i4").tobytes())
    return digest.hexdigest()[:16]


@dataclass
class _Columns:
    """Ids of all people of a sequence as one array, under correction.

    Attributes:
        source: The sequence before the corrections.
        frame: `(N,)` index of each person's frame, ascending.
        ids: `(N,)` current id; -1 for none.
        kept: `(N,)` False for people who are removed.
        names: Names by id.
    """

    source: PoseSequence
    frame: Ints
    ids: Ints
    kept: Bools
    names: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, sequence: PoseSequence) -> _Columns:
        counts = [len(frame.poses) for frame in sequence]
        indices = np.array([frame.index for frame in sequence], np.int64)
        ids = [frame.poses.track_ids for frame in sequence]
        all_ids = np.concatenate(ids) if ids else np.zeros(0, np.int64)
        kept = np.ones(len(all_ids), np.bool_)
        names = dict(sequence.names)
        return cls(sequence, np.repeat(indices, counts), all_ids, kept, names)

    def correct(self, correction: Correction) -> None:
        match correction:
            case Merge(track, others):
                self._merge(track, others)
            case Split(track, frame, new):
                self._split(track, frame, new)
            case Swap(track, other, frame):
                self._swap(track, other, frame)
            case Delete(track):
                gone = self._rows(track)
                self.kept &= ~gone
                self.names.pop(track, None)
            case Name(track, text):
                self._rows(track)
                self._name(track, text)
            case _:
                raise PoseFlowError(f"expected a correction, got {correction!r}")

    def _rows(self, track: int) -> Bools:
        """`(N,)`: which people have this id."""
        rows: Bools = self.kept & (self.ids == track)
        if track < 0 or not rows.any():
            known = np.unique(self.ids[self.kept & (self.ids >= 0)]).tolist()
            raise PoseFlowError(f"there is no track {track}; {_listed(known)}")
        return rows

    def _merge(self, track: int, others: Sequence[int]) -> None:
        ids = [track, *others]
        if len(ids) < 2 or len(set(ids)) < len(ids):
            raise PoseFlowError(
                f"merge needs two or more different ids, got {', '.join(map(str, ids))}"
            )
        rows = {each: self._rows(each) for each in ids}
        frames = np.concatenate([self.frame[rows[each]] for each in ids])
        shared, times = np.unique(frames, return_counts=True)
        shared = shared[times > 1]
        if len(shared):
            raise PoseFlowError(
                f"tracks {' and '.join(map(str, ids))} cannot be one person: "
                f"{len(shared)} frames have both of them, {_frames(shared.tolist())}; "
                "split or delete one of them there first"
            )
        for each in others:
            self.ids[rows[each]] = track
            other_name = self.names.pop(each, None)
            if other_name is not None:
                self.names.setdefault(track, other_name)

    def _split(self, track: int, frame: int, new: int | None) -> None:
        rows = self._rows(track)
        first, last = self.frame[rows][[0, -1]].tolist()
        if not first < frame <= last:
            raise PoseFlowError(
                f"track {track} cannot be split at frame {frame}: it lasts from frame "
                f"{first} to {last}; expected a frame from {first + 1} to {last}"
            )
        if new is None:
            new = int(self.ids.max()) + 1
        elif new < 0 or (self.kept & (self.ids == new)).any():
            raise PoseFlowError(
                f"track {track} cannot be split into {track} and {new}: "
                + ("ids start at 0" if new < 0 else f"there is a track {new} already")
            )
        self.ids[rows & (self.frame >= frame)] = new

    def _swap(self, track: int, other: int, frame: int) -> None:
        if track == other:
            raise PoseFlowError(f"swap needs two different ids, got {track} twice")
        later = self.frame >= frame
        one, two = self._rows(track) & later, self._rows(other) & later
        if not one.any() and not two.any():
            last = int(self.frame[self._rows(track) | self._rows(other)].max())
            raise PoseFlowError(
                f"tracks {track} and {other} cannot be swapped from frame {frame} on: "
                f"the last frame with one of them is {last}"
            )
        self.ids[one], self.ids[two] = other, track

    def _name(self, track: int, text: str) -> None:
        text = text.strip()
        if len(text) > LONGEST_NAME or not text.isprintable():
            raise PoseFlowError(
                f"name of track {track}: expected up to {LONGEST_NAME} characters "
                f"without control characters, got {text[:40]!r}"
            )
        if text:
            self.names[track] = text
        else:
            self.names.pop(track, None)

    def sequence(self) -> PoseSequence:
        """The corrected sequence; frames without a change are the same objects."""
        counts = [len(frame.poses) for frame in self.source]
        bounds = np.cumsum([0, *counts]).tolist()
        frames = []
        for k, frame in enumerate(self.source):
            part = slice(bounds[k], bounds[k + 1])
            poses, ids, kept = frame.poses, self.ids[part], self.kept[part]
            if not kept.all():
                poses = poses.replace(track_ids=ids)[kept]
            elif not np.array_equal(ids, poses.track_ids):
                poses = poses.replace(track_ids=ids)
            frames.append(
                frame if poses is frame.poses else replace(frame, poses=poses)
            )
        return replace(self.source, frames=tuple(frames), names=self.names)


def _frames(frames: Sequence[int]) -> str:
    """Such as `frames 3, 4, 5 and 7 more`."""
    shown = ", ".join(map(str, frames[:FRAMES_NAMED]))
    more = len(frames) - FRAMES_NAMED
    return ("frame " if len(frames) == 1 else "frames ") + (
        f"{shown} and {more} more" if more > 0 else shown
    )


def _listed(ids: Sequence[int]) -> str:
    if not ids:
        return "the result has no ids at all"
    shown = ", ".join(map(str, ids[:20]))
    return f"there are {shown}" + (f" and {len(ids) - 20} more" if ids[20:] else "")
