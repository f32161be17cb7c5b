"""Encoders of AlphaPose's list and dictionary of people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from poseflow.formats.base import Hints
from poseflow.formats.json.numbers import shortest, widths
from poseflow.formats.metadata import Metadata, metadata_if_needed, time_if_needed
from poseflow.frame_names import frame_name, frame_number
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import Frame


class _ListEntry(msgspec.Struct, omit_defaults=True, gc=False):
    image_id: str | int
    category_id: int
    keypoints: list[float]
    score: float | None = None
    box: list[float] | None = None
    idx: int | None = None
    interpolated: bool = False
    frame: int | None = None
    time: float | None = None
    poseflow: Metadata | None = None


class _DictEntry(msgspec.Struct, omit_defaults=True, gc=False):
    keypoints: list[float]
    scores: float | None = None
    box: list[float] | None = None
    idx: int | None = None
    interpolated: bool = False
    frame: int | None = None
    time: float | None = None
    poseflow: Metadata | None = None


def entry_fields(
    poses: Poses,
) -> Iterator[tuple[list[float], Any, Any, int | None, bool]]:
    """Keypoints, score, box and id of every person, as JSON takes them."""
    people, joints = poses.keypoint_scores.shape
    triples = np.concatenate([poses.keypoints, poses.keypoint_scores[..., None]], 2)
    # One row per person, so that a frame costs one rounding.
    numbers = triples.reshape(people, 3 * joints)
    table = shortest(np.hstack([numbers, poses.boxes, poses.scores[:, None]]))
    joint_numbers, edges, scores = np.split(table, [3 * joints, 3 * joints + 4], axis=1)
    low, high = edges[:, :2], edges[:, 2:]
    boxes = np.hstack([low, widths(low, high, poses.boxes[:, 2:])])
    boxed: list[bool] = np.isfinite(boxes).min(axis=1).tolist()
    scores = scores[:, 0]
    scored: list[bool] = np.isfinite(scores).tolist()
    rows = zip(
        joint_numbers.tolist(),
        scores.tolist(),
        scored,
        boxes.tolist(),
        boxed,
        poses.track_ids.tolist(),
        poses.interpolated.tolist(),
        strict=True,
    )
    for keypoints, score, has_score, box, has_box, track_id, interpolated in rows:
        yield (
            keypoints,
            score if has_score else None,
            box if has_box else None,
            None if track_id == NO_TRACK else track_id,
            interpolated,
        )


def _place(
    frame: Frame, image: str | int, hints: Hints
) -> tuple[int | None, float | None]:
    """Index and time of a frame, each None where the reader finds it without."""
    told = frame_number(str(image)) == frame.index
    time = time_if_needed(frame.index, frame.time, hints.fps)
    return None if told else frame.index, time


class ListEncoder:
    """A list with one line per person.

    Args:
        coco: Leave out box and idx and call frames by number, as COCO results do.
        hints: Metadata, which the first entry carries.
    """

    def __init__(self, coco: bool = False, hints: Hints | None = None) -> None:
        self._coco = coco
        self._hints = hints or Hints()
        self._first = True
        self._json = msgspec.json.Encoder()
        self._separator = b"\n"

    def start(self) -> bytes:
        """The opening bracket."""
        return b"["

    def frame(self, frame: Frame) -> bytes:
        """The people of a frame; nothing for a frame without people."""
        image: str | int
        image = frame.index if self._coco else frame.name or frame_name(frame.index)
        lines: list[bytes] = []
        for keypoints, score, *rest in entry_fields(frame.poses):
            entry = _ListEntry(image, 1, keypoints, score)
            if not self._coco:
                entry.box, entry.idx, entry.interpolated = rest
            if not lines:
                entry.frame, entry.time = _place(frame, image, self._hints)
            if self._first:
                entry.poseflow = metadata_if_needed(frame.poses.skeleton, self._hints)
                self._first = False
            lines.append(self._json.encode(entry))
        if not lines:
            return b""
        separator, self._separator = self._separator, b",\n"
        return separator + b",\n".join(lines)

    def end(self) -> bytes:
        """The closing bracket."""
        return b"\n]\n"


class DictEncoder:
    """An object with one line per frame, also for frames without people."""

    def __init__(self, hints: Hints | None = None) -> None:
        self._hints = hints or Hints()
        self._first = True
        self._json = msgspec.json.Encoder()
        self._separator = b"\n"

    def start(self) -> bytes:
        """The opening brace."""
        return b"{"

    def frame(self, frame: Frame) -> bytes:
        """A frame's name and its people."""
        people = [_DictEntry(*columns) for columns in entry_fields(frame.poses)]
        title = frame.name or frame_name(frame.index)
        if people:
            people[0].frame, people[0].time = _place(frame, title, self._hints)
        if people and self._first:
            skeleton = frame.poses.skeleton
            people[0].poseflow = metadata_if_needed(skeleton, self._hints)
            self._first = False
        name = self._json.encode(title)
        separator, self._separator = self._separator, b",\n"
        return separator + name + b": " + self._json.encode(people)

    def end(self) -> bytes:
        """The closing brace."""
        return b"\n}\n"
