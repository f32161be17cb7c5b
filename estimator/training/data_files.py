"""Files of data sets: images in folders and zip archives, JSON files, and folds."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from poseflow.arrays import Image, Ints
from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.input_file import read_text
from poseflow.formats.json.reader import parse
from poseflow.safety.limits import BAD_ARCHIVE, read_unzipped
from poseflow.video.image_file import decode_image

Item = TypeVar("Item")

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def image_names(container: Path) -> list[str]:
    """Names of all images in a folder or zip archive, sorted.

    Raises:
        FormatError: If it is no such archive.
    """
    if container.is_dir():
        names = [p.relative_to(container).as_posix() for p in container.rglob("*")]
    else:
        try:
            with zipfile.ZipFile(container) as archive:
                names = archive.namelist()
        except (OSError, *BAD_ARCHIVE, ValueError) as error:
            raise FormatError(f"{container}: cannot be read: {error}") from error
    return sorted(n for n in names if n.lower().endswith(SUFFIXES))


@dataclass(frozen=True)
class ImageFiles:
    """Where images are: files in folders, or members of zip archives.

    Attributes:
        containers: Folders and archives.
        container_of: `(I,)` the container of each image.
        names: Name of each image in its container.
    """

    containers: tuple[Path, ...]
    container_of: npt.NDArray[np.int32]
    names: tuple[str, ...]
    _open: dict[tuple[int, Path], zipfile.ZipFile] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def read(self, which: int) -> Image:
        """An image as `(H, W, 3)` BGR.

        Raises:
            PoseFlowError: If it is missing or cannot be decoded; names the file.
        """
        container = self.containers[self.container_of[which]]
        name = self.names[which]
        place = f"{container}/{name}"
        try:
            if container.is_dir():
                data = (container / name).read_bytes()
            else:
                archive = self._archive(container)
                member = archive.getinfo(name)
                with archive.open(member) as stream:
                    data = read_unzipped(stream, member.compress_size, PoseFlowError)
        except (OSError, KeyError, *BAD_ARCHIVE, ValueError) as error:
            raise PoseFlowError(f"{place}: cannot be read: {error}") from error
        return decode_image(data, place)

    def _archive(self, path: Path) -> zipfile.ZipFile:
        # A handle must not be shared with a forked worker: they would seek each other.
        key = (os.getpid(), path)
        if key not in self._open:
            self._open[key] = zipfile.ZipFile(path)
        return self._open[key]


def join_image_files(
    parts: Sequence[tuple[ImageFiles, npt.NDArray[np.integer[Any]]]],
) -> tuple[ImageFiles, Ints]:
    """The images of all parts as one set, in order.

    Args:
        parts: ImageFiles, and the image that each row of the part's table is of.

    Returns:
        All images, and the image that each row of all tables is of.
    """
    containers: list[Path] = []
    names: list[str] = []
    container_of, image_of = [], []
    for image_files, rows in parts:
        container_of.append(image_files.container_of + len(containers))
        image_of.append(rows + len(names))
        containers += image_files.containers
        names += image_files.names
    joined = ImageFiles(tuple(containers), np.concatenate(container_of), tuple(names))
    return joined, np.concatenate(image_of)


def load_json(path: Path) -> Any:
    """Content of a JSON file, gzipped or not.

    Raises:
        FormatError: If it is not JSON.
    """
    return parse(read_text(path), Any, path)


@contextmanager
def expected_layout(dataset: Struct, place: Path) -> Iterator[None]:
    """Turn errors about missing or malformed fields into a `FormatError`.

    Args:
        dataset: Configuration of the data set; its tag names the layout.
        place: Its folder, for the message.
    """
    try:
        yield
    except PoseFlowError:
        raise
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
    ) as error:
        raise FormatError(
            f"{place}: not laid out as {type(dataset).__struct_config__.tag} data: "
            f"{type(error).__name__}: {error}"
        ) from error


def select_folds(items: Sequence[Item], folds: int, fold: Sequence[int]) -> list[Item]:
    """Items of some folds, in their order, alike for every task.

    Args:
        items: Assigned to folds in turn: the first to fold 0, the second to fold 1, ….
        folds: How many folds there are.
        fold: Those that are kept, from 0.

    Examples:
        >>> select_folds("abcdefg", 3, (0, 2))
        ['a', 'c', 'd', 'f', 'g']
    """
    kept = set(fold)
    return [item for place, item in enumerate(items) if place % folds in kept]


def select_folds_by_id(
    images: Sequence[dict[str, Any]], folds: int, fold: Sequence[int]
) -> list[dict[str, Any]]:
    """COCO's images of some of the folds, in order of their ids, numbers or names."""
    return select_folds(
        sorted(images, key=lambda i: str(i["id"]).zfill(20)), folds, fold
    )
