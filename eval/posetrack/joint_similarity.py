"""Similarity tables of joints by PCKh distance, and of whole poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.metrics.similarity_table import (
    DetectionKeys,
    SimilarityTable,
    TableSide,
)
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.formats.posetrack.annotations import JOINTS

REACH = 0.5001
"""Distance in head sizes at which PoseTrack21's joint similarity has fallen to 0."""


def joint_similarity_table(
    sequences: Sequence[PreparedSequence], *, matches_only: bool = False
) -> SimilarityTable:
    """Every joint of every sequence as a group: group = joint x sequences + sequence.

    The similarity of two joints is max(0, 1 - d / 0.5001), d being their distance in
    head sizes, as in PoseTrack21's evaluation kit. Only frames that tracking uses are
    in the table.

    Args:
        sequences: The sequences.
        matches_only: Whether only pairs within PCKh 0.5 can match, else all that have
            a similarity above 0.
    """
    joints = len(JOINTS)
    used = [
        (s, np.ones(s.num_frames, np.bool_) if s.tracked is None else s.tracked)
        for s in sequences
    ]
    count = len(sequences)
    frames = np.cumsum([0, *(sequence.num_frames for sequence in sequences)])
    truth, truth_groups, gt_row = _joint_side(
        [s.gt_present & on[s.gt_frames, None] for s, on in used],
        [
            sequence.gt_frames + start
            for sequence, start in zip(sequences, frames, strict=False)
        ],
        [sequence.gt_ids for sequence in sequences],
        int(frames[-1]),
    )
    result, result_groups, pred_row = _joint_side(
        [s.pred_present & on[s.pred_frames, None] for s, on in used],
        [s.pred_frames + start for s, start in zip(sequences, frames, strict=False)],
        [sequence.pred_ids for sequence in sequences],
        int(frames[-1]),
    )
    parts = []
    people, predictions = 0, 0
    for sequence, on in used:
        pairs = sequence.candidates
        near = pairs.matches if matches_only else pairs.distances < REACH
        cells = np.flatnonzero(near & on[sequence.gt_frames[pairs.gt], None])
        pair, joint = np.divmod(cells, joints)
        at = (pairs.gt[pair] + people) * joints + joint
        by = (pairs.pred[pair] + predictions) * joints + joint
        parts.append((joint, at, by, pairs.distances.ravel()[cells]))
        people += len(sequence.gt_ids)
        predictions += len(sequence.pred_ids)
    joint, at, by, distances = map(
        _stack, zip(*parts, strict=True) if parts else [()] * 4
    )
    order = _by_joint(joint)
    sequence_of_frame = np.repeat(np.arange(count), np.diff(frames))
    return SimilarityTable(
        truth,
        result,
        gt_row[at[order]],
        pred_row[by[order]],
        1 - distances[order] / REACH,
        (np.arange(joints)[:, None] * count + sequence_of_frame).ravel(),
        truth_groups,
        result_groups,
        joints * count,
    )


def _joint_side(
    present: Sequence[Bools],
    frames: Sequence[Ints],
    ids: Sequence[Ints],
    num_frames: int,
) -> tuple[TableSide, Ints, Ints]:
    """One side's joints as detections, joint after joint.

    Returns:
        The detections; the group of each track; and, for each person x 15 + joint,
        which detection it is.
    """
    count, joints = len(present), len(JOINTS)
    there = _stack(present, np.zeros((0, joints), np.bool_))
    sequence_of = np.repeat(np.arange(count), [len(x) for x in ids])
    order = np.lexsort((_stack(ids), sequence_of))
    sorted_ids, sorted_sequences = _stack(ids)[order], sequence_of[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(sorted_ids) != 0) | (np.diff(sorted_sequences) != 0)
    tracks = np.empty(len(order), np.int64)
    tracks[order] = np.cumsum(new) - 1
    sequence_of_track = sorted_sequences[new]
    places = np.flatnonzero(there)
    places = places[_by_joint(places % joints)]
    person, joint = np.divmod(places, joints)
    rows = np.full(there.size, -1)
    rows[places] = np.arange(len(places))
    detections = TableSide(
        joint * len(sequence_of_track) + tracks[person],
        joint * num_frames + _stack(frames)[person],
    )
    groups = np.arange(joints)[:, None] * count + sequence_of_track
    return detections, groups.ravel(), rows


def _by_joint(joints: Ints) -> Ints:
    """Stable argsort by joint; 8-bit keys make it fast."""
    return np.argsort(joints.astype(np.int8), kind="stable")


def _stack(parts: Sequence[Any], none: Any = None) -> Any:
    if none is None:
        none = np.zeros(0, np.int64)
    return np.concatenate([none, *parts])


@dataclass(frozen=True, eq=False)
class PosePairs:
    """Whole people of a sequence, and pairs of them that share a match of a joint.

    Attributes:
        kept: `(G,)` annotated people with a joint; the others are left out.
        at: `(C,)` row of the annotated person of each pair, among those kept.
        by: `(C,)` row of the predicted person.
        similarity: `(C,)` share of the annotated joints that match within PCKh 0.5, the
            measure by which PoseTrack assigns poses.
    """

    kept: Bools
    at: Ints
    by: Ints
    similarity: Floats


def pose_pairs(sequence: PreparedSequence) -> PosePairs:
    """Pairs of people of a sequence."""
    annotated = sequence.gt_present.sum(axis=1)
    kept = annotated > 0
    place = np.cumsum(kept) - 1
    pairs = sequence.candidates
    share = pairs.matches.sum(axis=1) / np.maximum(annotated[pairs.gt], 1)
    cells = np.flatnonzero(share > 0)
    return PosePairs(kept, place[pairs.gt[cells]], pairs.pred[cells], share[cells])


def pose_similarity_table(sequences: Sequence[PreparedSequence]) -> SimilarityTable:
    """Whole people, one group for each sequence; see `PosePairs`."""
    sides: tuple[list[Any], list[Any]] = ([], [])
    at, by, values = [], [], []
    start = [0, 0]
    for number, sequence in enumerate(sequences):
        pairs = pose_pairs(sequence)
        at.append(pairs.at + start[0])
        by.append(pairs.by + start[1])
        values.append(pairs.similarity)
        for side, frames, ids in (
            (0, sequence.gt_frames[pairs.kept], sequence.gt_ids[pairs.kept]),
            (1, sequence.pred_frames, sequence.pred_ids),
        ):
            head = np.full(len(ids), number)
            sides[side].append(np.stack([head, frames, ids]))
            start[side] += len(ids)
    flat = [
        DetectionKeys(*np.concatenate([np.zeros((3, 0), np.int64), *side], axis=1))
        for side in sides
    ]
    return SimilarityTable.build(
        flat[0],
        flat[1],
        _stack(at),
        _stack(by),
        _stack(values, np.zeros(0)),
        len(sequences),
    )
