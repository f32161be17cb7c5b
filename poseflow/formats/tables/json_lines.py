"""JSON Lines: one frame a line, readable while it is written; for pipes.

    {"frame": 41, "time": 1.64, "image_id": "000041.jpg", "people": [{"keypoints": …}]}

People have the fields of AlphaPose's entries. The first line also has the metadata.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec

from poseflow.formats.alphapose import add_entry
from poseflow.formats.alphapose_writer import entry_fields
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.input_file import read_text
from poseflow.formats.json.reader import decode_entry, kind_of
from poseflow.formats.metadata import Metadata, metadata, with_metadata
from poseflow.frame_names import frame_name
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import get


class _Person(msgspec.Struct, omit_defaults=True, gc=False):
    keypoints: list[float]
    score: float | None = None
    box: list[float] | None = None
    idx: int | None = None
    interpolated: bool = False


class _Written(msgspec.Struct, omit_defaults=True, gc=False):
    frame: int
    time: float
    image_id: str
    people: list[_Person]
    poseflow: Metadata | None = None


class _Read(msgspec.Struct, gc=False):
    frame: int | float
    people: list[msgspec.Raw]
    time: float | None = None
    image_id: str | int | None = None
    poseflow: Any = None


class _Plain(msgspec.Struct, gc=False):
    """As `_Read`, for lines that are JSON to Python alone."""

    frame: int | float
    people: list[Any]
    time: float | None = None
    image_id: str | int | None = None
    poseflow: Any = None


_DECODER = msgspec.json.Decoder(_Read)
_OPTIONAL: dict[str, Any] = {"time": float | None, "image_id": str | int | None}
"""Fields without which a frame can do, and their types."""


class JsonLinesEncoder:
    """One line a frame; the first one has the metadata."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._json = msgspec.json.Encoder()
        self._started = False

    def start(self) -> bytes:
        """Nothing: a reader may begin with any line."""
        return b""

    def frame(self, frame: Frame) -> bytes:
        """The line of a frame, also of one without people."""
        line = _Written(
            frame.index,
            frame.time,
            frame.name or frame_name(frame.index),
            [_Person(*fields) for fields in entry_fields(frame.poses)],
        )
        if not self._started:
            self._started = True
            line.poseflow = metadata(frame.poses.skeleton, self._hints)
        return self._json.encode(line) + b"\n"

    def end(self) -> bytes:
        """A line of metadata alone where there was no frame."""
        if self._started:
            return b""
        known = metadata(self._hints.skeleton or get("coco17"), self._hints)
        return self._json.encode({"poseflow": known}) + b"\n"


class JsonLinesFormat:
    """One JSON object a line, each a frame with its people."""

    name = "jsonl"
    summary = "JSON Lines, one frame a line, for pipes"
    suffixes = (".jsonl", ".ndjson")

    def sniff(self, path: Path, head: bytes) -> bool:
        """Whether the first line is an object with a frame and its people."""
        first = head.lstrip().split(b"\n", 1)[0]
        if first[:1] != b"{":
            return False
        if path.suffix.lower() in self.suffixes:
            return True
        try:
            line = msgspec.json.decode(first, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # The rest of a long line is not in `head`.
            return len(first) == len(head.lstrip()) and b'"frame"' in first[:200]
        return "frame" in line and "people" in line

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`.

        The last line of a file that is still being written is left out, with a warning.
        """
        builder = FrameBuilder(path, hints)
        names: dict[str, int] = {}
        place = 0
        lines = read_text(path).split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found = _decode(line, builder, number)
                if found is None:
                    continue
                index, image = _frame_of(found)
                image = image or frame_name(index)
                if names.setdefault(image, index) != index:
                    image = f"{index}: {image}"
                    names[image] = index
                builder.image(image)
                builder.place_frame(image, index, found.time)
            except ValueError as error:
                reason = str(error)
                if number == len(lines):
                    reason += " (the file is truncated, or still being written)"
                builder.problems.add(f"line {number}", reason)
                continue
            for raw in found.people:
                add_entry(builder, place, image, raw)
                place += 1
        return builder.finish()

    def encoder(self, hints: Hints) -> Encoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return JsonLinesEncoder(hints)


def _decode(line: bytes, builder: FrameBuilder, number: int) -> _Read | _Plain | None:
    """A line; None for one that has metadata alone.

    Raises:
        ValueError: If it is no frame; the message names the field.
    """
    try:
        found: _Read | _Plain = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            fields = json.loads(line)  # also NaN, and numbers that are too large
        except (ValueError, RecursionError) as error:
            raise ValueError(f"no JSON ({error})") from error
        if not isinstance(fields, dict):
            raise ValueError(f"expected an object, found {kind_of(fields)}") from None
        if set(fields) == {"poseflow"}:
            _describe(builder, fields["poseflow"])
            return None
        found = decode_entry(_usable(fields, builder, number), None, _Plain)
    if found.poseflow is not None:
        _describe(builder, found.poseflow)
    return found


def _usable(
    fields: dict[str, Any], builder: FrameBuilder, number: int
) -> dict[str, Any]:
    """The fields of a line without optional ones that cannot be read."""
    kept = dict(fields)
    for name, kind in _OPTIONAL.items():
        value = kept.get(name)
        try:
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError
            msgspec.convert(value, kind, strict=False)
        except ValueError:
            del kept[name]
            builder.problems.ignore(
                f"line {number}", f"{name}: cannot be read, found {str(value)[:40]!r}"
            )
    return kept


def _describe(builder: FrameBuilder, value: Any) -> None:
    try:
        builder.hints = with_metadata(builder.hints, value)
    except ValueError as error:
        builder.problems.ignore("line 1", str(error))


def _frame_of(line: _Read | _Plain) -> tuple[int, str]:
    """Index and name of a line's frame.

    Raises:
        ValueError: If the index is no whole number from 0.
    """
    index = line.frame
    if not math.isfinite(index) or index != int(index) or not 0 <= index < 2**53:
        raise ValueError(f"frame: expected a whole number from 0, found {index}")
    image = "" if line.image_id is None else str(line.image_id)
    image.encode()
    return int(index), image
