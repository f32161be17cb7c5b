"""What of a sequence is scored, under the rules of each mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import FormatError
from poseflow.eval.metric import SequencePair
from poseflow.eval.posetrack.ignore_regions import inside_regions
from poseflow.eval.posetrack.pckh import HEAD_FRACTION, Scene
from poseflow.formats.posetrack.annotations import NO_ID, Annotations, Problem

POSEVAL_MISSING_SCORE = -9999.0
"""What poseval takes for a joint score that the file does not give."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scene, and how tracking treats its frames.

    Attributes:
        scene: What is scored.
        tracked: `(F,)` frames that tracking counts person by person.
        invented: How many frames tracking counts as one miss and one false positive
            of every joint whatever is in them (poseval only).
        problems: What a user should know about the preparation.
    """

    scene: Scene
    tracked: Bools
    invented: int = 0
    problems: tuple[Problem, ...] = ()


def prepare_poseval(pair: SequencePair) -> Prepared:
    """The frames and joints that poseval scores.

    Frames in which nobody is annotated are dropped on both sides, whatever
    `is_labeled` says; frames pair by position; tracking leaves out the last of the
    remaining frames, and replaces frames that are empty on either side.

    Raises:
        FormatError: If the two sides have different numbers of frames.
    """
    if "poseval" in pair.memo:
        memo: Prepared = pair.memo["poseval"]
        return memo
    gt, pred = pair.gt, pair.pred
    if gt.num_frames != pred.num_frames:
        raise FormatError(
            f"{pred.source}: {pred.num_frames} frames, but the annotation "
            f"{gt.source} has {gt.num_frames}; poseval mode pairs frames by position "
            "and needs as many (strict mode pairs them by name)"
        )
    used = np.bincount(gt.frames, minlength=gt.num_frames) > 0
    scene, problems = _scene(
        gt,
        pred,
        np.where(used, np.cumsum(used) - 1, -1),
        np.arange(pred.num_frames),
        poseval=True,
    )
    frames = scene.num_frames
    tracked = np.arange(frames) < frames - 1
    peopled = (np.bincount(scene.gt_frames, minlength=frames) > 0) & (
        np.bincount(scene.pred_frames, minlength=frames) > 0
    )
    prepared = Prepared(
        scene, tracked & peopled, int((tracked & ~peopled).sum()), tuple(problems)
    )
    pair.memo["poseval"] = prepared
    return prepared


def prepare_strict(pair: SequencePair) -> Prepared:
    """The frames and joints that the definitions score.

    Every frame is scored unless its annotation says `is_labeled: false`; predicted
    frames are found by image id or name, and by position only where these do not
    tell. People without a joint are nobody.
    """
    if "strict" in pair.memo:
        memo: Prepared = pair.memo["strict"]
        return memo
    gt, pred = pair.gt, pair.pred
    used = gt.labelled != 0
    gt_frame_of, problems = pair_frames(gt, pred)
    scene, more = _scene(
        gt, pred, np.where(used, np.cumsum(used) - 1, -1), gt_frame_of, poseval=False
    )
    prepared = Prepared(
        scene, np.ones(scene.num_frames, np.bool_), 0, (*problems, *more)
    )
    pair.memo["strict"] = prepared
    return prepared


def pair_frames(gt: Annotations, pred: Annotations) -> tuple[Ints, list[Problem]]:
    """The annotated frame of each predicted one, -1 for none.

    By image id if every id of the shorter side is known to the longer one, else by
    the last part of the image name under the same condition, else by position.

    Returns:
        `(F_pred,)` positions in `gt`, and a problem for whatever does not pair.
    """
    problems = []
    by_id = gt.format != "posetrack17" != pred.format
    keys = [(gt.image_ids.tolist(), pred.image_ids.tolist())] if by_id else []
    keys.append(
        (
            [name.rsplit("/", 1)[-1] for name in gt.image_names],
            [name.rsplit("/", 1)[-1] for name in pred.image_names],
        )
    )
    for gt_keys, pred_keys in keys:
        place = {key: k for k, key in enumerate(gt_keys)}
        if (
            len(place) == len(gt_keys)
            and len(set(pred_keys)) == len(pred_keys)
            and "" not in place
            and (set(pred_keys) <= set(place) or set(place) <= set(pred_keys))
        ):
            frame_of = np.array([place.get(k, -1) for k in pred_keys], np.int64)
            break
    else:
        frame_of = np.arange(pred.num_frames)
        frame_of[gt.num_frames :] = -1
        if gt.num_frames != pred.num_frames:
            problems.append(
                Problem(
                    pred.source,
                    None,
                    "image ids and names do not tell which frame is which; frames are "
                    "paired by position",
                )
            )
    surplus = int((frame_of < 0).sum())
    lacking = gt.num_frames - (pred.num_frames - surplus)
    if surplus:
        problems.append(
            Problem(
                pred.source,
                None,
                f"{surplus} of {pred.num_frames} frames are not in the annotation; "
                "they are left out",
            )
        )
    if lacking:
        problems.append(
            Problem(
                pred.source,
                None,
                f"{lacking} of the annotation's {gt.num_frames} frames are missing; "
                "they count as frames without predictions",
            )
        )
    return frame_of, problems


def _scene(
    gt: Annotations, pred: Annotations, frame_of: Ints, gt_frame_of: Ints, poseval: bool
) -> tuple[Scene, list[Problem]]:
    """Both sides without ignored joints, frames renumbered, identities made unique.

    Args:
        gt: The annotation.
        pred: The predictions.
        frame_of: `(F,)` number of each annotated frame in the scene, -1 to drop it.
        gt_frame_of: `(F_pred,)` annotated frame of each predicted one, -1 for none.
        poseval: Whether a person without joints counts as one, as for poseval.
    """
    problems: list[Problem] = []
    num_frames = int(frame_of.max(initial=-1)) + 1
    # One place more: there frame -1, which is none, looks.
    frame_of = np.append(frame_of, -1)
    with_regions = np.zeros(gt.num_frames + 1, np.bool_)
    with_regions[gt.region_frames] = True
    sides = []
    for people, gt_frames in ((gt, gt.frames), (pred, gt_frame_of[pred.frames])):
        keypoints = people.keypoints
        keep = frame_of[gt_frames] >= 0
        bounded = with_regions[gt_frames]
        if bounded.any():
            ignored = inside_regions(keypoints, gt_frames, gt)
            keypoints = np.where(ignored[:, :, None], np.nan, keypoints)
        empty = np.isnan(keypoints[:, :, 0]).all(axis=1)
        # A person without a single joint is a person for poseval, except in a frame
        # with regions or if a 2017 file does not even have an empty list.
        keep &= people.has_points & ~(bounded & empty) if poseval else ~empty
        rows = np.flatnonzero(keep)
        frames = frame_of[gt_frames[rows]]
        order = np.argsort(frames, kind="stable")
        rows, frames = rows[order], frames[order]
        ids, more = _unique_ids(people, rows, frames)
        problems += more
        sides.append((rows, frames, ids, keypoints[rows]))
    gt_rows, gt_frames, gt_ids, gt_keypoints = sides[0]
    headless = np.flatnonzero(np.isnan(gt.head_sizes[gt_rows]))
    if len(headless):
        problems.append(
            Problem(
                gt.source,
                int(gt.frames[gt_rows[headless[0]]]),
                f"{len(headless)} annotated people have no head box, the first in this "
                "frame; nothing can match their joints",
                "error",
            )
        )
    pred_rows, pred_frames, pred_ids, pred_keypoints = sides[1]
    scores = pred.scores[pred_rows]
    if poseval:
        scores = np.where(np.isnan(scores), POSEVAL_MISSING_SCORE, scores)
    else:
        scores = _ranking_scores(scores, pred.pose_scores[pred_rows])
    scene = Scene(
        num_frames=num_frames,
        gt_frames=gt_frames,
        gt_ids=gt_ids,
        gt_keypoints=gt_keypoints,
        head_sizes=HEAD_FRACTION * gt.head_sizes[gt_rows],
        pred_frames=pred_frames,
        pred_ids=pred_ids,
        pred_keypoints=pred_keypoints,
        pred_scores=scores,
        zero_matches=not poseval,
    )
    return scene, problems


def _ranking_scores(scores: Floats, pose_scores: Floats) -> Floats:
    """Joint scores; of a pose without any, the pose's own; else below all others."""
    scoreless = np.asarray(np.isnan(scores).all(axis=1))
    scores = np.where(scoreless[:, None], pose_scores[:, None], scores)
    return np.where(np.isnan(scores), -np.inf, scores)


