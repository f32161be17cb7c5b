"""CLEAR MOT for joints: who is matched with whom through time, and what went wrong.

Each joint of each sequence is tracked on its own. All joints of all sequences given are
processed in step, frame after frame, and only where a choice exists: a pair of joints
that have nobody else within the threshold is matched whatever happened before.

Source: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance:
The CLEAR MOT Metrics" (EURASIP JIVP 2008), section 2.1; the counts are motmetrics'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from poseflow.eval.pckh import Scene

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Small = npt.NDArray[np.int32]
"""Edges are many and their keys small: half the memory is a third less time."""

JOINTS = 15


@dataclass(frozen=True, eq=False)
class ClearCounts:
    """What CLEAR MOT counts, each `(15,)`: one number per joint.

    Attributes:
        misses: Annotated joints that nobody matched.
        false_positives: Predicted joints that matched nobody.
        matches: Matches under the identity of the last time, or the first.
        switches: Matches under another identity than the last time.
        transfers: New pairs whose prediction last began a pair with somebody else.
        ascends: Switches to an identity that never matched before.
        migrates: Transfers to a person who never was matched before.
        objects: Annotated joints.
        matched_distance: Sum over matches and switches, in head sizes.
        candidate_distance: Sum over all pairs within the threshold.
        extra_distance: Sum over transfers, ascends and migrates.
    """

    misses: Int
    false_positives: Int
    matches: Int
    switches: Int
    transfers: Int
    ascends: Int
    migrates: Int
    objects: Int
    matched_distance: Float
    candidate_distance: Float
    extra_distance: Float

    @property
    def detections(self) -> Int:
        """Annotated joints that were matched, under whatever identity."""
        return self.matches + self.switches

    @staticmethod
    def total(parts: Iterable[ClearCounts]) -> ClearCounts:
        """Sums over sequences."""
        parts = list(parts)
        return ClearCounts(
            *(sum(getattr(p, f.name) for p in parts) for f in fields(ClearCounts))
        )


@dataclass(frozen=True, eq=False)
class Tracking:
    """CLEAR MOT of one sequence.

    Attributes:
        counts: Per joint.
        switch_frames: `(s,)` frame of each switch, ascending.
        switch_joints: `(s,)` its joint.
        switch_gt_ids: `(s,)` the annotated identity that changed its partner.
    """

    counts: ClearCounts
    switch_frames: Int
    switch_joints: Int
    switch_gt_ids: Int


@dataclass(frozen=True, eq=False)
class _Edges:
    """Pairs of joints within the threshold, by sequence, time, person.

    Keys identify, across sequences: `gt_cell` and `pred_cell` a joint of a person in
    a frame, `gt_track` and `pred_track` a joint of an identity.
    """

    time: Small
    scene: Small
    joint: Small
    gt_cell: Small
    pred_cell: Small
    gt_track: Small
    pred_track: Small
    distance: Float


def track_joints(
    scenes: Sequence[Scene], counted: Sequence[Bool] | None = None
) -> list[Tracking]:
    """CLEAR MOT of every joint of every sequence.

    A pair that was matched the last time the annotated joint was matched, however
    long ago, stays matched while both are there and within the threshold; the others
    are paired for the smallest total distance, as many as possible.

    Args:
        scenes: The sequences. An identity must not occur twice in a frame.
        counted: For each sequence `(F,)` the frames to use; default all.
    """
    if counted is None:
        counted = [np.ones(s.num_frames, np.bool_) for s in scenes]
    edges = _join(scenes, counted)
    matched = _match_through_time(edges)
    return _tally(scenes, counted, edges, matched)


def _join(scenes: Sequence[Scene], counted: Sequence[Bool]) -> _Edges:
    columns: list[tuple[npt.NDArray[np.generic], ...]] = []
    gt_base = pred_base = gt_track_base = pred_track_base = 0
    for number, (scene, used) in enumerate(zip(scenes, counted, strict=True)):
        pairs = scene.candidates
        hit = np.flatnonzero(pairs.matches & used[scene.gt_frames[pairs.gt], None])
        row, joint = np.divmod(hit.astype(np.int32), JOINTS)
        gt_names, gt_track = np.unique(scene.gt_ids, return_inverse=True)
        pred_names, pred_track = np.unique(scene.pred_ids, return_inverse=True)
        cells = (
            np.arange(len(scene.gt_frames)) + gt_base,
            np.arange(len(scene.pred_frames)) + pred_base,
            gt_track + gt_track_base,
            pred_track + pred_track_base,
        )
        gt_cell, pred_cell, gt_key, pred_key = (
            (JOINTS * key).astype(np.int32)[people][row] + joint
            for key, people in zip(
                cells, (pairs.gt, pairs.pred, pairs.gt, pairs.pred), strict=True
            )
        )
        columns.append(
            (
                scene.gt_frames.astype(np.int32)[pairs.gt][row],
                np.full(len(row), number, np.int32),
                joint,
                gt_cell,
                pred_cell,
                gt_key,
                pred_key,
                pairs.distances.ravel()[hit],
            )
        )
        gt_base += len(scene.gt_frames)
        pred_base += len(scene.pred_frames)
        gt_track_base += len(gt_names)
        pred_track_base += len(pred_names)
    if not columns:
        none = np.zeros(0, np.int32)
        return _Edges(none, none, none, none, none, none, none, np.zeros(0))
    return _Edges(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def _match_through_time(edges: _Edges) -> Bool:
    """Which edges are matches, deciding frame after frame where there is a choice."""
    matched = _without_rivals(edges.gt_cell, edges.pred_cell)
    contested = _by_time(edges, np.flatnonzero(~matched))
    if not len(contested):
        return matched
    plain = _by_time(edges, np.flatnonzero(matched))
    times = np.unique(edges.time[contested])
    # Everything certain up to and including a contested frame is known before it: an
    # annotated joint cannot be both in one frame.
    plain_ends = np.searchsorted(edges.time[plain], times, side="right")
    contested_ends = np.searchsorted(edges.time[contested], times, side="right")
    plain_gt, plain_pred = edges.gt_track[plain], edges.pred_track[plain]
    partner = np.full(int(edges.gt_track.max()) + 1, -1, np.int32)
    gt_taken = np.zeros(int(edges.gt_cell.max()) + 1, np.bool_)
    pred_taken = np.zeros(int(edges.pred_cell.max()) + 1, np.bool_)
    plain_start = contested_start = 0
    for plain_end, contested_end in zip(
        plain_ends.tolist(), contested_ends.tolist(), strict=True
    ):
        new = slice(plain_start, plain_end)
        partner[plain_gt[new]] = plain_pred[new]
        here = contested[contested_start:contested_end]
        plain_start, contested_start = plain_end, contested_end

        kept = here[partner[edges.gt_track[here]] == edges.pred_track[here]]
        # Two people may have had the same last partner: the first one gets it.
        kept = kept[np.unique(edges.pred_cell[kept], return_index=True)[1]]
        gt_taken[edges.gt_cell[kept]] = True
        pred_taken[edges.pred_cell[kept]] = True
        matched[kept] = True

        rest = here[~gt_taken[edges.gt_cell[here]] & ~pred_taken[edges.pred_cell[here]]]
        if len(rest):
            chosen = _assign(edges, rest)
            matched[chosen] = True
            partner[edges.gt_track[chosen]] = edges.pred_track[chosen]
    return matched


def _by_time(edges: _Edges, which: Int) -> Int:
    """Positions of edges in order of time; inside a frame as they come."""
    time = edges.time[which]
    if len(time) and time.max() < 2**15:
        time = time.astype(np.int16)  # sorted by radix
    return which[np.argsort(time, kind="stable")]


def _without_rivals(gt_cell: Small, pred_cell: Small) -> Bool:
    """Edges both of whose ends have no other edge."""
    return _unique_mask(gt_cell) & _unique_mask(pred_cell)


def _unique_mask(values: Small) -> Bool:
    return np.asarray(np.bincount(values)[values] == 1)


def _assign(edges: _Edges, rest: Int) -> Int:
    """As many pairs as possible, then the smallest total distance."""
    _, gt = np.unique(edges.gt_cell[rest], return_inverse=True)
    _, pred = np.unique(edges.pred_cell[rest], return_inverse=True)
    gt_rivals, pred_rivals = np.bincount(gt)[gt], np.bincount(pred)[pred]
    chosen = [rest[(gt_rivals == 1) & (pred_rivals == 1)]]
    left = np.ones(len(rest), np.bool_)
    left[(gt_rivals == 1) & (pred_rivals == 1)] = False
    # One person among several predictions that nobody else could have, or the other
    # way round: the nearest. Only if two are equally near the solver is asked.
    distance = edges.distance[rest]
    for hub, spoke_rivals in ((gt, pred_rivals), (pred, gt_rivals)):
        crossing = np.bincount(hub, spoke_rivals > 1) > 0
        nearest = np.full(len(crossing), np.inf)
        np.minimum.at(nearest, hub, distance)
        is_nearest = distance == nearest[hub]
        tied = np.bincount(hub, is_nearest) > 1
        star = left & ~crossing[hub] & ~tied[hub]
        chosen.append(rest[star & is_nearest])
        left &= ~star
    if left.any():
        chosen.append(_solve(edges, rest[left]))
    return np.concatenate(chosen)


def _solve(edges: _Edges, rest: Int) -> Int:
    """The assignment problem of each joint of each sequence in one frame."""
    # Here, because it takes longer to import than most submissions to score.
    from scipy.optimize import linear_sum_assignment

    chosen: list[Int] = []
    cell = edges.scene[rest] * JOINTS + edges.joint[rest]
    for key in np.unique(cell).tolist():
        here = rest[cell == key]
        rows, row = np.unique(edges.gt_cell[here], return_inverse=True)
        columns, column = np.unique(edges.pred_cell[here], return_inverse=True)
        distance = edges.distance[here]
        # Dearer than any set of real pairs, so that it replaces as few as possible.
        refuse = 2.0 * min(len(rows), len(columns)) * (distance.max() + 1) + 1
        cost = np.full((len(rows), len(columns)), refuse)
        edge_at = np.full(cost.shape, -1)
        cost[row, column] = distance
        edge_at[row, column] = here
        pairs = edge_at[linear_sum_assignment(cost)]
        chosen.append(pairs[pairs >= 0])
    return np.concatenate(chosen)


def _tally(
    scenes: Sequence[Scene], counted: Sequence[Bool], edges: _Edges, matched: Bool
) -> list[Tracking]:
    """Counts per sequence and joint from the matches in order of time."""
    hit = np.flatnonzero(matched)
    gt, pred = edges.gt_track[hit], edges.pred_track[hit]
    last_partner = _previous(gt, pred)
    known = last_partner >= 0
    new = last_partner != pred
    switch = new & known
    ascend = switch & (_previous(pred, gt) < 0)
    transfer = np.zeros(len(hit), np.bool_)
    giver = _previous(pred[new], gt[new])
    transfer[new] = (giver >= 0) & (giver != gt[new])
    migrate = transfer & ~known

    bins = len(scenes) * JOINTS
    every_cell = edges.scene * JOINTS + edges.joint
    cell, distance = every_cell[hit], edges.distance[hit]

    def count(which: Bool) -> Int:
        sums = np.bincount(cell[which], minlength=bins)
        return np.asarray(sums.reshape(-1, JOINTS), np.int64)

    def add(which: Bool) -> Float:
        sums = np.bincount(cell[which], distance[which], bins)
        return np.asarray(sums.reshape(-1, JOINTS), np.float64)

    switches, detections = count(switch), count(np.ones(len(hit), np.bool_))
    transfers, ascends, migrates = count(transfer), count(ascend), count(migrate)
    matched_distance = add(np.ones(len(hit), np.bool_))
    candidate_distance = np.bincount(every_cell, edges.distance, bins)
    candidate_distance = candidate_distance.reshape(-1, JOINTS)
    extra_distance = add(transfer) + add(ascend) + add(migrate)

    results = []
    switch_edges = hit[switch]
    first_gt = 0
    for k, (scene, used) in enumerate(zip(scenes, counted, strict=True)):
        objects = scene.gt_present[used[scene.gt_frames]].sum(axis=0)
        predicted = scene.pred_present[used[scene.pred_frames]].sum(axis=0)
        own = switch_edges[edges.scene[switch_edges] == k]
        results.append(
            Tracking(
                ClearCounts(
                    objects - detections[k],
                    predicted - detections[k],
                    detections[k] - switches[k],
                    switches[k],
                    transfers[k],
                    ascends[k],
                    migrates[k],
                    objects,
                    matched_distance[k],
                    candidate_distance[k],
                    extra_distance[k],
                ),
                edges.time[own].astype(np.int64),
                edges.joint[own].astype(np.int64),
                scene.gt_ids[edges.gt_cell[own] // JOINTS - first_gt],
            )
        )
        first_gt += len(scene.gt_frames)
    return results


def _previous(keys: Small, values: Small) -> Small:
    """The value at each key's previous occurrence, -1 where there is none."""
    order = np.argsort(keys, kind="stable")
    before = np.full(len(keys), -1, np.int32)
    same = keys[order[1:]] == keys[order[:-1]]
    before[order[1:][same]] = values[order[:-1][same]]
    return before
