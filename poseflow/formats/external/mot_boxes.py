"""MOTChallenge text as a format of poses: people as boxes, without joints."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from poseflow.arrays import Bools
from poseflow.errors import FormatError
from poseflow.formats.base import Hints
from poseflow.formats.mot import (
    filled_frames,
    is_mot,
    mot_line,
    read_mot,
    sequence_length,
)
from poseflow.frame_names import frame_name, frame_number
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.similarity.boxes import xyxy_to_xywh
from poseflow.skeletons import get


class MotFormat:
    """Boxes with identities, one line for each person and frame."""

    name = "mot"
    suffixes = (".txt",)
    lacks = (
        *("joints", "frame names", "times", "rate", "size", "people names"),
        "tracker",
    )
    implied_by_suffix = False  # a result of boxes alone has to be asked for
    summary = "MOTChallenge text: boxes of people, without joints"

    def sniff(self, path: Path, head: bytes) -> bool:
        """Lines of at least six numbers with commas or spaces."""
        return not path.is_dir() and is_mot(head)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`. All joints are missing."""
        tracks = read_mot(path)
        skeleton = hints.skeleton or get("coco17")
        length = max(tracks.num_frames, sequence_length(path))
        indices = filled_frames(tracks.frames, length)
        starts = np.searchsorted(tracks.frames, indices)
        ends = np.searchsorted(tracks.frames, indices, "right")
        frames = []
        for index, *bounds in np.column_stack([indices, starts, ends]).tolist():
            part = slice(*bounds)
            people = len(tracks.frames[part])
            poses = Poses(
                np.zeros((people, len(skeleton), 2)),
                np.zeros((people, len(skeleton))),
                tracks.boxes[part],
                tracks.scores[part],
                np.maximum(tracks.track_ids[part], NO_TRACK),
                skeleton,
                np.float64,
            )
            name = frame_name(index)
            frames.append(Frame(index, hints.time(index), poses, name=name))
        return hints.sequence(frames, skeleton, tracks.name)

    def encoder(self, hints: Hints) -> MotEncoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return MotEncoder()


class MotEncoder:
    """Lines in order of frames; people without an id only if none has one.

    A result of detection has the id -1 in every line, and MOTChallenge's programs
    refuse it beside others.
    """

    def __init__(self) -> None:
        self._without: list[bytes] = []
        self._left_out = 0
        self._tracked = False

    def start(self) -> bytes:
        """Nothing: there is no header."""
        return b""

    def frame(self, frame: Frame) -> bytes:
        """The lines of a frame's people."""
        poses = frame.poses
        known = poses.track_ids != NO_TRACK
        usable: Bools = np.isfinite(poses.boxes).min(axis=1, initial=True)
        if not usable.all():
            warnings.warn(
                f"frame {frame.name or frame.index}: {int((~usable).sum())} people "
                "without a box are left out",
                stacklevel=2,
            )
        number = frame_number(frame.name) if frame.name else None
        index = frame.index if number is None else number
        boxes = xyxy_to_xywh(poses.boxes.astype(np.float64)).tolist()
        rows = zip(
            boxes,
            poses.scores.tolist(),
            poses.track_ids.tolist(),
            usable.tolist(),
            strict=True,
        )
        lines = [
            (mot_line(index, track, box, score), track != NO_TRACK)
            for box, score, track, has_box in rows
            if has_box
        ]
        if known.any() and not self._tracked:
            self._tracked = True
            self._left_out, self._without = len(self._without), []
        if self._tracked:
            self._left_out += sum(not has_id for _, has_id in lines)
            return b"".join(line for line, has_id in lines if has_id)
        self._without += [line for line, _ in lines]
        return b""

    def end(self) -> bytes:
        """The lines of a result without any identity."""
        if self._left_out:
            warnings.warn(
                f"left out {self._left_out} boxes of people without an identity, "
                "which MOTChallenge's programs refuse beside people with one",
                stacklevel=2,
            )
        return b"".join(self._without)


def require_joints(frame: Frame, format: str) -> None:
    """Refuse a person without joints for a format that has no boxes.

    Raises:
        FormatError: If there is one.
    """
    if len(frame.poses) and not frame.poses.present.any():
        raise FormatError(
            f"format {format} holds no boxes: the people of frame "
            f"{frame.name or frame.index} have no joints and would be lost"
        )
