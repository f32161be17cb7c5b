"""Write the frames made of a source to a result file and, if wanted, an overlay."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
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
class Outputs:
    """What a run writes and shows.

    Attributes:
        result: The result file.
        format: Of the result; None goes by the suffix of `result`.
        render: Overlay video or image folder; None for none.
        overlay: How to draw; default `Overlay()`.
        show: Whether to show the frames of a video in a window, too.
        rerun: Recording for the Rerun viewer; None for none.
    """

    result: PathLike
    format: str | None = None
    render: PathLike | None = None
    overlay: Overlay | None = None
    show: bool = False
    rerun: PathLike | None = None

    def check(self) -> None:
        """Check that no output is an input, or the same file as another output.

        Raises:
            PoseFlowError: If one is; the message names both.
        """
        refuse_inputs(self.result)
        check_apart(self.result, overlay=self.render)
        if self.rerun is not None:
            check_apart(self.rerun, output=self.result, overlay=self.render)


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
    outputs: Outputs,
    frames: Frames,
    *,
    poses: PathLike | None = None,
    hints: Callable[[], Hints] = Hints,
    part: FrameRange | None = None,
    live: LiveOptions | None = None,
    meter: DelayMeter | None = None,
    progress: Progress | None = None,
    on_interrupt: Literal["keep", "discard"] = "keep",
) -> Written:
    """Open a source and write the frames that are made of it.

    Args:
        source: As `poseflow.open_source` takes; None without images.
        outputs: What to write and show.
        frames: Makes frames of the opened source.
        poses: File that the poses come from.
        hints: Gives the metadata of the result, once there is a frame; name, size and
            frame rate of a source go first.
        part: Which frames of the source; None for all.
        live: How long, and in how many files.
        meter: Measures the delay of a live source.
        progress: Wraps the frames, with how many are expected, as they go by.
        on_interrupt: See `ResultWriter`. Where it is `"keep"`, the first SIGINT or
            SIGTERM ends a live source in order.

    Raises:
        PoseFlowError: If anything is unusable; previous files are then intact.
        StreamLostError: If a live stream was lost; what was done is written.
    """
    live = live or LiveOptions()
    with ExitStack() as stack:
        stack.enter_context(protect_inputs(source=source, poses=poses))
        outputs.check()
        video = None if source is None else stack.enter_context(_open(source, live))
        expected = None if video is None else video.frame_count
        if video is not None and part is not None:
            video.part = part
            expected = part.count(expected, video.fps)

        def result_in(path: PathLike) -> ResultWriter:
            return ResultWriter(
                path,
                outputs.format,
                hints=lambda: _with_video(hints(), video),
                on_interrupt=on_interrupt,
            )

        def overlay_in(path: PathLike) -> OverlaySink:
            return OverlaySink(path, video, outputs.overlay)

        def in_segments(
            path: PathLike, open: Callable[[PathLike], FileSink]
        ) -> FileSink:
            if live.segment is None:
                return stack.enter_context(open(path))
            return stack.enter_context(Segments(path, open, live.segment, first))

        first = first_number(outputs.result, outputs.render) if live.segment else 0
        sinks: list[Sink] = [in_segments(outputs.result, result_in)]
        drawing = None
        if outputs.render is not None:
            drawing = in_segments(outputs.render, overlay_in)
            sinks.append(drawing)
        sinks += [stack.enter_context(viewer) for viewer in _viewers(outputs, video)]
        if meter is not None:
            meter.attach(video)
            sinks.append(meter)
        if video is not None:
            video.seconds = live.duration_seconds
            if video.is_live and on_interrupt == "keep":
                stack.enter_context(stop_on_signal(video))
        made = frames(video)
        start = time.perf_counter()
        if progress is not None:
            made = progress(made, expected)
        count, ids = drain(made, sinks)
        seconds = time.perf_counter() - start
    drawn = None
    if drawing is not None:
        drawn = Rendered(Path(drawing.path), drawing.frames, drawing.codec)
    return Written(count, ids, seconds, drawn)


def _open(source: str, live: LiveOptions) -> Source:
    return open_source(source, reconnect_seconds=live.reconnect_seconds, live=live.live)


def _with_video(hints: Hints, video: Source | None) -> Hints:
    """The metadata with what is known of a video once it has given a frame."""
    if video is None:
        return hints
    return replace(
        hints,
        size=video.size or hints.size,
        fps=video.fps or hints.fps,
        name=video.name,
    )


def _viewers(
    outputs: Outputs, video: Source | None
) -> Iterator[AbstractContextManager[Sink]]:
    """Sinks for watching a run; what they draw with has a state of its own."""
    if outputs.rerun is not None:
        from poseflow.pipeline.rerun_log import RerunSink

        hide = None if outputs.overlay is None else outputs.overlay.privacy
        yield RerunSink(outputs.rerun, copy.deepcopy(hide))
    if outputs.show and video is not None:
        from poseflow.pipeline.window import LiveWindow

        yield LiveWindow(video.name, copy.deepcopy(outputs.overlay), video)
