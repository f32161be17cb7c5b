"""Time batches of short clips: one worker and two, local and Ray, the same bytes.

Prints a table in Markdown. Wall time compares only on idle cores; CPU time is that of
the batch and all processes that it starts, Ray's services included.

    python benchmarks/batch_scaling.py --clips 200 --workers 1 2
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from poseflow import synthetic
from poseflow.demo import film

SAMPLE_SECONDS = 0.2
DISTINCT = 8
"""Clips that are rendered; the others are links to them."""


@dataclass(frozen=True)
class Run:
    """A batch.

    Attributes:
        engine: `local` or `ray`.
        workers: Their number.
        wall_seconds: From start to end.
        cpu_seconds: Of all processes together.
        digest: Of all results.
    """

    engine: str
    workers: int
    wall_seconds: float
    cpu_seconds: float
    digest: str


def make_clips(folder: Path, count: int, frames: int) -> list[Path]:
    """Short videos of rendered streets."""
    clips = []
    for number in range(min(count, DISTINCT)):
        scene = synthetic.make_scene(
            "street",
            seed=number,
            frames=frames,
            size=(320, 240),
            people=3,
            skeleton="posetrack18",
        )
        clip = folder / f"clip{number}.mp4"
        film(scene, clip, folder / f"clip{number}.json")
        clips.append(clip)
    for number in range(len(clips), count):
        clip = folder / f"clip{number}.mp4"
        os.link(clips[number % DISTINCT], clip)
        clips.append(clip)
    return clips


def measure(
    clips: list[Path], out: Path, engine: str, workers: int, quality: str
) -> Run:
    """Track the clips in one batch."""
    command = [sys.executable, "-P", "-m", "poseflow", "batch", *map(str, clips)]
    command += ["--out", str(out), "--engine", engine, "--workers", str(workers)]
    command += ["--quality", quality, "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = psutil.Popen(command, stderr=subprocess.PIPE, env=environment)
    spent: dict[tuple[int, float], float] = {}
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            for each in [process, *children(process)]:
                try:
                    times = each.cpu_times()
                    key = each.pid, each.create_time()
                    spent[key] = times.user + times.system
                except psutil.Error:
                    pass

    sampler = threading.Thread(target=sample)
    sampler.start()
    _, message = process.communicate()
    ended.set()
    sampler.join()
    wall = time.perf_counter() - start
    if process.returncode:
        sys.exit(message.decode())
    digest = hashlib.sha256()
    for clip in clips:
        digest.update((out / f"{clip.stem}.json").read_bytes())
    return Run(engine, workers, wall, sum(spent.values()), digest.hexdigest())


def children(process: psutil.Process) -> list[psutil.Process]:
    """All processes below one that has perhaps ended."""
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.Error:
        return []
    return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engines", nargs="+", default=["local", "ray"])
    parser.add_argument("--quality", default="fast")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = make_clips(folder, given.clips, given.frames)
        runs = [
            measure(
                clips, folder / f"{engine}{workers}", engine, workers, given.quality
            )
            for engine in given.engines
            for workers in given.workers
        ]
    load = os.getloadavg()[0]
    print(f"{given.clips} clips of {given.frames} frames, load {load:.1f} at the end\n")
    print("| engine | workers | wall s | times as fast | CPU s | same bytes |")
    print("|---|---:|---:|---:|---:|---|")
    first = runs[0]
    for run in runs:
        speed = first.wall_seconds / run.wall_seconds
        same = "yes" if run.digest == first.digest else "NO"
        print(
            f"| {run.engine} | {run.workers} | {run.wall_seconds:.1f} | {speed:.2f} | "
            f"{run.cpu_seconds:.1f} | {same} |"
        )


if __name__ == "__main__":
    main()
