"""Write the frames made of a source to a result file and, if wanted, an overlay."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal

from poseflow.formats import (
    Hints,
    ResultWriter,
    check_apart,
    protect_inputs,
    refuse_inputs,
)
from poseflow.pipeline.protocols import Sink
from poseflow.pipeline.render import OverlaySink, Progress, Rendered
from poseflow.pipeline.track import drain
from poseflow.sequence import Frame
from poseflow.video import Source, open_source

Frames = Callable[[Source | None], Iterable[Frame]]


@dataclass(frozen=True)
class Written:
    """Summary of `write_result`.

    Attributes:
        frames: Number of frames in the result.
        identities: Number of identities given.
        seconds: Time that making and writing the frames took.
        overlay: The overlay, if one was wanted.
    """

    frames: int
    identities: int
    seconds: float
    overlay: Rendered | None


def write_result(
    source: str | None,
    output: str | os.PathLike[str],
    frames: Frames,
    *,
    poses: str | os.PathLike[str] | None = None,
    hints: Callable[[], Hints] = Hints,
    render: str | os.PathLike[str] | None = None,
    format: str | None = None,
    progress: Progress | None = None,
    on_interrupt: Literal["keep", "discard"] = "keep",
) -> Written:
    """Open a source and write the frames that are made of it.

    Args:
        source: As `poseflow.open_source` takes; None without images.
        output: The result file.
        frames: Makes frames of the opened source.
        poses: File that the poses come from.
        hints: Gives the metadata of the result, once there is a frame; name, size and
            frame rate of a source go first.
        render: Overlay video or image folder.
        format: Of the result; None goes by the suffix of `output`.
        progress: Wraps the frames, with how many are expected, as they go by.
        on_interrupt: See `ResultWriter`.

    Raises:
        PoseFlowError: If anything is unusable; previous files are then intact.
    """
    with ExitStack() as stack:
        stack.enter_context(protect_inputs(source=source, poses=poses))
        refuse_inputs(output)
        video = None if source is None else stack.enter_context(open_source(source))
        check_apart(output, overlay=render)
        expected = None if video is None else video.frame_count

        def known() -> Hints:
            """What is known of the video once it has given a frame."""
            given = hints()
            if video is None:
                return given
            size, fps = video.size or given.size, video.fps or given.fps
            return replace(given, size=size, fps=fps, name=video.name)

        sinks: list[Sink] = [
            stack.enter_context(
                ResultWriter(output, format, hints=known, on_interrupt=on_interrupt)
            )
        ]
        overlay = None
        if render is not None:
            overlay = stack.enter_context(OverlaySink(render, video))
            sinks.append(overlay)
        made = frames(video)
        start = time.perf_counter()
        count, ids = drain(
            made if progress is None else progress(made, expected), sinks
        )
        seconds = time.perf_counter() - start
    drawn = None
    if overlay is not None:
        drawn = Rendered(overlay.path, overlay.frames, overlay.codec)
    return Written(count, ids, seconds, drawn)
