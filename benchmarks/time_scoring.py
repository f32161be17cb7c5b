"""CPU time of scoring next to other programs, on the same files.

    python benchmarks/time_scoring.py [posetrack|mot|coco]

posetrack makes the large cases of poseval and of PoseTrack21's kit (50 MB, temporary),
scores them from their files, and prints the ratios to the CPU time that the official
programs took for the same files. mot makes 20 sequences of 1000 frames with 30 people
as MOTChallenge text (52 MB) and runs poseflow and those of motrics, TrackEval and
motmetrics that are installed (`pip install 'poseflow[benchmark]'`), each in a process
of its own, start included. coco scores 5000 images by `evaluate_coco` with each engine
that is installed. `poseflow benchmark scoring` needs no such files.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coco_case import write_coco_case
from mot_case import write_mot_case
from mot_peers import PROGRAMS
from posetrack_case import LARGE, LARGE_21, write_case

from poseflow.benchmark.hardware import hardware
from poseflow.benchmark.scoring import median_cpu_s, stage_times
from poseflow.eval import evaluate, evaluate_coco
from poseflow.eval.coco.engines import ENGINES

POSEVAL_CPU_S = {"loading": 11.0, "ap": 13.0, "mot": 31.0}
"""Seconds of CPU that poseval (commit 4258a157) takes for `LARGE`: one process,
Python 3.11, numpy 2.4, pandas 3.1, motmetrics 1.4, on a 2-core Intel Xeon (Sapphire
Rapids class).
"""
KIT_CPU_S = {"ap": 6.94, "hota": 19.97}
"""The same for PoseTrack21's evaluation kit (commit 3e61960e) and `LARGE_21`, loading
included in both."""

MOT_SCORES = ("MOTA", "IDF1", "HOTA")


def time_posetrack() -> None:
    """Print the table of PoseTrack scoring."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_case(folder / "17", *LARGE)
        write_case(folder / "21", *LARGE_21)
        stages = stage_times(folder / "17")
        kit = median_cpu_s(
            lambda: evaluate(
                folder / "21" / "gt", folder / "21" / "pred", "posetrack21"
            )
        )
    print("\n| measure | value |\n|---|---:|")
    for stage, seconds in stages.items():
        print(f"| poseval mode: {stage}, CPU s | {seconds:.3f} |")
    ratio = sum(POSEVAL_CPU_S.values()) / sum(stages.values())
    print(f"| times as fast as poseval | {ratio:.0f} |")
    print(f"| posetrack21 mode, all, CPU s | {kit:.3f} |")
    print(f"| times as fast as the kit | {sum(KIT_CPU_S.values()) / kit:.0f} |")


def time_mot() -> None:
    """Print the table of box tracking: CPU time, memory and scores of each program."""
    print("\n| program | CPU s | peak MB | MOTA | IDF1 | HOTA |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        write_mot_case(Path(name))
        for program in PROGRAMS:
            if importlib.util.find_spec(program) is None:
                print(f"| {program} | not installed | | | | |")
                continue
            script = str(Path(__file__).with_name("mot_peers.py"))
            done = subprocess.run(
                [sys.executable, script, program, name], capture_output=True, text=True
            )
            if done.returncode:
                reason = (done.stderr.splitlines() or ["no message"])[-1]
                print(f"| {program} | failed: {reason} | | | | |")
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            cells = [f"{found['cpu_s']:.1f}", f"{found['peak_mb']:.0f}"]
            cells += [f"{found[k]:.3f}" if k in found else "-" for k in MOT_SCORES]
            print(f"| {program} | {' | '.join(cells)} |")


def time_coco() -> None:
    """Print the table of COCO's AP: CPU time of each engine, checks included."""
    print("\n| engine | CPU s | AP |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        sides = write_coco_case(Path(name))
        for engine in ENGINES:
            if importlib.util.find_spec(engine) is None:
                print(f"| {engine} | not installed | |")
                continue
            start = time.process_time()
            report = evaluate_coco(*sides, engine=engine)
            spent = time.process_time() - start
            print(f"| {engine} | {spent:.1f} | {report['AP']:.6f} |")


def main() -> None:
    """Print the tables asked for."""
    for key, value in hardware().items():
        print(f"{key}: {value}  ")
    wanted = sys.argv[1:] or ["posetrack", "mot", "coco"]
    if "posetrack" in wanted:
        time_posetrack()
    if "mot" in wanted:
        time_mot()
    if "coco" in wanted:
        time_coco()


if __name__ == "__main__":
    main()
