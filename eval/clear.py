"""CLEAR MOT for joints: who is matched with whom through time, and what went wrong.

Each joint of each sequence is tracked on its own. All joints of all sequences given are
processed in step, frame after frame, and only where a choice exists: a pair of joints
that have nobody else within the threshold is matched whatever happened before.

Source: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The
CLEAR MOT Metrics" (EURASIP JIVP 2008), section 2.1; the counts are motmetrics 1.4's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from poseflow.eval.pckh import Scene

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

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
    """Pairs of joints within the threshold, by time, then sequence, then person.

    Keys identify, across sequences: `gt_cell` and `pred_cell` a joint of a person in
    a frame, `gt_track` and `pred_track` a joint of an identity.
    """

    time: Int
    scene: Int
    joint: Int
    gt_cell: Int
    pred_cell: Int
    gt_track: Int
    pred_track: Int
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
        row, joint = np.nonzero(pairs.matches & used[scene.gt_frames[pairs.gt], None])
        gt, pred = pairs.gt[row], pairs.pred[row]
        gt_names, gt_track = np.unique(scene.gt_ids, return_inverse=True)
        pred_names, pred_track = np.unique(scene.pred_ids, return_inverse=True)
        columns.append(
            (
                scene.gt_frames[gt],
                np.full(len(row), number),
                joint,
                (gt + gt_base) * JOINTS + joint,
                (pred + pred_base) * JOINTS + joint,
                (gt_track[gt] + gt_track_base) * JOINTS + joint,
                (pred_track[pred] + pred_track_base) * JOINTS + joint,
                pairs.distances[row, joint],
            )
        )
        gt_base += len(scene.gt_frames)
        pred_base += len(scene.pred_frames)
        gt_track_base += len(gt_names)
        pred_track_base += len(pred_names)
    if not columns:
        none = np.zeros(0, np.int64)
        return _Edges(none, none, none, none, none, none, none, np.zeros(0))
    joined = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return _Edges(*(column[order] for column in joined))


def _match_through_time(edges: _Edges) -> Bool:
    """Which edges are matches, deciding frame after frame where there is a choice."""
    matched = _without_rivals(edges.gt_cell, edges.pred_cell)
    contested = np.flatnonzero(~matched)
    if not len(contested):
        return matched
    plain = np.flatnonzero(matched)
    times = np.unique(edges.time[contested])
    # Everything certain up to and including a contested frame is known before it: an
    # annotated joint cannot be both in one frame.
    plain_ends = np.searchsorted(edges.time[plain], times, side="right")
    contested_ends = np.searchsorted(edges.time[contested], times, side="right")
    partner = np.full(int(edges.gt_track.max()) + 1, -1)
    gt_taken = np.zeros(int(edges.gt_cell.max()) + 1, np.bool_)
    pred_taken = np.zeros(int(edges.pred_cell.max()) + 1, np.bool_)
    plain_start = contested_start = 0
    for plain_end, contested_end in zip(
        plain_ends.tolist(), contested_ends.tolist(), strict=True
    ):
        new = plain[plain_start:plain_end]
        partner[edges.gt_track[new]] = edges.pred_track[new]
        here = contested[contested_start:contested_end]
        plain_start, contested_start = plain_end, contested_end

        kept = here[partner[edges.gt_track[here]] == edges.pred_track[here]]
        # Two people may have had the same last partner: the first one gets it.
        kept = kept[np.unique(edges.pred_cell[kept], return_index=True)[1]]
        gt_taken[edges.gt_cell[kept]] = True
        pred_taken[edges.pred_cell[kept]] = True
        matched[kept] = True

        rest = here[
            ~gt_taken[edges.gt_cell[here]] & ~pred_taken[edges.pred_cell[here]]
        ]
        if len(rest):
            free = _without_rivals(edges.gt_cell[rest], edges.pred_cell[rest])
            chosen = np.concatenate([rest[free], _assign(edges, rest[~free])])
            matched[chosen] = True
            partner[edges.gt_track[chosen]] = edges.pred_track[chosen]
    return matched


def _without_rivals(gt_cell: Int, pred_cell: Int) -> Bool:
    """Edges both of whose ends have no other edge."""
    return _unique_mask(gt_cell) & _unique_mask(pred_cell)


def _unique_mask(values: Int) -> Bool:
    if not len(values):
        return np.zeros(0, np.bool_)
    low = int(values.min())
    if int(values.max()) - low < 16 * len(values) + 1024:
        return np.bincount(values - low)[values - low] == 1
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] == 1)


def _assign(edges: _Edges, rest: Int) -> Int:
    """As many pairs as possible, then the smallest total distance, cell by cell."""
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
    return np.concatenate(chosen) if chosen else np.zeros(0, np.int64)


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
        return np.bincount(cell[which], minlength=bins).reshape(-1, JOINTS)

    def add(which: Bool) -> Float:
        sums = np.bincount(cell[which], distance[which], bins)
        return sums.reshape(-1, JOINTS)

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
                edges.time[own],
                edges.joint[own],
                scene.gt_ids[edges.gt_cell[own] // JOINTS - first_gt],
            )
        )
        first_gt += len(scene.gt_frames)
    return results


def _previous(keys: Int, values: Int) -> Int:
    """The value at each key's previous occurrence, -1 where there is none."""
    order = np.argsort(keys, kind="stable")
    before = np.full(len(keys), -1)
    same = keys[order[1:]] == keys[order[:-1]]
    before[order[1:][same]] = values[order[:-1][same]]
    return before
