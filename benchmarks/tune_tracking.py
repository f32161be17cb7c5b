"""Choose the settings of `default` on the development seeds, and on nothing else.

Coordinate search from the settings in the code: each parameter in turn is tried at a
few multiples of its value, and the best is kept. Deterministic; run again, it goes on
from what the code then says.

    python benchmarks/tune_tracking.py --rounds 1
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from typing import Any

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
from poseflow.tracker.default_options import DefaultOptions
from poseflow.tracker.evidence import EvidenceOptions

FACTORS = (0.6, 0.8, 1.25, 1.6)

SHARES = ("drag", "same", "joint_gain")
"""Parameters in [0, 1]: the distance to 1 is multiplied instead of the value."""

FIXED = ("max_age_frames", "jump_frames", "patience", "tail", "jump", "max_tracks")
"""What is not tuned: rules rather than settings."""


def parameters() -> list[str]:
    """Names of all numbers that are tuned."""
    own = [f.name for f in fields(DefaultOptions) if f.type in ("float", "int")]
    deep = [f.name for f in fields(EvidenceOptions)]
    return [
        *(n for n in own if n not in FIXED),
        *(f"evidence.{n}" for n in deep if n not in FIXED and "colour" not in n),
    ]


def changed(options: DefaultOptions, name: str, value: float) -> DefaultOptions:
    """The options with one number exchanged."""
    if name.startswith("evidence."):
        inner = replace(options.evidence, **{name.removeprefix("evidence."): value})
        return replace(options, evidence=inner)
    return replace(options, **{name: value})


def value_of(options: DefaultOptions, name: str) -> float:
    """One number of the options."""
    owner: Any = options.evidence if name.startswith("evidence.") else options
    return float(getattr(owner, name.removeprefix("evidence.")))


def neighbours(name: str, value: float) -> list[float]:
    """Values to try."""
    if name in SHARES:
        return [1 - (1 - value) * f for f in FACTORS if 0 <= 1 - (1 - value) * f <= 1]
    if value == 0:
        return [-0.5, 0.5]
    return [value * factor for factor in FACTORS]


def objective(options: DefaultOptions, clips: dict[str, list[Clip]]) -> float:
    """Mean over suites of IDF1 and AssA, less switches per hundred true people."""
    given = {f.name: getattr(options, f.name) for f in fields(options)}
    rows = [
        score_clips(lambda: Tracker("default", **given), group, "default")
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
    arguments = parser.parse_args()
    seeds = DEV_SEEDS[: arguments.seeds]
    assert not set(seeds) & set(TEST_SEEDS)
    clips = {suite: [make_clip(suite, seed) for seed in seeds] for suite in SUITES}
    options = DefaultOptions()
    best = objective(options, clips)
    print(f"start: {best:.2f}", flush=True)
    for _ in range(arguments.rounds):
        for name in arguments.only or parameters():
            start = value_of(options, name)
            for value in neighbours(name, start):
                trial = changed(options, name, value)
                score = objective(trial, clips)
                if score > best + 0.03:
                    best, options = score, trial
                    print(
                        f"{name}: {start:.4g} -> {value:.4g}: {score:.2f}", flush=True
                    )
    print(options)


if __name__ == "__main__":
    sys.exit(main())
