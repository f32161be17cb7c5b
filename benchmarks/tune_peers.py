"""Measure every setting of the installed peers on the development seeds.

    python benchmarks/tune_peers.py

The best of each goes into `poseflow.benchmark.peers.BEST`.
"""

from __future__ import annotations

from poseflow.benchmark.peers import installed_peers
from poseflow.benchmark.tracking import (
    DEV_SEEDS,
    SUITES,
    make_clip,
    mean_row,
    score_clips,
)


def main() -> None:
    """Print a line per setting."""
    clips = [[make_clip(suite, seed) for seed in DEV_SEEDS[:2]] for suite in SUITES]
    for label, settings in installed_peers().items():
        for name, make in settings.items():
            row = mean_row([score_clips(make, group, label) for group in clips])
            print(
                f"{label}, {name}: IDF1 {row.idf1:.1f}, AssA {row.ass_a:.1f}, "
                f"switches {row.switches:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
