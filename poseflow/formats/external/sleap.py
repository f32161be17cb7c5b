"""SLEAP, NWB and Label Studio, read and written by sleap-io (extra `formats`)."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Hints
from poseflow.formats.external.hdf5_size import check_hdf5_size
from poseflow.formats.external.sleap_labels import (
    labels_of,
    sequence_of,
    sleap_io_package,
)
from poseflow.formats.input_file import read_text
from poseflow.formats.json.start import first_of, has_fields, start_of_json
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import Frame, PoseSequence

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class SleapIoFormat:
    """One of the kinds of files that sleap-io knows.

    Attributes:
        name: Name in the registry.
        summary: One line for lists and help.
        suffixes: Suffixes of its files.
        load: Name of sleap-io's function that reads it.
        save: Name of the function that writes it; empty if it is only read.
        implied_by_suffix: Whether the suffix alone chooses the format for writing.
        lacks: What the format cannot hold; see `poseflow.formats.losses`.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    load: str
    save: str
    implied_by_suffix: bool = True
    lacks: tuple[str, ...] = (
        *("boxes", "people without joints", "empty frames", "frame names", "times"),
        *("rate", "tracker"),
    )

    several_videos = True

    def sniff(self, path: Path, head: bytes) -> bool:
        """By suffix and the signature of HDF5; Label Studio by its tasks."""
        if self.name == "labelstudio":
            return _is_task(first_of(start_of_json(head)))
        return path.suffix.lower() in self.suffixes and head.startswith(_HDF5)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`.

        Raises:
            FormatError: Also if sleap-io is missing or cannot read the file, or it has
                several videos or skeletons.
        """
        options = {"open_videos": False} if self.name == "sleap" else {}
        load = getattr(sleap_io_package(self.name), self.load)
        try:
            if self.name != "labelstudio":
                check_hdf5_size(path)
            with _plain(path, self.name) as plain:
                labels = load(str(plain), **options)
        except PoseFlowError:
            raise
        except Exception as error:  # of any of the packages that sleap-io uses
            raise FormatError(
                f"{path}: sleap-io cannot read it as {self.name}: "
                f"{type(error).__name__}: {error}"
            ) from error
        # Label Studio has a list of joints per person, and sleap-io a set of all.
        return sequence_of(labels, hints, str(path), self.name != "labelstudio")

    def encoder(self, hints: Hints) -> SleapIoEncoder:
        """See `poseflow.formats.base.Format.encoder`.

        Raises:
            FormatError: If the format is only read, or sleap-io is missing.
        """
        if not self.save:
            raise FormatError(f"format {self.name} can only be read; write sleap")
        return SleapIoEncoder(self, hints)


@contextmanager
def _plain(path: Path, name: str) -> Iterator[Path]:
    """The file, text of it as sleap-io reads it: UTF-8 without a mark, unzipped."""
    if name != "labelstudio":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "tasks.json"
        plain.write_bytes(read_text(path))
        yield plain


def _is_task(value: Any) -> bool:
    return has_fields(value, "data", "annotations") or has_fields(
        value, "data", "predictions"
    )


class SleapIoEncoder:
    """Keeps the frames and has sleap-io write them at the end.

    Args:
        format: The format to write.
        hints: What is known of the video.
    """

    def __init__(self, format: SleapIoFormat, hints: Hints) -> None:
        self._save = getattr(sleap_io_package(format.name), format.save)
        self._format = format
        self._hints = hints
        self._frames: list[Frame] = []

    def start(self) -> bytes:
        """Nothing: the file is made at the end."""
        return b""

    def frame(self, frame: Frame) -> bytes:
        """Keep a frame without its image."""
        self._frames.append(Frame(frame.index, frame.time, frame.poses))
        return b""

    def end(self) -> bytes:
        """The whole file.

        Raises:
            FormatError: If sleap-io cannot write it.
        """
        skeleton = self._hints.skeleton
        if self._frames:
            skeleton = self._frames[0].poses.skeleton
        sequence = self._hints.sequence(
            self._frames, skeleton or Poses.empty().skeleton, "video"
        )
        without = sum((f.poses.track_ids == NO_TRACK).sum() for f in self._frames)
        if without and self._format.name == "sleap-analysis":
            known = len(sequence.track_ids)
            warnings.warn(
                f"SLEAP's analysis files hold tracks: {without} poses without an "
                + ("identity are left out" if known else "identity get tracks"),
                stacklevel=2,
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"result{self._format.suffixes[0]}"
            try:
                self._save(labels_of(sequence), str(path))
                return path.read_bytes()
            except PoseFlowError:
                raise
            except Exception as error:  # of any of the packages that sleap-io uses
                raise FormatError(
                    f"sleap-io cannot write the result: {type(error).__name__}: {error}"
                ) from error


FORMATS = (
    SleapIoFormat(
        "sleap", "SLEAP labels (extra formats)", (".slp",), "load_slp", "save_slp"
    ),
    SleapIoFormat(
        "sleap-analysis",
        "SLEAP analysis HDF5 (extra formats)",
        (".h5", ".hdf5"),
        "load_analysis_h5",
        "save_analysis_h5",
    ),
    # sleap-io 0.9 loses frames of tracks with gaps when it writes NWB.
    SleapIoFormat(
        "nwb", "NWB with ndx-pose, read only (extra formats)", (".nwb",), "load_nwb", ""
    ),
    SleapIoFormat(
        "labelstudio",
        "Label Studio tasks (extra formats)",
        (".json",),
        "load_labelstudio",
        "save_labelstudio",
        implied_by_suffix=False,
        lacks=(
            *SleapIoFormat.lacks,
            *("identities", "joint scores", "scores", "size", "people names"),
        ),
    ),
)
"""The formats that sleap-io reads and writes."""
