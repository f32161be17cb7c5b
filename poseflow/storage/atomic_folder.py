"""Folders of files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from poseflow.errors import FormatError
from poseflow.frame_names import file_name
from poseflow.storage.atomic import STDOUT, PathLike, check_writable, explain
from poseflow.storage.inputs import refuse_inputs
from poseflow.storage.locking import beside, open_locked, release
from poseflow.storage.made_files import free_name, is_made_folder, mark_folder


class AtomicFolder:
    """A folder that takes its place when it is complete, as `AtomicFile` does.

    A previous folder is replaced as a whole, if all its files end like those that are
    written: they are the previous result. If they are not known to be made by poseflow,
    the folder is kept as `NAME.1` and so on, with a warning. Any other folder that is
    not empty is refused.

    Args:
        path: The folder.
        suffix: End of the names of all files that go into it.

    Raises:
        FormatError: From any method, if the system refuses; nothing is left behind.
    """

    def __init__(self, path: PathLike, suffix: str) -> None:
        self.path = os.fspath(path)
        refuse_inputs(path)
        check_folder(path, suffix)
        self._target = Path(os.path.realpath(path))
        self._temporary: Path | None = None
        self._incomplete: Path | None = None
        self._locked = beside(self._target, ".lock")
        with self._refusals():
            self._lock: IO[bytes] | None = open_locked(self._locked)
            temporary = beside(self._target, ".tmp")
            shutil.rmtree(temporary, ignore_errors=True)  # of a run that was killed
            temporary.mkdir()
            self._temporary = temporary

    @property
    def target(self) -> Path:
        """The folder itself, where a link leads."""
        return self._target

    def _hidden(self, ending: str) -> Path:
        name = f".{self._target.name[:200]}.{secrets.token_hex(4)}.{ending}"
        return self._target.with_name(name)

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.discard()
            raise explain(error, self.path) from error
        except FormatError as error:
            raise FormatError(f"cannot write {self.path}: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        """Add a file."""
        if self._temporary is None:
            raise FormatError(f"cannot write {self.path}: it is already closed")
        with self._refusals():
            self._incomplete = self._temporary / file_name(name)
            self._incomplete.write_bytes(data)
            self._incomplete = None

    def commit(self) -> None:
        """Put the folder into place, without a file that was interrupted."""
        if self._temporary is None:
            return
        with self._refusals():
            if self._incomplete is not None:
                self._incomplete.unlink(missing_ok=True)
            previous = None
            if self._target.exists():
                previous = self._hidden("old")
                self._target.rename(previous)
            mark_folder(self._temporary)
            self._temporary.rename(self._target)
            self._temporary = None
            if previous is not None:
                self._dispose(previous)
        self.discard()

    def _dispose(self, previous: Path) -> None:
        """Remove the previous folder, or keep it if others made its files."""
        if is_made_folder(previous):
            shutil.rmtree(previous, ignore_errors=True)
            return
        kept = free_name(self._target)
        previous.rename(kept)
        warnings.warn(
            f"{self.path}: files that are not known to be made by poseflow were there; "
            f"they are kept in {kept}",
            stacklevel=4,
        )

    def discard(self) -> None:
        """Drop what was written; the previous folder stays."""
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        lock, self._lock = getattr(self, "_lock", None), None
        if lock is not None:
            release(self._locked, lock)


def check_folder(path: PathLike, suffix: str) -> None:
    """Check that a folder of files can be written, before the work is done.

    Raises:
        FormatError: If `path` is standard output, a file, or a folder with other files
            than previous ones of the same kind, or may not be written.
    """
    if os.fspath(path) == STDOUT:
        raise FormatError(
            "cannot write a folder of files to standard output; name a folder"
        )
    place = Path(path)
    try:
        if not place.is_dir():
            check_writable(path)
            if place.exists():
                raise FormatError(
                    f"cannot write {os.fspath(path)}: it is a file, expected the name "
                    "of a folder"
                )
            return
        others = [
            file.name
            for file in place.iterdir()
            if not file.name.endswith(suffix) or file.is_symlink() or file.is_dir()
        ]
        if others:
            raise FormatError(
                f"cannot write {os.fspath(path)}: the folder holds {min(others)!r}, "
                f"expected a new folder, an empty one or one of files *{suffix}, which "
                "is replaced"
            )
        if not os.access(place.resolve().parent, os.W_OK | os.X_OK):
            raise FormatError(f"cannot write {os.fspath(path)}: permission denied")
    except OSError as error:
        raise explain(error, path) from error
