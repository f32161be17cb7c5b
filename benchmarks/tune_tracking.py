"""Choose the settings of a tracker on the development sets, and on nothing else.

Coordinate search from the settings in the code: each parameter in turn is tried at a
few multiples of its value, and the best is kept that costs no group of sets more than
half a point of IDF1. Deterministic; run again, it goes on from what the code then says.
The result is printed for the other half of the sets, too, by which nothing is chosen.

    python benchmarks/tune_tracking.py --rounds 1
    python benchmarks/tune_tracking.py --tracker poseflow
    python benchmarks/tune_tracking.py --real FOLDER --only weights.lost weights.stayed

`--real` adds real tracks (see `development_sets.py`).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeAlias

from development_sets import Sets, development_sets, group_means, objective

from poseflow.benchmark.tracking import Final, Row, score_clips
from poseflow.tracker import Tracker
from poseflow.tracker.default.options import DefaultOptions, DefaultWeights
from poseflow.tracker.pose_flow.options import PoseFlowOptions

FACTORS = (0.6, 0.8, 1.25, 1.6)

SHARES = ("duplicate_similarity", "same", "joint_gain")
"""Parameters in [0, 1]: the distance to 1 is multiplied instead of the value."""

FIXED = (
    "max_age_frames", "gate_body_lengths", "max_tracks", "reid_frames", "delay_frames",
    "patience", "window_frames", "candidate", "joint_side",
)  # fmt: skip
"""What is not tuned: rules, and the paper's constants, rather than settings."""

IMAGES_ONLY = ("appearance", "reid")
"""Beginnings of the names of weights that only images, or embeddings, can tune: not
tuned here."""

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


def measure(options: Options, clips: Sets) -> list[Row]:
    """Scores by set, of final ids."""
    given = {f.name: getattr(options, f.name) for f in fields(options)}
    name = "default" if isinstance(options, DefaultOptions) else "poseflow"
    return [
        score_clips(lambda: Final(Tracker(name, **given)), group, name)
        for group in clips.values()
    ]


def show(label: str, rows: list[Row]) -> None:
    """Print the objective, and IDF1 and switches by group."""
    means = " ".join(
        f"{group} {row.idf1:.1f}/{row.switches:.1f}"
        for group, row in group_means(rows).items()
    )
    print(f"{label}: {objective(rows):.2f} | {means}", flush=True)


def loses(rows: list[Row], before: list[Row]) -> bool:
    """Whether a group loses more than half a point of IDF1."""
    old = group_means(before)
    return any(
        row.idf1 < old[group].idf1 - 0.5 for group, row in group_means(rows).items()
    )


def main() -> None:
    """Search and print what was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--tracker", choices=("default", "poseflow"), default="default")
    arguments = parser.parse_args()
    clips = development_sets(0, arguments.real)
    default = arguments.tracker == "default"
    options: Options = DefaultOptions() if default else PoseFlowOptions()
    best = measure(options, clips)
    show("start", best)
    for _ in range(arguments.rounds):
        for name in arguments.only or parameters(options):
            start = value_of(options, name)
            for value in neighbours(name, start):
                trial = changed(options, name, value)
                rows = measure(trial, clips)
                if objective(rows) > objective(best) + 0.03 and not loses(rows, best):
                    best, options = rows, trial
                    show(f"{name}: {start:.4g} -> {value:.4g}", best)
    print(options)
    other = development_sets(1, arguments.real)
    show("other half, as in the code", measure(type(options)(), other))
    show("other half, now", measure(options, other))


if __name__ == "__main__":
    sys.exit(main())
