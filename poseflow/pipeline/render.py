"""Draw a tracking result over its source: `poseflow.render` and the overlay sink."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.drawing import Overlay, SheetSamples
from poseflow.drawing.text import write_title
from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats import check_apart, check_writable, protect_inputs
from poseflow.frame_names import IMAGE_SUFFIXES
from poseflow.pipeline.known_poses import KnownPoses, PosesInput
from poseflow.pipeline.track import known
from poseflow.sequence import Frame
from poseflow.storage.atomic import write_atomically
from poseflow.video import Source, SourceFrame, open_source, open_writer
from poseflow.video.writer import ImageWriter, VideoWriter

Progress = Callable[[Iterable[Frame], int | None], Iterable[Frame]]


@dataclass(frozen=True)
class Rendered:
    """Result of `render`: the file or folder that it wrote.

    Attributes:
        path: The video, or the folder of images.
        frames: How many frames are in it.
        codec: The encoder: `libx264` is H.264, which browsers play.
    """

    path: Path
    frames: int
    codec: str


class OverlaySink:
    """Takes tracked frames and writes them, drawn, to a video or image folder.

    Use it in a `with` statement: a normal end and Ctrl-C keep what was written, any
    other exception leaves a previous file as it was.

    Args:
        out: The video or folder, see `poseflow.video.open_writer`.
        source: The source of the frames, for size and rate.
        overlay: How to draw; default `Overlay()`.

    Raises:
        PoseFlowError: If `out` cannot be written.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        source: Source | None = None,
        overlay: Overlay | None = None,
    ) -> None:
        size, fps = (None, None) if source is None else (source.size, source.fps)
        self._writer = open_writer(out, size, fps)
        self._overlay = overlay or Overlay()
        self.path = self._writer.path
        self.codec = self._writer.codec

    @property
    def frames(self) -> int:
        """Number of frames written."""
        return self._writer.frames

    def write(self, frame: Frame) -> None:
        """Draw a frame that has its image, and append it."""
        drawn = self._overlay.draw(_image(frame), frame.poses)
        self._writer.write(drawn, frame.name or None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._writer.__exit__(kind, *rest)


def render(
    source: Any,
    result: PosesInput,
    out: str | os.PathLike[str],
    *,
    overlay: Overlay | None = None,
    compare: PosesInput | None = None,
    titles: tuple[str, str] | None = None,
    sheet: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Rendered:
    """Draw the poses of `result` over `source` and write a video or images.

    Args:
        source: Whatever `poseflow.open_source` takes.
        result: A result file, a `PoseSequence`, or frames; matched to the source's
            frames by name, else by number.
        out: `out.mp4`, or a folder for images (see `poseflow.video.open_writer`).
        overlay: How to draw; default `Overlay()`.
        compare: Another result, drawn beside the first one in the same way.
        titles: What to write over the two.
        sheet: Image file for twelve of the frames, at equal distances in time.
        progress: Wraps the frames, with how many are expected, as they go by.

    Raises:
        PoseFlowError: If source, result or output is unusable, or no frame of the
            result occurs in the source. A previous output is then intact.
    """
    overlay = overlay or Overlay()
    files = [each for each in (result, compare) if isinstance(each, str | os.PathLike)]
    with (
        open_source(source) as video,
        protect_inputs(source=video.origin, poses=files),
        _open_drawing(out, video, wide=compare is not None) as writer,
    ):
        if sheet is not None:
            check_image_name(sheet)
            check_apart(sheet, overlay=out)
        frames: Iterable[Frame] = known(video, result)
        if progress is not None:
            frames = progress(frames, video.frame_count)
        draw = _single(overlay)
        if compare is not None:
            draw = _side_by_side(overlay, KnownPoses(compare), titles)
        samples = SheetSamples()
        for frame in frames:
            drawn = draw(frame)
            writer.write(drawn, frame.name or None)
            if sheet is not None:
                samples.add(drawn, f"{frame.time:.1f} s")
    if sheet is not None:
        write_image(sheet, samples.sheet())
    return Rendered(writer.path, writer.frames, writer.codec)


Drawer = Callable[[Frame], Image]


def _open_drawing(
    out: str | os.PathLike[str], video: Source, wide: bool
) -> VideoWriter | ImageWriter:
    size = video.size
    if size is not None and wide:
        size = (2 * size[0], size[1])
    return open_writer(out, size, video.fps)


def _single(overlay: Overlay) -> Drawer:
    return lambda frame: overlay.draw(_image(frame), frame.poses)


def _side_by_side(
    overlay: Overlay, other: KnownPoses, titles: tuple[str, str] | None
) -> Drawer:
    """Draws both results over a frame, the second one on the right."""
    second = copy.deepcopy(overlay)  # with trails of its own

    def draw(frame: Frame) -> Image:
        image = _image(frame)
        shot = SourceFrame(frame.index, frame.time, frame.name, image)
        parts = [
            overlay.draw(image, frame.poses),
            second.draw(image, other.of(shot)),
        ]
        for part, title in zip(parts, titles or (), strict=False):
            write_title(part, title)
        return np.hstack(parts)

    return draw


def _image(frame: Frame) -> Image:
    if frame.image is None:
        raise PoseFlowError(
            f"frame {frame.index} has no image to draw on; track with images"
        )
    return frame.image


def write_image(path: str | os.PathLike[str], image: Image) -> None:
    """Write an image file, atomically.

    Raises:
        FormatError: If its suffix is no image's, or it cannot be written.
    """
    check_image_name(path)
    done, data = cv2.imencode(Path(path).suffix.lower(), image)
    if not done:
        raise FormatError(f"{os.fspath(path)}: OpenCV cannot encode the image")
    write_atomically(path, data.tobytes())


def check_image_name(path: str | os.PathLike[str]) -> None:
    """Check that an image can be written under a name, before the work is done.

    Raises:
        FormatError: If its suffix is no image's, or the place cannot be written.
    """
    if Path(path).suffix.lower() not in IMAGE_SUFFIXES:
        raise FormatError(
            f"{os.fspath(path)}: expected the name of an image, such as sheet.png"
        )
    check_writable(path)
