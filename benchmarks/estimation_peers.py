"""Speed of the estimators of other packages beside this one's, on the frames of a clip.

    python benchmarks/estimation_peers.py CLIP [--frames 100] [--repeats 3]
        [--mediapipe pose_landmarker_full.task] [--rtmlib DETECTOR.onnx POSE.onnx]

Measured are poseflow's qualities, mediapipe's pose landmarker (video mode, for one
person, its default, and for five) where `--mediapipe` names its bundle, and rtmlib's
`Body` (balanced) with the given files of YOLOX and RTMPose; without files neither runs,
as nothing is downloaded here. All take the same decoded frames, in turns; the figure is
processor time of all threads per frame, the least of the repeats, without loading.
"People" is the mean number found in a frame; for what they are worth see
benchmarks/estimation_accuracy.py. Ratios are to the first row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import cv2
import torch

import poseflow
from poseflow.arrays import Image
from poseflow.benchmark.hardware import hardware
from poseflow.video import open_source

Find = Callable[[Image], int]
"""Estimates the poses of a frame, and tells how many."""

QUALITIES = ("fast", "balanced", "best")


def own(quality: str) -> Find:
    """One of poseflow's qualities."""
    estimator = poseflow.Estimator(quality=quality)
    return lambda image: len(estimator.estimate(image))


def mediapipe(bundle: Path, most_people: int) -> Find:
    """The pose landmarker in video mode: the detector runs when it loses a person."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    landmarker = vision.PoseLandmarker.create_from_options(
        vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(bundle)),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=most_people,
        )
    )
    times = count(0, 40)

    def find(image: Image) -> int:
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        frame = mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)
        return len(landmarker.detect_for_video(frame, next(times)).pose_landmarks)

    return find


def rtmlib(detector: Path, pose: Path) -> Find:
    """YOLOX and RTMPose in the sizes of rtmlib's mode "balanced"."""
    from rtmlib import YOLOX, RTMPose

    boxes: Any = YOLOX(str(detector), model_input_size=(640, 640))
    joints: Any = RTMPose(str(pose), model_input_size=(192, 256))

    def find(image: Image) -> int:
        found = boxes(image)
        return len(joints(image, bboxes=found)[0]) if len(found) else 0

    return find


def milliseconds(find: Find, frames: Sequence[Image]) -> tuple[float, float]:
    """Processor time per frame, and people per frame."""
    start = time.process_time()
    people = sum(map(find, frames))
    return (
        1000 * (time.process_time() - start) / len(frames),
        people / len(frames),
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quality", nargs="+", default=QUALITIES)
    parser.add_argument("--threads", type=int, default=1, help="of poseflow")
    parser.add_argument("--mediapipe", type=Path, metavar="BUNDLE")
    parser.add_argument("--rtmlib", type=Path, nargs=2, metavar=("DETECTOR", "POSE"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with open_source(options.clip) as shots:
        frames = [shot.image for shot in islice(shots, options.frames)]
    finders = {f"poseflow, {quality}": own(quality) for quality in options.quality}
    if options.mediapipe:
        for most in (1, 5):
            name = f"mediapipe, {most} {'person' if most == 1 else 'people'} at most"
            finders[name] = mediapipe(options.mediapipe, most)
    if options.rtmlib:
        finders["rtmlib, Body balanced"] = rtmlib(*options.rtmlib)
    for find in finders.values():
        find(frames[0])
    best: dict[str, tuple[float, float]] = {}
    for _ in range(options.repeats):
        for name, find in finders.items():
            best[name] = min(
                best.get(name, (float("inf"), 0.0)), milliseconds(find, frames)
            )
    for name, value in hardware().items():
        print(f"{name}: {value}")
    print(f"\n| {Path(options.clip).name} | CPU ms a frame | ratio | people |")
    print("|---|---:|---:|---:|")
    reference, _ = next(iter(best.values()))
    for name, (cpu, people) in best.items():
        ratio = cpu / reference
        print(f"| {name} | {cpu:.1f} | {ratio:.2f} | {people:.2f} |")


if __name__ == "__main__":
    main()
