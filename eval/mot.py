"""Tracking scores of boxes in MOTChallenge text: MOTA, IDF1 and HOTA by IoU."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.boxes import box_area
from poseflow.errors import FormatError
from poseflow.eval.metrics.clear import Convention
from poseflow.eval.metrics.similarity_table import DetectionKeys, SimilarityTable
from poseflow.eval.tracking import TrackingScores, score_table
from poseflow.formats.mot import BoxTracks, read_mot


def score_mot(
    truth: str | Path,
    result: str | Path,
    *,
    frames: Mapping[str, int] | None = None,
    threshold: float = 0.5,
    convention: Convention = "motmetrics",
) -> list[TrackingScores]:
    """Scores of every sequence of a folder of MOTChallenge text, or of two files.

    A sequence that the result lacks counts as one without predictions; add the scores
    up for the total: `sum(score_mot(...))`. A result without ground truth is not
    scored, with a warning.

    Args:
        truth: A `.txt` file, or a folder of them.
        result: A file, or a folder with files of the same names.
        frames: Number of frames of sequences whose last frames may be empty.
        threshold: The IoU that a match needs in CLEAR and identity scores.
        convention: Which program's CLEAR MOT, `"motmetrics"` or `"trackeval"`; see
            `poseflow.eval.metrics.clear.match_clear`.

    Raises:
        FormatError: If a file cannot be read, or the ground truth's folder has none.
    """
    truth, result = Path(truth), Path(result)
    files = sorted(truth.glob("*.txt")) if truth.is_dir() else [truth]
    if not files:
        raise FormatError(f"{truth}: holds no .txt file; expected one per sequence")
    if truth.is_dir() and result.is_dir():
        names = {file.name for file in files}
        unknown = sorted(f.name for f in result.glob("*.txt") if f.name not in names)
        if unknown:
            warnings.warn(
                f"{result}: {', '.join(unknown)}: no such file among the ground "
                f"truth in {truth}; not scored",
                stacklevel=2,
            )
    single = result.is_file() and not truth.is_dir()
    pairs = []
    for file in files:
        other = result if single else result / file.name
        gt = read_mot(file, truth=True)
        if other.is_file() or not result.is_dir():
            pairs.append((gt, read_mot(other)))
        else:
            pairs.append((gt, _without_boxes(gt.name)))
    lengths = [
        max(gt.num_frames, pred.num_frames, (frames or {}).get(gt.name, 0))
        for gt, pred in pairs
    ]
    return score_table(
        box_similarity_table(pairs),
        [gt.name for gt, _ in pairs],
        lengths,
        threshold,
        convention,
    )


def _without_boxes(name: str) -> BoxTracks:
    none = np.zeros(0, np.int64)
    return BoxTracks(name, none, none, np.zeros((0, 4)), np.zeros(0), 0)


def box_similarity_table(
    pairs: Sequence[tuple[BoxTracks, BoxTracks]],
) -> SimilarityTable:
    """A group for each pair of ground truth and result; the similarity is IoU."""
    sides = []
    for side in (0, 1):
        tables = [pair[side] for pair in pairs]
        groups = np.repeat(np.arange(len(pairs)), [len(t) for t in tables])
        frames = np.concatenate([np.zeros(0, np.int64), *(t.frames for t in tables)])
        ids = np.concatenate([np.zeros(0, np.int64), *(t.track_ids for t in tables)])
        boxes = np.concatenate([np.zeros((0, 4)), *(t.boxes for t in tables)])
        sides.append((DetectionKeys(groups, frames, ids), boxes))
    (truth, a), (result, b) = sides
    longest = 1 + max((t.num_frames for pair in pairs for t in pair), default=0)
    at, by = _pairs_within(
        *(np.asarray(s.groups) * longest + np.asarray(s.frames) for s, _ in sides)
    )
    iou = _paired_iou(a[at], b[by])
    near = iou > 0
    return SimilarityTable.build(
        truth, result, at[near], by[near], iou[near], len(pairs)
    )


def _pairs_within(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Every pair of equal values of two ascending arrays: positions in `a` and `b`."""
    low, high = np.searchsorted(b, a, "left"), np.searchsorted(b, a, "right")
    lengths = high - low
    at = np.repeat(np.arange(len(a)), lengths)
    inside = np.arange(len(at)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return at, np.repeat(low, lengths) + inside


def _paired_iou(a: Floats, b: Floats) -> Floats:
    """IoU of boxes pair by pair, `(N, 4)` xyxy each."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    inside = box_area(np.concatenate([low, high], axis=1))
    union = box_area(a) + box_area(b) - inside
    out: Floats = np.zeros_like(inside)
    np.divide(inside, union, out=out, where=union > 0)
    return out


def motmetrics_fields(scores: TrackingScores) -> dict[str, float]:
    """The scores in py-motmetrics' names and scales: fractions, MOTP a distance.

    MOTP is 1 - IoU on average, 0 is best, NaN without a match.
    """
    fields = {
        name: scores.counts[name] for name in scores.counts if name != "sum_similarity"
    }
    fields["motp"] = 1 - scores.motp / 100
    fields["precision"] = scores.precision / 100
    fields["recall"] = scores.recall / 100
    for name in ("mota", "idf1", "idp", "idr"):
        fields[name] = getattr(scores, name) / 100
    return fields


def trackeval_fields(scores: TrackingScores) -> dict[str, float]:
    """CLEAR and identity scores in TrackEval's names and scales: fractions.

    Use on scores of `convention="trackeval"`. Where TrackEval gives a ratio of 0 for a
    sequence without predictions, so does this; totals of several are unaffected.
    """
    counts = scores.counts
    people = counts["num_unique_objects"]
    tp, fp = counts["num_detections"], counts["num_false_positives"]
    fn, switches = counts["num_misses"], counts["num_switches"]
    objects = max(counts["num_objects"], 1)
    quality = counts["sum_similarity"]
    log_switches = math.log10(switches) if switches > 0 else switches
    fields = {
        "CLR_TP": tp,
        "CLR_FN": fn,
        "CLR_FP": fp,
        "IDSW": switches,
        "MT": counts["mostly_tracked"],
        "PT": counts["partially_tracked"],
        "ML": counts["mostly_lost"],
        "Frag": counts["num_fragmentations"],
        "MOTP_sum": quality,
        "CLR_Re": tp / objects,
        "CLR_Pr": tp / max(1, tp + fp),
        "MODA": (tp - fp) / objects,
        "MOTA": (tp - fp - switches) / objects,
        "MOTP": quality / max(1, tp),
        "sMOTA": (quality - fp - switches) / objects,
        "CLR_F1": tp / max(1, tp + 0.5 * fn + 0.5 * fp),
        "MOTAL": (tp - fp - log_switches) / objects,
        "MTR": counts["mostly_tracked"] / max(people, 1),
        "PTR": counts["partially_tracked"] / max(people, 1),
        "MLR": counts["mostly_lost"] / max(people, 1),
        "IDTP": counts["idtp"],
        "IDFN": counts["idfn"],
        "IDFP": counts["idfp"],
        "IDR": counts["idtp"] / objects,
        "IDP": counts["idtp"] / max(counts["num_predictions"], 1),
        "IDF1": 2
        * counts["idtp"]
        / max(counts["num_objects"] + counts["num_predictions"], 1),
    }
    return {name: float(value) for name, value in fields.items()}
