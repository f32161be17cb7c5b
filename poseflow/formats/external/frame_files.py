"""Folders with one file per frame, as several tools write them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from poseflow.errors import FormatError
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.input_file import HEAD_BYTES, read_text
from poseflow.formats.json.start import first_of, start_of_json
from poseflow.frame_names import natural_key, text_of, without_suffix
from poseflow.storage.atomic import explain

Namer = Callable[[Sequence[str]], Sequence[str]]


def list_files(folder: Path, suffix: str) -> list[Path]:
    """Files of a folder with that suffix, in any case, in natural order.

    Hidden ones are left out, such as the `._NAME` that macOS adds in archives.

    Raises:
        FormatError: If the folder cannot be read.
    """
    names = sorted(_names(folder, suffix), key=natural_key)
    return [folder / name for name in names]


def has_files(folder: Path, suffix: str) -> bool:
    """Whether `list_files` gives any.

    Raises:
        FormatError: If the folder cannot be read.
    """
    return next(_names(folder, suffix), None) is not None


def _names(folder: Path, suffix: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if (
                    name.lower().endswith(suffix)
                    and name[:1] != "."
                    and entry.is_file()
                ):
                    yield name
    except OSError as error:
        raise explain(error, folder, "read") from error


def json_of_images(folder: Path, is_entry: Callable[[Any], bool]) -> list[Path]:
    """The JSON files of a folder, one an image; none if they are of another tool.

    Args:
        folder: The folder.
        is_entry: Whether a value is a person as the tool writes it; asked for the first
            entry of the first file with people.
    """
    files = list_files(folder, ".json")
    for file in files[:100]:
        try:
            start = start_of_json(read_text(file, HEAD_BYTES))
        except FormatError:
            continue
        if start != []:
            return files if is_entry(first_of(start)) else []
    return []


def stems(names: Iterable[str], *suffixes: str) -> list[str]:
    """Names of frames: those of the files without these suffixes, as text."""
    return [text_of(without_suffix(name, *suffixes)) for name in names]


def read_frame_files(
    builder: FrameBuilder,
    files: Sequence[Path],
    namer: Namer,
    read_file: Callable[[Path, str], None],
) -> None:
    """Read every file as a frame; one that cannot be read is left out with a warning.

    Args:
        builder: Gets the frames, and what is wrong with files.
        files: The files of one folder.
        namer: Gives the frames' names from those of the files.
        read_file: Adds a file's people to the frame of that name.

    Raises:
        FormatError: If two files are one frame.
    """
    file_of: dict[str, Path] = {}
    images = namer([file.name for file in files])
    for file, image in zip(files, images, strict=True):
        if file_of.setdefault(image, file) != file:
            raise FormatError(
                f"{file.parent}: {file_of[image].name} and {file.name} are both frame "
                f"{image!r}; expected the files of one video, move those of the others "
                "into folders of their own"
            )
        try:
            read_file(file, image)
        except FormatError as error:
            builder.problems.add(f"file {file.name}", str(error))
