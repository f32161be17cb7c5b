"""`poseflow track` and `poseflow estimate`: from a video to a result file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poseflow.cli.options import (
    DeviceOption,
    DrawingOptions,
    EstimatorOptions,
    FormatOption,
    KeepOriginOption,
    MessageOptions,
    OutputOption,
    RenderOption,
    ResultSkeletonOption,
    SelectionOptions,
    SizeOption,
    SourceArgument,
    StreamOptions,
    TrackerOptions,
    VideoOption,
    expand_options,
    parse_size,
    track_options,
)
from poseflow.cli.progress import progress
from poseflow.cli.say import say
from poseflow.pipeline.options import as_poses_file

if TYPE_CHECKING:
    from poseflow.formats import Hints
    from poseflow.pipeline.to_files import Frames, Outputs
    from poseflow.sequence import Frame, PoseSequence
    from poseflow.video import FrameRange, Source


@expand_options
def track(
    source: SourceArgument,
    output: OutputOption,
    *,
    poses: Annotated[
        str | None,
        typer.Option(help="File with the poses of each frame, in any known format."),
    ] = None,
    estimator_options: EstimatorOptions,
    tracker_options: TrackerOptions,
    stream_options: StreamOptions,
    correspondences: Annotated[
        Path | None,
        typer.Option(
            help="With --tracker released: folder with matches NAME_NAME_orb.txt or "
            ".npz."
        ),
    ] = None,
    compat: Annotated[
        bool,
        typer.Option(
            "--compat", help="With --tracker released: repeat its documented faults."
        ),
    ] = False,
    skeleton: ResultSkeletonOption = None,
    size: SizeOption = None,
    video: VideoOption = None,
    keep_origin: KeepOriginOption = False,
    selection: SelectionOptions,
    render: RenderOption = None,
    drawing: DrawingOptions,
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Show the frames in a window; keys: space pauses, i ids, t trails, "
            "q quits.",
        ),
    ] = False,
    rerun: Annotated[
        Path | None,
        typer.Option(help="Also write a recording for the Rerun viewer, .rrd."),
    ] = None,
    format: FormatOption = None,
    device: DeviceOption = "auto",
    messages: MessageOptions,
) -> None:
    """Track the people of SOURCE and write their poses with identities.

    A SOURCE that is a file of poses, or a folder of OpenPose's, is tracked without
    images.
    """
    from poseflow.formats import read
    from poseflow.pipeline.to_files import Outputs

    options = track_options(
        estimator_options,
        tracker_options,
        render=render is not None or show or rerun is not None,
        selection=selection,
        drawing=drawing,
        correspondences=correspondences,
        compat=compat or None,
    )
    images: str | None = source
    if poses is None and as_poses_file(source):
        images, poses = None, source
    if poses is not None and estimator_options:
        raise typer.BadParameter(
            "poses are known already: leave out --estimator, --weights and --detector",
            param_hint="--poses",
        )

    if poses is None and video is not None:
        raise typer.BadParameter(
            "chooses among the videos of known poses: give a file of them with --poses",
            param_hint="--video",
        )
    images_size = parse_size(size)
    known: PoseSequence | None = None
    final = not stream_options.live

    def frames(shots: Source | None) -> Iterator[Frame]:
        nonlocal known
        if poses is None:
            estimator = options.make_estimator(device)
            tracked = options.track(shots, estimator=estimator, final=final)
            return tracked if skeleton is None else _converted(tracked, skeleton)
        known = read(
            poses,
            skeleton=skeleton,
            size=images_size or (shots.size if shots is not None else None),
            keep_origin=keep_origin,
            video=video,
        )
        if options.part is not None and shots is None:
            known = options.part.of(known)
        return options.track(shots, poses=known, final=final)

    def hints() -> Hints:
        return options.hints(known)

    outputs = Outputs(output, format, render, options.overlay(), show, rerun)
    _write(
        images, poses, outputs, frames, hints, stream_options, messages, options.part
    )


@expand_options
def estimate(
    source: SourceArgument,
    output: OutputOption,
    *,
    estimator_options: EstimatorOptions,
    stream_options: StreamOptions,
    skeleton: ResultSkeletonOption = None,
    render: RenderOption = None,
    format: FormatOption = None,
    device: DeviceOption = "auto",
    messages: MessageOptions,
) -> None:
    """Estimate the poses of the people in SOURCE, without identities."""
    from poseflow.pipeline.to_files import Outputs
    from poseflow.pipeline.track import estimate as run

    options = track_options(estimator_options)

    def frames(video: Source | None) -> Iterator[Frame]:
        found = run(video, options.make_estimator(device))
        return found if skeleton is None else _converted(found, skeleton)

    def hints() -> Hints:
        return replace(options.hints(), tracker=None)

    outputs = Outputs(output, format, render)
    _write(source, None, outputs, frames, hints, stream_options, messages)


def _converted(frames: Generator[Frame], skeleton: str) -> Generator[Frame]:
    """Frames with another skeleton; joints that the estimator lacks are estimated."""
    from poseflow.skeletons.conversion import convert
    from poseflow.skeletons.files import find_skeleton

    target = find_skeleton(skeleton)
    with closing(frames):
        for frame in frames:
            yield replace(frame, poses=convert(frame.poses, target, estimate=True))


def _write(
    source: str | None,
    poses: str | None,
    outputs: Outputs,
    frames: Frames,
    hints: Callable[[], Hints],
    stream_options: StreamOptions,
    messages: MessageOptions,
    part: FrameRange | None = None,
) -> None:
    """Write what `frames` makes of a source, and print a summary."""
    if source is None and (outputs.render is not None or outputs.show):
        raise typer.BadParameter(
            "there are no images to draw on: name the video, and the poses with "
            "--poses",
            param_hint="--show" if outputs.render is None else "--render",
        )
    messages.apply()
    from poseflow.pipeline.live import DelayMeter
    from poseflow.pipeline.to_files import write_result

    meter = DelayMeter()

    def watched(frames: Iterable[Frame], total: int | None) -> Iterator[Frame]:
        return progress(frames, total, note=lambda: str(meter))

    done = write_result(
        source,
        outputs,
        frames,
        poses=poses,
        hints=hints,
        part=part,
        live=stream_options.parsed(),
        meter=meter,
        progress=None if messages.quiet else watched,
    )
    if messages.quiet:
        return
    given = f", {done.identities} identities" if done.identities else ""
    rate = f"{done.frames / max(done.seconds, 1e-9):.1f} frames/s"
    delay = f", {meter}" if str(meter) else ""
    say(f"{outputs.result}: {done.frames} frames{given}, {rate}{delay}", err=True)
    if done.overlay is not None:
        drawn = done.overlay
        say(f"{drawn.path}: {drawn.frames} frames, {drawn.codec}", err=True)
