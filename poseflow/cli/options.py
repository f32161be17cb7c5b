"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SourceArgument = Annotated[
    str,
    typer.Argument(
        help="Video file, folder or glob of images, camera index, rtsp/http url."
    ),
]
OutputOption = Annotated[
    str, typer.Option("-o", "--output", help="Result file; - for standard output.")
]
FormatOption = Annotated[str, typer.Option("--format", help="Format of the result.")]
RenderOption = Annotated[
    str | None, typer.Option(help="Also write an overlay video or image folder.")
]
EstimatorOption = Annotated[
    str | None, typer.Option(help="Who finds joints; default by the kind of weights.")
]
WeightsOption = Annotated[
    Path | None, typer.Option(help="The estimator's weights: .safetensors .pth .onnx.")
]
DetectorOption = Annotated[
    str | None, typer.Option(help="Who finds people for the estimator.")
]
DetectorWeightsOption = Annotated[
    Path | None, typer.Option(help="The detector's weights.")
]
DeviceOption = Annotated[
    str, typer.Option(help="Where the estimator runs: auto, cpu, cuda, cuda:N.")
]
DetectEveryOption = Annotated[
    int,
    typer.Option(
        help="Detect on every Nth frame only; between, the tracker says where to look."
    ),
]
TrackerOption = Annotated[
    str, typer.Option(help="Name of a tracker; poseflow info lists them.")
]
MatcherOption = Annotated[
    str | None,
    typer.Option(
        help="How frames are matched: orb, flow or none; with default, poseflow and "
        "released."
    ),
]
