"""Choose the settings of a tracker on the development seeds, and on nothing else.

Coordinate search from the settings in the code: each parameter in turn is tried at a
few multiples of its value, and the best is kept. Deterministic; run again, it goes on
from what the code then says.

    python benchmarks/tune_tracking.py --rounds 1
    python benchmarks/tune_tracking.py --tracker poseflow
    python benchmarks/tune_tracking.py --images FOLDER --only weights.reid

With `--images`, trackers are given images too: they are rendered once and kept in the
folder.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from poseflow.benchmark.tracking import (
    DEV_SEEDS,
    SUITES,
    TEST_SEEDS,
    Clip,
    make_clip,
    mean_row,
    score_clips,
)
from poseflow.tracker import Tracker
from poseflow.tracker.default.options import DefaultOptions, DefaultWeights
from poseflow.tracker.pose_flow.options import PoseFlowOptions

FACTORS = (0.6, 0.8, 1.25, 1.6)

SHARES = ("duplicate_similarity", "same", "joint_gain")
"""Parameters in [0, 1]: the distance to 1 is multiplied instead of the value."""

FIXED = (
    "max_age_frames", "gate_body_lengths", "max_tracks", "reid_frames", "delay_frames",
    "tentative_frames", "patience", "window_frames", "candidate", "joint_side",
)  # fmt: skip
"""What is not tuned: rules, and the paper's constants, rather than settings."""

IMAGES_ONLY = ("appearance", "reid")
"""Beginnings of the names of weights that only images, or embeddings, can tune."""

Options: TypeAlias = DefaultOptions | PoseFlowOptions


def parameters(options: Options) -> list[str]:
    """Names of all numbers that poses alone can tune."""
    names = [f.name for f in fields(options) if f.type in ("float", "int")]
    if isinstance(options, DefaultOptions):
        names += [f"weights.{f.name}" for f in fields(DefaultWeights)]
    return [
        name
        for name in names
        if name.removeprefix("weights.") not in FIXED
        and not name.removeprefix("weights.").startswith(IMAGES_ONLY)
    ]


def changed(options: Options, name: str, value: float) -> Options:
    """The options with one number exchanged."""
    if isinstance(options, DefaultOptions) and name.startswith("weights."):
        weights = replace(options.weights, **{name.removeprefix("weights."): value})
        return replace(options, weights=weights)
    return replace(options, **{name: value})


def value_of(options: Options, name: str) -> float:
    """One number of the options."""
    owner: Any = options
    if isinstance(options, DefaultOptions) and name.startswith("weights."):
        owner = options.weights
    value: float = getattr(owner, name.removeprefix("weights."))
    return value


def neighbours(name: str, value: float) -> list[float]:
    """Values to try."""
    if name in SHARES:
        return [1 - (1 - value) * f for f in FACTORS if 0 <= 1 - (1 - value) * f <= 1]
    if value == 0:
        return [-0.5, 0.5]
    # Whole numbers stay whole, and none is tried twice.
    tried = {type(value)(value * factor) for factor in FACTORS} - {value}
    return sorted(tried)


def objective(options: Options, clips: dict[str, list[Clip]], images: bool) -> float:
    """Mean over suites of IDF1 and AssA, less switches per hundred true people."""
    given = {f.name: getattr(options, f.name) for f in fields(options)}
    name = "default" if isinstance(options, DefaultOptions) else "poseflow"
    rows = [
        score_clips(lambda: Tracker(name, **given), group, name, images)
        for group in clips.values()
    ]
    people = {
        suite: sum(len(c.truth.track_ids) for c in group)
        for suite, group in clips.items()
    }
    mean = mean_row(rows)
    switches = np.mean([row.switches / people[row.suite] for row in rows])
    return float(mean.idf1 + mean.ass_a + mean.mota / 2 - 4 * switches)


def main() -> None:
    """Search and print what was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=len(DEV_SEEDS))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--tracker", choices=("default", "poseflow"), default="default")
    parser.add_argument("--images", type=Path)
    arguments = parser.parse_args()
    images = arguments.images
    seeds = DEV_SEEDS[: arguments.seeds]
    assert not set(seeds) & set(TEST_SEEDS)
    clips = {
        suite: [make_clip(suite, seed, folder=images) for seed in seeds]
        for suite in SUITES
    }
    default = arguments.tracker == "default"
    options: Options = DefaultOptions() if default else PoseFlowOptions()
    best = objective(options, clips, images is not None)
    print(f"start: {best:.2f}", flush=True)
    for _ in range(arguments.rounds):
        for name in arguments.only or parameters(options):
            start = value_of(options, name)
            for value in neighbours(name, start):
                trial = changed(options, name, value)
                score = objective(trial, clips, images is not None)
                if score > best + 0.03:
                    best, options = score, trial
                    print(
                        f"{name}: {start:.4g} -> {value:.4g}: {score:.2f}", flush=True
                    )
    print(options)


if __name__ == "__main__":
    sys.exit(main())
