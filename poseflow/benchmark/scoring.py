"""Speed of scoring: CPU time of loading, AP, MOTA and all metrics of `evaluate`.

Times are process CPU time of one process, medians over repeats; files are read from
disk each time, and writing them is not timed. `benchmarks/time_scoring.py` in the
repository compares with the official programs.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.benchmark.association import exponent
from poseflow.benchmark.hardware import hardware, peak_memory_mb
from poseflow.eval import RULES, evaluate
from poseflow.eval.metric import make_metric
from poseflow.eval.posetrack.pairing import find_sequences
from poseflow.eval.posetrack.preparation import prepare
from poseflow.formats import write
from poseflow.synthetic import NoiseModel, make_scene, write_posetrack


@dataclass(frozen=True)
class ScoringReport:
    """Figures of `measure_scoring`.

    Attributes:
        hardware: Processor and versions.
        sequences: Sequences of 100 frames that the stages are measured on.
        stages: CPU seconds of loading, AP and MOTA, poseval mode.
        strict_seconds: CPU seconds of strict mode, loading and all metrics.
        frames_exponent: Slope of log time over log frames; 1 is linear.
        validation_seconds: CPU seconds of poseval mode, all, for 170 sequences, as
            many as PoseTrack18's validation set has; None if skipped.
        peak_memory_mb: Most memory ever resident, all of the above included.
    """

    hardware: dict[str, str]
    sequences: int
    stages: dict[str, float]
    strict_seconds: float
    frames_exponent: float
    validation_seconds: float | None
    peak_memory_mb: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)

    def table(self) -> str:
        """All figures as markdown."""
        size = f"{self.sequences} sequences"
        lines = [f"{name}: {value}" for name, value in self.hardware.items()]
        lines += ["", "| measure | value |", "|---|---:|"]
        lines += [
            f"| {size}, poseval mode: {name}, CPU s | {seconds:.3f} |"
            for name, seconds in self.stages.items()
        ]
        lines.append(
            f"| {size}, strict mode, all metrics, CPU s | {self.strict_seconds:.3f} |"
        )
        lines.append(f"| exponent in frames | {self.frames_exponent:.2f} |")
        if self.validation_seconds is not None:
            lines.append(
                "| 170 sequences, poseval mode, all, CPU s | "
                f"{self.validation_seconds:.1f} |"
            )
        if self.peak_memory_mb is not None:
            lines.append(f"| peak memory, MB | {self.peak_memory_mb:.0f} |")
        return "\n".join(lines)


def measure_scoring(quick: bool = False, repeats: int = 5) -> ScoringReport:
    """Measure all of this module.

    Args:
        quick: A tenth of the sequences, and no validation set.
        repeats: Number of runs of which the median counts.
    """
    sequences = 5 if quick else 50
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_set(folder / "set", sequences)
        gt, pred = folder / "set" / "gt", folder / "set" / "pred"
        stages = stage_times(folder / "set", repeats)
        metrics = RULES["strict"].metrics
        strict = median_cpu_s(lambda: evaluate(gt, pred, "strict", metrics), repeats)
        slope = frames_exponent(folder, (100, 200) if quick else (100, 400, 1600))
        validation = None
        if not quick:
            write_set(folder / "validation", 170)
            start = time.process_time()
            evaluate(folder / "validation/gt", folder / "validation/pred", "poseval")
            validation = time.process_time() - start
    return ScoringReport(
        hardware(),
        sequences,
        stages,
        strict,
        slope,
        validation,
        peak_memory_mb(),
    )


def write_set(folder: Path, sequences: int, frames: int = 100) -> None:
    """PoseTrack18 ground truth and predictions in `folder/gt` and `folder/pred`.

    All sequences are the same synthetic street under other names, with a noisy
    detector's poses and their true ids, without false positives.
    """
    scene = make_scene("street", seed=1, frames=frames, skeleton="posetrack18")
    noisy = NoiseModel.preset("detector").corrupt(scene.truth(), seed=1)
    for side in ("gt", "pred"):
        (folder / side).mkdir(parents=True)
    names = [f"{number:06d}_mpii_test.json" for number in range(sequences)]
    write_posetrack(scene, folder / "gt" / names[0])
    write(noisy.oracle(), folder / "pred" / names[0], format="posetrack18")
    for side in ("gt", "pred"):
        for other in names[1:]:
            shutil.copy(folder / side / names[0], folder / side / other)


def stage_times(folder: Path, repeats: int = 5) -> dict[str, float]:
    """CPU seconds of loading, AP and MOTA in poseval mode, medians.

    Args:
        folder: Has `gt` and `pred`.
        repeats: Runs, after one that does not count.
    """
    rules = RULES["poseval"]
    runs: list[tuple[float, float, float]] = []
    for _ in range(repeats + 1):
        start = time.process_time()
        inputs, _ = find_sequences(folder / "gt", folder / "pred")
        pairs = [one.load() for one in inputs]
        loaded = time.process_time()
        names, sequences = [p.name for p in pairs], [prepare(p, rules) for p in pairs]
        marks = [loaded]
        for name in ("ap", "mot"):
            metric = make_metric(rules.mode, name)
            metric.combine(names, metric.measure(sequences))
            marks.append(time.process_time())
        runs.append((loaded - start, marks[1] - marks[0], marks[2] - marks[1]))
    loading, ap, mot = np.median(runs[1:], axis=0).tolist()
    return {"loading": loading, "ap": ap, "mot": mot}


def frames_exponent(folder: Path, lengths: tuple[int, ...]) -> float:
    """Slope of log CPU time over log frames of one sequence, loading included."""
    times = []
    for frames in lengths:
        place = folder / f"frames{frames}"
        write_set(place, 1, frames)

        def run(place: Path = place) -> object:
            return evaluate(place / "gt", place / "pred", "poseval")

        times.append(median_cpu_s(run, 3))
    return exponent([float(frames) for frames in lengths], times)


def median_cpu_s(run: Callable[[], object], repeats: int = 5) -> float:
    """CPU seconds, median, after a run that does not count."""
    spent = []
    for _ in range(repeats + 1):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return float(np.median(spent[1:]))
