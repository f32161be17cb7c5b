"""Atomic files, which appear whole or not at all, and checks of output paths."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from poseflow.errors import FormatError
from poseflow.storage.inputs import PathLike as PathLike
from poseflow.storage.inputs import folded, refuse_inputs
from poseflow.storage.locking import beside, open_locked

STDOUT = "-"
"""The path that means standard output."""

WAIT_SECONDS = 10.0
"""How long short writes wait for each other: the last one wins."""


def explain(error: OSError, path: PathLike, doing: str = "write") -> FormatError:
    """The `FormatError` that tells a user what an `OSError` means for their file."""
    reasons = {
        errno.ENOENT: "no such file or folder",
        errno.EEXIST: "something else has this name already",
        errno.EISDIR: "is a folder, expected a file",
        errno.ENOTDIR: "a part of the path is not a folder",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.EROFS: "the file system is read-only",
        errno.ENOSPC: "disk full; free some space or choose another place",
        errno.EDQUOT: "disk quota used up; free some space or choose another place",
        errno.EFBIG: "the file would become larger than this system allows",
        errno.EPIPE: "the reader of the output went away",
        errno.ENAMETOOLONG: "the name is too long",
        errno.ELOOP: "the link leads in a circle",
    }
    text = reasons.get(error.errno or 0, error.strerror or str(error))
    return FormatError(f"cannot {doing} {os.fspath(path)}: {text}")


def check_writable(path: PathLike) -> None:
    """Check that a path can be written, before the work is done.

    Nothing is created. Whether the disk has room cannot be checked.

    Raises:
        FormatError: If `path` is a folder or a protected input, its folder does not
            exist, or either may not be written.
    """
    if os.fspath(path) == STDOUT:
        return
    if not os.fspath(path):
        raise FormatError("cannot write: the name of the output is empty")
    target = target_of(path)
    refuse_inputs(target)
    folder = target.parent
    code = None
    with contextlib.suppress(OSError):
        if is_too_long(target):
            code = errno.ENAMETOOLONG
        elif target.is_dir():
            code = errno.EISDIR
        elif not folder.exists():
            raise FormatError(
                f"cannot write {os.fspath(path)}: the folder {folder} does not exist; "
                "create it first"
            )
        elif not folder.is_dir():
            code = errno.ENOTDIR
        elif not _permitted(target):
            code = errno.EACCES
    if code is not None:
        raise explain(OSError(code, os.strerror(code)), path)


def check_apart(path: PathLike, **others: PathLike | None) -> None:
    """Check that two outputs of a run are not the same.

    Args:
        path: The output.
        others: Further outputs, by their role in the message; None is skipped.

    Raises:
        FormatError: If one of them is the same.
    """
    if os.fspath(path) == STDOUT:
        return
    target = target_of(path)
    for role, other in others.items():
        if other is not None and folded(target_of(other)) == folded(target):
            raise FormatError(
                f"cannot write {os.fspath(path)}: this is the {role} itself; give the "
                "output another name"
            )


def target_of(path: PathLike) -> Path:
    """The file itself: replacing a link would cut it off from its target."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise FormatError(f"cannot write {os.fspath(path)!r}: {error}") from error


def is_too_long(target: Path) -> bool:
    """Whether the system refuses the name for its length."""
    try:
        target.lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _replaceable(target: Path) -> bool:
    """Whether the path is an ordinary file, or free; not a device, not a pipe."""
    try:
        return stat.S_ISREG(target.stat().st_mode)
    except OSError:
        return True


def _permitted(target: Path) -> bool:
    if target.exists() and not os.access(target, os.W_OK):
        return False
    return not _replaceable(target) or os.access(target.parent, os.W_OK | os.X_OK)


