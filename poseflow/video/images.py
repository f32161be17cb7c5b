"""A source of image files: a folder, a list, or a glob."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from poseflow.errors import SourceError
from poseflow.frame_names import IMAGE_SUFFIXES, natural_key, text_of
from poseflow.video.image_file import read_image
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
