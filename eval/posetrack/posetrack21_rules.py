"""A sequence as PoseTrack21's evaluation kit sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Ints
from poseflow.errors import FormatError
from poseflow.eval.metric import SequencePair
from poseflow.eval.posetrack.ignore_regions import inside_regions
from poseflow.eval.posetrack.pckh import HEAD_FRACTION, Scene
from poseflow.formats.posetrack.annotations import NO_ID, Annotations

NO_SCORE = -9999.0
"""What the kit ranks a joint by that has no score."""


@dataclass(frozen=True, eq=False)
class Scene21:
    """A scene, and what the kit's faults and the report need besides.

    Attributes:
        scene: Labelled frames only.
        unpredicted: `(F,)` labelled frames without a single predicted pose.
        notes: What had to be decided that the kit refuses, a sentence each.
    """

    scene: Scene
    unpredicted: Bools
    notes: tuple[str, ...] = ()


def scene21(pair: SequencePair) -> Scene21:
    """Apply the kit's rules about frames, ignore regions, joints and scores.

    Frames that are labelled count. A joint exists where x > 0 and y > 0, whatever its
    flag. One strictly inside an ignore region is lost on both sides; in frames with
    regions a person without any joint left is removed. A joint without a score ranks
    last. If a frame's predicted keypoints are all written as whole numbers, its scores
    lose their decimals.

    Where the kit stops with an exception this goes on, and says so in the notes: frames
    that the submission lacks have no prediction, ids that are missing or twice in a
    frame become tracks of their own, people without a head box match nobody.

    Raises:
        FormatError: If the two files have not one image in common.
    """
    if "posetrack21" in pair.memo:
        memo: Scene21 = pair.memo["posetrack21"]
        return memo
    notes: list[str] = []
    gt, pred = pair.gt, pair.pred
    if not pair.has_prediction:
        notes.append("the submission lacks the sequence; nobody is predicted there")
    if (gt.labelled == -1).any():
        notes.append("frames without is_labeled count as labelled")
    used = np.flatnonzero(gt.labelled != 0)
    number = np.full(gt.num_frames + 1, -1)
    number[used] = np.arange(len(used))
    pred = replace(pred, frames=_frame_of_truth(pair, used, notes)[pred.frames])
    sides = []
    for people, side in ((gt, "annotated"), (pred, "predicted")):
        points, kept = _visible(people, gt)
        kept &= number[people.frames] >= 0
        rows = np.flatnonzero(kept)
        # Pairing by image id may have changed the order of the frames.
        rows = rows[np.argsort(people.frames[rows], kind="stable")]
        frames = number[people.frames[rows]]
        ids = _own_ids(people.track_ids[rows], frames, side, notes)
        sides.append((rows, frames, ids, points[rows]))
    (gt_rows, gt_frames, gt_ids, gt_points), (rows, frames, ids, points) = sides
    sizes = HEAD_FRACTION * gt.head_sizes[gt_rows]
    if np.isnan(sizes).any():
        notes.append(
            f"{int(np.isnan(sizes).sum())} annotated people without a head box match "
            "nobody"
        )
    scores = np.nan_to_num(pred.scores[rows], nan=NO_SCORE)
    whole = pair.pred.whole_numbers[pair.pred.frames[rows]]
    scores[whole] = np.trunc(scores[whole])
    scene = Scene(
        num_frames=len(used),
        gt_frames=gt_frames,
        gt_ids=gt_ids,
        gt_keypoints=gt_points,
        head_sizes=sizes,
        pred_frames=frames,
        pred_ids=ids,
        pred_keypoints=points,
        pred_scores=scores,
    )
    unpredicted = np.bincount(frames, minlength=len(used)) == 0
    prepared = Scene21(scene, unpredicted, tuple(f"{pair.name}: {n}" for n in notes))
    pair.memo["posetrack21"] = prepared
    return prepared


def _frame_of_truth(pair: SequencePair, used: Ints, notes: list[str]) -> Ints:
    """Which annotated frame each predicted frame is; the last number + 1 for none."""
    gt, pred = pair.gt, pair.pred
    common = min(gt.num_frames, pred.num_frames)
    none = gt.num_frames
    by_id = all(side.format in ("posetrack18", "posetrack21") for side in (gt, pred))
    shared = used[used < common]
    if by_id and (gt.image_ids[shared] != pred.image_ids[shared]).any():
        place = {image: frame for frame, image in enumerate(gt.image_ids.tolist())}
        found = [place.get(image, none) for image in pred.image_ids.tolist()]
        if all(frame == none for frame in found):
            raise FormatError(
                f"{pred.source}: image {pred.image_ids[0]} and all others are not "
                f"those of {gt.source}, which begins with {gt.image_ids[0]}; expected "
                "the annotation's image ids"
            )
        notes.append(
            "the images come in another order or with other ids than annotated; they "
            "are paired by their ids"
        )
        frames = np.array(found)
    else:
        frames = np.where(np.arange(pred.num_frames) < common, 0, none)
        frames[:common] = np.arange(common)
    lacking = np.setdiff1d(used, frames)
    if len(lacking) and pair.has_prediction:
        notes.append(
            f"the submission lacks {len(lacking)} labelled frames, the first is number "
            f"{lacking[0]}; nobody is predicted there"
        )
    return frames


def _visible(people: Annotations, truth: Annotations) -> tuple[Any, Bools]:
    """Keypoints `(P, 15, 2)`, NaN for what does not exist; and who is left, `(P,)`."""
    # To the kit an absent joint is the point (0, 0), and may lie in a region as well.
    points = np.nan_to_num(people.keypoints, nan=0.0)
    frames = np.where(people.frames < truth.num_frames, people.frames, -1)
    there = np.zeros(truth.num_frames + 1, np.bool_)
    there[truth.region_frames] = True
    bounded = there[frames]
    kept = np.ones(len(people), np.bool_)
    if bounded.any():
        inside = inside_regions(points, frames, truth)
        points[inside] = 0
        kept = ~inside.all(axis=1) & (points > 0).any(axis=(1, 2)) | ~bounded
    points[~(points > 0).all(axis=2)] = np.nan
    return points, kept


def _own_ids(ids: Ints, frames: Ints, side: str, notes: list[str]) -> Ints:
    """Ids that are missing, or come again in their frame, replaced by unused ones."""
    order = np.lexsort((ids, frames))
    again = np.zeros(len(ids), np.bool_)
    again[order[1:]] = (np.diff(ids[order]) == 0) & (np.diff(frames[order]) == 0)
    missing = ids == NO_ID
    lone = np.flatnonzero(again | missing)
    if not len(lone):
        return ids
    ids = ids.copy()
    # Above all others if there is room, else below: ids are 64-bit numbers.
    known = ids[~missing]
    high = int(known.max(initial=0))
    room = high + len(lone) < np.iinfo(np.int64).max
    base = high + 1 if room else int(known.min(initial=0)) - len(lone)
    ids[lone] = base + np.arange(len(lone))
    for count, what in ((missing.sum(), "no track id"), ((again & ~missing).sum(), "")):
        if count:
            reason = what or "a track id that another one of the frame has"
            notes.append(
                f"{int(count)} {side} people with {reason}; each is a track of its own"
            )
    return ids
