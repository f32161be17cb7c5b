"""PCKh: distances of predicted from annotated joints in head sizes; pose assignment.

Every pair of an annotated and a predicted person of a frame is a *candidate*; all
candidates of a sequence are handled at once, as rows of arrays.

Source: Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art
Analysis" (CVPR 2014) for PCKh; Andriluka et al., "PoseTrack: A Benchmark for Human Pose
Estimation and Tracking" (CVPR 2018), section 4, for the assignment of whole poses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.posetrack.rules import PoseAssignment
from poseflow.formats.posetrack.annotations import Problem

THRESHOLD = 0.5
"""Largest distance of a match, in head sizes."""
HEAD_FRACTION = 0.6
"""The head size is this share of the head box's diagonal (0.6, as for MPII)."""


@dataclass(frozen=True, eq=False)
class PreparedSequence:
    """The people and joints of one sequence that a mode's rules score.

    Attributes:
        num_frames: F, frames that are scored.
        gt_frames: `(G,)` frame of each annotated person, ascending.
        gt_ids: `(G,)` identities, none twice in a frame.
        gt_keypoints: `(G, 15, 2)` pixels, NaN where absent.
        head_sizes: `(G,)` unit of distance in pixels, 0.6 x head box diagonal.
        pred_frames: `(P,)` frame of each predicted person, ascending.
        pred_ids: `(P,)` identities, none twice in a frame.
        pred_keypoints: `(P, 15, 2)` pixels, NaN where absent.
        pred_scores: `(P, 15)` what joints are ranked by; NaN only where absent.
        zero_head_matches: Whether a joint exactly in place matches a head of size 0.
        tracked: `(F,)` frames that tracking counts person by person; None is all.
        placeholder_frames: Frames that tracking counts as one miss and one false
            positive of every joint.
        name: Name of the sequence.
        format: Format of the annotation's file, such as `posetrack18`.
        problems: What a user should know about the preparation.
        image_names: Names of all frames of the annotation.
        positions: `(F,)` which of them are scored; None for all.
    """

    num_frames: int
    gt_frames: Ints
    gt_ids: Ints
    gt_keypoints: Floats
    head_sizes: Floats
    pred_frames: Ints
    pred_ids: Ints
    pred_keypoints: Floats
    pred_scores: Floats
    zero_head_matches: bool = False
    tracked: Bools | None = None
    placeholder_frames: int = 0
    name: str = ""
    format: str = ""
    problems: tuple[Problem, ...] = ()
    image_names: tuple[str, ...] = ()
    positions: Ints | None = None

    @cached_property
    def gt_present(self) -> Bools:
        """`(G, 15)` annotated joints."""
        return ~np.isnan(self.gt_keypoints[:, :, 0])

    @cached_property
    def pred_present(self) -> Bools:
        """`(P, 15)` predicted joints."""
        return ~np.isnan(self.pred_keypoints[:, :, 0])

    @cached_property
    def unpredicted(self) -> Bools:
        """`(F,)` frames without a predicted person."""
        counts = np.bincount(self.pred_frames, minlength=self.num_frames)
        return np.asarray(counts == 0)

    @cached_property
    def candidates(self) -> CandidatePairs:
        """All pairs of an annotated and a predicted person in a frame."""
        return find_candidates(self)


@dataclass(frozen=True, eq=False)
class CandidatePairs:
    """N pairs of people in the same frame, ordered by frame, annotated, predicted.

    Attributes:
        gt: `(N,)` row of the annotated person.
        pred: `(N,)` row of the predicted person.
        distances: `(N, 15)` in head sizes; NaN if either joint is absent.
        matches: `(N, 15)` distance at most `THRESHOLD`.
    """

    gt: Ints
    pred: Ints
    distances: Floats
    matches: Bools


