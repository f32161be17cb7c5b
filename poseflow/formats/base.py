"""The `Format` protocol of pose files, and the registry of formats by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from poseflow.errors import FormatError
from poseflow.formats.input_file import HEAD_BYTES, read_text
from poseflow.registry import Registry
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import PathLike, explain


@dataclass(frozen=True)
class Hints:
    """Facts about a video, given to a reader that may not find them, or to a writer.

    Attributes:
        skeleton: The joints; None lets the format or their number decide.
        size: Width and height of the source in pixels.
        fps: Frames per second; gives frames their time, which is 0 without it.
        name: Name of the sequence; None takes the file's.
        keep_origin: Whether a joint at exactly (0, 0) with a score above 0 is a joint
            in the corner of the image; otherwise it is missing.
        names: Names of people by track id.
        video: Name of the video to read, of a file with several.
        tracker: Name of the tracker that gave the ids.
        version: Version of poseflow that made the poses.
    """

    skeleton: Skeleton | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    name: str | None = None
    keep_origin: bool = False
    names: Mapping[int, str] = field(default_factory=dict, hash=False)
    video: str | None = None
    tracker: str | None = None
    version: str | None = None

    @classmethod
    def of(cls, sequence: PoseSequence) -> Hints:
        """What a sequence knows, for writing it."""
        return cls(
            sequence.skeleton,
            sequence.size,
            sequence.fps,
            sequence.name,
            names=sequence.names,
            tracker=sequence.tracker,
            version=sequence.version,
        )

    def time(self, index: int) -> float:
        """Seconds since the start of the source at which a frame is shown."""
        return index / self.fps if self.fps else 0.0

    def sequence(
        self, frames: Iterable[Frame], skeleton: Skeleton, name: str
    ) -> PoseSequence:
        """The frames of a file with what is known of their video.

        Args:
            frames: In order.
            skeleton: Their joints.
            name: Name of the sequence where the hints have none.
        """
        return PoseSequence(
            tuple(frames),
            skeleton,
            name if self.name is None else self.name,
            self.size,
            self.fps,
            names=self.names,
            tracker=self.tracker,
            version=self.version,
        )


class Encoder(Protocol):
    """Turns frames into the pieces of one file, in order."""

    def start(self) -> bytes:
        """Bytes before the first frame."""
        ...

    def frame(self, frame: Frame) -> bytes:
        """Bytes of a frame; may be empty where `end` writes everything."""
        ...

    def end(self) -> bytes:
        """Bytes that close the file, valid after any number of frames."""
        ...


class FolderEncoder(Protocol):
    """Turns frames into the files of a folder."""

    def files(self, frame: Frame) -> Iterable[tuple[str, bytes]]:
        """Name and content of the files of a frame."""
        ...


class Format(Protocol):
    """One kind of file that holds the poses of a video.

    A format that is a folder of files has, too, an attribute `folder`, the end of the
    names of its files, and its encoder is a `FolderEncoder`. An attribute `lacks` says
    what it cannot hold; see `poseflow.formats.losses`.
    """

    @property
    def name(self) -> str:
        """Name in the registry and on the command line."""
        ...

    @property
    def summary(self) -> str:
        """One line for lists and help."""
        ...

    def sniff(self, path: Path, head: bytes) -> bool:
        """Whether a file seems to be in this format.

        Args:
            path: Where it is; may be a folder.
            head: Its first bytes (unzipped), empty for a folder.
        """
        ...

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """The poses, float64, frames in order.

        Raises:
            FormatError: If nothing can be read; single bad poses are left out with one
                warning for all of them.
        """
        ...

    def encoder(self, hints: Hints) -> Encoder | FolderEncoder:
        """An encoder for one file or folder.

        Raises:
            FormatError: If the format can only be read.
        """
        ...


FORMATS: Registry[Format] = Registry(
    "format", module="poseflow.formats.built_in", error=FormatError
)
"""File formats by name; those of poseflow are imported when one is asked for."""

_ALIASES = {"default": "alphapose", "cmu": "openpose", "open": "openpose"}
"""Other names, accepted where a format is named: a former one, and AlphaPose's."""


def register(entry: Format, *, replace: bool = False) -> Format:
    """Make a format known to `read`, `write` and the command line.

    `sniff` asks the formats in order of registration, and last those with a true
    attribute `fallback`, which take what no other format knows.

    Raises:
        PoseFlowError: If another format has that name and `replace` is not set.
    """
    FORMATS.register(entry.name, entry, replace=replace)
    return entry


def names() -> tuple[str, ...]:
    """Names of all known formats."""
    return FORMATS.names()


def get(name: str) -> Format:
    """The format of that name; `default` is accepted for `alphapose`.

    Raises:
        FormatError: If there is none.
    """
    return FORMATS[name if name in FORMATS.names() else _ALIASES.get(name, name)]


def sniff(path: PathLike) -> Format:
    """The format that a file or folder is in.

    Raises:
        FormatError: If it cannot be read or is in no known format.
    """
    place = Path(path)
    try:
        head = b"" if place.is_dir() else read_text(path, HEAD_BYTES)
    except ValueError as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"cannot read {os.fspath(path)!r}: {error}") from error
    try:
        for entry in sorted(FORMATS, key=lambda e: getattr(e, "fallback", False)):
            if entry.sniff(place, head):
                return entry
    except OSError as error:
        raise explain(error, path, "read") from error
    found = "a folder" if not head else f"a file that begins {head[:40]!r}"
    raise FormatError(
        f"{os.fspath(path)}: not a known file of poses: found {found}; "
        f"expected one of the formats {', '.join(names())}"
    )
