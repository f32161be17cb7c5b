"""The labelled people of several data sets as one table, joined by joint name."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.errors import FormatError, PoseFlowError
from poseflow.skeleton import Skeleton

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
        except (OSError, zipfile.BadZipFile) as error:
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
                data = self._archive(container).read(name)
        except (OSError, KeyError, zipfile.BadZipFile, RuntimeError) as error:
            raise PoseFlowError(f"{place}: cannot be read: {error}") from error
        image = None
        if data:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise PoseFlowError(f"{place}: not an image that OpenCV can decode")
        return np.asarray(image, np.uint8)

    def _archive(self, path: Path) -> zipfile.ZipFile:
        # A handle must not be shared with a forked worker: they would seek each other.
        key = (os.getpid(), path)
        if key not in self._open:
            self._open[key] = zipfile.ZipFile(path)
        return self._open[key]


@dataclass(frozen=True)
class People:
    """N labelled people, and places without any, struct of arrays.

    Attributes:
        image_files: Their images.
        image_of: `(N,)` position in `image_files`.
        boxes: `(N, 4)` xyxy pixels.
        keypoints: `(N, K, 2)` pixels; anything where not labelled.
        labelled: `(N, K)`; False means "ignore", not "absent".
        areas: `(N,)` square pixels, for OKS.
        head_sizes: `(N,)` pixels, for PCKh; NaN where unknown.
        detected: `(N, 4)` what a detector drew for each; NaN where it missed.
        absent: `(N,)` whether the image shows nobody: there is no box and no joint,
            and a network is to find none anywhere in it.
    """

    image_files: ImageFiles
    image_of: Ints
    boxes: Floats
    keypoints: Floats
    labelled: Bools
    areas: Floats
    head_sizes: Floats
    detected: Floats
    absent: Bools

    def __len__(self) -> int:
        return len(self.boxes)

    def only(self, kept: Bools) -> People:
        """Those of a mask `(N,)`; the images stay."""
        columns = {name: getattr(self, name)[kept] for name in _COLUMNS}
        return replace(self, image_of=self.image_of[kept], **columns)


def people_of(
    place: str,
    joints: Sequence[str],
    *,
    containers: Sequence[Path],
    container_of: npt.ArrayLike,
    names: Sequence[str],
    image_of: npt.ArrayLike,
    boxes: npt.ArrayLike,
    keypoints: Floats,
    labelled: Bools,
    target: Skeleton,
    rename: dict[str, str],
    areas: npt.ArrayLike | None = None,
    head_sizes: npt.ArrayLike | None = None,
    detected: npt.ArrayLike | None = None,
) -> People:
    """Bring one data set's people to the target skeleton, by joint name.

    Args:
        place: What errors call the data set.
        joints: Names of its joints.
        containers: As in `ImageFiles`.
        container_of: As in `ImageFiles`.
        names: As in `ImageFiles`.
        image_of: As in `People`.
        boxes: As in `People`.
        keypoints: `(N, J, 2)` in the data set's own joints.
        labelled: `(N, J)`.
        target: The skeleton to bring them to; joints that the data set lacks are not
            labelled.
        rename: Names in the target of joints that the data set calls otherwise.
        areas: As in `People`; default the boxes' areas.
        head_sizes: As in `People`; default from head top and neck, where both are.
        detected: As in `People`; default none.

    Raises:
        PoseFlowError: If no joint is in common, or a renamed joint does not exist.
    """
    missing = sorted(set(rename) - set(joints))
    if missing:
        raise PoseFlowError(
            f"{place}: rename: no joint called {', '.join(missing)}; there are "
            f"{', '.join(joints)}"
        )
    renamed = [rename.get(joint, joint) for joint in joints]
    common = [joint for joint in renamed if joint in target.joints]
    if not common:
        raise PoseFlowError(
            f"{place}: no joint in common with skeleton {target.name!r}; the data set "
            f"has {', '.join(renamed)}, the skeleton {', '.join(target.joints)}"
        )
    source = [renamed.index(joint) for joint in common]
    column = [target.index(joint) for joint in common]
    count = len(keypoints)
    points = np.zeros((count, len(target), 2), np.float32)
    points[:, column] = keypoints[:, source]
    shown = np.zeros((count, len(target)), bool)
    shown[:, column] = labelled[:, source]
    shown &= np.isfinite(points).all(axis=2)
    points[~shown] = 0

    box = np.asarray(boxes, np.float32).reshape(count, 4)
    if areas is None:
        areas = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    if head_sizes is None:
        head_sizes = np.full(count, np.nan)
        top = renamed.index("head_top") if "head_top" in renamed else None
        neck = next(
            (
                renamed.index(joint)
                for joint in ("upper_neck", "head_bottom", "neck")
                if joint in renamed
            ),
            None,
        )
        if top is not None and neck is not None:
            both = labelled[:, top] & labelled[:, neck]
            length = np.linalg.norm(keypoints[:, top] - keypoints[:, neck], axis=1)
            head_sizes = np.where(both, length, np.nan)
    return People(
        ImageFiles(tuple(containers), np.asarray(container_of, np.int32), tuple(names)),
        np.asarray(image_of, np.int64),
        box,
        points,
        shown,
        np.asarray(areas, np.float32),
        np.asarray(head_sizes, np.float32),
        np.full((count, 4), np.nan, np.float32)
        if detected is None
        else np.asarray(detected, np.float32),
        np.zeros(count, bool),
    )


def nobody_in(
    container: Path, names: Sequence[str], crops: int, target: Skeleton
) -> People:
    """Images without people as a table.

    Args:
        container: Folder or archive.
        names: Of the I images in it.
        crops: How often each comes.
        target: The K joints that are absent.

    Returns:
        `I * crops` rows, all `absent`; boxes, areas and sizes are NaN.
    """
    count = crops * len(names)
    unknown = np.full((count, 4), np.nan, np.float32)
    return People(
        ImageFiles((container,), np.zeros(len(names), np.int32), tuple(names)),
        np.arange(count) // crops,
        unknown,
        np.zeros((count, len(target), 2), np.float32),
        np.zeros((count, len(target)), bool),
        unknown[:, 0],
        unknown[:, 0],
        unknown,
        np.ones(count, bool),
    )


_COLUMNS = (
    "boxes",
    "keypoints",
    "labelled",
    "areas",
    "head_sizes",
    "detected",
    "absent",
)


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


def concatenate(parts: Sequence[People]) -> People:
    """All people of all parts, in order."""
    image_files, image_of = join_image_files(
        [(p.image_files, p.image_of) for p in parts]
    )
    return People(
        image_files,
        image_of,
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS),
    )
