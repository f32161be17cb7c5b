"""Temporary files with a lock: an output has one writer, and a dead one's is reused."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import IO

from poseflow.errors import FormatError

_POLL_SECONDS = 0.05
_LONGEST_NAME_BYTES = 200

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 2**31 - 2, os.SEEK_SET)  # beyond what is written
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK, errno.EWOULDBLOCK}


def beside(target: Path, suffix: str) -> Path:
    """The hidden neighbour of an output that holds it until it is complete.

    Its name depends on the output alone, so that the next run finds what a killed one
    left behind.
    """
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return target.with_name(f".{name}.poseflow{suffix}")


def open_locked(path: Path, wait_seconds: float = 0.0) -> IO[bytes]:
    """Open a temporary file, empty, that no other writer has open.

    The system drops the lock when its owner ends, however it ends: a file that a killed
    process left is taken over. Where the file system knows no locks, there is none.

    Args:
        path: From `beside`.
        wait_seconds: How long to wait for another writer.

    Raises:
        OSError: If the system refuses.
        FormatError: If another writer keeps the file.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        file = open(path, "wb", opener=_open)  # noqa: SIM115
        try:
            taken = _is_taken(file.fileno())
            if not taken and _is_at(path, file.fileno()):
                file.truncate(0)
                return file
        except BaseException:
            file.close()
            raise
        # Another writer has it, or has just put it in its place or removed it.
        file.close()
        if taken and time.monotonic() >= deadline:
            raise FormatError(
                "another run is writing it now; wait for that, or give the output "
                "another name"
            )
        if taken:
            time.sleep(_POLL_SECONDS)


def _open(path: str, flags: int) -> int:
    # Not tempfile: its files are 0600, this one follows the umask. Not emptied yet: it
    # may be that of another writer.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _is_taken(descriptor: int) -> bool:
    try:
        _lock(descriptor)
    except OSError as error:
        return error.errno in _TAKEN
    return False


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the path still leads to the open file."""
    try:
        there = path.stat()
    except OSError:
        return False
    mine = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def release(path: Path, lock: IO[bytes]) -> None:
    """Remove a file that this writer has locked, if it is still there."""
    if lock.closed:
        return
    if os.name == "nt":  # which removes no open files
        lock.close()
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    lock.close()
