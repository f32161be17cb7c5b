"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from poseflow.errors import PoseFlowError

if TYPE_CHECKING:
    from poseflow.drawing import Overlay
    from poseflow.drawing.privacy import Hide
    from poseflow.pipeline.live import LiveOptions
    from poseflow.pipeline.options import TrackOptions
    from poseflow.video.frame_range import FrameRange

SourceArgument = Annotated[
    str,
    typer.Argument(
        help="Video file, folder or glob of images, camera index, rtsp/http url."
    ),
]
OutputOption = Annotated[
    str, typer.Option("-o", "--output", help="Result file; - for standard output.")
]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="Format of the result; default by its suffix."),
]
RenderOption = Annotated[
    str | None, typer.Option(help="Also write an overlay video or image folder.")
]
SkeletonOption = Annotated[
    str | None,
    typer.Option(
        "--skeleton",
        help="Joints of the poses: a name, or a YAML or JSON file; default by the "
        "file of poses.",
    ),
]
ResultSkeletonOption = Annotated[
    str | None,
    typer.Option(
        "--skeleton",
        help="Joints of the poses: a name, or a YAML or JSON file; of known poses, or "
        "those of the result, where others are estimated from the estimator's.",
    ),
]
VideoOption = Annotated[
    str | None,
    typer.Option(
        "--video",
        help="Which video of a file of poses with several: its vid_id, or the folder "
        "of its images.",
    ),
]
KeepOriginOption = Annotated[
    bool,
    typer.Option(
        "--keep-origin",
        help="Joints at exactly (0, 0) in the file of poses are joints; by default "
        "they are missing.",
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="WIDTHxHEIGHT",
        help="Size of the images in pixels, for poses divided by it and results that "
        "hold it; default: as the file or the source says.",
    ),
]
DeviceOption = Annotated[
    str, typer.Option(help="Device of the estimator: auto, cpu, cuda, cuda:N.")
]


@dataclass(frozen=True)
class EstimatorOptions:
    """Options of the commands that estimate poses."""

    estimator: Annotated[
        str | None,
        typer.Option(help="Name of an estimator; default by the kind of weights."),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            help="Another project's model by name, downloaded once; poseflow models "
            "lists them."
        ),
    ] = None
    weights: Annotated[
        Path | None,
        typer.Option(help="The estimator's weights: .safetensors .pth .onnx."),
    ] = None
    quality: Annotated[
        str | None,
        typer.Option(
            help="Preset of the embedded estimator: fast, balanced or best; default "
            "balanced."
        ),
    ] = None
    input_size: Annotated[
        int | None,
        typer.Option(
            help="Longer side in pixels of the embedded estimator's largest input, 64 "
            "to 4096; larger finds smaller people."
        ),
    ] = None
    tiles: Annotated[
        str | None,
        typer.Option(
            help="auto: where people are small, the embedded estimator searches that "
            "part of a large image again, enlarged; none. Default auto, with fast none."
        ),
    ] = None
    detector: Annotated[
        str | None, typer.Option(help="Name of a person detector for the estimator.")
    ] = None
    detector_weights: Annotated[
        Path | None, typer.Option(help="The detector's weights.")
    ] = None

    def __bool__(self) -> bool:
        """Whether any of them is given."""
        return any(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class TrackerOptions:
    """Options of the commands that track."""

    detect_every: Annotated[
        int,
        typer.Option(
            help="Detect on every Nth frame only; between, joints are estimated in "
            "boxes that the tracker predicts."
        ),
    ] = 1
    tracker: Annotated[
        str, typer.Option(help="Name of a tracker; poseflow info lists them.")
    ] = "default"
    matcher: Annotated[
        str | None,
        typer.Option(
            help="How frames are matched: orb, flow or none; with default, poseflow "
            "and released."
        ),
    ] = None
    max_tracks: Annotated[
        int | None,
        typer.Option(
            help="Known number of people or animals, so that no more ids are given; "
            "with default. For animals, always give it."
        ),
    ] = None
    fill: Annotated[
        bool,
        typer.Option(
            "--fill/--no-fill",
            help="Fill short gaps of tracks by interpolated poses, marked as such; "
            "with default. Not in PoseTrack files.",
        ),
    ] = True
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            help="Stitch tracks over the whole source once it has ended, with images "
            "those of people who come back, too; for animals, low frame rates and "
            "long absences; not for live sources.",
        ),
    ] = False
    wrap: Annotated[
        bool,
        typer.Option(
            "--wrap",
            help="The images are panoramas of 360 degrees: people who leave on the "
            "right appear on the left; with default.",
        ),
    ] = False
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Option of the tracker, such as gate_body_lengths=2; repeatable. "
            "docs/trackers.md lists them.",
        ),
    ] = None

    def given(self) -> dict[str, Any]:
        """The options of the tracker that are given.

        Raises:
            PoseFlowError: If a setting names no option of the tracker, or its value is
                of another type.
        """
        options: dict[str, Any] = {"matcher": self.matcher}
        if self.max_tracks is not None:
            options["max_tracks"] = self.max_tracks
        if not self.fill and self.tracker == "default":
            options["fill_frames"] = 0
        if self.settings:
            from poseflow.tracker.settings import parse_settings

            options |= parse_settings(self.tracker, self.settings)
        return options


