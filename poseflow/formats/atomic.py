"""Atomic files, which appear whole or not at all, and checks of output paths."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from poseflow.errors import FormatError

STDOUT = "-"
"""The path that means standard output."""

PathLike = str | os.PathLike[str]


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
        FormatError: If `path` is a folder, its folder does not exist, or either may not
            be written.
    """
    if os.fspath(path) == STDOUT:
        return
    if not os.fspath(path):
        raise FormatError("cannot write: the name of the output is empty")
    target = _target(path)
    folder = target.parent
    code = None
    with contextlib.suppress(OSError):
        if target.is_dir():
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
    """Check that an output is neither an input nor another output.

    Args:
        path: The output.
        others: Paths that must not be the same file or folder, by their role in the
            message; None is skipped.

    Raises:
        FormatError: If one of them is the same.
    """
    if os.fspath(path) == STDOUT:
        return
    target = _target(path)
    for role, other in others.items():
        if other is not None and _target(other) == target:
            raise FormatError(
                f"cannot write {os.fspath(path)}: this is the {role} itself; give the "
                "output another name"
            )


def _target(path: PathLike) -> Path:
    """The file itself: replacing a link would cut it off from its target."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise FormatError(f"cannot write {os.fspath(path)!r}: {error}") from error


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

    Raises:
        FormatError: From any method, if the system refuses; nothing is left behind.
        BrokenPipeError: If the reader of standard output has gone.

    Examples:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.json"
        >>> with AtomicFile(path) as file:
        ...     file.write(b"[]")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('[]', 1)
    """

    def __init__(self, path: PathLike) -> None:
        self.path = os.fspath(path)
        self.size = 0
        self._file: IO[bytes] | None = None
        self._temporary: Path | None = None
        check_writable(path)
        if self.path == STDOUT:
            self._file = sys.stdout.buffer
            return
        self._target = _target(path)
        with self._refusals():
            if not _replaceable(self._target):
                self._file = self._target.open("wb")
                return
            name = f".{self._target.name[:200]}.{secrets.token_hex(4)}.tmp"
            self._temporary = self._target.with_name(name)
            # Not tempfile: its files are 0600, this one follows the umask.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(self._temporary, flags, 0o666), "wb")

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.discard()
            if isinstance(error, BrokenPipeError) and self.path == STDOUT:
                raise  # `| head` is no failure of ours
            raise explain(error, self.path) from error

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
        file.close()
        with contextlib.suppress(FileNotFoundError):
            self._temporary.chmod(stat.S_IMODE(self._target.stat().st_mode))
        self._temporary.replace(self._target)
        self._temporary = None

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
        if file is not None and self.path != STDOUT:
            with contextlib.suppress(OSError):
                file.close()
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()

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
