"""Benchmark of association speed: against the reference, against ORB, and its growth.

Times are process CPU time, so that other work on the machine matters little, and
medians over frames and repeats. Compare ratios and exponents, not milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from poseflow.benchmark.hardware import hardware, peak_memory_mb
from poseflow.benchmark.walking_people import WalkingPeople
from poseflow.tracker import Tracker
from poseflow.tracker.matchers.orb import OrbOptions

REFERENCE_CPU_MS = {5: 61.2, 10: 190.7, 20: 786.3, 33: 2103.8}
"""CPU time of the released tracker's association by people: milliseconds per frame.

Measured with the code released with PoseFlow (commit 80b31cc) on synthetic poses over
1280x720 video with 2721 correspondences, given; 2 cores of an Intel Xeon (Sapphire
Rapids class), Python 3.11, numpy 2.4, munkres 1.0.12.
"""

WARM_UP = 5
"""Frames at the start that are not timed: first imports, empty caches."""


@dataclass(frozen=True)
class AssociationTime:
    """CPU time of one tracker for a number of people per frame.

    Attributes:
        tracker: Name and variant.
        people: People per frame.
        milliseconds: CPU time per frame, median.
        speedup: The reference's time over this one, None where it has none.
    """

    tracker: str
    people: int
    milliseconds: float
    speedup: float | None


@dataclass(frozen=True)
class AssociationReport:
    """Everything that `measure_association` finds.

    Attributes:
        hardware: Processor and versions.
        times: Per tracker and number of people, correspondences given.
        people_exponent: Slope of log time over log people, per tracker, from 10
            people on.
        frames_exponent: Slope of log total time over log frames; 1 is linear.
        orb_milliseconds: One `cv2.ORB.detectAndCompute` on the whole frame.
        orb_ratio: `released` with its ORB matcher, all included, over that.
        memory_growth_mb: Growth of peak memory over the later half of a long stream.
    """

    hardware: dict[str, str]
    times: tuple[AssociationTime, ...]
    people_exponent: dict[str, float]
    frames_exponent: float
    orb_milliseconds: float
    orb_ratio: float
    memory_growth_mb: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)

    def table(self) -> str:
        """All figures as markdown."""
        lines = [f"{name}: {value}" for name, value in self.hardware.items()]
        lines += [
            "",
            "| tracker | people | CPU ms per frame | times as fast as the reference |",
            "|---|---:|---:|---:|",
        ]
        for row in self.times:
            speedup = "" if row.speedup is None else f"{row.speedup:.0f}"
            lines.append(
                f"| {row.tracker} | {row.people} | {row.milliseconds:.2f} | {speedup} |"
            )
        lines += ["", "| measure | value |", "|---|---:|"]
        for name, slope in self.people_exponent.items():
            lines.append(f"| {name}: exponent in people | {slope:.2f} |")
        lines.append(f"| exponent in frames | {self.frames_exponent:.2f} |")
        lines.append(f"| ORB on the whole frame, ms | {self.orb_milliseconds:.2f} |")
        lines.append(f"| tracking with ORB included / that | {self.orb_ratio:.2f} |")
        if self.memory_growth_mb is not None:
            lines.append(
                f"| peak memory, growth in the later half, MB | "
                f"{self.memory_growth_mb:.1f} |"
            )
        return "\n".join(lines)


VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "released": ("released", {"image_size": (1280, 720)}),
    "released, compat": ("released", {"image_size": (1280, 720), "compat": True}),
    "iou": ("iou", {}),
    "oks": ("oks", {}),
}


def measure_association(
    people: Sequence[int] = (5, 10, 20, 33, 100),
    frames: int = 30,
    repeats: int = 3,
    stream: int = 2000,
) -> AssociationReport:
    """Run all measurements of this module.

    Args:
        people: Numbers of people per frame.
        frames: Frames that are timed per number and repeat.
        repeats: Number of runs, each with its own seed, of which the median counts.
        stream: Frames of the long stream.
    """
    times = []
    for label, (name, options) in VARIANTS.items():
        for count in people:
            runs = [
                association_time(name, options, count, frames, seed)
                for seed in range(repeats)
            ]
            milliseconds = float(np.median(runs))
            known = REFERENCE_CPU_MS.get(count) if name == "released" else None
            speedup = None if known is None else known / milliseconds
            times.append(AssociationTime(label, count, milliseconds, speedup))
    exponents = {
        label: exponent(
            [t.people for t in times if t.tracker == label and t.people >= 10],
            [t.milliseconds for t in times if t.tracker == label and t.people >= 10],
        )
        for label in VARIANTS
    }
    slope, growth = long_stream(stream)
    orb, ratio = orb_ratio(frames=frames)
    return AssociationReport(
        hardware(), tuple(times), exponents, slope, orb, ratio, growth
    )


def association_time(
    name: str, options: dict[str, Any], people: int, frames: int, seed: int = 0
) -> float:
    """CPU milliseconds per `update`, correspondences given, median over frames."""
    walkers = WalkingPeople(people, seed)
    tracker = Tracker(name, **options)
    given = [
        (walkers.poses(t), walkers.correspondences(t)) for t in range(frames + WARM_UP)
    ]
    spent = []
    for poses, matches in given:
        start = time.process_time_ns()
        tracker.update(poses, correspondences=matches)
        spent.append(time.process_time_ns() - start)
    return float(np.median(spent[WARM_UP:])) / 1e6


def orb_ratio(
    people: int = 10, frames: int = 30, features: int | None = None
) -> tuple[float, float]:
    """Tracking with ORB, all included, against ORB alone on the same images.

    Both ask for the same number of features, on one thread.

    Returns:
        CPU milliseconds of one `cv2.ORB.detectAndCompute` of the whole frame, and the
        time of `Tracker("released").update` over it; medians over frames.
    """
    import cv2

    from poseflow.tracker.matchers.orb import OrbMatcher

    options = OrbOptions() if features is None else OrbOptions(features=features)
    walkers = WalkingPeople(people)
    tracker = Tracker("released", matcher=OrbMatcher(options))
    orb = cv2.ORB.create(options.features)
    ours, alone = [], []
    with _one_thread():
        for frame, image in enumerate(walkers.images(frames + WARM_UP)):
            poses = walkers.poses(frame)
            start = time.process_time_ns()
            tracker.update(poses, image)
            middle = time.process_time_ns()
            orb.detectAndCompute(image, None)
            alone.append(time.process_time_ns() - middle)
            ours.append(middle - start)
    reference = float(np.median(alone[WARM_UP:]))
    return reference / 1e6, float(np.median(ours[WARM_UP:])) / reference


def long_stream(frames: int = 2000, people: int = 10) -> tuple[float, float | None]:
    """Exponent of time in frames, and growth of peak memory, on a long stream.

    Returns:
        Slope of log total CPU time over log frames between an eighth of the stream and
        all of it, and MB of peak memory added by the later half (None on Windows).
    """
    walkers = WalkingPeople(people)
    tracker = Tracker("released", image_size=walkers.size, matcher="none")
    marks = {frames // 8: 0.0, frames // 4: 0.0, frames // 2: 0.0, frames: 0.0}
    spent, half = 0, None
    for frame in range(frames):
        poses, matches = walkers.poses(frame), walkers.correspondences(frame)
        start = time.process_time_ns()
        tracker.update(poses, correspondences=matches)
        spent += time.process_time_ns() - start
        if frame + 1 in marks:
            marks[frame + 1] = float(spent)
        if frame + 1 == frames // 2:
            half = peak_memory_mb()
    end = peak_memory_mb()
    growth = None if half is None or end is None else end - half
    return exponent(list(marks), list(marks.values())), growth


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Slope of log time over log size; NaN with fewer than two sizes."""
    if len(set(sizes)) < 2:
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread, so that CPU times compare."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
