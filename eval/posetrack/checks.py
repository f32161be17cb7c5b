"""Checks of ground truth and submissions: `poseflow evaluate --check`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poseflow.arrays import Bools
from poseflow.eval.posetrack.frame_pairing import pair_frames
from poseflow.eval.posetrack.pairing import SequencePair
from poseflow.eval.posetrack.preparation import repeated_id_problem, repeated_ids
from poseflow.eval.posetrack.rules import STRICT
from poseflow.formats.posetrack.annotations import (
    JOINTS,
    NO_ID,
    Annotations,
    Level,
    Problem,
)

POSEVAL_MAX_ID = 9999
"""poseval shifts the ids of each sequence by 10000 and refuses larger ones."""


def check_pair(pair: SequencePair) -> list[Problem]:
    """Problems of one sequence's two files, in order of frames."""
    if not pair.has_prediction:
        own = [missing_prediction(pair)]
    else:
        own = [
            *pair.pred.problems,
            *_check_frames(pair),
            *_check_ids(pair.pred, "predicted"),
            *_check_scores(pair.pred),
            *_check_people(pair.pred),
        ]
    return [*pair.gt.problems, *_check_annotation(pair.gt), *own]


def missing_prediction(pair: SequencePair) -> Problem:
    """The submission lacks a sequence."""
    return Problem(
        pair.gt.source,
        None,
        f"the submission has no file for sequence {pair.name!r}; scored as if nothing "
        "was predicted in it",
        "error",
    )


def _check_frames(pair: SequencePair) -> Iterator[Problem]:
    """Number and order of the frames, and whether people are predicted at all."""
    gt, pred = pair.gt, pair.pred
    frame_of, problems = pair_frames(gt, pred, STRICT)
    yield from problems
    if gt.num_frames != pred.num_frames:
        yield Problem(
            pred.source,
            None,
            f"{pred.num_frames} frames, expected {gt.num_frames} as in the "
            "annotation; poseval refuses this, strict mode pairs frames by name",
            "error",
        )
    known = np.flatnonzero(frame_of >= 0)
    backwards = known[1:][np.diff(frame_of[known]) < 0]
    if len(backwards):
        yield Problem(
            pred.source,
            int(backwards[0]),
            f"frames are in another order than in the annotation, where this is frame "
            f"{frame_of[backwards[0]]}; strict mode pairs frames by id or name, the "
            "official programs by position",
            "error",
        )
    if not len(pred) and len(gt):
        yield Problem(pred.source, None, "no person is predicted in any frame")


def _check_annotation(gt: Annotations) -> Iterator[Problem]:
    yield from _check_ids(gt, "annotated")
    size = gt.head_sizes
    with_joints = gt.present.any(axis=1)
    yield from _by_frame(
        gt, with_joints & np.isnan(size), "no head box: none of the joints can match"
    )
    yield from _by_frame(
        gt,
        with_joints & (size == 0),
        "a head box of size zero: only joints exactly in place match (in poseval none)",
    )
    for frame, polygon in zip(gt.region_frames.tolist(), gt.regions, strict=True):
        if len(polygon) < 3:
            yield Problem(
                gt.source,
                frame,
                f"an ignore region of {len(polygon)} corners, expected at least 3; "
                "nothing is inside it (poseval fails on it)",
                "error",
            )
    people = np.bincount(gt.frames, minlength=gt.num_frames)
    silent = np.flatnonzero((gt.labelled < 0) & (people == 0))
    if len(silent):
        yield Problem(
            gt.source,
            int(silent[0]),
            f"{len(silent)} frames without people do not say is_labeled, this one "
            "first; strict mode counts them as labelled and empty",
            "note",
        )


def _check_ids(side: Annotations, word: str) -> Iterator[Problem]:
    ids = side.track_ids
    missing = ids == NO_ID
    yield from _by_frame(side, missing, f"no track id of the {word} person", "error")
    yield from _by_frame(
        side, (ids < 0) & ~missing, f"a negative id of the {word} person", "error"
    )
    yield from _by_frame(
        side,
        ids > POSEVAL_MAX_ID,
        f"an {word} id above {POSEVAL_MAX_ID}, which poseval refuses",
    )
    for row in np.flatnonzero(repeated_ids(ids, side.frames)).tolist():
        yield repeated_id_problem(side, row)


def _check_scores(pred: Annotations) -> Iterator[Problem]:
    lacking = pred.present & np.isnan(pred.scores)
    yield from _by_frame(
        pred,
        np.asarray(lacking.any(axis=1)),
        "joints without a score: they rank last, or by the pose's score if no joint "
        "of the pose has one",
    )


def _check_people(side: Annotations) -> Iterator[Problem]:
    yield from _by_frame(
        side,
        np.asarray(~side.present.any(axis=1)),
        "a person without any joint; poseval counts the frame as not empty",
        "note",
    )
    never = [
        joint
        for joint, there in zip(
            JOINTS, np.asarray(side.present.any(axis=0)), strict=True
        )
        if not there
    ]
    if never and len(side):
        yield Problem(
            side.source, None, f"joints that no person has: {', '.join(never)}", "note"
        )


def _by_frame(
    side: Annotations,
    which: Bools,
    message: str,
    level: Level = "warning",
) -> Iterator[Problem]:
    """One problem for each frame that has such people."""
    frames, counts = np.unique(side.frames[which], return_counts=True)
    for frame, count in zip(frames.tolist(), counts.tolist(), strict=True):
        people = "" if count == 1 else f" ({count} people)"
        yield Problem(side.source, frame, message + people, level)
