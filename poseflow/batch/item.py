"""One source of a batch, `BatchItem`, and what became of it, `Outcome`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from poseflow.formats import base
from poseflow.pipeline.options import TrackOptions
from poseflow.safety.redaction import redact


@dataclass(frozen=True, eq=False)
class BatchItem:
    """One source and where its result goes.

    Attributes:
        source: As `poseflow track` takes it.
        result: The result file.
        options: How it is tracked.
        upload: Url of the folder that the outputs are uploaded to, if there is one;
            `result` is then a name in it.
    """

    source: str
    result: Path
    options: TrackOptions = field(default_factory=TrackOptions)
    upload: str | None = None

    @property
    def label(self) -> str:
        """The source as it may be shown, without credentials."""
        return redact(self.source)

    @property
    def place(self) -> str:
        """Where the result is, as it may be shown."""
        if self.upload is None:
            return str(self.result)
        return redact(f"{self.upload}/{self.name}")

    @property
    def folder(self) -> Path:
        """The folder of the batch's results."""
        parent = self.result.parent
        return parent.parent if subfolder(self.options.format) else parent

    @property
    def name(self) -> str:
        """Name of the result in the folder."""
        return self.result.relative_to(self.folder).as_posix()

    @property
    def overlay(self) -> Path:
        """The overlay video, if one is written."""
        return self.folder / f"{stem_of(self.name)}.mp4"

    @property
    def outputs(self) -> dict[str, Path]:
        """The files that the options ask for, by their names in the folder."""
        files = {self.name: self.result}
        if self.options.render:
            files[self.overlay.name] = self.overlay
        return files


def stem_of(result: str) -> str:
    """The name of a source, from that of its result; folders have no suffix.

    Examples:
        >>> stem_of("poses/street.parquet"), stem_of("street.json"), stem_of("no. 4")
        ('street', 'street', 'no. 4')
    """
    path = PurePosixPath(result)
    known = {suffix for e in base.FORMATS for suffix in getattr(e, "suffixes", ())}
    return path.stem if path.suffix.lower() in known else path.name


def subfolder(format: str) -> str:
    """Folder inside that of a batch for the results of a format; mostly none.

    Tables that programs read as one, a folder at a time, must lie apart from others.
    """
    return str(getattr(base.get(format), "batch_subfolder", ""))


@dataclass(frozen=True)
class Outcome:
    """Outcome of tracking one source: counts, or the error.

    Attributes:
        frames: Number of frames in the result.
        identities: Number of identities given.
        seconds: Time that tracking took.
        error: What went wrong, in a line; None if the result is written.
        warnings: Warnings about it, such as frames that could not be read.
        digests: SHA-256 of the content of each output, by its name.
        attempts: How often it was tried.
    """

    frames: int = 0
    identities: int = 0
    seconds: float = 0.0
    error: str | None = None
    warnings: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 1


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, or of the names and contents in a folder.

    Raises:
        OSError: If it cannot be read.
    """
    if path.is_dir():
        whole = hashlib.sha256()
        for part in sorted(p for p in path.rglob("*") if p.is_file()):
            whole.update(f"{part.relative_to(path).as_posix()}\0".encode())
            whole.update(digest_of(part).encode())
        return whole.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
