"""Ablation of the tracker `default` on the development seeds.

    python benchmarks/ablate_tracking.py [--seeds N] [--suites NAME ...]
    python benchmarks/ablate_tracking.py --sets [--real FOLDER] [--half 1]
    python benchmarks/ablate_tracking.py --images FOLDER --seeds 1

Each row removes one mechanism. Poses alone; with `--sets`, on all development sets;
with `--images`, the mechanisms that need
images, which are rendered once and kept in the folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from development_sets import Sets, development_sets, group_means

from poseflow.benchmark.tracking import (
    DEV_SEEDS,
    SUITES,
    Final,
    make_clip,
    mean_row,
    score_clips,
)
from poseflow.tracker import DefaultWeights, Tracker

ROWS: dict[str, dict[str, Any]] = {
    "none (all of it)": {},
    "prediction through occlusion (2 frames at most)": {"max_age_frames": 2},
    "the pose term": {"weights": DefaultWeights(pose=0.0)},
    "the size term": {"weights": DefaultWeights(size_deviation=1e3)},
    "the Student t (a Gaussian)": {"weights": DefaultWeights(degrees_of_freedom=1e6)},
    "robust offsets (a weighted mean)": {
        "weights": DefaultWeights(outlier_residual=1e3)
    },
    "adaptation of the motion noise": {"weights": DefaultWeights(acceleration_rate=0)},
    "tentative tracks (ids at once)": {"confirmation_score": 0.0},
    "early confirmation (several observations)": {"confirmation_score": 2.0},
    "association of low scores": {"weights": DefaultWeights(low_score=50.0)},
    "the penalty of low scores": {
        "weights": DefaultWeights(low_score=0.0, doubtful_score=0.0)
    },
    "the penalty of duplicates": {"weights": DefaultWeights(duplicate=0.0)},
    "suppression of duplicates": {"duplicate_similarity": 1.0},
    "gating by distance": {"gate_body_lengths": 1e3},
    "continuing lost tracks": {"weights": DefaultWeights(lost=-1e3)},
    "the hypothesis that they stayed": {"weights": DefaultWeights(stayed=1e-9)},
    "filling of gaps": {"fill_frames": 0},
}

IMAGE_ROWS: dict[str, dict[str, Any]] = {
    "none (all of it)": {},
    "appearance": {"appearance": False},
    "camera motion compensation": {"matcher": "none"},
    "both": {"appearance": False, "matcher": "none"},
    "position in re-identification": {"weights": DefaultWeights(reid_position=0.0)},
    "appearance in association": {"weights": DefaultWeights(appearance_frames=1e9)},
}
"""With images."""


def ablate_sets(sets: Sets) -> None:
    """Print IDF1 and switches a set by group of sets, of final ids."""
    header = ""
    for label, options in ROWS.items():

        def make(options: dict[str, Any] = options) -> Final:
            return Final(Tracker("default", **options))

        rows = [score_clips(make, group, label) for group in sets.values()]
        means = group_means(rows)
        if not header:
            header = f"| `default` without | {' | '.join(means)} |"
            print(f"{header}\n|---|{'---:|' * len(means)}")
        figures = (f"{row.idf1:.1f} / {row.switches:.0f}" for row in means.values())
        print(f"| {label} | {' | '.join(figures)} |", flush=True)


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(DEV_SEEDS))
    parser.add_argument("--suites", nargs="+", default=SUITES)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--sets", action="store_true")
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    parser.add_argument("--real", type=Path)
    arguments = parser.parse_args()
    if arguments.sets:
        ablate_sets(development_sets(arguments.half, arguments.real))
        return
    seeds, images = DEV_SEEDS[: arguments.seeds], arguments.images
    clips = [
        [make_clip(suite, seed, folder=images) for seed in seeds]
        for suite in arguments.suites
    ]
    print("| `default` without | MOTA | IDF1 | AssA | switches | jumps |")
    print("|---|---:|---:|---:|---:|---:|")
    for label, options in (ROWS if images is None else IMAGE_ROWS).items():

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