def _unique_ids(
    people: Annotations, rows: Ints, frames: Ints
) -> tuple[Ints, list[Problem]]:
    """Identities of the people in `rows`, none of them twice in a frame.

    Whoever has no identity, or one that somebody before has in the same frame, gets
    one that nobody else has.
    """
    ids = people.track_ids[rows]
    order = np.lexsort((ids, frames))
    again = np.zeros(len(rows), np.bool_)
    again[order[1:]] = (ids[order[1:]] == ids[order[:-1]]) & (
        frames[order[1:]] == frames[order[:-1]]
    )
    missing = ids == NO_ID
    again &= ~missing
    if not (again | missing).any():
        return ids, []
    problems = [
        Problem(
            people.source,
            int(people.frames[rows[k]]),
            f"track id {ids[k]} is there twice; the later one is scored as somebody "
            "new",
            "error",
        )
        for k in np.flatnonzero(again).tolist()
    ]
    if missing.any():
        problems.append(
            Problem(
                people.source,
                int(people.frames[rows[np.flatnonzero(missing)[0]]]),
                f"{int(missing.sum())} people have no track id, the first in this "
                "frame; each is scored as somebody seen once",
                "error",
            )
        )
    _, ids = np.unique(ids, return_inverse=True)
    alone = np.flatnonzero(again | missing)
    ids[alone] = len(ids) + np.arange(len(alone))
    return ids, problems
