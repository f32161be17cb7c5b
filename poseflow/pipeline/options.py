"""Options of a tracking run: estimator, detector, tracker and format of the result."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import poseflow
from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Hints

if TYPE_CHECKING:
    from poseflow.drawing import Overlay
    from poseflow.drawing.overlay import Colors
    from poseflow.drawing.privacy import Hide
    from poseflow.estimator import Estimator
    from poseflow.pipeline.known_poses import PosesInput
    from poseflow.sequence import Frame, PoseSequence
    from poseflow.tracker import TrackAppearances
    from poseflow.video import FrameRange, Source


@dataclass(frozen=True)
class TrackOptions:
    """How sources are tracked; see `poseflow track`.

    Attributes:
        estimator: Name of an estimator; None for the default one.
        weights: Its weights.
        quality: Its preset, of those estimators that have presets.
        input_size: Size of its largest input, pixels, of the same estimators.
        tiles: Whether these search the part of a large image where people are small
            again, enlarged: `auto` or `none`.
        detector: Name of a detector.
        detector_weights: Its weights.
        detect_every: See `poseflow.track`.
        score_threshold: See `poseflow.track`.
        max_people: See `poseflow.track`.
        smooth: See `poseflow.track`; with `refine`, by `poseflow.tracker.smooth`.
        tracker: Name of a tracker.
        tracker_options: Its options, such as `matcher`.
        refine: Whether tracks are stitched over the whole source, once it has ended, by
            motion and by the appearance in the images.
        wrap: Whether images are panoramas of 360 degrees.
        skeleton: Joints of files of poses, a name or a file; None as these say.
        format: Format of the result.
        render: Whether an overlay is written, too.
        colors: Of the overlay, see `poseflow.drawing.Overlay`.
        privacy: What it hides: `faces`, `people` or `silhouettes`.
        part: The part of the source; None for all of it.
    """

    estimator: str | None = None
    weights: str | None = None
    quality: str | None = None
    input_size: int | None = None
    tiles: str | None = None
    detector: str | None = None
    detector_weights: str | None = None
    detect_every: int = 1
    score_threshold: float | None = None
    max_people: int | None = None
    smooth: bool = False
    tracker: str = "default"
    tracker_options: Mapping[str, Any] = field(default_factory=dict)
    refine: bool = False
    wrap: bool = False
    skeleton: str | None = None
    format: str = "alphapose"
    render: bool = False
    colors: Colors = "identity"
    privacy: Hide | None = None
    part: FrameRange | None = None

    def overlay(self) -> Overlay:
        """The overlay that is written."""
        from poseflow.drawing import Overlay

        return Overlay(colors=self.colors, privacy=self.privacy)

    def make_estimator(self, device: str) -> Estimator:
        """The estimator with its weights and detector, on a device."""
        from poseflow.estimator import Estimator

        given: dict[str, Any] = {
            "name": self.estimator,
            "quality": self.quality,
            "input_size": self.input_size,
            "tiles": self.tiles,
        }
        return Estimator(
            **{name: value for name, value in given.items() if value is not None},
            weights=self.weights,
            device=device,
            detector=self.detector,
            detector_weights=self.detector_weights,
        )

    def track(
        self,
        source: Source | None,
        *,
        poses: PosesInput | None = None,
        estimator: Estimator | None = None,
        final: bool = True,
    ) -> Generator[Frame]:
        """Track a source.

        Args:
            source: An open source; None without images.
            poses: The poses, if they are known.
            estimator: What `make_estimator` gave, if they are not.
            final: Yield frames when their ids are final, rather than at once.
        """
        if self.refine and source is not None and source.is_live:
            raise PoseFlowError(
                "--refine stitches tracks after the last frame, which a live source "
                "does not have; refine the result afterwards, by poseflow refine"
            )
        options = dict(self.tracker_options)
        if self.wrap:
            options["wrap_width_px"] = _width(source, poses)
        appearances = None
        if self.refine and source is not None and options.get("appearance", True):
            from poseflow.tracker import TrackAppearances

            appearances = TrackAppearances()
        frames = poseflow.track(
            source,
            poses=poses,
            estimator=estimator,
            tracker=self.tracker,
            final=final,
            images=self.render,
            detect_every=self.detect_every,
            score_threshold=self.score_threshold,
            max_people=self.max_people,
            smooth=self.smooth and not self.refine,
            appearances=appearances,
            **options,
        )
        if not self.refine:
            return frames
        size = getattr(poses if source is None else source, "size", None)
        return refined(frames, size, self.tracker_options, self.smooth, appearances)

    def hints(self, poses: PoseSequence | None = None) -> Hints:
        """Metadata of the result.

        Args:
            poses: What is tracked, if its poses are known: they tell size, frame rate
                and name where there is no video.
        """
        known = Hints() if poses is None else Hints.of(poses)
        return replace(known, tracker=self.tracker, version=poseflow.__version__)

    def digest(self) -> str:
        """Everything that results depend on besides the sources, as 16 hex digits.

        Counts the version of poseflow, and size and time of the files that are named.
        """
        facts = asdict(self) | {"version": poseflow.__version__}
        for name in ("weights", "detector_weights", "skeleton"):
            path = getattr(self, name)
            if path is not None and Path(path).is_file():
                state = Path(path).stat()
                facts[f"{name} file"] = [state.st_size, state.st_mtime_ns]
        text = json.dumps(facts, sort_keys=True, default=str)
        return sha256(text.encode()).hexdigest()[:16]


def _width(source: Source | None, poses: PosesInput | None) -> float:
    """Width of the images in pixels, as the source or the file of poses tells it."""
    size = getattr(poses, "size", None) if source is None else source.size
    if size is None:
        raise PoseFlowError(
            "--wrap needs the width of the images, which the file of poses does not "
            "tell: add --size WIDTHxHEIGHT"
        )
    return float(size[0])


def refined(
    frames: Iterable[Frame],
    size: tuple[int, int] | None = None,
    tracker_options: Mapping[str, Any] | None = None,
    smoothed: bool = False,
    appearances: TrackAppearances | None = None,
) -> Generator[Frame]:
    """The frames with their tracks stitched, once all of them are there.

    Args:
        frames: All frames of a source, with final ids.
        size: Width and height of its images, pixels, if known.
        tracker_options: Those that gave the ids: number of people, filling of gaps.
        smoothed: Whether joints are smoothed, too, without lag.
        appearances: Of the tracks, collected as `frames` go by.
    """
    from poseflow.sequence import PoseSequence
    from poseflow.tracker import RefineOptions, refine, smooth

    known = {
        name: value
        for name, value in (tracker_options or {}).items()
        if name in ("max_tracks", "fill_frames")
    }
    sequence = PoseSequence.collect(frames, size=size)
    sequence = refine(sequence, RefineOptions(**known), appearances=appearances)
    yield from smooth(sequence) if smoothed else sequence


def as_poses_file(source: str) -> bool:
    """Whether the source is a file or folder of poses, to be tracked without images.

    By its content: JSON, or what a format knows; a folder must have no images. By its
    name if there is no such file.
    """
    from poseflow.formats import names, sniff
    from poseflow.formats.base import get
    from poseflow.formats.input_file import read_text
    from poseflow.video.images import is_image

    path = Path(source)
    try:
        if path.is_dir() and any(map(is_image, path.iterdir())):
            return False
        if path.is_file() and read_text(path, 1024).lstrip()[:1] in (b"[", b"{"):
            return True
        if path.exists():
            sniff(path)
            return True
    except (FormatError, OSError, ValueError):  # empty, not readable, not known
        pass
    known = {
        suffix for name in names() for suffix in getattr(get(name), "suffixes", ())
    }
    return source.lower().removesuffix(".gz").endswith(tuple(known))
