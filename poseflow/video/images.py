"""A source of image files: a folder, a list, or a glob."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.errors import SourceError
from poseflow.formats.frame_names import IMAGE_SUFFIXES, natural_key, text_of
from poseflow.video.source import DEFAULT_FPS, Source, SourceFrame

_SHOWN = 3


def is_image(path: Path) -> bool:
    """Whether the name has an image suffix; hidden files (`._x.jpg`) do not count."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


class ImageFiles(Source):
    """Image files in the order given; `index` counts files, broken ones included."""

    def __init__(
        self, paths: Sequence[Path], name: str, where: str, fps: float | None = None
    ) -> None:
        super().__init__(name)
        self._paths = list(paths)
        self._where = where
        self.fps = fps
        self.frame_count = len(self._paths)
        top = self._paths[0].parent
        names = [path.name for path in self._paths]
        if len(set(names)) < len(names):
            # A glob over several folders: the names of frames must stay unique.
            top = Path(os.path.commonpath([path.parent for path in self._paths]))
            names = [path.relative_to(top).as_posix() for path in self._paths]
        self.origin = top
        self._names = [text_of(name) for name in names]
        # The first good image gives the size; without one this raises.
        first = next(self._frames([]))
        self.size = (first.image.shape[1], first.image.shape[0])

    @classmethod
    def in_folder(cls, folder: Path, fps: float | None = None) -> ImageFiles:
        """All images of a folder in natural order, sub-folders left aside.

        Raises:
            SourceError: If the folder cannot be listed or holds no readable image.
        """
        try:
            paths = [path for path in folder.iterdir() if is_image(path)]
        except OSError as error:
            raise SourceError(
                f"{folder}: the folder cannot be listed ({error.strerror})"
            ) from error
        if not paths:
            raise SourceError(
                f"{folder}: expected a folder of images "
                f"({', '.join(sorted(IMAGE_SUFFIXES))}), found none in it"
            )
        paths.sort(key=lambda path: natural_key(path.name))
        return cls(paths, folder.resolve().name, str(folder), fps)

    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        broken: list[str] = []
        rate = self.fps or DEFAULT_FPS
        for index, (path, name) in enumerate(
            zip(self._paths, self._names, strict=True)
        ):
            try:
                image = read_image(path)
            except SourceError as error:
                broken.append(str(error))
                continue
            yield SourceFrame(index, index / rate, name, image)
        if len(broken) == len(self._paths):
            raise SourceError(
                broken[0]
                if len(broken) == 1
                else f"{self._where}: none of {len(broken)} images can be read; "
                f"first: {broken[0]}"
            )
        if broken:
            more = f"; and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
            troubles.append(
                f"{self._where}: {len(broken)} of {len(self._paths)} images could not "
                f"be read and were left out: {'; '.join(broken[:_SHOWN])}{more}"
            )


def read_image(path: Path) -> Image:
    """One image file as BGR uint8, upright as its EXIF data says.

    Raises:
        SourceError: If the file is missing, empty, truncated or no image.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    fault = _fault(data)
    if fault:
        raise SourceError(f"{path}: expected an image, {fault}")
    with quiet_opencv():
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            image = None
    if image is None:
        raise SourceError(
            f"{path}: expected an image, found data that no decoder reads"
        )
    return np.asarray(image, np.uint8)


def _fault(data: bytes) -> str | None:
    """Damage that shows without decoding: an empty or truncated file; else None.

    Some OpenCV versions fill the missing part of a truncated JPEG with grey without an
    error, and libpng and libjpeg write to standard error themselves.
    """
    if not data:
        return "found an empty file (0 bytes)"
    if data.startswith(b"\xff\xd8"):
        whole = _is_whole_jpeg(data)
        return None if whole else "found a truncated JPEG (no end mark)"
    if data.startswith(b"\x89PNG"):
        return None if _is_whole_png(data) else "found a truncated PNG (no end mark)"
    return None


_JPEG_MARK = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
"""A mark other than a restart; a zero follows 0xFF where that is coded data."""
_SCAN, _END = 0xDA, 0xD9


def _is_whole_jpeg(data: bytes) -> bool:
    """Whether the end mark of the first image is there.

    Phones append videos and further images, and previews are embedded in front, so the
    segments are followed (ITU-T T.81, B.1) instead of searching marks in all bytes.
    """
    place = 2
    while mark := _JPEG_MARK.search(data, place):
        kind = mark[1][0]
        if kind == _END:
            return True
        place = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2])
        # The usual file ends with its mark: then do not search all of its coded data.
        if kind == _SCAN and data.endswith(b"\xff\xd9", place):
            return True
    return False


def _is_whole_png(data: bytes) -> bool:
    """Whether the chunk IEND is there; other data may follow it (PNG, 5.3)."""
    place = 8
    while place + 12 <= len(data):
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place += 12 + int.from_bytes(data[place : place + 4])
    return False


_SILENCE = threading.Lock()


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's own log off standard error; our errors carry more detail."""
    log = cv2.utils.logging
    with _SILENCE:
        before = log.getLogLevel()
        log.setLogLevel(log.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            log.setLogLevel(before)
