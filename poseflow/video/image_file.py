"""Reading of an image file: damage and size are checked before it is decoded."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.errors import SourceError
from poseflow.safety.limits import IMAGE


def read_image(path: Path) -> Image:
    """One image file as BGR uint8, upright as its EXIF data says.

    Raises:
        SourceError: If the file is missing, empty, truncated or no image.
    """
    try:
        if not path.is_file() and path.exists():
            raise SourceError(
                f"{path}: expected an image file, found a folder, pipe or device"
            )
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, place: str) -> Image:
    """The content of an image file as BGR uint8, upright as its EXIF data says.

    Args:
        data: The content.
        place: Where it is from, for the message.

    Raises:
        SourceError: If it is empty, truncated, too large or no image.
    """
    fault = _fault(data)
    if fault:
        raise SourceError(f"{place}: expected an image, {fault}")
    with quiet_opencv():
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            image = None
    if image is None:
        raise SourceError(
            f"{place}: expected an image, found data that no decoder reads"
        )
    return np.asarray(image, np.uint8)


def _fault(data: bytes) -> str | None:
    """What is wrong and shows without decoding; None for nothing.

    An empty or truncated file, or one whose header claims an image above the limit.

    Some OpenCV versions fill the missing part of a truncated JPEG with grey without an
    error, and libpng and libjpeg write to standard error themselves.
    """
    if not data:
        return "found an empty file (0 bytes)"
    if data.startswith(b"\xff\xd8") and not _is_whole_jpeg(data):
        return "found a truncated JPEG (no end mark)"
    if data.startswith(b"\x89PNG") and not _is_whole_png(data):
        return "found a truncated PNG (no end mark)"
    width, height = image_size(data) or (0, 0)
    if width * height > IMAGE.value * 1_000_000:
        return f"found one of {width} x {height} pixels (limit: {IMAGE})"
    return None


_JPEG_MARK = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
"""A mark other than a restart; a zero follows 0xFF where that is coded data."""
_SCAN, _END = 0xDA, 0xD9


def _is_whole_jpeg(data: bytes) -> bool:
    """Whether the end mark of the first image is there.

    Phones append videos and further images, and previews are embedded in front, so the
    segments are followed (ITU-T T.81, B.1) instead of searching marks in all bytes.
    """
    place = 2
    while mark := _JPEG_MARK.search(data, place):
        kind = mark[1][0]
        if kind == _END:
            return True
        place = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2])
        # The usual file ends with its mark: then do not search all of its coded data.
        if kind == _SCAN and data.endswith(b"\xff\xd9", place):
            return True
    return False


def _is_whole_png(data: bytes) -> bool:
    """Whether the chunk IEND is there; other data may follow it (PNG, 5.3)."""
    place = 8
    while place + 12 <= len(data):
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place += 12 + int.from_bytes(data[place : place + 4])
    return False


_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's marks SOF0 to SOF15, whose segment has the size (ITU-T T.81, table B.1)."""


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in an image file's header, None where it is not known.

    Knows PNG, JPEG, BMP, TIFF and WebP. OpenCV refuses others of more than 2^30 pixels.
    """
    if data.startswith(b"\x89PNG"):
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    if data.startswith(b"BM"):
        width, height = (
            int.from_bytes(data[k : k + 4], "little", signed=True) for k in (18, 22)
        )
        return abs(width), abs(height)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_size(data, "little" if data[:1] == b"I" else "big")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_size(data)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = 2
    while mark := _JPEG_MARK.search(data, place):
        start = mark.end()
        if mark[1][0] in _FRAME_HEADERS:
            height, width = data[start + 3 : start + 5], data[start + 5 : start + 7]
            return int.from_bytes(width), int.from_bytes(height)
        if mark[1][0] in (_SCAN, _END):
            break
        place = start + int.from_bytes(data[start : start + 2])
    return None


def _tiff_size(data: bytes, order: Literal["little", "big"]) -> tuple[int, int] | None:
    """Source: TIFF 6.0, sections 2 and 8: tags 256 and 257 of the first directory."""
    place = int.from_bytes(data[4:8], order)
    sides = {}
    for entry in range(int.from_bytes(data[place : place + 2], order)):
        start = place + 2 + 12 * entry
        tag, kind = (int.from_bytes(data[k : k + 2], order) for k in (start, start + 2))
        if tag in (256, 257):
            length = 2 if kind == 3 else 4
            sides[tag] = int.from_bytes(data[start + 8 : start + 8 + length], order)
    return (sides[256], sides[257]) if len(sides) == 2 else None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Source: RFC 9649, sections 2.4 to 2.7."""
    kind = data[12:16]
    if kind == b"VP8X":
        sides = (int.from_bytes(data[k : k + 3], "little") + 1 for k in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        sides = ((bits >> shift & 0x3FFF) + 1 for shift in (0, 14))
    elif kind == b"VP8 ":
        sides = (int.from_bytes(data[k : k + 2], "little") & 0x3FFF for k in (26, 28))
    else:
        return None
    width, height = sides
    return width, height


_SILENCE = threading.Lock()


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's own log off standard error; our errors carry more detail."""
    log = cv2.utils.logging
    with _SILENCE:
        before = log.getLogLevel()
        log.setLogLevel(log.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            log.setLogLevel(before)
