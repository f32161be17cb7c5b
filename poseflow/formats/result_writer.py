"""`ResultWriter`: a result written frame by frame, in constant memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from poseflow.errors import FormatError, StreamLostError
from poseflow.formats.base import FORMATS, Format, Hints, get, sniff
from poseflow.formats.run_journal import RunJournal
from poseflow.sequence import Frame
from poseflow.storage.atomic import AtomicFile, PathLike, check_writable
from poseflow.storage.atomic_folder import AtomicFolder, check_folder


def output_format(path: PathLike, format: str | Format | None = None) -> Format:
    """The format to write a file in: the one asked for, or that of the suffix.

    The suffix says what is in a file. Names without one, standard output, pipes and
    devices take any format, `alphapose` if none is asked for, and so does a format of
    another package that does not declare its `suffixes`.

    Args:
        path: The file; `-` is standard output.
        format: Name of a format, or a `Format`; None goes by the suffix: the first
            registered format that is written to such files.

    Raises:
        FormatError: If the suffix is that of another kind of file or unknown; the
            message lists the known ones.

    Examples:
        >>> output_format("walk.json").name, output_format("-").name
        ('alphapose', 'alphapose')
    """
    place = Path(path)
    suffix = place.suffix.lower()
    entry = get(format) if isinstance(format, str) else format
    suffixes = None if entry is None else getattr(entry, "suffixes", None)
    if not suffix or (entry is not None and (suffixes is None or suffix in suffixes)):
        return entry or get("alphapose")
    names_of: dict[str, list[str]] = {}
    for other in FORMATS:
        for known in getattr(other, "suffixes", ()):
            names_of.setdefault(known, []).append(other.name)
    folder = entry is not None and folder_suffix(entry) is not None
    if entry is not None and folder and (place.is_dir() or suffix not in names_of):
        return entry  # folders may have any name, but for that of a file
    try:
        special = place.exists() and not place.is_file() and not place.is_dir()
    except (OSError, ValueError):
        special = False
    if special:
        return entry or get("alphapose")
    if entry is None:
        for other in FORMATS:
            implied = getattr(other, "implied_by_suffix", True)
            if implied and suffix in getattr(other, "suffixes", ()):
                return other
    if suffix == ".gz":
        raise FormatError(
            f"cannot write {os.fspath(path)}: gzip is only read; write a .json file "
            "and compress that"
        )
    listed = "; ".join(f"{k} ({', '.join(names)})" for k, names in names_of.items())
    found = f"no format is written to {suffix} files"
    if entry is None and suffix in names_of:
        found = f"the suffix {suffix} alone does not say which format; name it"
    if entry is not None and suffix in names_of:
        found = f"format {entry.name} is not written to {suffix} files"
    if entry is not None and folder:
        found = f"format {entry.name} is a folder of files, expected its name"
    raise FormatError(
        f"cannot write {os.fspath(path)}: {found}; known suffixes are {listed}"
    )


def check_output(path: PathLike, format: str | Format | None = None) -> Format:
    """The format to write in, after a check that the path can be written in it.

    Raises:
        FormatError: As `output_format` and `check_writable`; for a format of one file
            a frame, as `check_folder`.
    """
    entry = output_format(path, format)
    suffix = folder_suffix(entry)
    if suffix is None:
        check_writable(path)
    else:
        check_folder(path, suffix)
    return entry


def format_as_input(source: PathLike, output: PathLike) -> Format:
    """The format for a changed copy of a file: its own, unless the suffix is another's.

    Args:
        source: The file read.
        output: The file to write.

    Raises:
        FormatError: If `source` is in no known format, or `output` has a suffix that
            no format has.
    """
    try:
        return output_format(output, sniff(source))
    except FormatError:
        return output_format(output)


def folder_suffix(format: Format) -> str | None:
    """End of the names of the files in a format's folder; None for one file in all."""
    suffix: str | None = getattr(format, "folder", None)
    return suffix


class _Output(Protocol):
    """What is written, a file or a folder, frame by frame."""

    @property
    def target(self) -> Path | None: ...
    def start(self, encoder: Any) -> None: ...
    def write(self, frame: Frame) -> None: ...
    def commit(self) -> None: ...
    def discard(self) -> None: ...


class _OneFile:
    """One file."""

    @property
    def target(self) -> Path | None:
        """The file, if it is an ordinary one."""
        return self._file.target

    def __init__(self, path: PathLike) -> None:
        self._file = AtomicFile(path, wait_seconds=0)
        self._encoder: Any = None
        self._end = 0  # of the last complete frame

    def start(self, encoder: Any) -> None:
        self._encoder = encoder
        self._append(encoder.start())

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._end += len(data)

    def write(self, frame: Frame) -> None:
        self._append(self._encoder.frame(frame))
        self._file.flush()

    def commit(self) -> None:
        self._file.rewind(self._end)
        self._file.write(self._encoder.end())
        self._file.commit()

    def discard(self) -> None:
        self._file.discard()


