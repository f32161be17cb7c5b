"""CPU time of scoring next to the official programs, on the cases that they scored.

    python benchmarks/time_scoring.py

Makes the large cases of poseval and of PoseTrack21's kit (50 MB, temporary),
scores them from their files, and prints the ratios to the CPU time that the official
programs took for the same files. `poseflow benchmark scoring` needs no such files.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from posetrack_case import LARGE, LARGE_21, write_case

from poseflow.benchmark.hardware import hardware
from poseflow.benchmark.scoring import median_cpu_s, stage_times
from poseflow.eval import evaluate

POSEVAL_CPU_S = {"loading": 11.0, "ap": 13.0, "mot": 31.0}
"""Seconds of CPU that poseval (commit 4258a157) takes for `LARGE`: one process,
Python 3.11, numpy 2.4, pandas 3.1, motmetrics 1.4, on a 2-core Intel Xeon (Sapphire
Rapids class).
"""
KIT_CPU_S = {"ap": 6.94, "hota": 19.97}
"""The same for PoseTrack21's evaluation kit (commit 3e61960e) and `LARGE_21`, loading
included in both."""


def main() -> None:
    """Print the table."""
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
    for key, value in hardware().items():
        print(f"{key}: {value}  ")
    print("\n| measure | value |\n|---|---:|")
    for stage, seconds in stages.items():
        print(f"| poseval mode: {stage}, CPU s | {seconds:.3f} |")
    ratio = sum(POSEVAL_CPU_S.values()) / sum(stages.values())
    print(f"| times as fast as poseval | {ratio:.0f} |")
    print(f"| posetrack21 mode, all, CPU s | {kit:.3f} |")
    print(f"| times as fast as the kit | {sum(KIT_CPU_S.values()) / kit:.0f} |")


if __name__ == "__main__":
    main()