class AtomicFile:
    """A binary file that takes its place when it is complete, by `os.replace`.

    Until `commit` everything goes into a hidden neighbour in the same folder, so that
    a reader of `path` sees the previous content or the new one. As a context manager
    it commits at the end of the block and discards if the block raises anything.
    Devices, pipes and `-` (standard output) are written to directly.

    The neighbour is locked: of two writers of a path the second waits, and what a
    killed process left there is overwritten by the next one.

    Args:
        path: The file.
        wait_seconds: How long to wait for another writer of the same file.

    Raises:
        FormatError: From any method, if the system refuses, the path is a protected
            input or has another writer; nothing is left behind.
        BrokenPipeError: If the reader of standard output has gone.

    Examples:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.json"
        >>> with AtomicFile(path) as file:
        ...     file.write(b"[]")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('[]', 1)
    """

    def __init__(self, path: PathLike, wait_seconds: float = WAIT_SECONDS) -> None:
        self.path = os.fspath(path)
        self.size = 0
        self._file: IO[bytes] | None = None
        self._temporary: Path | None = None
        check_writable(path)
        if self.path == STDOUT:
            self._file = sys.stdout.buffer
            return
        self._target = target_of(path)
        with self._refusals():
            if not _replaceable(self._target):
                self._file = self._target.open("wb")
                return
            temporary = beside(self._target, ".tmp")
            refuse_inputs(temporary)
            self._file = open_locked(temporary, wait_seconds)
            self._temporary = temporary

    @property
    def target(self) -> Path | None:
        """The file that is replaced; None where it is written to directly."""
        return None if self._temporary is None else self._target

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.discard()
            if isinstance(error, BrokenPipeError) and self.path == STDOUT:
                raise  # `| head` is no failure of ours
            raise explain(error, self.path) from error
        except FormatError as error:
            self.discard()
            raise FormatError(f"cannot write {self.path}: {error}") from error

    def write(self, data: bytes) -> None:
        """Append; `size` grows when all of it has been taken."""
        if self._file is None:
            raise FormatError(f"cannot write {self.path}: it is already closed")
        with self._refusals():
            self._file.write(data)
            self.size += len(data)

    def commit(self) -> None:
        """Complete the file and put it into place."""
        if self._file is None:
            return
        try:
            with self._refusals():
                self._finish(self._file)
        finally:
            self.discard()  # nothing is left to drop unless something was raised

    def _finish(self, file: IO[bytes]) -> None:
        file.flush()
        if self._temporary is None:
            if self.path != STDOUT:
                file.close()
            return
        os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            self._temporary.chmod(stat.S_IMODE(self._target.stat().st_mode))
        if os.name == "nt":  # which moves no open files
            file.close()
        self._temporary.replace(self._target)
        self._temporary = None
        file.close()  # not earlier: it drops the lock

    def flush(self) -> None:
        """Send on what was written, where others read it at once: pipes and devices."""
        if self._file is not None and self._temporary is None:
            with self._refusals():
                self._file.flush()

    def rewind(self, size: int) -> None:
        """Drop everything after the first `size` bytes, where that is possible.

        For a caller that was interrupted within `write` and knows the last valid end.
        """
        if self._file is None or self._temporary is None:
            return
        with self._refusals():
            self._file.flush()
            self._file.seek(size)
            self._file.truncate()
            self.size = size

    def discard(self) -> None:
        """Drop what was written; the previous file stays."""
        file, self._file = self._file, None
        temporary, self._temporary = self._temporary, None
        # Removed while it is locked, which Windows does not allow.
        for step in (self._remove, self._close)[:: -1 if os.name == "nt" else 1]:
            step(temporary, file)

    @staticmethod
    def _remove(temporary: Path | None, file: IO[bytes] | None) -> None:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _close(self, temporary: Path | None, file: IO[bytes] | None) -> None:
        if file is not None and self.path != STDOUT:
            with contextlib.suppress(OSError):
                file.close()

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Commit, or discard if the block raised."""
        if kind is None:
            self.commit()
        else:
            self.discard()


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """A temporary path beside `path`, for writers that need the name of a file.

    What was written there takes the place of `path` when the block ends, and is removed
    if the block raises anything.

    Raises:
        FormatError: If the system refuses; the previous file is then intact.
    """
    with AtomicFile(path) as file:
        yield file._temporary or Path(path)


def write_atomically(path: PathLike, data: bytes) -> None:
    """Write `data` to a file, all or nothing.

    Raises:
        FormatError: If the system refuses; the previous file is then intact.
    """
    with AtomicFile(path) as file:
        file.write(data)
