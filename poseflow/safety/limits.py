"""Limits on hostile input: bounded memory and time; docs/limits.md lists them.

A limit is far above what real data need. Each has an environment variable that raises
it, and errors name the variable.
"""

from __future__ import annotations

import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from poseflow.errors import PoseFlowError

MB = 1_000_000

BAD_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError),
)
"""What reading a damaged, encrypted or unknown zip or gzip raises, beside `OSError`."""

FREE_BYTES, RATIO = 16 * MB, 200
"""Compressed data may become this large, or this many times larger, whichever is more:
poses in JSON compress 3 to 20 times."""

_PIECE = 1 << 20


class Readable(Protocol):
    """What `read_unzipped` reads: a file, or a decompressing stream."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


@dataclass(frozen=True)
class Limit:
    """A limit with the environment variable that changes it.

    Attributes:
        variable: Name of the environment variable.
        default: The limit where the variable is not set.
        unit: Of both.
    """

    variable: str
    default: int
    unit: str

    @property
    def value(self) -> int:
        """The limit in force.

        Raises:
            PoseFlowError: If the variable is no whole number above 0.
        """
        text = os.environ.get(self.variable)
        if text is None:
            return self.default
        if not text.isascii() or not text.isdigit() or not 0 < len(text) <= 12:
            raise PoseFlowError(
                f"environment variable {self.variable}: expected a whole number of "
                f"{self.unit}, found {text[:40]!r}"
            )
        return max(int(text), 1)

    def __str__(self) -> str:
        """What an error says about it."""
        return f"{self.value} {self.unit}; {self.variable} sets another limit"


ONNX_INPUT = Limit("POSEFLOW_MAX_ONNX_INPUT_MB", 512, "MB")
"""Size of an ONNX model's fixed input."""

UNZIPPED = Limit("POSEFLOW_MAX_UNZIPPED_MB", 512, "MB")
"""Size of a compressed file's content."""

IMAGE = Limit("POSEFLOW_MAX_IMAGE_MEGAPIXELS", 200, "megapixels")
"""Size of an image, known before it is decoded."""


def most_expanded(file_bytes: int) -> int:
    """How many bytes the columns or arrays of a file may have in memory.

    Equal values take no room in Parquet and HDF5, so a small file can claim any number.
    Unlike text, arrays are used as they are: what they may have grows with the file.
    """
    return max(FREE_BYTES, RATIO * file_bytes)


def most_unzipped(compressed_bytes: int) -> int:
    """How many bytes compressed data may become."""
    return min(UNZIPPED.value * MB, max(FREE_BYTES, RATIO * compressed_bytes))


def read_unzipped(
    stream: Readable,
    compressed_bytes: int,
    refuse: Callable[[str], Exception],
    most: int | None = None,
) -> bytes:
    """Read a decompressing stream to its end, or to a limit.

    Args:
        stream: Yields the decompressed content.
        compressed_bytes: Size of the compressed data.
        refuse: Makes the error from a message.
        most: Stop after that many bytes; None reads all.

    Raises:
        Exception: That of `refuse`, if the content is larger than the limit.
    """
    limit = most_unzipped(compressed_bytes)
    wanted = limit + 1 if most is None else most
    parts = []
    while wanted > 0 and (part := stream.read(min(wanted, _PIECE))):
        parts.append(part)  # in pieces: one large `read` reserves all of it
        wanted -= len(part)
    data = b"".join(parts)
    if most is None and len(data) > limit:
        raise refuse(
            f"more than {limit // MB} MB once unzipped, from {compressed_bytes} bytes; "
            f"unzip it first if that is meant to be (limit: {UNZIPPED})"
        )
    return data
