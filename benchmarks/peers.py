"""Trackers of other packages beside this one's, on the development sets of tracking.

    python benchmarks/peers.py --tune [--real FOLDER]     every setting, first clips
    python benchmarks/peers.py --measure FILE [--real FOLDER]
    python benchmarks/peers.py --table FILE...            markdown, with intervals

Those are measured that are installed. All are given the same poses, and each has the
setting that was best for it on the first clips of the first half (`BEST`, by --tune).
`--measure` scores every clip on test seeds, and on the second half of the real sets,
and saves them; `--only NAME` restricts it, so that trackers can be measured apart.
Intervals of differences are of a bootstrap over clips, within each group of sets.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from development_sets import GROUPS, Sets, development_sets, objective
from peer_trackers import (
    BoxmotTracker,
    NorfairTracker,
    RoboflowTracker,
    SleapTracker,
    UltralyticsTracker,
)

from poseflow.benchmark.clips import Clip
from poseflow.benchmark.tracking import (
    Competitor,
    oracle_row,
    own_trackers,
    score_clips,
)

Factory = Callable[[], Any]
Scores = dict[str, dict[str, list[dict[str, float]]]]
"""Tracker -> set -> a clip each: `idf1`, `ass_a`, `switches` and others."""

FIGURES = ("idf1", "ass_a", "hota", "mota", "switches", "milliseconds")

REFERENCE = "default, final"
"""Tracker with which the others are compared."""

RESAMPLES = 2000


def _roboflow(name: str, **options: Any) -> Factory:
    return lambda: RoboflowTracker(name, **options)


def _norfair(**options: Any) -> Factory:
    return lambda: NorfairTracker(**options)


def _boxmot(name: str, **options: Any) -> Factory:
    return lambda: BoxmotTracker(name, **options)


def _sleap(name: str, **options: Any) -> Factory:
    return lambda: SleapTracker(name, **options)


def _ultralytics(name: str, **options: Any) -> Factory:
    return lambda: UltralyticsTracker(name, **options)


LOW = {"track_activation_threshold": 0.2, "high_conf_det_threshold": 0.3}
"""Thresholds for a detector whose highest scores are 0.7."""

SETTINGS: dict[str, tuple[str, dict[str, Factory]]] = {
    "roboflow SORT": (
        "trackers",
        {
            f"iou {iou}, buffer {age}": _roboflow(
                "SORTTracker",
                minimum_iou_threshold=iou,
                lost_track_buffer=age,
                track_activation_threshold=0.1,
                minimum_consecutive_frames=2,
            )
            for iou in (0.03, 0.1)
            for age in (30, 60)
        },
    ),
    "roboflow ByteTrack": (
        "trackers",
        {
            f"iou {iou}, buffer {age}": _roboflow(
                "ByteTrackTracker",
                minimum_iou_threshold=iou,
                lost_track_buffer=age,
                **LOW,
            )
            for iou in (0.03, 0.1)
            for age in (30, 60)
        },
    ),
    "roboflow OC-SORT": (
        "trackers",
        {
            f"iou {iou}, buffer {age}": _roboflow(
                "OCSORTTracker",
                minimum_iou_threshold=iou,
                lost_track_buffer=age,
                high_conf_det_threshold=0.3,
            )
            for iou in (0.03, 0.1)
            for age in (30, 60)
        },
    ),
    "roboflow BoT-SORT": (
        "trackers",
        {
            f"buffer {age}, iou {iou}": _roboflow(
                "BoTSORTTracker",
                lost_track_buffer=age,
                enable_cmc=False,
                minimum_iou_threshold_first_assoc=iou,
                minimum_iou_threshold_second_assoc=iou,
                minimum_iou_threshold_unconfirmed_assoc=iou,
                **LOW,
            )
            for age in (30, 60)
            for iou in (0.02, 0.05)
        },
    ),
    "roboflow C-BIoU": (
        "trackers",
        {
            f"iou {iou}, ratios {first} and {second}": _roboflow(
                "CBIoUTracker",
                buffer_ratio_first=first,
                buffer_ratio_second=second,
                minimum_iou_threshold_first_assoc=iou,
                minimum_iou_threshold_second_assoc=iou,
                minimum_iou_threshold_unconfirmed_assoc=iou,
                **LOW,
            )
            for iou in (0.02, 0.05)
            for first, second in ((0.1, 0.2), (0.3, 0.5))
        },
    ),
    "norfair": (
        "norfair",
        {
            f"keypoints {distance}": _norfair(
                distance_threshold=distance, hit_counter_max=15, initialization_delay=2
            )
            for distance in (0.15, 0.3, 0.6, 1.0)
        },
    ),
    "boxmot ByteTrack": (
        "boxmot",
        {
            f"match {match}": _boxmot(
                "ByteTrack", track_thresh=0.3, match_thresh=match, min_conf=0.05
            )
            for match in (0.8, 0.97)
        },
    ),
    "boxmot OC-SORT": (
        "boxmot",
        {
            f"iou {iou}": _boxmot(
                "OcSort", det_thresh=0.2, iou_threshold=iou, min_hits=1, min_conf=0.05
            )
            for iou in (0.05, 0.3)
        },
    ),
    "boxmot BoostTrack": (
        "boxmot",
        {
            f"age {age}, iou {iou}": _boxmot(
                "BoostTrack",
                use_cmc=False,
                aspect_ratio_thresh=1e3,
                det_thresh=0.3,
                max_age=age,
                min_hits=2,
                iou_threshold=iou,
            )
            for age in (30, 60)
            for iou in (0.1, 0.3)
        },
    ),
    "ultralytics BoT-SORT": (
        "ultralytics",
        {
            f"buffer {age}, match {match}": _ultralytics(
                "botsort",
                track_buffer=age,
                match_thresh=match,
                track_low_thresh=0.05,
                new_track_thresh=0.3,
            )
            for age in (30, 60)
            for match in (0.8, 0.95)
        },
    ),
    "sleap-nn BoT-SORT, OKS": (
        "sleap_nn",
        {
            f"{preset}, oks {spread}": _sleap(
                "botsort",
                preset=preset,
                similarity="oks",
                oks_stddev=spread,
                new_track_threshold=0.3,
                track_high_threshold=0.25,
            )
            for preset in ("animal", "paper")
            for spread in (0.1, 0.2, 0.4)
        },
    ),
}
"""Per peer: the package that it needs, and the settings to choose from."""

BEST = {
    "roboflow SORT": "iou 0.03, buffer 60",
    "roboflow ByteTrack": "iou 0.03, buffer 60",
    "roboflow OC-SORT": "iou 0.03, buffer 60",
    "roboflow BoT-SORT": "buffer 60, iou 0.05",
    "roboflow C-BIoU": "iou 0.02, ratios 0.3 and 0.5",
    "norfair": "keypoints 0.6",
    "boxmot ByteTrack": "match 0.97",
    "boxmot OC-SORT": "iou 0.05",
    "boxmot BoostTrack": "age 30, iou 0.1",
    "ultralytics BoT-SORT": "buffer 30, match 0.95",
    "sleap-nn BoT-SORT, OKS": "animal, oks 0.2",
}
"""Per peer: the setting of the highest objective, as --tune found it."""


def installed_peers() -> dict[str, dict[str, Factory]]:
    """Peers whose package is installed, with their settings."""
    return {
        label: settings
        for label, (package, settings) in SETTINGS.items()
        if importlib.util.find_spec(package) is not None
    }


def competitors() -> dict[str, Factory]:
    """This package's trackers, and installed peers at their best setting."""
    peers = {label: s[BEST[label]] for label, s in installed_peers().items()}
    return {**own_trackers(), **peers}


