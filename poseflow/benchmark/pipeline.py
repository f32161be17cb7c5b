"""Pipeline benchmark: speed of tracking from a video's pixels to a result file.

Everything that `poseflow track` does is timed: decoding, detection, pose estimation,
tracking and writing, overlapping as they do there. Loading weights is not.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from poseflow.benchmark.hardware import hardware
from poseflow.demo import FRAMES, SEED, SIZE, SUITE, film
from poseflow.estimator import Estimator
from poseflow.eval.evaluation import evaluate
from poseflow.formats import ResultWriter
from poseflow.pipeline.protocols import PoseEstimator
from poseflow.pipeline.track import drain, track
from poseflow.synthetic import make_scene
from poseflow.video import Source, open_source


@dataclass(frozen=True)
class PipelineRow:
    """One run over the clip.

    Attributes:
        name: What was run.
        frames: Number of frames.
        fps: Frames per second, wall clock.
        cpu_ms: Processor time per frame, all threads together.
        ap: Mean AP in percent, strict mode; None without ground truth.
        mota: MOTA in percent, likewise.
    """

    name: str
    frames: int
    fps: float
    cpu_ms: float
    ap: float | None = None
    mota: float | None = None


@dataclass(frozen=True)
class PipelineReport:
    """The result of `measure_pipeline`.

    Attributes:
        hardware: Processor and versions.
        clip: Name and size of the clip.
        rows: Decoding alone, then tracking.
    """

    hardware: dict[str, str]
    clip: str
    rows: tuple[PipelineRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)

    def table(self) -> str:
        """All figures as markdown."""
        lines = [f"{name}: {value}" for name, value in self.hardware.items()]
        lines += [f"clip: {self.clip}", ""]
        lines += [
            "| what | frames | frames/s | CPU ms per frame | AP | MOTA |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {r.name} | {r.frames} | {r.fps:.1f} | {r.cpu_ms:.1f} "
            f"| {_percent(r.ap)} | {_percent(r.mota)} |"
            for r in self.rows
        ]
        return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def measure_pipeline(
    video: str | os.PathLike[str] | None = None,
    *,
    frames: int = FRAMES,
    qualities: Sequence[str] = ("fast", "balanced", "best"),
    detect_every: Sequence[int] = (2, 4),
    estimator: PoseEstimator | None = None,
) -> PipelineReport:
    """Track a clip with every quality, and with fewer detections.

    Args:
        video: The clip, a source that can be read more than once; default the demo's
            rendered street, which has ground truth.
        frames: Length of that street.
        qualities: Of the embedded estimator.
        detect_every: As in `poseflow.track`, with the default quality.
        estimator: Estimates the poses instead.

    Raises:
        PoseFlowError: If the video cannot be read.
    """
    runs: list[tuple[str, PoseEstimator, int]] = []
    if estimator is None:
        runs = [(f"quality {name}", Estimator(quality=name), 1) for name in qualities]
    default = estimator or Estimator()
    runs += [(f"--detect-every {every}", default, every) for every in detect_every]
    facts = hardware() | {
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "threads": str(torch.get_num_threads()),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, truth = video, None
        if clip is None:
            clip, truth = folder / "source.mp4", folder / "truth.json"
            scene = make_scene(
                SUITE, seed=SEED, frames=frames, size=SIZE, skeleton="posetrack18"
            )
            film(scene, clip, truth)
        with open_source(clip) as shots:
            what = f"{video or 'the street of poseflow demo'}, {_size(shots)}"
            first = next(iter(shots)).image
        rows = [_timed("decoding alone", partial(_decode, clip))]
        for number, (label, pose_estimator, every) in enumerate(runs):
            pose_estimator.estimate(first)  # networks do extra work on the first image
            result = folder / f"tracked{number}.json"
            work = partial(_track, clip, pose_estimator, every, result)
            row = _timed(f"tracking, {label}", work)
            if truth is not None:
                found = evaluate(truth, result, mode="strict", sequence=truth.stem)
                row = replace(row, ap=found.mean_ap, mota=found.mota)
            rows.append(row)
    return PipelineReport(facts, what, tuple(rows))


def _size(shots: Source) -> str:
    return "size unknown" if shots.size is None else "{} x {}".format(*shots.size)


def _decode(clip: str | os.PathLike[str]) -> int:
    with open_source(clip) as shots:
        return sum(1 for _ in shots)


def _track(
    clip: str | os.PathLike[str], estimator: PoseEstimator, every: int, result: Path
) -> int:
    with open_source(clip) as shots, ResultWriter(result) as writer:
        tracked = track(
            shots, estimator=estimator, final=True, images=False, detect_every=every
        )
        return drain(tracked, (writer,))[0]


def _timed(name: str, work: Callable[[], int]) -> PipelineRow:
    """Time `work`, which processes all frames and returns their number."""
    start, cpu = time.perf_counter(), time.process_time()
    frames = work()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return PipelineRow(name, frames, frames / wall, 1000 * cpu / max(frames, 1))
