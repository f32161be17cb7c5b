"""Sequence files of a ground truth or submission: finding and unpacking them.

A folder, a single file, or a zip archive whose members are read in memory. Nothing is
written to disk, only the base names of members are used, and decompressed bytes are
counted while they are read, whatever sizes the headers claim.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from poseflow.errors import FormatError
from poseflow.formats.text_encoding import as_utf8
from poseflow.frame_names import without_suffix
from poseflow.safety.limits import BAD_ARCHIVE, read_unzipped

MAX_FILE_BYTES = 256 << 20
"""Largest sequence file after decompression: some hundred thousand crowded frames."""
MAX_ARCHIVE_FILES = 20_000
"""Most members that a zip archive may have."""


@dataclass(frozen=True, slots=True)
class SequenceFile:
    """One sequence's file: on disk, or a member of a zip archive.

    Attributes:
        name: Name of the sequence, the file's name without `.json` or `.json.gz`.
        path: The file or the archive.
        member: The member's name inside the archive, None for a plain file.
        size: Bytes on disk or, in an archive, as its directory claims.
    """

    name: str
    path: Path
    member: str | None = None
    size: int = 0

    @property
    def label(self) -> str:
        """Name of the file in messages."""
        if self.member is None:
            return _printable(str(self.path))
        return _printable(f"{self.path.name}: {self.member}")

    def read_bytes(self, limit: int = MAX_FILE_BYTES) -> bytes:
        """The decompressed content, text in UTF-8 without a byte order mark.

        Raises:
            FormatError: If the file cannot be read, is damaged, or is larger than
                `limit` bytes once decompressed.
        """
        return as_utf8(self._content(limit), self.label)

    def _content(self, limit: int) -> bytes:
        try:
            if self.member is None:
                if not self.path.name.lower().endswith(".gz"):
                    if self.path.stat().st_size > limit:
                        raise self._too_large(limit)
                    return self.path.read_bytes()
                with self.path.open("rb") as stream:
                    return self._bounded(stream, self.path.stat().st_size, limit)
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(self.member) as stream,
            ):
                size = archive.getinfo(self.member).compress_size
                return self._bounded(stream, size, limit)
        except FormatError:
            raise
        except (OSError, *BAD_ARCHIVE, KeyError, ValueError) as error:
            raise FormatError(f"{self.label}: cannot be read ({error})") from error

    def _bounded(self, stream: IO[bytes], size: int, limit: int) -> bytes:
        """The content of `size` compressed bytes."""

        def refuse(message: str) -> FormatError:
            return FormatError(f"{self.label}: {message}")

        if (self.member or self.path.name).lower().endswith(".gz"):
            stream = io.BufferedReader(gzip.GzipFile(fileobj=stream))
        data = read_unzipped(stream, size, refuse)
        if len(data) > limit:
            raise self._too_large(limit)
        return data

    def _too_large(self, limit: int) -> FormatError:
        return FormatError(
            f"{self.label}: more than {limit / 2**20:.0f} MiB of JSON; a sequence's "
            "file has a few MiB, so this is not one"
        )


def find_sequence_files(path: str | Path) -> list[SequenceFile]:
    """The sequence files of a folder, a zip archive or a single file, sorted by name.

    In a folder the `.json` and `.json.gz` files directly inside are taken or, if there
    are none, those of the folders below. Hidden files and macOS's `__MACOSX` copies
    are skipped.

    Raises:
        FormatError: If there is no such path, it holds no sequence file, two of its
            files belong to the same sequence, or it is not a readable archive.
    """
    path = Path(path)
    if path.is_dir():
        found = _in_folder(path)
    elif path.is_file():
        found = _in_archive(path) if _is_archive(path) else [_plain(path)]
    else:
        raise FormatError(f"{path}: no such file or folder")
    if not found:
        raise FormatError(
            f"{path}: holds no sequence file; expected one .json or .json.gz for each "
            "sequence"
        )
    found.sort(key=lambda file: file.name)
    for before, after in pairwise(found):
        if before.name == after.name:
            raise FormatError(
                f"{after.label}: sequence {after.name!r} is there twice, also in "
                f"{before.label}; remove one of the files"
            )
    return found


def sequence_name(file_name: str) -> str:
    """The sequence that a file belongs to.

    Examples:
        >>> sequence_name("val/000342_mpii_test.json.gz")
        '000342_mpii_test'
    """
    base = _printable(file_name).replace("\\", "/").rsplit("/", 1)[-1]
    return without_suffix(base, ".gz", ".json")


def _printable(text: str) -> str:
    """The text with control characters, possible in archives, as question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _is_archive(path: Path) -> bool:
    """Whether to open it as a zip archive, readable as one or not."""
    try:
        if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
            return True
        with path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"  # the end is cut off
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error})") from error


def _wanted(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return (
        name.lower().endswith((".json", ".json.gz"))
        and not any(part.startswith(".") for part in parts if part not in (".", ".."))
        and "__MACOSX" not in parts
    )


def _plain(path: Path) -> SequenceFile:
    return SequenceFile(sequence_name(path.name), path, None, path.stat().st_size)


def _in_folder(folder: Path) -> list[SequenceFile]:
    try:
        found = [p for p in folder.iterdir() if _wanted(p.name) and p.is_file()]
        if not found:
            found = [
                p
                for p in folder.rglob("*")
                if _wanted(p.relative_to(folder).as_posix()) and p.is_file()
            ]
        return [_plain(p) for p in found]
    except OSError as error:
        raise FormatError(f"{folder}: cannot be read ({error})") from error


def _in_archive(path: Path) -> list[SequenceFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, *BAD_ARCHIVE, ValueError) as error:
        raise FormatError(f"{path}: not a readable zip archive ({error})") from error
    if len(members) > MAX_ARCHIVE_FILES:
        raise FormatError(
            f"{path}: has {len(members)} members, at most {MAX_ARCHIVE_FILES} expected"
        )
    return [
        SequenceFile(sequence_name(m.filename), path, m.filename, m.file_size)
        for m in members
        if not m.is_dir() and _wanted(m.filename)
    ]
