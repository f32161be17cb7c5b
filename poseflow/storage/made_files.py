"""Which files were made by poseflow, so that results in a folder replace no others."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import warnings
from pathlib import Path

from poseflow.errors import FormatError
from poseflow.storage.atomic import explain

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


def free_name(path: Path) -> Path:
    """The first of `NAME.1`, `NAME.2` and so on that nothing has."""
    names = (path.with_name(f"{path.name}.{k}") for k in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


class KeptFiles:
    """Renames files that poseflow did not make before it writes others in their place.

    They are kept as `NAME.1` and so on; the first one of a folder gives a warning.

    Args:
        folder: The folder that is written to, for the warning.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._warned = False

    def keep(self, path: Path) -> None:
        """Keep the file that is at a path, if poseflow did not make it.

        Raises:
            FormatError: If it cannot be renamed.
        """
        if not os.path.lexists(path) or is_made(path):
            return
        kept = free_name(path)
        try:
            path.rename(kept)
        except OSError as error:
            raise explain(error, path, "write") from error
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{self._folder}: files that are not known to be made by poseflow were "
                f"there; they are kept under names such as {kept.name}",
                stacklevel=3,
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
