"""`poseflow demo`: a rendered street, noisy poses, tracked, drawn and scored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseflow import synthetic
from poseflow.drawing import Overlay, contact_sheet
from poseflow.errors import FormatError
from poseflow.eval.tracking import TrackingScores, score_tracking
from poseflow.formats import ResultWriter, write
from poseflow.formats.atomic import explain
from poseflow.pipeline import track
from poseflow.render import OverlaySink
from poseflow.sequence import Frame, PoseSequence
from poseflow.tracker import Tracker
from poseflow.video import open_source, open_writer

Progress = Callable[[Iterable[Any], int | None, str], Iterable[Any]]

PICTURES_ON_SHEET = 9


@dataclass(frozen=True)
class Demo:
    """What a demo left and how well its tracker did.

    Attributes:
        files: What is in each file, by path.
        tracker: Name of the tracker.
        scores: The tracker's result against the truth, by OKS.
        oracle: The same poses with their true identities: as good as it gets.
    """

    files: dict[Path, str]
    tracker: str
    scores: TrackingScores
    oracle: TrackingScores


def run_demo(
    out: str | os.PathLike[str],
    *,
    suite: str = "street",
    seed: int = 8,
    frames: int = 150,
    size: tuple[int, int] = (1280, 720),
    tracker: str = "default",
    progress: Progress | None = None,
) -> Demo:
    """Render a synthetic street, track noisy poses in its video, draw and score.

    Everything goes the way of a real video: the scene is written to a file, decoded
    again, and its people are what a detector would have found, not the truth.

    Args:
        out: Folder for the results; made if it does not exist.
        suite: Kind of scene, one of `synthetic.PRESETS`.
        seed: Which scene of that kind.
        frames: Length; 25 frames are a second.
        size: Width and height in pixels.
        tracker: Name of a tracker.
        progress: Wraps what is worked through, with how much there is and its name.

    Raises:
        PoseFlowError: If the folder cannot be written or an argument is unusable.
    """
    identify = Tracker(tracker)  # an unknown name is found before the work
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, folder, "make") from error
    watch = progress or (lambda items, total, label: items)
    source, poses, result, overlay, sheet = (
        folder / name
        for name in (
            "source.mp4",
            "poses.json",
            "tracked.json",
            "tracked.mp4",
            "sheet.png",
        )
    )

    scene = synthetic.make_scene(suite, seed=seed, frames=frames, size=size)
    with open_writer(source, scene.size, scene.fps) as video:
        for frame in watch(scene, len(scene), "frames rendered"):
            video.write(frame.image)
    truth = scene.truth()
    seen = synthetic.NoiseModel.preset("detector").corrupt(truth, seed=seed)
    write(seen.sequence, poses)

    with (
        open_source(source) as shots,
        ResultWriter(result) as writer,
        OverlaySink(overlay, shots, Overlay()) as drawn,
    ):
        tracked = track(shots, poses=poses, tracker=identify, final=True)
        kept = PoseSequence.collect(
            _through(watch(tracked, len(scene), "frames tracked"), writer, drawn)
        )
    codec = drawn.codec
    _write_sheet(sheet, overlay, len(scene))
    files = {
        source: f"a rendered street, {len(scene)} frames",
        poses: "its people as a detector would find them, without identities",
        result: "the result: the same people with identities",
        overlay: f"the result over the video ({codec})",
        sheet: "frames of it",
    }
    scores = (score_tracking(truth, answer) for answer in (kept, seen.oracle()))
    return Demo(files, tracker, *scores)


def _through(
    frames: Iterable[Frame], *sinks: ResultWriter | OverlaySink
) -> Iterator[Frame]:
    """Write frames to the sinks while they pass."""
    for frame in frames:
        for sink in sinks:
            sink.write(frame)
        yield frame


def _write_sheet(path: Path, video: Path, frames: int) -> None:
    """Pictures at equal distances in time, on one sheet."""
    shown = set(np.linspace(0, frames - 1, PICTURES_ON_SHEET).round().astype(int))
    with open_source(video) as shots:
        chosen = [
            (shot.image, f"{shot.time:.1f} s") for shot in shots if shot.index in shown
        ]
    images, labels = zip(*chosen, strict=True)
    if not cv2.imwrite(str(path), contact_sheet(images, 3, labels)):
        raise FormatError(f"cannot write {path}")