@dataclass(frozen=True)
class SelectionOptions:
    """Which frames and people are tracked, and smoothing."""

    start: Annotated[
        str | None,
        typer.Option(help="First frame (300) or time (12.5s, 1:05) of SOURCE."),
    ] = None
    stop: Annotated[str | None, typer.Option(help="Frame or time to stop before.")] = (
        None
    )
    score_threshold: Annotated[
        float | None,
        typer.Option(help="Leave out people with a lower score before tracking."),
    ] = None
    max_people: Annotated[
        int | None,
        typer.Option(min=1, help="Track so many people of a frame, the best scored."),
    ] = None
    smooth: Annotated[
        bool,
        typer.Option(
            "--smooth",
            help="Smooth the joints of every track: as frames come (One-Euro), or "
            "without lag after the last one with --refine.",
        ),
    ] = False

    def part(self) -> FrameRange | None:
        """The part of the source; None for all of it."""
        from poseflow.video.frame_range import FrameRange

        if self.start is None and self.stop is None:
            return None
        return FrameRange.parse(self.start, self.stop)


@dataclass(frozen=True)
class MessageOptions:
    """Options that say how much a command prints."""

    verbose: Annotated[
        int,
        typer.Option("-v", "--verbose", count=True, help="Print more; -vv even more."),
    ] = 0
    quiet: Annotated[
        bool,
        typer.Option("-q", "--quiet", help="Print nothing but warnings and errors."),
    ] = False

    def apply(self) -> None:
        """Log as much as was asked for; `guard` prints it to standard error."""
        import logging

        levels = (logging.WARNING, logging.INFO, logging.DEBUG)
        level = levels[min(self.verbose, 2)]
        logging.getLogger("poseflow").setLevel(level)


