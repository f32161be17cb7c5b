"""Typed records (msgspec schema) of PoseTrack's JSON, and their decoding.

One schema covers the three years. A file that fits is decoded at once by msgspec; one
that does not (a literal NaN, a number where a list belongs, a damaged person) goes
through `repair`, which keeps what can be kept and reports what it changed.
"""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from poseflow.errors import FormatError
from poseflow.formats.posetrack.annotations import NO_ID, Problem
from poseflow.formats.posetrack.repair import repair

NONE = (math.nan,)
"""Value of a 2017 field that is not given."""


class Point17(msgspec.Struct, gc=False):
    """A joint: every value is a list of one. Readers rely on the order of fields."""

    id: tuple[int]
    x: tuple[float]
    y: tuple[float]
    score: tuple[float] = NONE


class PointList17(msgspec.Struct, gc=False):
    """The joints of a rectangle; None if there is no list of them."""

    point: list[Point17] | None = None


class Rect17(msgspec.Struct, gc=False):
    """A person; the rectangle is the head's."""

    x1: tuple[float] = NONE
    y1: tuple[float] = NONE
    x2: tuple[float] = NONE
    y2: tuple[float] = NONE
    track_id: tuple[int] = (NO_ID,)
    score: tuple[float] = NONE
    annopoints: list[PointList17] = []


class Corner17(msgspec.Struct, gc=False):
    """A corner of an ignore region."""

    x: tuple[float]
    y: tuple[float]


class Region17(msgspec.Struct, gc=False):
    """An ignore region."""

    point: list[Corner17] = []


class ImageName17(msgspec.Struct, gc=False):
    """The file name of a frame."""

    name: str = ""


class Frame17(msgspec.Struct, gc=False):
    """One frame and its people."""

    image: list[ImageName17] = []
    annorect: list[Rect17] = []
    ignore_regions: list[Region17] = []
    is_labeled: list[int | bool] = []
    frame: Any = None
    time: Any = None


class Image18(msgspec.Struct, gc=False):
    """One frame."""

    id: int
    file_name: str = ""
    is_labeled: bool | int | None = None
    ignore_regions_x: list[list[float]] | None = None
    ignore_regions_y: list[list[float]] | None = None
    has_labeled_person: bool | int | None = None
    vid_id: Any = None
    frame: Any = None
    time: Any = None


class Annotation18(msgspec.Struct, gc=False):
    """One person in one frame."""

    image_id: int
    # int | float: whether a number was written with a decimal point matters to the
    # PoseTrack21 kit.
    keypoints: list[int | float] = []
    track_id: int | None = None
    scores: list[float] | None = None
    score: float | None = None
    bbox_head: list[float] | None = None
    bbox: list[float] | None = None
    person_id: int | None = None


class Category18(msgspec.Struct, gc=False):
    """Names of the keypoint slots."""

    keypoints: list[str] = []


class Document(msgspec.Struct, gc=False):
    """A file of any of the years: `annolist`, or images with annotations."""

    annolist: list[Frame17] | None = None
    images: list[Image18] | None = None
    annotations: list[Annotation18] = []
    categories: list[Category18] = []
    poseflow: Any = None


def stated_indices(
    frames: Sequence[Frame17 | Image18],
) -> tuple[int | None, ...]:
    """The frame indices that a result of poseflow states; None where it does not."""
    return tuple(
        value if type(value := frame.frame) is int and 0 <= value < 2**53 else None
        for frame in frames
    )


def stated_times(
    frames: Sequence[Frame17 | Image18],
) -> tuple[float | None, ...]:
    """The times in seconds that a result of poseflow states."""
    return tuple(
        float(value)
        if isinstance(value := frame.time, int | float) and math.isfinite(value)
        else None
        for frame in frames
    )


_DECODER = msgspec.json.Decoder(Document)


def decode(data: bytes, label: str, problems: list[Problem]) -> Document:
    """The records of a file as they are, or repaired if they do not fit the schema.

    Args:
        data: JSON text.
        label: Name of the file in messages.
        problems: Gets what had to be repaired.

    Raises:
        FormatError: If the text is not JSON, or neither kind of PoseTrack file.
    """
    try:
        document = _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return decode_repaired(data, label, problems)
    return _of_known_kind(document, label)


def decode_repaired(data: bytes, label: str, problems: list[Problem]) -> Document:
    """As `decode`, repairing at once; also numbers that are too large for 64 bits."""
    repaired = repair(_plain_json(data, label), label, problems)
    return _of_known_kind(msgspec.convert(repaired, Document), label)


def _of_known_kind(document: Document, label: str) -> Document:
    if document.annolist is None and document.images is None:
        raise FormatError(
            f"{label}: neither a PoseTrack17 file (it has no 'annolist') nor a "
            "PoseTrack18 or 21 file (it has no 'images')"
        )
    return document


@contextmanager
def paused_gc() -> Iterator[None]:
    """No cyclic garbage collection inside: millions of small, acyclic objects are made.

    The collector would traverse them again and again, for a third of the time.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _plain_json(data: bytes, label: str) -> Any:
    try:
        return json.loads(data)
    except RecursionError as error:
        raise FormatError(f"{label}: nested too deeply to be a pose file") from error
    except ValueError as error:
        raise FormatError(f"{label}: not valid JSON ({error})") from error