class _Folder:
    """A folder with files for each frame."""

    @property
    def target(self) -> Path | None:
        """The folder."""
        return self._folder.target

    def __init__(self, path: PathLike, suffix: str) -> None:
        self._folder = AtomicFolder(path, suffix)
        self._encoder: Any = None

    def start(self, encoder: Any) -> None:
        self._encoder = encoder

    def write(self, frame: Frame) -> None:
        for name, data in self._encoder.files(frame):
            self._folder.write(name, data)

    def commit(self) -> None:
        self._folder.commit()

    def discard(self) -> None:
        self._folder.discard()


class ResultWriter:
    """A result file that grows with the video and appears when it is complete.

    Long runs keep a journal beside it, `NAME.partial`, which `read` takes at any moment
    and `poseflow recover` turns into the result: a process that is killed loses at most
    one second or 100 frames. It goes away with the commit. A result has one writer at a
    time.

    As a context manager it commits at the end of the block. If the block is interrupted
    (Ctrl-C) after the first frame it commits as well: what was done is kept, as a valid
    file; so it does where a live stream is lost. If the block raises anything else, the
    result is discarded, a previous file stays as it was, and so does the journal. The
    exception goes on in either case.

    Args:
        path: The file; `-` is standard output.
        format: Name of a format that can be written, or a `Format`; None goes by the
            suffix of `path`.
        hints: Metadata of the video; a function is asked when the first frame is
            written, as the size of images is not known before.
        on_interrupt: `"discard"` to treat an interruption like an error, and to keep
            no journal.

    Raises:
        FormatError: At once if `path` cannot be written or is being written, its suffix
            is not the format's, or the format is unknown or only readable; later if
            the system refuses (disk full).

    Examples:
        >>> import tempfile, pathlib
        >>> from poseflow import Frame, Poses
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.json"
        >>> with ResultWriter(path) as writer:
        ...     writer.write(Frame(0, 0.0, Poses.empty()))
        >>> path.read_text().split()
        ['[', ']']
    """

    def __init__(
        self,
        path: PathLike,
        format: str | Format | None = None,
        *,
        hints: Hints | Callable[[], Hints] | None = None,
        on_interrupt: Literal["keep", "discard"] = "keep",
    ) -> None:
        entry = output_format(path, format)
        self._path = os.fspath(path)
        self.frames = 0
        self._keep = on_interrupt == "keep"
        self._hints = hints
        self._format = entry
        # At once, so that a format that can only be read is refused before the work.
        self._encoder = entry.encoder(Hints() if callable(hints) else hints or Hints())
        suffix = folder_suffix(entry)
        self._output: _Output = (
            _OneFile(path) if suffix is None else _Folder(path, suffix)
        )
        self._journal: RunJournal | None = None
        if self._keep and self._output.target is not None:
            self._journal = RunJournal(self._output.target, hints, entry.name)
        self._open = True
        self._started = False

    def _start(self) -> None:
        # Not earlier: a run that fails at once leaves standard output empty.
        if not self._started:
            self._started = True
            if callable(self._hints):
                self._encoder = self._format.encoder(self._hints())
            self._output.start(self._encoder)

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    @property
    def codec(self) -> str:
        """Empty: no frames are encoded."""
        return ""

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Raises:
            FormatError: If the system refuses, the writer is closed, or `frame` is no
                `Frame`.
        """
        if not isinstance(frame, Frame):
            raise FormatError(
                f"cannot write {self._path}: expected a Frame, got "
                f"{type(frame).__name__}; wrap people as poseflow.Frame(0, 0.0, people)"
            )
        if not self._open:
            raise FormatError(f"cannot write {self._path}: it is already closed")
        self._start()
        self._output.write(frame)
        self.frames += 1
        if self._journal is not None:
            self._journal.add(frame)

    def commit(self) -> None:
        """Close the file properly and put it into place; later calls do nothing."""
        if not self._open:
            return
        self._open = False
        try:
            self._start()
            self._output.commit()
            if self._journal is not None:
                self._journal.remove()
        finally:
            self._output.discard()
            self._keep_journal()

    def discard(self) -> None:
        """Drop what was written; a previous file stays."""
        self._open = False
        self._output.discard()
        if self._journal is not None:
            self._journal.remove()

    def _keep_journal(self) -> None:
        """End the journal, and tell of it if it is still there."""
        journal, self._journal = self._journal, None
        if journal is None:
            return
        journal.close()
        if journal.frames and journal.path.exists():
            warnings.warn(
                f"{self._path}: {journal.frames} frames are kept in "
                f"{journal.path}; turn them into a result with: poseflow recover "
                f"{journal.path} -o {self._path}",
                stacklevel=3,
            )

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Commit or discard, depending on how the block ended."""
        kept = KeyboardInterrupt, StreamLostError
        interrupted = kind is not None and issubclass(kind, kept)
        if kind is None or (interrupted and self._keep and self.frames):
            self.commit()
            return
        if kind is not None and not issubclass(kind, KeyboardInterrupt):
            self._keep_journal()
        self.discard()
