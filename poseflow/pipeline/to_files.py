"""Write the frames made of a source to a result file and, if wanted, an overlay."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from poseflow.drawing import Overlay
from poseflow.formats import (
    Hints,
    ResultWriter,
    check_apart,
    protect_inputs,
    refuse_inputs,
)
from poseflow.pipeline.live import DelayMeter, LiveOptions, stop_on_signal
from poseflow.pipeline.protocols import Sink
from poseflow.pipeline.render import OverlaySink, Progress, Rendered
from poseflow.pipeline.track import drain
from poseflow.sequence import Frame
from poseflow.storage.atomic import PathLike
from poseflow.storage.segments import FileSink, Segments, first_number
from poseflow.video import FrameRange, Source, open_source

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
    part: FrameRange | None = None,
    overlay: Overlay | None = None,
    show: bool = False,
    rerun: str | os.PathLike[str] | None = None,
    live: LiveOptions | None = None,
    meter: DelayMeter | None = None,
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
        part: Which frames of the source; None for all.
        overlay: How to draw; default `Overlay()`.
        show: Whether to show the frames in a window, too.
        rerun: Recording for the Rerun viewer.
        live: How long, and in how many files.
        meter: Measures the delay of a live source.
        on_interrupt: See `ResultWriter`. Where it is `"keep"`, the first SIGINT or
            SIGTERM ends a live source in order.

    Raises:
        PoseFlowError: If anything is unusable; previous files are then intact.
        StreamLostError: If a live stream was lost; what was done is written.
    """
    with ExitStack() as stack:
        stack.enter_context(protect_inputs(source=source, poses=poses))
        refuse_inputs(output)
        live = live or LiveOptions()
        video = None
        if source is not None:
            seconds = live.reconnect_seconds
            opened = open_source(source, reconnect_seconds=seconds, live=live.live)
            video = stack.enter_context(opened)
        check_apart(output, overlay=render)
        expected = None if video is None else video.frame_count
        if video is not None and part is not None:
            video.part = part
            expected = part.count(expected, video.fps)

        def known() -> Hints:
            """What is known of the video once it has given a frame."""
            given = hints()
            if video is None:
                return given
            size, fps = video.size or given.size, video.fps or given.fps
            return replace(given, size=size, fps=fps, name=video.name)

        def result_in(path: PathLike) -> ResultWriter:
            return ResultWriter(path, format, hints=known, on_interrupt=on_interrupt)

        def overlay_in(path: PathLike) -> OverlaySink:
            return OverlaySink(path, video, overlay)

        def sink(path: PathLike, open: Callable[[PathLike], FileSink]) -> FileSink:
            if live.segment is None:
                return stack.enter_context(open(path))
            return stack.enter_context(Segments(path, open, live.segment, first))

        first = 0 if live.segment is None else first_number(output, render)
        sinks: list[Sink] = [sink(output, result_in)]
        drawing = None
        if render is not None:
            drawing = sink(render, overlay_in)
            sinks.append(drawing)
        if rerun is not None:
            from poseflow.pipeline.rerun_log import RerunSink

            check_apart(rerun, output=output, overlay=render)
            hide = None if overlay is None else copy.deepcopy(overlay.privacy)
            sinks.append(stack.enter_context(RerunSink(rerun, hide)))
        if show and video is not None:
            from poseflow.pipeline.window import LiveWindow

            # A copy, with trails and hidden places of its own.
            window = LiveWindow(video.name, copy.deepcopy(overlay), video)
            sinks.append(stack.enter_context(window))
        if meter is not None:
            meter.attach(video)
            sinks.append(meter)
        if video is not None:
            video.seconds = live.duration_seconds
            if video.is_live and on_interrupt == "keep":
                stack.enter_context(stop_on_signal(video))
        made = frames(video)
        start = time.perf_counter()
        count, ids = drain(
            made if progress is None else progress(made, expected), sinks
        )
        seconds = time.perf_counter() - start
    drawn = None
    if drawing is not None:
        drawn = Rendered(Path(drawing.path), drawing.frames, drawing.codec)
    return Written(count, ids, seconds, drawn)
