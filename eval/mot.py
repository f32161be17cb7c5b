"""Tracking scores of boxes in MOTChallenge text: MOTA, IDF1 and HOTA by IoU."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from poseflow.arrays import Floats, Ints
from poseflow.boxes import box_area, box_iou
from poseflow.errors import FormatError
from poseflow.eval.metrics.clear import Convention
from poseflow.eval.metrics.similarity_table import DetectionKeys, SimilarityTable
from poseflow.eval.tracking import TrackingScores, score_table
from poseflow.formats.mot import (
    BoxTracks,
    read_mot,
    sequence_length,
    sequence_name,
)
from poseflow.poses import NO_TRACK

Missing = Literal["error", "empty"]

PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)
"""MOTChallenge's person on vehicle, static person, distractor and reflection."""
NON_MOT_VEHICLE = 6
"""A distractor as well in MOT20."""
CLASSES = 13


def score_mot(
    truth: str | Path,
    result: str | Path,
    *,
    frames: Mapping[str, int] | None = None,
    threshold: float = 0.5,
    convention: Convention = "motmetrics",
    missing: Missing = "error",
) -> list[TrackingScores]:
    """Scores of every sequence of a folder of MOTChallenge text, or of two files.

    Add the scores up for the total: `sum(score_mot(...))`. A result without ground
    truth is not scored, with a warning.

    Args:
        truth: A `.txt` file, a folder of them, or MOTChallenge's layout: a folder of
            `NAME/gt/gt.txt`, or one `NAME` of it. `NAME/seqinfo.ini` gives the number
            of frames.
        result: A file, or a folder with `NAME.txt` (or `data/NAME.txt`,
            `NAME/NAME.txt`, `NAME/gt/gt.txt`, `NAME/det/det.txt`) for each sequence.
        frames: Number of frames of sequences whose last frames may be empty.
        threshold: The IoU that a match needs in CLEAR and identity scores.
        convention: Which program's CLEAR MOT, `"motmetrics"` or `"trackeval"`; see
            `poseflow.eval.metrics.clear.match_clear`. With `"trackeval"`, classes in
            the ground truth are treated as TrackEval does; see
            `without_distractors`.
        missing: `"empty"` scores a sequence that the result lacks as one without
            predictions; otherwise it is an error.

    Raises:
        FormatError: If a file cannot be read, the ground truth's folder has none, or
            the result lacks a sequence.
    """
    truth, result = Path(truth), Path(result)
    pairs = []
    lengths = []
    for file, other in _paired_files(truth, result, missing):
        trackeval = convention == "trackeval"
        gt = read_mot(file, truth=not trackeval)
        pred = _without_boxes(gt.name) if other is None else read_mot(other)
        _require_ids(pred, other)
        known = max(sequence_length(file), (frames or {}).get(gt.name, 0))
        if known and pred.num_frames > known:
            warnings.warn(
                f"{other}: has frame {pred.num_frames}, expected at most {known}, the "
                f"length of sequence {gt.name}",
                stacklevel=2,
            )
        lengths.append(max(gt.num_frames, pred.num_frames, known))
        if trackeval:
            gt, pred = without_distractors(gt, pred, file)
        pairs.append((gt, pred))
    return score_table(
        box_similarity_table(pairs),
        [gt.name for gt, _ in pairs],
        lengths,
        threshold,
        convention,
    )


def _paired_files(
    truth: Path, result: Path, missing: Missing
) -> list[tuple[Path, Path | None]]:
    """Every sequence's ground truth with its result, None where that is missing.

    Raises:
        FormatError: If there is no ground truth, or a result is missing and `missing`
            is not `"empty"`.
    """
    files = _truth_files(truth)
    if not result.is_dir():
        if len(files) > 1:
            raise FormatError(
                f"{result}: expected a folder with a file for each of the "
                f"{len(files)} sequences of {truth}"
            )
        return [(files[0], result)]
    pairs: list[tuple[Path, Path | None]] = []
    for file in files:
        name = sequence_name(file)
        places = [f"{name}.txt", f"data/{name}.txt", f"{name}/{name}.txt"]
        places += [f"{name}/gt/gt.txt", f"{name}/det/det.txt"]
        if len(files) == 1:
            places += [file.name, "gt/gt.txt", "det/det.txt"]
        found = [result / place for place in places if (result / place).is_file()]
        pairs.append((file, found[0] if found else None))
    used = {other for _, other in pairs}
    lacking = [sequence_name(file) for file, other in pairs if other is None]
    folders = [result, result / "data"]
    unknown = sorted(
        {
            file.name
            for folder in folders
            for file in folder.glob("*.txt")
            if file not in used
        }
    )
    if lacking and missing != "empty":
        found_text = _shorten(unknown) if unknown else "no other .txt file"
        raise FormatError(
            f"{result}: no result for {len(lacking)} of {len(pairs)} sequences, "
            f"{_shorten(lacking)}: expected {lacking[0]}.txt, found {found_text}; name "
            "the files like the sequences, or score them as empty with --missing empty "
            '(missing="empty")'
        )
    if unknown:
        warnings.warn(
            f"{result}: {', '.join(unknown)}: no such file among the ground "
            f"truth in {truth}; not scored",
            stacklevel=3,
        )
    return pairs


