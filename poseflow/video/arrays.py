"""A source of images in memory: arrays, lists, generators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from poseflow.errors import SourceError
from poseflow.video.pixels import to_bgr
from poseflow.video.source import DEFAULT_FPS, Source, SourceFrame, number_name


class Arrays(Source):
    """Images from a list, a 4-D array, a generator, any iterable.

    A generator is the caller's own code, so it runs in the caller's thread, one image
    at a time as asked for, and is not read ahead. Lists, tuples and arrays are.
    """

    _ahead = 0

    def __init__(
        self, images: Iterable[Any], fps: float | None = None, name: str = "frames"
    ) -> None:
        super().__init__(name)
        if isinstance(images, np.ndarray):
            _check_stack(images)
        self._images = images
        self.runs_ahead = isinstance(images, list | tuple | np.ndarray)
        self.fps = fps
        if isinstance(images, Sequence | np.ndarray):
            self.frame_count = len(images)
            if not self.frame_count:
                raise SourceError("images: expected at least one image, found none")
            first = to_bgr(images[0], "image 0")
            self.size = (first.shape[1], first.shape[0])

    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        rate = self.fps or DEFAULT_FPS
        index = -1
        for index, given in enumerate(self._images):
            image = to_bgr(given, f"image {index}")
            if self.size is None:
                self.size = (image.shape[1], image.shape[0])
            yield SourceFrame(index, index / rate, number_name(index), image)
        if index < 0:
            raise SourceError(
                "images: expected at least one image, found none; a generator can be "
                "used only once"
            )


def _check_stack(images: np.ndarray[Any, Any]) -> None:
    if images.ndim == 3 and images.shape[2] in (3, 4):
        raise SourceError(
            f"images: expected a stack (frames, height, width, 3), found one image of "
            f"shape {images.shape}; pass [image]"
        )
    if images.ndim not in (3, 4):
        raise SourceError(
            "images: expected a stack (frames, height, width, 3) or (frames, height, "
            f"width), found an array of shape {images.shape}"
        )
