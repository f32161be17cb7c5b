"""Tracking scores of boxes in MOTChallenge text: MOTA, IDF1 and HOTA by IoU."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poseflow.errors import FormatError
from poseflow.eval.box_similarity import box_similarity_table, overlaps
from poseflow.eval.diagnosis.diagnosis import Diagnosis, diagnose
from poseflow.eval.diagnosis.track_table import TrackTable
from poseflow.eval.event_table import event_table, joined
from poseflow.eval.metrics.assignment import max_weight_matching
from poseflow.eval.metrics.clear import Convention
from poseflow.eval.metrics.hota import EPS
from poseflow.eval.mot.files import Missing, paired_files
from poseflow.eval.processes import map_in_processes
from poseflow.eval.tracking import TrackingScores, score_table
from poseflow.formats.mot import BoxTracks, filled_frames, read_mot, sequence_length
from poseflow.poses import NO_TRACK

if TYPE_CHECKING:
    import pandas

PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)
"""MOTChallenge's person on vehicle, static person, distractor and reflection."""
NON_MOT_VEHICLE = 6
"""A distractor as well in MOT20."""
CLASSES = 13

WORTH_BYTES = 100 << 20
"""Size of text above which starting other processes saves time."""


def score_mot(
    truth: str | PathLike[str],
    result: str | PathLike[str],
    *,
    frames: Mapping[str, int] | None = None,
    threshold: float = 0.5,
    convention: Convention = "motmetrics",
    missing: Missing = "error",
    workers: int = 1,
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
        workers: Processes to use for sets of 100 MB and more. The figures do not depend
            on it. Scripts that ask for more than one need the usual
            `if __name__ == "__main__":`.

    Raises:
        FormatError: If a file cannot be read, the ground truth's folder has none, or
            the result lacks a sequence.
    """
    pairs = paired_files(Path(truth), Path(result), missing)
    tasks = [(*pair, frames or {}, threshold, convention) for pair in pairs]
    files = [file for pair in pairs for file in pair if file is not None]
    if sum(file.stat().st_size for file in files if file.is_file()) < WORTH_BYTES:
        workers = 1
    return list(map_in_processes(_score, tasks, workers))


def diagnose_mot(
    truth: str | PathLike[str],
    result: str | PathLike[str],
    *,
    threshold: float = 0.5,
    convention: Convention = "motmetrics",
    missing: Missing = "error",
) -> Diagnosis:
    """Causes of what a result of MOTChallenge text lost; arguments as `score_mot`.

    Raises:
        FormatError: As `score_mot`.
    """
    tables = []
    for file, other in paired_files(Path(truth), Path(result), missing):
        gt, pred, _ = _load(file, other, {}, convention)
        tables.append(
            TrackTable.of(
                gt.name,
                (gt.frames, gt.track_ids),
                (pred.frames, pred.track_ids),
                *overlaps(gt, pred),
                first_frame=1,
            )
        )
    return diagnose(tables, threshold, convention)


def mot_events(
    truth: str | PathLike[str],
    result: str | PathLike[str],
    *,
    threshold: float = 0.5,
    convention: Convention = "motmetrics",
    missing: Missing = "error",
) -> pandas.DataFrame:
    """Every match, switch, miss and false positive; arguments as `score_mot`.

    Returns:
        A table as `motmetrics.MOTAccumulator.events` with the sequence before it in the
        index: levels `Sequence`, `FrameId` (from 1, as in the files), `Event`; columns
        `Type`, `OId`, `HId`, `D`, which is 1 - IoU.

    Raises:
        FormatError: As `score_mot`.
    """
    tables: dict[tuple[str, ...], pandas.DataFrame] = {}
    for file, other in paired_files(Path(truth), Path(result), missing):
        gt, pred, length = _load(file, other, {}, convention)
        table = TrackTable.of(
            gt.name,
            (gt.frames + 1, gt.track_ids),
            (pred.frames + 1, pred.track_ids),
            *overlaps(gt, pred),
        )
        boxes = np.concatenate([gt.frames, pred.frames])
        frames = filled_frames(boxes, length) + 1
        tables[(gt.name,)] = event_table(table, threshold, convention, frames=frames)
    return joined(tables, ("Sequence",))


def _score(
    file: Path,
    other: Path | None,
    frames: Mapping[str, int],
    threshold: float,
    convention: Convention,
) -> TrackingScores:
    """Scores of one sequence."""
    gt, pred, length = _load(file, other, frames, convention)
    table = box_similarity_table([(gt, pred)])
    return score_table(table, [gt.name], [length], threshold, convention)[0]


def _load(
    file: Path,
    other: Path | None,
    frames: Mapping[str, int],
    convention: Convention,
) -> tuple[BoxTracks, BoxTracks, int]:
    """A sequence's ground truth, its result and its number of frames."""
    trackeval = convention == "trackeval"
    gt = read_mot(file, truth=not trackeval)
    pred = _without_boxes(gt.name) if other is None else read_mot(other)
    _require_ids(pred, other)
    known = max(sequence_length(file), frames.get(gt.name, 0))
    if known and pred.num_frames > known:
        warnings.warn(
            f"{other}: has frame {pred.num_frames}, expected at most {known}, the "
            f"length of sequence {gt.name}",
            stacklevel=3,
        )
    length = max(gt.num_frames, pred.num_frames, known)
    if trackeval:
        gt, pred = without_distractors(gt, pred, file)
    return gt, pred, length


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
    at, by, iou = overlaps(truth, result)
    near = iou >= 0.5 - EPS
    at, by = at[near], by[near]
    matched = max_weight_matching(at, by, iou[near])
    kept = np.ones(len(result), np.bool_)
    kept[by[matched & distractor[at]]] = False
    return truth.where(marked & (classes == PEDESTRIAN)), result.where(kept)


def _without_boxes(name: str) -> BoxTracks:
    none = np.zeros(0, np.int64)
    return BoxTracks(name, none, none, np.zeros((0, 4)), np.zeros(0), 0)


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
    sequence without predictions or without annotated boxes, so does this; totals of
    several are unaffected unless all of them are without.
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
    if not counts["num_objects"]:
        fields |= dict.fromkeys(("MODA", "MOTA", "sMOTA", "MOTAL"), 0) | {"MLR": 1}
    return {name: float(value) for name, value in fields.items()}