def find_candidates(sequence: PreparedSequence) -> CandidatePairs:
    """Pairs and their joint distances."""
    pred_per_frame = np.bincount(sequence.pred_frames, minlength=sequence.num_frames)
    starts = np.concatenate([[0], np.cumsum(pred_per_frame)])
    repeats = pred_per_frame[sequence.gt_frames]
    gt = np.repeat(np.arange(len(sequence.gt_frames)), repeats)
    first = np.concatenate([[0], np.cumsum(repeats)])[:-1]
    pred = np.arange(len(gt)) + np.repeat(starts[sequence.gt_frames] - first, repeats)
    offset = sequence.gt_keypoints[gt]
    offset -= sequence.pred_keypoints[pred]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        np.square(offset, out=offset)
        distances = np.sqrt(offset[:, :, 0] + offset[:, :, 1])
        on_target = distances == 0 if sequence.zero_head_matches else None
        distances /= sequence.head_sizes[gt, None]
    if on_target is not None:
        distances[on_target] = 0
    return CandidatePairs(gt, pred, distances, distances <= THRESHOLD)


def assign_poses(sequence: PreparedSequence, rule: PoseAssignment) -> Ints:
    """The candidate under which each predicted person is scored, -1 for none.

    Args:
        sequence: The sequence.
        rule: `"best_pairs_first"`: pairs are taken by the share of the person's joints
            that match, largest first, then by mean distance of the matches, nearest
            first; each person and each prediction is taken once. The order of people
            in a file matters only if both are equal.
            `"best_prediction_per_person"`, poseval's rule: each prediction keeps the
            person of whom it matches the largest share of joints, then each person the
            best of its predictions; the first wins a tie, and a prediction that loses
            its person gets no other.

    Returns:
        `(P,)` rows of `sequence.candidates`.
    """
    if rule == "best_pairs_first":
        return _best_pairs_first(sequence)
    return _best_prediction_per_person(sequence)


def _best_prediction_per_person(sequence: PreparedSequence) -> Ints:
    pairs = sequence.candidates
    chosen = np.full(len(sequence.pred_frames), -1)
    share = _matched_share(sequence)
    # Best person of each prediction, then best prediction of each person.
    order = np.lexsort((pairs.gt, -share, pairs.pred))
    best = order[_first_of_runs(pairs.pred[order])]
    best = best[share[best] > 0]
    order = best[np.lexsort((pairs.pred[best], -share[best], pairs.gt[best]))]
    winners = order[_first_of_runs(pairs.gt[order])]
    chosen[pairs.pred[winners]] = winners
    return chosen


def _best_pairs_first(sequence: PreparedSequence) -> Ints:
    pairs = sequence.candidates
    chosen = np.full(len(sequence.pred_frames), -1)
    taken = np.zeros(len(sequence.gt_frames), np.bool_)
    share = _matched_share(sequence)
    mean = np.where(pairs.matches, pairs.distances, 0).sum(axis=1)
    mean /= np.maximum(pairs.matches.sum(axis=1), 1)
    rows = np.flatnonzero(share > 0)
    rows = rows[
        np.lexsort((pairs.pred[rows], pairs.gt[rows], mean[rows], -share[rows]))
    ]
    while len(rows):
        # A pair that is first for both sides is final; frames are independent.
        gt, pred = pairs.gt[rows], pairs.pred[rows]
        mutual = np.intersect1d(
            np.unique(gt, return_index=True)[1], np.unique(pred, return_index=True)[1]
        )
        chosen[pred[mutual]] = rows[mutual]
        taken[gt[mutual]] = True
        rows = rows[~taken[gt] & (chosen[pred] < 0)]
    return chosen


def _matched_share(sequence: PreparedSequence) -> Floats:
    """`(N,)` matched joints as a share of the person's annotated ones."""
    pairs = sequence.candidates
    annotated = sequence.gt_present.sum(axis=1)[pairs.gt]
    return np.asarray(pairs.matches.sum(axis=1) / np.maximum(annotated, 1))


def _first_of_runs(values: Ints) -> Ints:
    """Positions at which a sorted array takes a new value."""
    if not len(values):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
