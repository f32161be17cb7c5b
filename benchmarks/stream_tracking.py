"""Benchmark of tracking an endless stream: memory and speed over time.

    python benchmarks/stream_tracking.py [--frames N] [--trackers NAME ...]

People walk through, miss frames, leave and are replaced by others, for ever. For each
tenth of the stream: CPU time per `update`, memory of the process, and what is held.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.poses import Poses
from poseflow.tracker import Tracker

SIZE = np.array([1280.0, 720.0])
HEIGHT = 200.0


def stream(frames: int, people: int = 10, seed: int = 0) -> Iterator[Poses]:
    """People of one frame after another, made as they are asked for."""
    random = np.random.default_rng(seed)
    shapes = random.uniform(-0.5, 0.5, (people, 17, 2)) * [0.35, 1.0] * HEIGHT
    place = random.uniform([0, 250], [SIZE[0], 550], (people, 2))
    pace = random.choice([-1, 1], people) * random.uniform(2, 5, people)
    for _ in range(frames):
        place[:, 0] += pace
        gone = np.flatnonzero((place[:, 0] < -80) | (place[:, 0] > SIZE[0] + 80))
        for k in gone.tolist():  # another person enters on either side
            shapes[k] = random.uniform(-0.5, 0.5, (17, 2)) * [0.35, 1.0] * HEIGHT
            pace[k] = random.choice([-1, 1]) * random.uniform(2, 5)
            place[k] = [-60 if pace[k] > 0 else SIZE[0] + 60, random.uniform(250, 550)]
        points = place[:, None] + shapes + random.normal(0, 2, shapes.shape)
        found = random.random(people) > 0.05
        yield Poses(points[found], random.uniform(0.4, 0.8, (int(found.sum()), 17)))


def held(tracker: Any) -> int:
    """Number of tracks or pose flows that a tracker of this package holds."""
    backend = tracker._backend
    for name in ("_tracks", "_flows", "_store"):
        state = getattr(backend, name, None)
        if state is not None:
            return len(state)
    return 0


def megabytes() -> float:
    """Memory of this process now; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument(
        "--trackers", nargs="+", default=["default", "poseflow", "released"]
    )
    arguments = parser.parse_args()
    part = max(arguments.frames // 10, 1)
    print("| tracker | frames | CPU ms per frame | memory, MB | held |")
    print("|---|---:|---:|---:|---:|")
    for name in arguments.trackers:
        takes = name in ("default", "poseflow", "released")
        tracker = Tracker(name, **({"matcher": "none"} if takes else {}))
        spent = 0
        for number, poses in enumerate(stream(arguments.frames), 1):
            start = time.process_time_ns()
            tracker.update(poses)
            spent += time.process_time_ns() - start
            if number % part == 0:
                print(
                    f"| {name} | {number} | {spent / part / 1e6:.3f} | "
                    f"{megabytes():.1f} | {held(tracker)} |",
                    flush=True,
                )
                spent = 0


if __name__ == "__main__":
    main()
