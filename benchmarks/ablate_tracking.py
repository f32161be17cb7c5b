"""What each design choice of `default` is worth, on the development seeds.

    python benchmarks/ablate_tracking.py [--seeds N] [--suites NAME ...]
    python benchmarks/ablate_tracking.py --images FOLDER --seeds 1

Each row takes one thing away. Poses alone; with `--images`, what only pictures can
tell, the pictures being kept in the folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from poseflow.benchmark.tracking import (
    DEV_SEEDS,
    SUITES,
    make_clip,
    mean_row,
    score_clips,
)
from poseflow.tracker import EvidenceOptions, Tracker

ROWS: dict[str, dict[str, Any]] = {
    "all of it": {},
    "no prediction through occlusion (forget after 2 frames)": {"max_age_frames": 2},
    "whoever is unseen stands still": {"drag": 0.0},
    "joints' stand not compared": {"evidence": EvidenceOptions(shape=0.0)},
    "size not compared": {"evidence": EvidenceOptions(scale=1e3)},
    "Gaussian instead of Student t": {"evidence": EvidenceOptions(tail=1e6)},
    "motion noise fixed, not learnt": {"restless": 0.0},
    "ids at the first sighting": {"confirm": 0.0},
    "ids only after several sightings": {"confirm": 2.0},
    "no second chance for low scores": {"suspicion": 50.0},
    "low scores as good as high ones": {"suspicion": 0.0, "doubt": 0.0},
    "doubles keep ids": {"same": 1.0},
    "no gate on jumps": {"jump": 1e3},
    "common motion not taken out": {"together": False},
    "newcomers not made to give way": {"way": 0.0},
    "cuts not seen": {"cut_people": 10**6},
}

PICTURES: dict[str, dict[str, Any]] = {
    "all of it": {},
    "looks": {"appearance": False},
    "the camera followed": {"matcher": "none"},
    "either": {"appearance": False, "matcher": "none"},
    "place, in recognising who was away": {"recall_place": 0.0},
    "patience with looks (in full after 12 frames)": {
        "evidence": EvidenceOptions(colour_after=12.0)
    },
}
"""With pictures."""


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(DEV_SEEDS))
    parser.add_argument("--suites", nargs="+", default=SUITES)
    parser.add_argument("--images", type=Path)
    arguments = parser.parse_args()
    seeds, images = DEV_SEEDS[: arguments.seeds], arguments.images
    clips = [
        [make_clip(suite, seed, folder=images) for seed in seeds]
        for suite in arguments.suites
    ]
    print("| default, without | MOTA | IDF1 | AssA | switches | jumps |")
    print("|---|---:|---:|---:|---:|---:|")
    for label, options in (ROWS if images is None else PICTURES).items():

        def make(options: dict[str, Any] = options) -> Tracker:
            return Tracker("default", **options)

        row = mean_row(
            [score_clips(make, group, label, images is not None) for group in clips]
        )
        print(
            f"| {label} | {row.mota:.1f} | {row.idf1:.1f} | {row.ass_a:.1f} | "
            f"{row.switches:.1f} | {row.jumps:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
