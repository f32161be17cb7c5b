"""Which files were made by poseflow, so that results in a folder replace no others."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from poseflow.errors import FormatError

MARK = b"poseflow"
"""In every image, plot, video, page and JSON file that is written to a folder."""

_SEARCHED_BYTES = 1 << 24
_ATTRIBUTE = "user.poseflow"


def is_made(path: Path) -> bool:
    """Whether a file bears the mark of poseflow."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return MARK in file.read(_SEARCHED_BYTES)
    except OSError:
        return False


def refuse_other_file(path: Path) -> None:
    """Check that a file whose name the user did not choose may be written.

    Raises:
        FormatError: If it is there already, and poseflow did not make it.
    """
    if os.path.lexists(path) and not is_made(path):
        raise FormatError(
            f"cannot write {path}: it is there already, and not made by poseflow; "
            "choose another folder, or move the file away"
        )


def mark_folder(folder: Path) -> None:
    """Note on a folder that its files are made by poseflow, where the system can.

    For files that cannot bear a mark: an extended attribute with a digest of their
    names and sizes.
    """
    if hasattr(os, "setxattr"):
        with contextlib.suppress(OSError):
            os.setxattr(folder, _ATTRIBUTE, _digest(folder))


def is_made_folder(folder: Path) -> bool:
    """Whether all files of a folder were made by poseflow, or there are none."""
    with contextlib.suppress(OSError, AttributeError):
        if os.getxattr(folder, _ATTRIBUTE) == _digest(folder):
            return True
    return all(map(is_made, folder.iterdir()))


def _digest(folder: Path) -> bytes:
    files = sorted((f.name, f.stat().st_size) for f in folder.iterdir())
    return hashlib.sha256(repr(files).encode("utf-8", "surrogatepass")).digest()
