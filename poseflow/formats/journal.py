"""Format `journal`: the frames of a run that goes on, readable at any moment.

A journal begins with a line of text and goes on with records: length and CRC-32, 4
bytes each, then MessagePack. The first record has the format of the result and what is
known of the video, every other one a frame with its arrays as they are in memory. A
killed process leaves at most one unfinished record at the end, which is left out.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.metadata import Metadata, metadata, with_metadata
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import explain

MAGIC = b"poseflow journal 1\n"
_PREFIX = struct.Struct("<II")
_LARGEST_RECORD_BYTES = 1 << 28


class _Start(msgspec.Struct, array_like=True):
    format: str
    metadata: Metadata


class _Frame(msgspec.Struct, array_like=True, gc=False):
    index: int
    time: float
    name: str
    people: int
    dtype: str
    keypoints: bytes
    keypoint_scores: bytes
    boxes: bytes
    scores: bytes
    track_ids: bytes


_ENCODER = msgspec.msgpack.Encoder()


class JournalEncoder:
    """Frames as records of a journal.

    Args:
        hints: What is known of the video.
        format: Name of the format that the result shall have in the end.
    """

    def __init__(self, hints: Hints, format: str = "alphapose") -> None:
        self._hints, self._format = hints, format
        self._started = False

    def start(self) -> bytes:
        """The line by which a journal is known."""
        return MAGIC

    def frame(self, frame: Frame) -> bytes:
        """The record of a frame, after that of the video with the first one."""
        data = b""
        poses = frame.poses
        if not self._started:
            self._started = True
            known = metadata(poses.skeleton, self._hints)
            data = _record(_Start(self._format, known))
        return data + _record(
            _Frame(
                frame.index,
                frame.time,
                frame.name,
                len(poses),
                poses.keypoints.dtype.str,
                poses.keypoints.tobytes(),
                poses.keypoint_scores.tobytes(),
                poses.boxes.tobytes(),
                poses.scores.tobytes(),
                poses.track_ids.tobytes(),
            )
        )

    def end(self) -> bytes:
        """Nothing: a journal is complete after any frame."""
        return b""


def _record(entry: msgspec.Struct) -> bytes:
    data = _ENCODER.encode(entry)
    return _PREFIX.pack(len(data), zlib.crc32(data)) + data


class Journal:
    """The frames of a journal, read one at a time.

    Args:
        path: The file; it may still be growing.

    Attributes:
        hints: What is known of the video.
        format: Name of the format that the result was to have.
        left_out_bytes: Unfinished or damaged bytes at the end, after iteration.

    Raises:
        FormatError: If it is no journal, or has no complete frame.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self.left_out_bytes = 0
        with self._open() as file:
            start = self._next(file, _Start)
            if start is None:
                raise FormatError(f"{path}: the journal has no complete frame")
        try:
            self.hints = with_metadata(Hints(), msgspec.to_builtins(start.metadata))
        except ValueError as error:
            raise FormatError(f"{path}: the journal is damaged: {error}") from error
        assert self.hints.skeleton is not None
        self.skeleton = self.hints.skeleton
        self.format = start.format

    def __iter__(self) -> Iterator[Frame]:
        """The complete frames, in order."""
        with self._open() as file:
            self._next(file, _Start)
            while True:
                place = file.tell()
                entry = self._next(file, _Frame)
                if entry is None:
                    file.seek(0, 2)
                    self.left_out_bytes = file.tell() - place
                    return
                try:
                    poses = _poses(entry, self.skeleton)
                except (PoseFlowError, ValueError, TypeError) as error:
                    raise FormatError(
                        f"{self._path}, byte {place}: the journal is damaged: {error}"
                    ) from error
                yield Frame(entry.index, entry.time, poses, name=entry.name)

    def _open(self) -> IO[bytes]:
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise explain(error, self._path, "read") from error
        if file.read(len(MAGIC)) != MAGIC:
            file.close()
            raise FormatError(
                f"{self._path}: expected the journal of a run, NAME.partial, found "
                "another kind of file"
            )
        return file

    def _next(self, file: IO[bytes], kind: type[Any]) -> Any:
        """The next record; None at the end, or where a record is not complete."""
        try:
            prefix = file.read(_PREFIX.size)
            if len(prefix) < _PREFIX.size:
                return None
            length, checksum = _PREFIX.unpack(prefix)
            data = file.read(length) if length <= _LARGEST_RECORD_BYTES else b""
            if len(data) < length or zlib.crc32(data) != checksum:
                return None
            return msgspec.msgpack.decode(data, type=kind)
        except OSError as error:
            raise explain(error, self._path, "read") from error
        except msgspec.MsgspecError as error:
            raise FormatError(
                f"{self._path}, byte {file.tell()}: the journal is damaged: {error}"
            ) from error


def _poses(entry: _Frame, skeleton: Skeleton) -> Poses:
    if entry.dtype not in ("<f4", "<f8"):
        raise ValueError(f"expected 32 or 64 bits a number, found {entry.dtype!r}")
    people, joints = entry.people, len(skeleton)

    def array(data: bytes, *shape: int, dtype: str = entry.dtype) -> Any:
        return np.frombuffer(data, dtype).reshape(shape)

    return Poses(
        array(entry.keypoints, people, joints, 2),
        array(entry.keypoint_scores, people, joints),
        boxes=array(entry.boxes, people, 4),
        scores=array(entry.scores, people),
        track_ids=array(entry.track_ids, people, dtype="<i8"),
        skeleton=skeleton,
        dtype=np.dtype(entry.dtype).type,
    )


class JournalFormat:
    """Journals as files of poses, so that every reader takes them."""

    name = "journal"
    summary = "journal of a run that goes on or was killed, NAME.partial"

    def sniff(self, path: Path, head: bytes) -> bool:
        """By the first line."""
        return head.startswith(MAGIC)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """The complete frames."""
        journal = Journal(path)
        if hints.skeleton is not None and len(hints.skeleton) != len(journal.skeleton):
            raise FormatError(
                f"{path}: expected {len(hints.skeleton)} joints of skeleton "
                f"{hints.skeleton.name!r}, found {len(journal.skeleton)}"
            )
        frames = tuple(journal)
        if journal.left_out_bytes:
            warnings.warn(
                f"{path}: {journal.left_out_bytes} bytes of an unfinished frame at the "
                "end are left out",
                stacklevel=2,
            )
        known = replace(
            journal.hints,
            size=hints.size or journal.hints.size,
            fps=hints.fps or journal.hints.fps,
        )
        return known.sequence(frames, journal.skeleton, path.stem)

    def encoder(self, hints: Hints) -> Encoder:
        """Journals are written by runs only, beside their results."""
        raise FormatError("format journal is only read; choose another one")