@dataclass(frozen=True)
class DrawingOptions:
    """Options of the commands that draw."""

    colors: Annotated[
        str,
        typer.Option(
            metavar="identity|sides",
            help="Colours of skeletons: by identity, or left, right and middle.",
        ),
    ] = "identity"
    blur: Annotated[
        str | None,
        typer.Option(
            metavar="faces|people",
            help="Blur the faces or whole people that have poses, in all that is "
            "drawn or shown.",
        ),
    ] = None
    silhouette: Annotated[
        bool,
        typer.Option(
            "--silhouette", help="Blur people, and draw silhouettes over them."
        ),
    ] = False

    @property
    def privacy(self) -> Hide | None:
        """What is hidden.

        Raises:
            typer.BadParameter: If it is nothing that can be hidden.
        """
        if self.blur not in (None, "faces", "people"):
            raise typer.BadParameter(
                f"expected faces or people, got {self.blur!r}", param_hint="--blur"
            )
        return "silhouettes" if self.silhouette else cast(Any, self.blur)

    def overlay(self, **options: Any) -> Overlay:
        """An overlay that draws so."""
        from poseflow.drawing import Overlay

        colors = cast(Any, self.colors)
        return Overlay(colors=colors, privacy=self.privacy, **options)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height in `1280x720`.

    Raises:
        typer.BadParameter: If it is no such text.
    """
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    sides = [side for side in (width, height) if re.fullmatch(r"[1-9][0-9]{0,8}", side)]
    if len(sides) != 2:
        raise typer.BadParameter(
            f"expected WIDTHxHEIGHT, such as 1280x720, found {text!r}",
            param_hint="--size",
        )
    return int(width), int(height)


@dataclass(frozen=True)
class StreamOptions:
    """Options of the commands that read sources without an end."""

    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Drop frames rather than lag behind, give ids at once, and report the "
            "delay; files are played at their own speed.",
        ),
    ] = False
    reconnect: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds to try a live stream again that was lost; 0 ends with it.",
        ),
    ] = 60.0
    duration: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds after which to end; default with SOURCE."),
    ] = None
    segment: Annotated[
        str | None,
        typer.Option(
            help="Write OUT-0001, OUT-0002, ... each of this length: 90s, 10m, 1h or, "
            "in frames, 5000f."
        ),
    ] = None

    def parsed(self) -> LiveOptions:
        """The options as the library takes them."""
        from poseflow.pipeline.live import LiveOptions
        from poseflow.storage.segments import SegmentLength

        segment = None if self.segment is None else SegmentLength.parse(self.segment)
        return LiveOptions(self.live, self.reconnect, self.duration, segment)


def track_options(
    estimator: EstimatorOptions,
    tracker: TrackerOptions | None = None,
    format: str = "alphapose",
    render: bool = False,
    selection: SelectionOptions | None = None,
    drawing: DrawingOptions | None = None,
    **tracker_options: Any,
) -> TrackOptions:
    """The options of a command as the library takes them.

    Args:
        estimator: Those of the estimator.
        tracker: Those of the tracker, if the command tracks.
        format: Format of the result.
        render: Whether an overlay is written, too.
        selection: Which frames and people are tracked, and smoothing.
        drawing: How the overlay is drawn.
        **tracker_options: Further options of the tracker; None is left out.
    """
    from poseflow.pipeline.options import TrackOptions

    tracker = tracker or TrackerOptions()
    selection = selection or SelectionOptions()
    drawing = drawing or DrawingOptions()
    estimator = _with_model(estimator)
    if render and tracker.refine:
        raise typer.BadParameter(
            "tracks are stitched after the last frame: draw the result afterwards, by "
            "poseflow render",
            param_hint="--refine",
        )
    given = {**tracker.given(), **tracker_options}
    weights = estimator.weights, estimator.detector_weights
    own, detector = (None if path is None else str(path) for path in weights)
    return TrackOptions(
        estimator=estimator.estimator,
        weights=own,
        quality=estimator.quality,
        input_size=estimator.input_size,
        tiles=estimator.tiles,
        detector=estimator.detector,
        detector_weights=detector,
        detect_every=tracker.detect_every,
        score_threshold=selection.score_threshold,
        max_people=selection.max_people,
        smooth=selection.smooth,
        tracker=tracker.tracker,
        tracker_options={k: v for k, v in given.items() if v is not None},
        refine=tracker.refine,
        wrap=tracker.wrap,
        format=format,
        render=render,
        colors=cast(Any, drawing.colors),
        privacy=drawing.privacy,
        part=selection.part(),
    )


def _with_model(given: EstimatorOptions) -> EstimatorOptions:
    """The options with a model's name replaced by what it stands for."""
    if given.model is None:
        return given
    if given.estimator is not None or given.weights is not None:
        raise PoseFlowError(
            f"--model {given.model} is an estimator with its weights: leave out "
            "--estimator and --weights"
        )
    from poseflow.estimator.known_models import known_model

    model = known_model(given.model)
    if model.estimator is None:
        raise PoseFlowError(
            f"model {given.model!r} is a person detector: {model.use} {given.model}"
        )
    return replace(
        given,
        model=None,
        estimator=model.estimator,
        weights=Path(given.model),
        detector=given.detector or model.detector,
    )


def expand_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each dataclass among a command's parameters by its fields.

    Typer then sees one option a field, in place of the dataclass, and the command
    receives the dataclass made of them: options are declared once and shared by
    commands.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }
    expanded: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parts = [parameter]
        if name in groups:
            group = inspect.signature(groups[name], eval_str=True)
            parts = list(group.parameters.values())
        expanded += [part.replace(kind=part.KEYWORD_ONLY) for part in parts]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            chosen = {field.name: values.pop(field.name) for field in fields(group)}
            values[name] = group(**chosen)
        command(**values)

    run.__signature__ = signature.replace(parameters=expanded)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in expanded}
    return run
