"""Draw a tracking result over its source: `poseflow.render` and the overlay sink."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from poseflow.drawing import Overlay
from poseflow.errors import PoseFlowError
from poseflow.formats import protect_inputs
from poseflow.pipeline.known_poses import PosesInput
from poseflow.pipeline.track import drain, known
from poseflow.sequence import Frame
from poseflow.video import Source, open_source, open_writer

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
        if frame.image is None:
            raise PoseFlowError(
                f"frame {frame.index} has no image to draw on; track with images"
            )
        drawn = self._overlay.draw(frame.image, frame.poses)
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
    progress: Progress | None = None,
) -> Rendered:
    """Draw the poses of `result` over `source` and write a video or images.

    Args:
        source: Whatever `poseflow.open_source` takes.
        result: A result file, a `PoseSequence`, or frames; matched to the source's
            frames by name, else by number.
        out: `out.mp4`, or a folder for images (see `poseflow.video.open_writer`).
        overlay: How to draw; default `Overlay()`.
        progress: Wraps the frames, with how many are expected, as they go by.

    Raises:
        PoseFlowError: If source, result or output is unusable, or no frame of the
            result occurs in the source. A previous output is then intact.
    """
    read = result if isinstance(result, str | os.PathLike) else None
    with (
        open_source(source) as video,
        protect_inputs(source=video.origin, poses=read),
        OverlaySink(out, video, overlay) as sink,
    ):
        frames: Iterable[Frame] = known(video, result)
        if progress is not None:
            frames = progress(frames, video.frame_count)
        drain(frames, [sink])
    return Rendered(sink.path, sink.frames, sink.codec)
