"""Reading of a whole input file: gzip, text encodings, and errors that name it."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from pathlib import Path

from poseflow.errors import FormatError
from poseflow.formats.text_encoding import as_utf8
from poseflow.safety.limits import read_unzipped
from poseflow.storage.atomic import PathLike, explain

HEAD_BYTES = 65536
"""How much of a file `Format.sniff` is given."""


def read_text(path: PathLike, most: int | None = None, *, empty: bool = False) -> bytes:
    """A text file's content in UTF-8, unzipped if it is gzip.

    Text in UTF-16 or UTF-32 is converted, and byte order marks are removed.

    Args:
        path: File to read.
        most: Stop after that many bytes; None reads all.
        empty: Whether the file may be empty.

    Raises:
        FormatError: If it cannot be read, is a folder, or is empty but must not be.
    """
    data = read_bytes(path, most)
    data = as_utf8(data, os.fspath(path), whole=most is None or len(data) < most)
    if not empty and (not data or data.isspace()):
        raise FormatError(
            f"{os.fspath(path)}: the file is empty; write or download it again"
        )
    return data


def read_bytes(path: PathLike, most: int | None = None) -> bytes:
    """A file's content, unzipped if it is gzip.

    Args:
        path: File to read.
        most: Stop after that many bytes; None reads all.

    Raises:
        FormatError: If it cannot be read, is a folder, or is damaged gzip.
    """
    label = os.fspath(path)

    def refuse(message: str) -> FormatError:
        return FormatError(f"{label}: {message}")

    try:
        mode = Path(path).stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise FormatError(
                f"cannot read {label}: it is a pipe or device, expected a file, which "
                "is read more than once"
            )
        with Path(path).open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                return file.read(-1 if most is None else most)
            size = os.fstat(file.fileno()).st_size
            with gzip.GzipFile(fileobj=file) as unzipped:
                return read_unzipped(unzipped, size, refuse, most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise refuse(f"damaged gzip file ({error})") from error
    except OSError as error:
        raise explain(error, path, "read") from error
    except FormatError:
        raise
    except ValueError as error:  # a NUL in the name
        raise FormatError(f"cannot read {label!r}: {error}") from error
