"""The demo: render a street, track the people in its video, draw and score."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseflow import synthetic
from poseflow.drawing import Overlay, contact_sheet
from poseflow.errors import FormatError
from poseflow.estimator import Estimator
from poseflow.eval.evaluation import evaluate
from poseflow.eval.report import Report
from poseflow.formats import Hints, ResultWriter
from poseflow.pipeline.options import TrackOptions
from poseflow.pipeline.protocols import PoseEstimator
from poseflow.pipeline.render import OverlaySink
from poseflow.pipeline.track import drain, track
from poseflow.report import write_report
from poseflow.storage.atomic import explain
from poseflow.storage.made_files import is_made, refuse_other_file
from poseflow.synthetic import Scene
from poseflow.tracker import Tracker
from poseflow.video import Source, open_source, open_writer

Progress = Callable[[Iterable[Any], int | None, str], Iterable[Any]]

IMAGES_ON_SHEET = 9

SUITE, SEED, SIZE, FRAMES = "street", 8, (1280, 720), 150
"""The scene of the demo, unless another one is asked for."""

QUALITY = "best"
"""Painted people are harder for a network that learned from photographs."""


@dataclass(frozen=True)
class Demo:
    """The files and scores of a demo.

    Attributes:
        files: Description of each file, by path.
        identities: Number of identities given.
        people: Number of people in the scene.
        report: PoseTrack scores of the result against the ground truth.
        page: The results page.
    """

    files: dict[Path, str]
    identities: int
    people: int
    report: Report
    page: Path


def _metadata(tracker: str, video: Source) -> Hints:
    hints = TrackOptions(tracker=tracker).hints()
    return replace(hints, size=video.size, fps=video.fps, name=video.name)


def run_demo(
    out: str | os.PathLike[str],
    *,
    suite: str = SUITE,
    seed: int = SEED,
    frames: int = FRAMES,
    size: tuple[int, int] = SIZE,
    tracker: str = "default",
    quality: str = QUALITY,
    estimator: PoseEstimator | None = None,
    progress: Progress | None = None,
) -> Demo:
    """Render a synthetic street, track the people in its video, draw and score.

    The scene is treated like a real video: it is written to a file and decoded again,
    and the estimator gets nothing but its pixels.

    Args:
        out: Folder for the results; made if it does not exist.
        suite: Kind of scene, one of `synthetic.PRESETS`.
        seed: Which scene of that kind.
        frames: Length; 25 frames are a second.
        size: Width and height in pixels.
        tracker: Name of a tracker.
        quality: Of the embedded estimator.
        estimator: Estimates the poses instead.
        progress: Wraps the items processed, with their number and name.

    Raises:
        PoseFlowError: If the folder cannot be written or an argument is unusable.
    """
    online_tracker = Tracker(tracker)  # an unknown name is an error before the work
    pose_estimator = estimator or Estimator(quality=quality)
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, folder, "make") from error
    watch = progress or (lambda items, total, label: items)
    source, truth, result, overlay, sheet, page = (
        folder / name
        for name in (
            "source.mp4",
            "truth.json",
            "tracked.json",
            "tracked.mp4",
            "sheet.png",
            "report.html",
        )
    )

    if not is_made(source):  # the first file of an earlier demo
        for file in (source, truth, result, overlay, sheet, page):
            refuse_other_file(file)
    scene = synthetic.make_scene(
        suite, seed=seed, frames=frames, size=size, skeleton="posetrack18"
    )
    film(scene, source, truth, watch)

    with (
        open_source(source) as shots,
        ResultWriter(result, hints=_metadata(tracker, shots)) as writer,
        OverlaySink(overlay, shots, Overlay()) as drawn,
    ):
        tracked = track(
            shots, estimator=pose_estimator, tracker=online_tracker, final=True
        )
        _, identities = drain(
            watch(tracked, len(scene), "frames tracked"), (writer, drawn)
        )
    _write_sheet(sheet, overlay, len(scene))
    write_report(result, page, video=source, gt=truth)
    files = {
        source: f"a rendered street, {len(scene)} frames",
        truth: "its ground truth, in PoseTrack's format",
        result: "the result: the poses of the people in the video, with identities",
        overlay: f"the result over the video ({drawn.codec})",
        sheet: "frames of it",
        page: "a page to watch and check it; open it in a browser",
    }
    report = evaluate(truth, result, mode="strict", sequence=truth.stem)
    return Demo(files, identities, len(scene.truth().track_ids), report, page)


def film(
    scene: Scene, video: Path, truth: Path, progress: Progress | None = None
) -> None:
    """Write a scene as a video, and its ground truth in PoseTrack's format.

    Args:
        scene: The scene.
        video: File of the video.
        truth: File of the ground truth.
        progress: As in `run_demo`.
    """
    frames: Iterable[Any] = scene
    if progress is not None:
        frames = progress(scene, len(scene), "frames rendered")
    with open_writer(video, scene.size, scene.fps) as writer:
        for frame in frames:
            writer.write(frame.image)
    synthetic.write_posetrack(scene, truth)


def _write_sheet(path: Path, video: Path, frames: int) -> None:
    """Images at equal distances in time, on one sheet."""
    shown = set(np.linspace(0, frames - 1, IMAGES_ON_SHEET).round().astype(int))
    with open_source(video) as shots:
        chosen = [
            (shot.image, f"{shot.time:.1f} s") for shot in shots if shot.index in shown
        ]
    images, labels = zip(*chosen, strict=True)
    if not cv2.imwrite(str(path), contact_sheet(images, 3, labels)):
        raise FormatError(f"cannot write {path}: OpenCV cannot save the image")
