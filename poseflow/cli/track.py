"""`poseflow track` and `poseflow estimate`: from a video to a result file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from poseflow.cli.options import (
    DetectEveryOption,
    DetectorOption,
    DetectorWeightsOption,
    DeviceOption,
    EstimatorOption,
    FormatOption,
    MatcherOption,
    OutputOption,
    RenderOption,
    SourceArgument,
    TrackerOption,
    WeightsOption,
)
from poseflow.cli.progress import progress

if TYPE_CHECKING:
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
    detect_every: DetectEveryOption = 1,
    tracker: TrackerOption = "default",
    matcher: MatcherOption = None,
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
    format: FormatOption = "alphapose",
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
            detect_every=detect_every,
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
    format: FormatOption = "alphapose",
    device: DeviceOption = "auto",
) -> None:
    """Find the people of SOURCE and their joints, without identities."""
    from poseflow.pipeline.track import estimate as run

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
    from poseflow.pipeline.to_files import write_result

    done = write_result(
        source,
        output,
        frames,
        poses=poses,
        render=render,
        format=format,
        progress=progress,
    )
    who = f", {done.identities} identities" if done.identities else ""
    rate = f"{done.frames / max(done.seconds, 1e-9):.1f} frames/s"
    typer.echo(f"{output}: {done.frames} frames{who}, {rate}", err=True)
    if done.overlay is not None:
        drawn = done.overlay
        typer.echo(f"{drawn.path}: {drawn.frames} frames, {drawn.codec}", err=True)