def tune(sets: Sets, only: list[str] | None) -> None:
    """Print a line per setting: its objective, on the first clip of every set."""
    for label, settings in installed_peers().items():
        if only and label not in only:
            continue
        for name, make in settings.items():
            rows = [score_clips(make, clips[:1], label) for clips in sets.values()]
            print(f"{objective(rows):.2f} | {label} | {name}", flush=True)


def scored(make: Callable[[], Competitor] | None, clip: Clip) -> dict[str, float]:
    """Figures of one clip; None for the oracle."""
    row = oracle_row([clip]) if make is None else score_clips(make, [clip], "")
    return {name: float(getattr(row, name)) for name in FIGURES}


def measure(sets: Sets, path: Path, only: list[str] | None) -> None:
    """Add the scores of installed trackers to a file."""
    found: Scores = json.loads(path.read_text()) if path.exists() else {}
    makers: dict[str, Callable[[], Competitor] | None] = {
        **competitors(),
        "oracle": None,
    }
    for label, make in makers.items():
        if only and label not in only:
            continue
        found[label] = {
            name: [scored(make, clip) for clip in clips] for name, clips in sets.items()
        }
        path.write_text(json.dumps(found, indent=1))
        print(label, flush=True)


def group_means(scores: dict[str, list[dict[str, float]]], figure: str) -> list[float]:
    """Mean over the clips of every group that has some."""
    groups = [
        [c for n in names for c in scores.get(n, [])] for names, _ in GROUPS.values()
    ]
    return [float(np.mean([c[figure] for c in g])) for g in groups if g]


