"""Arrays of `.npz` files: no pickles, and no more memory than the file is worth."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Collection
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from poseflow.errors import FormatError
from poseflow.safety.limits import BAD_ARCHIVE, MB, UNZIPPED, most_unzipped

Array = npt.NDArray[Any]


def read_npz(
    path: str | os.PathLike[str], wanted: Collection[str] | None = None
) -> dict[str, Array]:
    """The arrays of an `.npz` file by name.

    Args:
        path: The file.
        wanted: Names of arrays; those that the file lacks are left out. None reads all.

    Raises:
        FormatError: If it is damaged, larger than the limit once unzipped, or an array
            holds Python objects or less than its header claims.
        OSError: If the system refuses.
    """
    place = os.fspath(path)
    with Path(path).open("rb") as whole:
        try:
            return _read(whole, place, wanted)
        except FormatError:
            raise
        except (OSError, *BAD_ARCHIVE, ValueError) as error:
            raise FormatError(f"{place}: damaged npz file ({error})") from error


def _read(
    whole: IO[bytes], place: str, wanted: Collection[str] | None
) -> dict[str, Array]:
    found = {}
    with zipfile.ZipFile(whole) as archive:
        members = {info.filename: info for info in archive.infolist()}
        total = sum(info.file_size for info in members.values())
        packed = sum(info.compress_size for info in members.values())
        if total > (most := most_unzipped(packed)):
            raise FormatError(
                f"{place}: more than {most // MB} MB once unzipped; write several "
                f"files (limit: {UNZIPPED})"
            )
        for member, info in members.items():
            name = member.removesuffix(".npy")
            if name != member and (wanted is None or name in wanted):
                with archive.open(info) as file:
                    found[name] = _array(file, info.file_size, f"{place}: array {name}")
    return found


def _array(file: IO[bytes], size: int, place: str) -> Array:
    """An array whose header agrees with the size of its member.

    numpy would reserve whatever a header claims before it reads.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of the npy format")
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(file)
        if dtype.hasobject:
            raise ValueError("Python objects, which are not loaded")
        claimed = math.prod(shape) * dtype.itemsize
        if claimed > size:
            raise ValueError(f"{claimed} bytes of numbers in {size} bytes")
        data = file.read(claimed)
        if len(data) < claimed:
            raise ValueError(f"{len(data)} of {claimed} bytes")
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
        array = array.astype(dtype.newbyteorder("="))
        if dtype.kind == "U" and (array.reshape(-1).view(np.uint32) > 0x10FFFF).any():
            raise ValueError("numbers that are no characters")
        return array
    except (ValueError, OverflowError, SyntaxError, TypeError, TokenError) as error:
        text = " ".join(str(error).split())[:200]
        raise FormatError(f"{place}: cannot be read: found {text}") from error
