"""Error of joints, in per cent of the body size, raw and smoothed, on development sets.

    python benchmarks/smoothing_error.py [--real FOLDER] [--half 1]

Final ids of `default`; a joint is compared with that of the person whom the pose was
made from. The velocity is the difference of two successive frames. `--real`: see
`development_sets.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from development_sets import GROUPS, development_sets

from poseflow.arrays import Bools, Floats
from poseflow.benchmark.clips import Clip
from poseflow.benchmark.tracking import Final, run_clip
from poseflow.eval import score_tracking
from poseflow.sequence import PoseSequence
from poseflow.tracker import Smoother, Tracker, smooth


def one_euro(sequence: PoseSequence) -> PoseSequence:
    """The sequence smoothed online."""
    smoother = Smoother()
    frames = [
        replace(frame, poses=smoother.update(frame.poses, frame.time))
        for frame in sequence
    ]
    return replace(sequence, frames=tuple(frames))


KINDS: dict[str, Callable[[PoseSequence], PoseSequence]] = {
    "raw": lambda sequence: sequence,
    "One-Euro, online": one_euro,
    "zero lag": smooth,
}


def errors(clip: Clip, result: PoseSequence) -> tuple[Floats, Floats]:
    """Errors of all joints and of their velocities, per cent of the body size."""
    places, velocities = [], []
    before: dict[tuple[int, int], tuple[Floats, Bools]] = {}
    for frame, true, sources in zip(
        result, clip.truth, clip.corruption.sources, strict=True
    ):
        row = {person: k for k, person in enumerate(true.poses.track_ids.tolist())}
        now = {}
        for k, person in enumerate(sources.tolist()):
            identity = int(frame.poses.track_ids[k])
            if identity < 0 or person not in row:
                continue
            truth, box = row[person], true.poses.boxes[row[person]]
            size = max(box[2] - box[0], box[3] - box[1], 1)
            both = frame.poses.present[k] & true.poses.present[truth]
            offset = frame.poses.keypoints[k] - true.poses.keypoints[truth]
            error = 100 * offset.astype(np.float64) / size
            places.append(np.linalg.norm(error[both], axis=1))
            now[identity, person] = error, both
            if (identity, person) in before:
                last, there = before[identity, person]
                change = np.linalg.norm(error - last, axis=1)
                velocities.append(change[both & there])
        before = now
    return np.concatenate(places), np.concatenate(velocities)


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1), default=0)
    arguments = parser.parse_args()
    sets = development_sets(arguments.half, arguments.real)
    tracked = {
        name: [(clip, run_clip(Final(Tracker("default")), clip)[0]) for clip in clips]
        for name, clips in sets.items()
    }
    print("| set | joints | error, mean | median | velocity | IDF1 | AssA |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for group, (names, _) in GROUPS.items():
        clips = [pair for name in names for pair in tracked.get(name, [])]
        for kind, change in KINDS.items() if clips else ():
            smoothed = [(clip, change(result)) for clip, result in clips]
            found = [errors(*pair) for pair in smoothed]
            scores = [score_tracking(c.truth, r, c.similarity) for c, r in smoothed]
            figures = [
                np.mean([place.mean() for place, _ in found]),
                np.mean([np.median(place) for place, _ in found]),
                np.mean([velocity.mean() for _, velocity in found]),
            ]
            print(
                f"| {group} | {kind} | {' | '.join(f'{f:.2f}' for f in figures)} | "
                f"{np.mean([s.idf1 for s in scores]):.1f} | "
                f"{np.mean([s.ass_a for s in scores]):.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
