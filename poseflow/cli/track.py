"""`poseflow track` and `poseflow estimate`: from a video to a result file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poseflow.cli.options import (
    DetectorOption,
    DetectorWeightsOption,
    DeviceOption,
    EstimatorOption,
    FormatOption,
    OutputOption,
    RenderOption,
    SourceArgument,
    WeightsOption,
)
from poseflow.cli.progress import progress

if TYPE_CHECKING:
    from poseflow.pipeline import Sink
    from poseflow.sequence import Frame
    from poseflow.video import Source


def track(
    source: SourceArgument,
    output: OutputOption,
    poses: Annotated[
        str | None,
        typer.Option(help="File with the people of each frame, in any known format."),
    ] = None,
    estimator: EstimatorOption = None,
    weights: WeightsOption = None,
    detector: DetectorOption = None,
    detector_weights: DetectorWeightsOption = None,
    tracker: Annotated[
        str, typer.Option(help="Name of a tracker; poseflow info lists them.")
    ] = "default",
    matcher: Annotated[
        str | None,
        typer.Option(
            help="How frames are matched: orb, flow or none; with default, poseflow "
            "and released."
        ),
    ] = None,
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
    render: RenderOption = None,
    format: FormatOption = "default",
    device: DeviceOption = "auto",
) -> None:
    """Track the people of SOURCE and write who is who.

    A SOURCE that ends in .json is a file of poses, tracked without pictures.
    """
    import poseflow

    options: dict[str, Any] = {
        "matcher": matcher,
        "correspondences": correspondences,
        "compat": compat or None,
    }
    chosen = {name: value for name, value in options.items() if value is not None}

    def frames(video: Source | None) -> Iterator[Frame]:
        found = (
            _estimator(estimator, weights, detector, detector_weights, device)
            if poses is None
            else None
        )
        return poseflow.track(
            video,
            poses=poses,
            estimator=found,
            tracker=tracker,
            final=True,
            images=render is not None,
            **chosen,
        )

    video: str | None = source
    if poses is None and source.endswith((".json", ".json.gz")):
        video, poses = None, source
    if poses is not None and (estimator or weights or detector or detector_weights):
        raise typer.BadParameter(
            "poses are known already: leave out --estimator, --weights and --detector",
            param_hint="--poses",
        )
    _write(video, poses, output, frames, render, format)


def estimate(
    source: SourceArgument,
    output: OutputOption,
    estimator: EstimatorOption = None,
    weights: WeightsOption = None,
    detector: DetectorOption = None,
    detector_weights: DetectorWeightsOption = None,
    render: RenderOption = None,
    format: FormatOption = "default",
    device: DeviceOption = "auto",
) -> None:
    """Find the people of SOURCE and their joints, without identities."""
    from poseflow.pipeline import estimate as run

    def frames(video: Source | None) -> Iterator[Frame]:
        found = _estimator(estimator, weights, detector, detector_weights, device)
        return run(video, found)

    _write(source, None, output, frames, render, format)


def _estimator(
    name: str | None,
    weights: Path | None,
    detector: str | None,
    detector_weights: Path | None,
    device: str,
) -> Any:
    from poseflow.estimator import Estimator

    given = {} if name is None else {"name": name}
    return Estimator(
        **given,
        weights=weights,
        device=device,
        detector=detector,
        detector_weights=detector_weights,
    )


def _write(
    source: str | None,
    poses: str | None,
    output: str,
    frames: Any,
    render: str | None,
    format: str,
) -> None:
    """Write what `frames` makes of a source, and say how it went."""
    if source is None and render is not None:
        raise typer.BadParameter(
            "there are no pictures to draw on: name the video, and the poses with "
            "--poses",
            param_hint="--render",
        )
    from poseflow.formats import Hints, ResultWriter, check_apart
    from poseflow.pipeline import drain
    from poseflow.render import OverlaySink
    from poseflow.video import open_source

    with ExitStack() as stack:
        video = None if source is None else stack.enter_context(open_source(source))
        # Interrupted, the result is kept: it must not cost the poses it came from.
        origin = None if video is None else video.origin
        check_apart(output, source=origin, poses=poses, overlay=render)
        made = frames(video)
        hints, expected = Hints(), None
        if video is not None:
            hints = Hints(size=video.size, fps=video.fps, name=video.name)
            expected = video.frame_count
        sinks: list[Sink] = [
            stack.enter_context(ResultWriter(output, format, hints=hints))
        ]
        overlay = None
        if render is not None:
            overlay = stack.enter_context(OverlaySink(render, video))
            sinks.append(overlay)
        start = time.perf_counter()
        count, ids = drain(progress(made, expected), sinks)
        seconds = time.perf_counter() - start
    who = f", {ids} identities" if ids else ""
    rate = f"{count / max(seconds, 1e-9):.1f} frames/s"
    typer.echo(f"{output}: {count} frames{who}, {rate}", err=True)
    if overlay is not None:
        typer.echo(
            f"{overlay.path}: {overlay.frames} frames, {overlay.codec}", err=True
        )
