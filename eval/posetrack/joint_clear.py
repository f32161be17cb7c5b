"""CLEAR MOT for joints: who is matched with whom through time, and what went wrong.

Each joint of each sequence is tracked on its own; `clear_tracks` does the matching for
all of them in one go.

Source: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance:
The CLEAR MOT Metrics" (EURASIP JIVP 2008), section 2.1; the counts are motmetrics'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.metrics.clear import match_clear
from poseflow.eval.metrics.similarity_table import Overlaps
from poseflow.eval.posetrack.joint_similarity import REACH, joint_overlaps
from poseflow.eval.posetrack.pckh import Scene

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

    misses: Ints
    false_positives: Ints
    matches: Ints
    switches: Ints
    transfers: Ints
    ascends: Ints
    migrates: Ints
    objects: Ints
    matched_distance: Floats
    candidate_distance: Floats
    extra_distance: Floats

    @property
    def detections(self) -> Ints:
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
    switch_frames: Ints
    switch_joints: Ints
    switch_gt_ids: Ints


def track_joints(
    scenes: Sequence[Scene], counted: Sequence[Bools] | None = None
) -> list[Tracking]:
    """CLEAR MOT of every joint of every sequence.

    A pair that was matched the last time the annotated joint was matched, however
    long ago, stays matched while both are there and within the threshold; the others
    are paired for the smallest total distance, as many as possible.

    Args:
        scenes: The sequences. An identity must not occur twice in a frame.
        counted: For each sequence `(F,)` the frames to use; default all.
    """
    overlaps = joint_overlaps(scenes, matches_only=True, counted=counted)
    distances = (1 - overlaps.similarity) * REACH
    found = match_clear(overlaps, distances)
    matched, matched_distance = (
        overlaps.cell_groups[found.cells],
        distances[found.cells],
    )

    def per_scene(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values.reshape(JOINTS, len(scenes)).T

    def count(which: Bools) -> Ints:
        return per_scene(overlaps.per_group(matched[which]))

    def add(groups: Ints, values: npt.NDArray[Any]) -> Floats:
        return per_scene(np.bincount(groups, values, overlaps.n_groups))

    detections, switches = per_scene(overlaps.per_group(matched)), count(found.switches)
    objects, predicted = map(per_scene, (overlaps.truth_counts, overlaps.result_counts))
    extra = [found.transfers, found.ascends, found.migrates]
    columns = ClearCounts(
        misses=objects - detections,
        false_positives=predicted - detections,
        matches=detections - switches,
        switches=switches,
        transfers=count(found.transfers),
        ascends=count(found.ascends),
        migrates=count(found.migrates),
        objects=objects,
        matched_distance=add(matched, matched_distance),
        candidate_distance=add(overlaps.cell_groups, distances),
        extra_distance=sum(
            (add(matched[kind], matched_distance[kind]) for kind in extra),
            np.zeros((len(scenes), JOINTS)),
        ),
    )
    return [
        Tracking(
            ClearCounts(*(getattr(columns, f.name)[k] for f in fields(ClearCounts))),
            *switched,
        )
        for k, switched in enumerate(
            _switches(scenes, overlaps, found.cells[found.switches])
        )
    ]


def _switches(
    scenes: Sequence[Scene], overlaps: Overlaps, cells: Ints
) -> list[tuple[Ints, Ints, Ints]]:
    """Of each scene the frames, joints and annotated ids of its switches, by frame."""
    starts = np.cumsum([0, *(scene.num_frames for scene in scenes)])
    names = [np.unique(scene.gt_ids) for scene in scenes]
    ids = np.concatenate([np.zeros(0, np.int64), *names])
    joint, scene = np.divmod(overlaps.cell_groups[cells], max(len(scenes), 1))
    # Moments are numbered joint after joint, and so are tracks.
    frame = overlaps.cell_moments[cells] - joint * starts[-1] - starts[scene]
    track = overlaps.truth.tracks[overlaps.truth_at[cells]] - joint * len(ids)
    order = np.lexsort((joint, frame, scene))
    ends = np.cumsum(np.bincount(scene, minlength=len(scenes)))
    parts = [
        np.split(column[order], ends[:-1]) for column in (frame, joint, ids[track])
    ]
    return list(zip(*parts, strict=True)) if scenes else []