def _truth_files(truth: Path) -> list[Path]:
    """The ground truth of every sequence in a file, a folder or MOTChallenge's layout.

    Raises:
        FormatError: If a folder has none.
    """
    if not truth.is_dir():
        return [truth]
    own = truth / "gt" / "gt.txt"
    if own.is_file():
        return [own]
    files = sorted(truth.glob("*/gt/gt.txt")) or sorted(truth.glob("*.txt"))
    if not files:
        raise FormatError(
            f"{truth}: holds no .txt file; expected NAME.txt or NAME/gt/gt.txt for "
            "each sequence"
        )
    return files


def _shorten(names: Sequence[str], most: int = 3) -> str:
    more = f", ... {len(names)} in all" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _require_ids(result: BoxTracks, path: Path | None) -> None:
    """Refuse detections, which have the id -1 several times in a frame."""
    frames = result.frames[result.track_ids == NO_TRACK]
    if len(frames) > len(np.unique(frames)):
        raise FormatError(
            f"{path}: expected tracks, found several boxes of id -1 in a frame, that "
            "is, detections without an identity; track them first"
        )


def without_distractors(
    truth: BoxTracks, result: BoxTracks, path: Path
) -> tuple[BoxTracks, BoxTracks]:
    """Ground truth and result as TrackEval's `MotChallenge2DBox` prepares them.

    Where the ground truth has classes (MOT16 and later), predictions are matched to all
    its boxes, frame by frame, for the largest sum of IoU of at least 0.5. Predictions
    matched to a person on a vehicle, a static person, a distractor or a reflection (in
    MOT20 also a vehicle) are removed. Then ground truth that is no pedestrian or marked
    with 0 is removed. Without classes (MOT15), only marked boxes are.

    Args:
        truth: All boxes of the ground truth; `scores` are the marks.
        result: The predictions.
        path: The ground truth's file, for messages.

    Raises:
        FormatError: If the ground truth has a class that MOTChallenge has not, or the
            result another class than pedestrian.
    """
    marked = truth.scores.astype(np.int64) != 0  # TrackEval cuts off decimals
    classes = truth.classes
    if classes is None or not classes.any():
        return truth.where(marked), result
    odd = classes[(classes < 1) | (classes > CLASSES)]
    if len(odd):
        raise FormatError(
            f"{path}: expected a class of 1 to {CLASSES} as eighth number of every "
            f"line, found {'none' if odd[0] < 1 else odd[0]}"
        )
    if result.classes is not None and (result.classes > PEDESTRIAN).any():
        raise FormatError(
            f"result of sequence {truth.name}: expected class 1 (pedestrian) or -1 as "
            f"eighth number, found {result.classes.max()}; TrackEval refuses it too"
        )
    vehicle = (NON_MOT_VEHICLE,) if "MOT20" in truth.name else ()
    distractor = np.isin(classes, (*DISTRACTORS, *vehicle))
    kept = np.ones(len(result), np.bool_)
    for frame in np.unique(truth.frames[distractor]).tolist():
        rows, columns = (
            slice(*np.searchsorted(side.frames, [frame, frame + 1]).tolist())
            for side in (truth, result)
        )
        iou = box_iou(truth.boxes[rows], result.boxes[columns])
        iou[iou < 0.5 - np.finfo(float).eps] = 0
        matched, by = linear_sum_assignment(-iou)
        real = iou[matched, by] > np.finfo(float).eps
        removed = by[real & distractor[rows][matched]]
        kept[columns.start + removed] = False
    return truth.where(marked & (classes == PEDESTRIAN)), result.where(kept)


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