def difference(
    one: dict[str, list[dict[str, float]]], other: dict[str, list[dict[str, float]]]
) -> tuple[float, float, float]:
    """IDF1 of one tracker less that of another, and its 95 % interval."""
    random = np.random.default_rng(0)
    parts = []
    for names, _ in GROUPS.values():
        pairs = [
            a["idf1"] - b["idf1"]
            for name in names
            for a, b in zip(one.get(name, []), other.get(name, []), strict=True)
        ]
        if pairs:
            parts.append(np.array(pairs))
    drawn = [
        random.choice(pairs, (RESAMPLES, len(pairs))).mean(axis=1) for pairs in parts
    ]
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5])
    return float(np.mean([pairs.mean() for pairs in parts])), float(low), float(high)


def table(found: Scores) -> str:
    """Mean of groups, then IDF1 / AssA / switches by group, as markdown."""
    some = next(iter(found.values()))
    groups = [g for g, (names, _) in GROUPS.items() if any(n in some for n in names)]
    lines = [
        "| tracker | IDF1 | AssA | HOTA | MOTA | switches | CPU ms per frame "
        f"| IDF1 of {REFERENCE} is higher by |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    order = sorted(found, key=lambda label: np.mean(group_means(found[label], "idf1")))
    for label in order:
        means = {f: np.mean(group_means(found[label], f)) for f in FIGURES}
        text = " | ".join(
            f"{means[f]:.1f}" for f in ("idf1", "ass_a", "hota", "mota", "switches")
        )
        behind = ""
        if label != REFERENCE and REFERENCE in found:
            mean, low, high = difference(found[REFERENCE], found[label])
            behind = f"{mean:.1f} ({low:.1f} to {high:.1f})"
        lines.append(f"| {label} | {text} | {means['milliseconds']:.2f} | {behind} |")
    lines += [
        "",
        f"| IDF1 / AssA / switches | {' | '.join(groups)} |",
        f"|---|{'---:|' * len(groups)}",
    ]
    for label in order:
        columns = [group_means(found[label], f) for f in ("idf1", "ass_a", "switches")]
        cells = (
            f"{a:.1f} / {b:.1f} / {c:.0f}" for a, b, c in zip(*columns, strict=True)
        )
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Tune, measure or print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--measure", type=Path, metavar="FILE")
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--real", type=Path, metavar="FOLDER")
    chosen = parser.parse_args()
    if chosen.tune:
        tune(development_sets(0, chosen.real), chosen.only)
    elif chosen.measure:
        measure(development_sets(2, chosen.real), chosen.measure, chosen.only)
    elif chosen.table:
        found: Scores = {}
        for path in chosen.table:
            found |= json.loads(path.read_text())
        print(table(found))
    else:
        parser.error("one of --tune, --measure FILE or --table FILE")


if __name__ == "__main__":
    sys.exit(main())
