"""`refine` with the appearance of tracks and without, on rendered suites.

    python benchmarks/refine_appearance.py [--seeds 0 1] [--suites NAME ...]

Images are rendered anew, or once with `--pictures FOLDER` (about 2 MB each).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from poseflow import track_appearances
from poseflow.benchmark.clips import Clip, make_clip
from poseflow.benchmark.tracking import SUITES, Final, run_clip
from poseflow.eval import TrackingScores, score_tracking
from poseflow.sequence import PoseSequence
from poseflow.tracker import Tracker, refine

TRACKED = {
    "default, without images": ("default", False),
    "default, with images": ("default", True),
    "poseflow": ("poseflow", False),
}
"""Tracker, and whether it is given the images."""


def refined(clip: Clip, tracker: str, images: bool) -> tuple[PoseSequence, ...]:
    """Final frames of a tracker, refined, and refined with images."""
    result, _ = run_clip(Final(Tracker(tracker)), clip, images)
    pictures = (clip.image(number) for number in range(len(clip.poses)))
    appearances = track_appearances(pictures, result)
    return result, refine(result), refine(result, appearances=appearances)


def cell(scores: list[TrackingScores]) -> str:
    """IDF1, AssA and switches, means over clips."""
    means = [
        sum(getattr(score, name) for score in scores) / len(scores)
        for name in ("idf1", "ass_a", "id_switches")
    ]
    return " / ".join(f"{mean:.1f}" for mean in means)


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1))
    parser.add_argument("--suites", nargs="+", default=SUITES)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    print("| suite | tracked | refined | refined with images |\n|---|---:|---:|---:|")
    for suite in arguments.suites:
        clips = [
            make_clip(suite, s, folder=arguments.pictures) for s in arguments.seeds
        ]
        for label, (tracker, images) in TRACKED.items():
            scored = [
                [score_tracking(clip.truth, result) for result in results]
                for clip in clips
                for results in [refined(clip, tracker, images)]
            ]
            cells = " | ".join(
                cell(list(column)) for column in zip(*scored, strict=True)
            )
            print(f"| {suite}, {label} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
