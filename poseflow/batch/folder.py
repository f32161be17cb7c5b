"""Folders of results: on this machine, or behind a url that fsspec knows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from poseflow.batch.item import BatchItem, digest_of
from poseflow.errors import FormatError, MissingExtraError, SourceError
from poseflow.safety.redaction import redact
from poseflow.storage.atomic import check_writable, explain, write_atomically
from poseflow.storage.inputs import role_of
from poseflow.storage.locking import open_locked, release

LOCK = ".poseflow.lock"

_REMOTE = re.compile(
    r"(s3a?|gcs|gs|az|abfss?|adl|oci|oss|hf|hdfs|webhdfs|sftp|ssh|dbfs|local)://", re.I
)
"""Urls of files that fsspec fetches; FFmpeg reads http and streams itself."""


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether a source or a folder of results is behind a url of fsspec.

    Examples:
        >>> is_remote("s3://bucket/a.mp4"), is_remote("rtsp://camera"), is_remote("a")
        (True, False, False)
    """
    return _REMOTE.match(os.fspath(path)) is not None


class ResultFolder(Protocol):
    """Where the results and the record of a batch are."""

    url: str | None
    """Where workers upload results to; None where they write them in place."""

    path: Path
    """The folder, or the name that stands for it in results."""

    def label(self, name: str) -> str:
        """The name of a file in messages."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name, or anything else."""

    def fault(self, name: str) -> str | None:
        """Why a file must not be written even if it is the batch's own."""

    def digest(self, name: str) -> str | None:
        """SHA-256 of a file's content; None if there is none."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if there is none, or it is a folder."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, all or nothing."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def only_batch(self) -> contextlib.AbstractContextManager[None]:
        """Keep other batches out while the block runs."""


def open_folder(out: str | os.PathLike[str]) -> ResultFolder:
    """The folder of a batch's results; made if it does not exist.

    Raises:
        FormatError: If it cannot be made or written to.
    """
    if is_remote(out):
        return RemoteFolder(os.fspath(out))
    return LocalFolder(Path(out))


class LocalFolder:
    """A folder of a file system."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url: str | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, path, "make") from error
        check_writable(path / LOCK)

    def label(self, name: str) -> str:
        """The name of a file in messages."""
        return str(self.path / name)

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name, or anything else."""
        return os.path.lexists(self.path / name)

    def fault(self, name: str) -> str | None:
        """Why a file must not be written even if it is the batch's own."""
        inside = (name, *PurePosixPath(name).parts[:-1])
        if any((self.path / place).is_symlink() for place in inside):
            return "it is a link, expected a file of this batch"
        role = role_of(self.path / name)
        return None if role is None else f"this is the {role} itself"

    def digest(self, name: str) -> str | None:
        """SHA-256 of a file's content; None if there is none."""
        try:
            return digest_of(self.path / name)
        except OSError:
            return None

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if there is none, or it is a folder."""
        path = self.path / name
        return path.stat().st_size if path.is_file() else None

    def read(self, name: str) -> bytes:
        """The content of a file."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise explain(error, self.path / name, "read") from error

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, all or nothing."""
        write_atomically(self.path / name, data)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.path / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def only_batch(self) -> Iterator[None]:
        """Keep other batches out while the block runs."""
        path = self.path / LOCK
        try:
            lock = open_locked(path)
        except FormatError as error:
            raise FormatError(
                f"{self.path}: another batch is writing there now; wait for it, or "
                "choose another folder with --out"
            ) from error
        except OSError as error:
            raise explain(error, path) from error
        try:
            yield
        finally:
            release(path, lock)


class RemoteFolder:
    """A folder behind a url. Object stores know no locks: run one batch at a time."""

    def __init__(self, url: str) -> None:
        self.url: str | None = url.rstrip("/")
        self.path = Path()
        self._fs, self._root = _file_system(self.url)
        self._url = self.url
        with _explained(self._url):
            self._fs.makedirs(self._root, exist_ok=True)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def label(self, name: str) -> str:
        """The name of a file in messages."""
        return redact(f"{self._url}/{name}")

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name, or anything else."""
        with _explained(self._url):
            return bool(self._fs.exists(self._at(name)))

    def fault(self, name: str) -> str | None:
        """Why a file must not be written even if it is the batch's own."""
        return None

    def digest(self, name: str) -> str | None:
        """SHA-256 of a file's content; None if there is none."""
        found = hashlib.sha256()
        try:
            with self._fs.open(self._at(name), "rb") as file:
                while data := file.read(1 << 20):
                    found.update(data)
        except OSError:
            return None
        return found.hexdigest()

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if there is none, or it is a folder."""
        try:
            return int(self._fs.size(self._at(name)))
        except OSError:
            return None

    def read(self, name: str) -> bytes:
        """The content of a file."""
        with _explained(self._url):
            return bytes(self._fs.cat_file(self._at(name)))

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, all or nothing."""
        with _explained(self._url):
            self._fs.pipe_file(self._at(name), data)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with _explained(self._url):
            if self._fs.exists(self._at(name)):
                self._fs.rm(self._at(name))

    def only_batch(self) -> contextlib.AbstractContextManager[None]:
        """Keep other batches out while the block runs."""
        return contextlib.nullcontext()


@contextlib.contextmanager
def fetched(source: str) -> Iterator[str]:
    """A path to what is behind a url, fetched for as long as the block runs.

    Raises:
        SourceError: If it cannot be fetched.
    """
    if not is_remote(source):
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="poseflow-") as folder:
        files, place = _file_system(source)
        local = Path(folder, place.rstrip("/").rpartition("/")[2] or "source")
        try:
            files.get(place, str(local), recursive=bool(files.isdir(place)))
        except Exception as error:  # each store has exceptions of its own
            raise SourceError(
                f"{redact(source)}: cannot be fetched ({_reason(error)})"
            ) from error
        yield str(local)


def remote_state(url: str) -> list[int] | None:
    """Number of files behind a url, their bytes, and a digest of what is known of them.

    None where that cannot be known.
    """
    try:
        files, place = _file_system(url)
        known = files.find(place, detail=True) if files.isdir(place) else None
        details = list(known.values()) if known else [files.info(place)]
        sizes = [int(detail["size"]) for detail in details]
    except Exception:  # each store has exceptions of its own
        return None
    marks = ("name", "size", "ETag", "etag", "mtime", "LastModified", "updated", "md5")
    facts = [[str(detail.get(mark)) for mark in marks] for detail in details]
    digest = hashlib.sha256(repr(facts).encode()).digest()[:6]
    return [len(sizes), sum(sizes), int.from_bytes(digest)]


def upload(item: BatchItem, folder: Path) -> None:
    """Upload the outputs of an item that were written to a local folder.

    Raises:
        FormatError: If that fails.
    """
    assert item.upload is not None
    files, root = _file_system(item.upload)
    with _explained(item.upload):
        for name in item.outputs:
            local, target = folder / name, f"{root}/{name}"
            files.makedirs(target.rpartition("/")[0], exist_ok=True)
            files.put(str(local), target, recursive=local.is_dir())


def _file_system(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError("fsspec", "remote", redact(url)) from error
    try:
        files, place = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise FormatError(
            f"{redact(url)}: {_reason(error)}; pip install 'poseflow[remote]'"
        ) from error
    except Exception as error:
        raise FormatError(f"{redact(url)}: {_reason(error)}") from error
    return files, place


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except FormatError:
        raise
    except Exception as error:  # each store has exceptions of its own
        raise FormatError(f"cannot write {redact(url)}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return redact(" ".join(str(error).split())) or type(error).__name__
