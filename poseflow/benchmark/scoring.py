"""How quick scoring is: loading, AP and MOT against the reference scorers.

Times are process CPU time of one process, medians over repeats; files are read from
disk each time, and writing them is not timed.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.benchmark.association import exponent
from poseflow.benchmark.hardware import hardware, peak_memory_mb
from poseflow.benchmark.posetrack_case import CaseOptions, write_case
from poseflow.eval.evaluation import evaluate
from poseflow.eval.metric import make_metric
from poseflow.eval.posetrack.pairing import find_sequences
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.eval.posetrack.preparation import prepare
from poseflow.eval.posetrack.rules import POSEVAL

POSEVAL_CPU_S = {"loading": 11.0, "ap": 13.0, "mot": 31.0}
"""Seconds of CPU that poseval (commit 4258a157) takes for `LARGE`: one process,
Python 3.11, numpy 2.4, pandas 3.1, motmetrics 1.4, on a 2-core Intel Xeon (Sapphire
Rapids class).
"""
KIT_CPU_S = {"ap": 6.94, "hota": 19.97}
"""The same for PoseTrack21's evaluation kit (commit 3e61960e) and `LARGE_21`, loading
included in both."""

LARGE = (1190, CaseOptions(sequences=50, frames=(100, 100), people=(6, 6)))
LARGE_21 = (
    2195,
    CaseOptions(
        sequences=20,
        frames=(100, 100),
        people=(6, 6),
        format="21",
        unlabelled=0.0,
        gt_empty=0.0,
        no_pred=0.0,
    ),
)
VALIDATION = (
    18,
    CaseOptions(sequences=170, frames=(100, 100), people=(8, 8), format="18"),
)
"""As large as PoseTrack18's validation set, with more people."""


@dataclass(frozen=True)
class ScoringReport:
    """Everything that `measure_scoring` finds.

    Attributes:
        hardware: Processor and versions.
        stages: CPU seconds of loading, AP and MOT for the large case, poseval mode.
        speedup: poseval's CPU time over their sum; None unless the case is `LARGE`.
        kit_seconds: CPU seconds of posetrack21 mode, loading, AP and HOTA.
        kit_speedup: The kit's over it; None unless the case is `LARGE_21`.
        frames_exponent: Slope of log time over log frames; 1 is linear.
        validation_seconds: Wall seconds for a validation set's size; None if skipped.
        peak_memory_mb: Most memory ever resident, all of the above included.
    """

    hardware: dict[str, str]
    stages: dict[str, float]
    speedup: float | None
    kit_seconds: float
    kit_speedup: float | None
    frames_exponent: float
    validation_seconds: float | None
    peak_memory_mb: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)

    def table(self) -> str:
        """All figures as markdown."""
        lines = [f"{name}: {value}" for name, value in self.hardware.items()]
        lines += ["", "| measure | value |", "|---|---:|"]
        lines += [
            f"| poseval mode: {name}, CPU s | {seconds:.3f} |"
            for name, seconds in self.stages.items()
        ]
        if self.speedup is not None:
            lines.append(f"| times as fast as poseval | {self.speedup:.0f} |")
        lines.append(f"| posetrack21 mode, all, CPU s | {self.kit_seconds:.3f} |")
        if self.kit_speedup is not None:
            lines.append(f"| times as fast as the kit | {self.kit_speedup:.0f} |")
        lines.append(f"| exponent in frames | {self.frames_exponent:.2f} |")
        if self.validation_seconds is not None:
            lines.append(
                "| validation set, 17000 frames, wall s | "
                f"{self.validation_seconds:.1f} |"
            )
        if self.peak_memory_mb is not None:
            lines.append(f"| peak memory, MB | {self.peak_memory_mb:.0f} |")
        return "\n".join(lines)


def measure_scoring(quick: bool = False, repeats: int = 5) -> ScoringReport:
    """Measure all of this module.

    Args:
        quick: A tenth of the sequences, and no validation set.
        repeats: The median of so many runs counts.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_case(folder / "17", *_sized(LARGE, quick))
        stages = stage_times(folder / "17", repeats)
        write_case(folder / "21", *_sized(LARGE_21, quick))
        kit = _median(
            lambda: evaluate(
                folder / "21" / "gt", folder / "21" / "pred", "posetrack21"
            ),
            repeats,
        )
        slope = frames_exponent(folder, (1, 2, 4) if quick else (4, 16, 64))
        validation = None
        if not quick:
            write_case(folder / "18", *VALIDATION)
            start = time.perf_counter()
            evaluate(folder / "18" / "gt", folder / "18" / "pred", "poseval")
            validation = time.perf_counter() - start
    return ScoringReport(
        hardware(),
        stages,
        None if quick else sum(POSEVAL_CPU_S.values()) / sum(stages.values()),
        kit,
        None if quick else sum(KIT_CPU_S.values()) / kit,
        slope,
        validation,
        peak_memory_mb(),
    )


def stage_times(folder: Path, repeats: int = 5) -> dict[str, float]:
    """CPU seconds of loading, AP and MOT in poseval mode, medians.

    Args:
        folder: Holds `gt` and `pred`.
        repeats: Runs, after one that does not count.
    """
    runs: list[tuple[float, float, float]] = []
    for _ in range(repeats + 1):
        start = time.process_time()
        inputs, _ = find_sequences(folder / "gt", folder / "pred")
        pairs = [one.load() for one in inputs]
        marks = [time.process_time() - start]
        sequences: list[PreparedSequence] = []
        for name in ("ap", "mot"):
            start = time.process_time()
            sequences = sequences or [prepare(pair, POSEVAL) for pair in pairs]
            metric = make_metric("poseval", name)
            metric.combine([one.name for one in inputs], metric.measure(sequences))
            marks.append(time.process_time() - start)
        runs.append((marks[0], marks[1], marks[2]))
    loading, ap, mot = np.median(runs[1:], axis=0).tolist()
    return {"loading": loading, "ap": ap, "mot": mot}


def frames_exponent(folder: Path, repeats: tuple[int, ...]) -> float:
    """Slope of log CPU time over log frames of one sequence, loading included.

    The sequence is 100 frames, said that many times over, so that every part of it is
    as crowded as any other.
    """
    seed, options = 5, CaseOptions(sequences=1, frames=(100, 100), people=(6, 6))
    times = []
    for count in repeats:
        place = folder / f"frames{count}"
        write_case(place, seed, options)
        for path in (*(place / "gt").iterdir(), *(place / "pred").iterdir()):
            document = json.loads(path.read_bytes())
            document["annolist"] *= count
            path.write_text(json.dumps(document), encoding="utf-8")

        def run(place: Path = place) -> object:
            return evaluate(place / "gt", place / "pred", "poseval")

        times.append(_median(run, 3))
    return exponent([100.0 * count for count in repeats], times)


def _sized(case: tuple[int, CaseOptions], quick: bool) -> tuple[int, CaseOptions]:
    seed, options = case
    if not quick:
        return case
    values = {**asdict(options), "sequences": max(1, options.sequences // 10)}
    return seed, CaseOptions(**values)


def _median(run: Callable[[], object], repeats: int) -> float:
    """CPU seconds, median, after a run that does not count."""
    spent = []
    for _ in range(repeats + 1):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return float(np.median(spent[1:]))
