"""Arrays of numbers in MATLAB files of version 5 to 7.2.

scipy's reader ends the process on some damaged files. Source: MathWorks, "MAT-File
Format" (2024), "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.errors import FormatError
from poseflow.formats.input_file import read_bytes
from poseflow.safety.limits import most_unzipped

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"}
_NUMBERS |= {7: "f4", 9: "f8", 12: "i8", 13: "u8"}


def read_matlab_array(path: Path, name: str) -> npt.NDArray[Any]:
    """An array of real numbers of a MATLAB file.

    Raises:
        FormatError: If the file cannot be read, is none, or has no such array.
    """
    data = read_bytes(path)
    if len(data) < _HEADER_BYTES or data[126:128] not in (b"IM", b"MI"):
        raise FormatError(f"{path}: not a MATLAB file of version 5 to 7.2")
    order = "<" if data[126:128] == b"IM" else ">"
    try:
        for kind, content in _elements(data[_HEADER_BYTES:], order):
            found: npt.NDArray[Any] | None = _array(kind, content, order, name)
            if found is not None:
                return found
    except (struct.error, ValueError, zlib.error, IndexError, KeyError) as error:
        raise FormatError(f"{path}: damaged MATLAB file ({error})") from error
    raise FormatError(f"{path}: expected an array {name!r}, found none")


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each element."""
    at = 0
    while at + 8 <= len(data):
        kind, length = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # at most four bytes, within the tag itself
            kind, length, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        else:
            start = at + 8
            padding = 0 if kind == _COMPRESSED else -length % 8
            end = start + length + padding
        if start + length > len(data):
            raise ValueError("an element is longer than the file")
        yield kind, data[start : start + length]
        at = end


def _array(kind: int, content: bytes, order: str, name: str) -> Any:
    """The array in an element, if it has that name."""
    if kind == _COMPRESSED:
        unzip = zlib.decompressobj()
        limit = most_unzipped(len(content))
        content = unzip.decompress(content, limit)
        if unzip.unconsumed_tail:
            raise ValueError(f"more than {limit} bytes once unzipped")
        ((kind, content),) = _elements(content, order)
    if kind != _MATRIX:
        return None
    parts = list(_elements(content, order))
    (_, flags), (_, shape), (_, title) = parts[:3]
    if title.decode("latin-1") != name:
        return None
    if flags[1 if order == "<" else 2] & 0x08:
        raise ValueError(f"{name}: complex numbers")
    sides = np.frombuffer(shape, f"{order}i4").tolist()
    numbers, values = parts[3]
    array = np.frombuffer(values, order + _NUMBERS[numbers])
    if min(sides, default=0) < 0 or math.prod(sides) != array.size:
        raise ValueError(f"{name}: {array.size} numbers for a shape {sides}")
    return array.reshape(sides, order="F")
