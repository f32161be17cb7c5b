"""Preparation: the frames, people and joints that a mode's rules score."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.posetrack.frame_pairing import pair_frames
from poseflow.eval.posetrack.ignore_regions import inside_regions
from poseflow.eval.posetrack.pairing import SequencePair
from poseflow.eval.posetrack.pckh import HEAD_FRACTION, PreparedSequence
from poseflow.eval.posetrack.rules import RuleSet
from poseflow.formats.posetrack.annotations import NO_ID, Annotations, Problem

MISSING_SCORE = -9999.0
"""What the official programs take for a joint score that the file does not give."""
UNUSED_FROM = 2**62
"""Identities beyond it are numbered anew where people without one need unused ones."""


def prepare(pair: SequencePair, rules: RuleSet) -> PreparedSequence:
    """Apply a mode's rules about frames, people, joints, ignore regions and scores.

    Joints strictly inside an ignore region are left out on both sides. People without
    an identity, or with one that an earlier person of the frame has, become tracks of
    their own.

    Raises:
        FormatError: If the mode cannot pair the frames.
    """
    gt, pred = pair.gt, pair.pred
    gt_frame_of, problems = pair_frames(gt, pred, rules)
    if rules.scored_frames == "annotated":
        used = np.bincount(gt.frames, minlength=gt.num_frames) > 0
    else:
        used = gt.labelled != 0
        silent = int((gt.labelled == -1).sum())
        if silent:
            text = f"{silent} frames do not say is_labeled; they count as labelled"
            problems.append(Problem(gt.source, None, text, "note"))
    # One more place, for the frames -1, which are not in the annotation.
    number = np.append(np.where(used, np.cumsum(used) - 1, -1), -1)
    sides = []
    for people, frames in ((gt, gt.frames), (pred, gt_frame_of[pred.frames])):
        keypoints, kept = _keypoints(people, frames, gt, rules)
        rows = np.flatnonzero(kept & (number[frames] >= 0))
        rows = rows[np.argsort(number[frames[rows]], kind="stable")]
        scored = number[frames[rows]]
        ids, found = _unique_ids(people, rows, scored)
        problems += found
        sides.append((rows, scored, ids, keypoints[rows]))
    (gt_rows, gt_frames, gt_ids, gt_keypoints), predicted = sides
    pred_rows, pred_frames, pred_ids, pred_keypoints = predicted
    headless = gt_rows[np.isnan(gt.head_sizes[gt_rows])]
    if len(headless):
        problems.append(
            Problem(
                gt.source,
                int(gt.frames[headless[0]]),
                f"{len(headless)} annotated people have no head box, the first in this "
                "frame; nothing can match their joints"
                + (
                    " (poseflow evaluate-tracks scores tracks without head boxes)"
                    if len(headless) == len(gt_rows)
                    else ""
                ),
                "error",
            )
        )
    num_frames = int(used.sum())
    tracked = np.ones(num_frames, np.bool_)
    if not rules.last_frame_tracked:
        tracked[-1:] = False
    placeholders = np.zeros(num_frames, np.bool_)
    if rules.empty_frames == "one_error_per_joint":
        for frames in (gt_frames, pred_frames):
            placeholders |= np.bincount(frames, minlength=num_frames) == 0
    return PreparedSequence(
        num_frames=num_frames,
        gt_frames=gt_frames,
        gt_ids=gt_ids,
        gt_keypoints=gt_keypoints,
        head_sizes=HEAD_FRACTION * gt.head_sizes[gt_rows],
        pred_frames=pred_frames,
        pred_ids=pred_ids,
        pred_keypoints=pred_keypoints,
        pred_scores=_ranking_scores(pred, pred_rows, rules),
        zero_head_matches=rules.zero_head_matches,
        tracked=tracked & ~placeholders,
        placeholder_frames=int((tracked & placeholders).sum()),
        name=pair.name,
        format=gt.format,
        problems=tuple(problems),
        image_names=gt.image_names,
        positions=np.flatnonzero(used),
    )


def _keypoints(
    people: Annotations, gt_frames: Ints, gt: Annotations, rules: RuleSet
) -> tuple[Floats, Bools]:
    """Keypoints `(P, 15, 2)`, NaN where a joint is not scored; and the people kept.

    Args:
        people: Either side.
        gt_frames: `(P,)` frame of each person in the annotation, -1 for none.
        gt: The annotation, which has the ignore regions.
        rules: The mode's.
    """
    keypoints = people.keypoints
    has_regions = np.zeros(gt.num_frames + 1, np.bool_)
    has_regions[gt.region_frames] = True
    bounded = has_regions[gt_frames]
    if bounded.any():
        ignored = inside_regions(keypoints, gt_frames, gt)
        keypoints = np.where(ignored[:, :, None], np.nan, keypoints)
    if rules.existing_joints == "positive":
        # Before the joints are sorted out: one positive coordinate keeps a person.
        with_joints = np.asarray((keypoints > 0).any(axis=(1, 2)))
        keypoints = positive_joints(keypoints)
    else:
        with_joints = np.asarray(~np.isnan(keypoints[:, :, 0]).all(axis=1))
    if rules.people_without_joints == "dropped":
        return keypoints, with_joints
    kept = with_joints | ~bounded
    if rules.people_without_joints == "kept_if_listed":
        kept &= people.has_points
    return keypoints, kept


def positive_joints(keypoints: Floats) -> Floats:
    """Keypoints `(..., 2)`, NaN where x or y is not above 0."""
    return np.where((keypoints > 0).all(axis=-1, keepdims=True), keypoints, np.nan)


def _ranking_scores(pred: Annotations, rows: Ints, rules: RuleSet) -> Floats:
    """`(P, 15)` what the joints of the people in `rows` are ranked by."""
    scores = pred.scores[rows]
    if rules.missing_joint_score == "pose_score":
        scoreless = np.asarray(np.isnan(scores).all(axis=1))
        scores = np.where(scoreless[:, None], pred.pose_scores[rows][:, None], scores)
        return np.where(np.isnan(scores), -np.inf, scores)
    scores = np.where(np.isnan(scores), MISSING_SCORE, scores)
    if rules.truncated_scores:
        whole = pred.whole_numbers[pred.frames[rows]]
        scores[whole] = np.trunc(scores[whole])
    return scores


def _unique_ids(
    people: Annotations, rows: Ints, frames: Ints
) -> tuple[Ints, list[Problem]]:
    """Identities of the people in `rows`, none of them twice in a frame.

    A person without an identity, or with one that an earlier person of the frame has,
    gets an unused one.
    """
    ids = people.track_ids[rows]
    missing, repeated = ids == NO_ID, repeated_ids(ids, frames)
    lone = np.flatnonzero(missing | repeated)
    if not len(lone):
        return ids, []
    problems = [repeated_id_problem(people, row) for row in rows[repeated].tolist()]
    if missing.any():
        problems.append(
            Problem(
                people.source,
                int(people.frames[rows[missing][0]]),
                f"{int(missing.sum())} people have no track id, the first in this "
                "frame; each is scored as a track of one frame",
                "error",
            )
        )
    if ids.max() > UNUSED_FROM:
        ids = np.unique(ids, return_inverse=True)[1]
    ids[lone] = int(ids.max()) + 1 + np.arange(len(lone))
    return ids, problems


def repeated_ids(ids: Ints, frames: Ints) -> Bools:
    """`(P,)` people with an identity that an earlier person of their frame has."""
    order = np.lexsort((ids, frames))
    repeated = np.zeros(len(ids), np.bool_)
    repeated[order[1:]] = (ids[order[1:]] == ids[order[:-1]]) & (
        frames[order[1:]] == frames[order[:-1]]
    )
    repeated &= ids != NO_ID
    return repeated


def repeated_id_problem(people: Annotations, row: int) -> Problem:
    """The problem of a person whose identity an earlier person of the frame has."""
    return Problem(
        people.source,
        int(people.frames[row]),
        f"track id {people.track_ids[row]} comes twice; the later one is scored as a "
        "track of one frame",
        "error",
    )
