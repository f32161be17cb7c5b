"""Scores of `mot_case.py`'s files by one program, with its CPU time, printed as JSON.

    python benchmarks/mot_peers.py poseflow|motrics|trackeval|motmetrics FOLDER

A process for each program, so that `time_scoring.py` can measure CPU time and memory.
motrics and TrackEval come with `pip install 'poseflow[benchmark]'`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

Scores = dict[str, float]


def poseflow(folder: Path) -> Scores:
    """The rules that TrackEval follows, so that all can be compared."""
    from poseflow.eval import score_mot

    scores = score_mot(folder / "gt", folder / "pred", convention="trackeval")
    total = sum(scores[1:], scores[0])
    return {"MOTA": total.mota, "IDF1": total.idf1, "HOTA": total.hota}


def motrics(folder: Path) -> Scores:
    """Means over sequences of equal length, which it does not pool itself."""
    import motrics as library

    rows = []
    for truth in sorted(folder.glob("gt/*/gt/gt.txt")):
        result = folder / "pred" / f"{truth.parent.parent.name}.txt"
        frames = library.preprocess_motchallenge(
            library.load_motchallenge_gt(truth), library.load_motchallenge(result)
        )
        done = library.evaluate(
            library.Frames(*frames[:2]), library.Frames(*frames[2:])
        )
        rows.append((done.clear.mota, done.identity.idf1, done.hota.hota))
    means = [100 * sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return dict(zip(("MOTA", "IDF1", "HOTA"), means, strict=True))


def trackeval(folder: Path) -> Scores:
    """`MotChallenge2DBox` with preprocessing; its prints are left out."""
    import trackeval as library

    names = [path.name for path in sorted((folder / "gt").iterdir())]
    tracker = folder / "trackers" / "result"
    tracker.mkdir(parents=True, exist_ok=True)
    if not (tracker / "data").exists():
        (tracker / "data").symlink_to((folder / "pred").resolve())
    quiet = {"PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = library.datasets.MotChallenge2DBox(
            quiet
            | {
                "GT_FOLDER": str(folder / "gt"),
                "TRACKERS_FOLDER": str(folder / "trackers"),
                "SEQ_INFO": dict.fromkeys(names),  # lengths are in seqinfo.ini
                "SKIP_SPLIT_FOL": True,
            }
        )
        evaluator = library.Evaluator(
            quiet
            | {
                "PRINT_RESULTS": False,
                "OUTPUT_SUMMARY": False,
                "OUTPUT_DETAILED": False,
                "PLOT_CURVES": False,
                "TIME_PROGRESS": False,
            }
        )
        metrics = [
            library.metrics.HOTA({"PRINT_CONFIG": False}),
            library.metrics.CLEAR({"PRINT_CONFIG": False}),
            library.metrics.Identity({"PRINT_CONFIG": False}),
        ]
        done, _ = evaluator.evaluate([dataset], metrics)
    total = done["MotChallenge2DBox"]["result"]["COMBINED_SEQ"]["pedestrian"]
    return {
        "MOTA": 100 * total["CLEAR"]["MOTA"],
        "IDF1": 100 * total["Identity"]["IDF1"],
        "HOTA": 100 * float(total["HOTA"]["HOTA"].mean()),
    }


def motmetrics(folder: Path) -> Scores:
    """CLEAR and identity; it has no HOTA by default."""
    import motmetrics as library
    import numpy as np

    if not hasattr(np, "asfarray"):  # numpy 2 lacks it, motmetrics 1.4 needs it
        setattr(np, "asfarray", lambda values: np.asarray(values, np.float64))  # noqa: B010
    pairs = [
        (path, folder / "pred" / f"{path.parent.parent.name}.txt")
        for path in sorted(folder.glob("gt/*/gt/gt.txt"))
    ]
    accumulated = [
        library.utils.compare_to_groundtruth(
            library.io.loadtxt(truth, fmt="mot15-2D"),
            library.io.loadtxt(result, fmt="mot15-2D"),
            "iou",
            distth=0.5,
        )
        for truth, result in pairs
    ]
    host = library.metrics.create()
    table = host.compute_many(
        accumulated, metrics=["mota", "idf1"], generate_overall=True
    )
    total = table.loc["OVERALL"]
    return {"MOTA": 100 * float(total["mota"]), "IDF1": 100 * float(total["idf1"])}


PROGRAMS = {
    "poseflow": poseflow,
    "motrics": motrics,
    "trackeval": trackeval,
    "motmetrics": motmetrics,
}


def peak_mb() -> float:
    """Most memory that this process had; Linux alone tells it apart from its parent."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


if __name__ == "__main__":
    result = PROGRAMS[sys.argv[1]](Path(sys.argv[2]))
    used = os.times()
    print(json.dumps({**result, "cpu_s": used[0] + used[1], "peak_mb": peak_mb()}))
