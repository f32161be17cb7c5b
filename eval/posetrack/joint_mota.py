"""CLEAR MOT of joints: MOTA and MOTP, PoseTrack's figures of pose tracking.

Each joint of each sequence is tracked on its own; `match_clear` does the matching for
all of them at once.

Source: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance:
The CLEAR MOT Metrics" (EURASIP JIVP 2008), section 2.1; the counts are motmetrics'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.eval.metric import Metric, Section, group_means, with_mean
from poseflow.eval.metrics.clear import Convention, count_events, match_clear
from poseflow.eval.metrics.similarity_table import SimilarityTable
from poseflow.eval.metrics.sorting import distinct
from poseflow.eval.posetrack.joint_similarity import REACH, joint_similarity_table
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.formats.posetrack.annotations import JOINTS

_SHOWN_COUNTS = (
    *("num_misses", "num_switches", "num_false_positives", "num_matches"),
    *("num_detections", "num_objects", "num_transfer", "num_ascend", "num_migrate"),
)


@dataclass(frozen=True, eq=False)
class JointClear:
    """CLEAR MOT of one sequence.

    Attributes:
        counts: `count_events`' counts, `(15,)` each; and sums of distances in head
            sizes: `candidate_distance` over all pairs within the threshold,
            `matched_distance` over matches and switches, `extra_distance` over
            transfers, ascends and migrates.
        num_frames: Frames that tracking used.
        switch_frames: `(s,)` frame of each switch, ascending.
        switch_joints: `(s,)` its joint.
        switch_gt_ids: `(s,)` the annotated identity that changed its predicted id.
    """

    counts: dict[str, npt.NDArray[Any]]
    num_frames: int
    switch_frames: Ints
    switch_joints: Ints
    switch_gt_ids: Ints


class JointMOTA(Metric[JointClear]):
    """MOTA, MOTP, precision and recall of joints."""

    def measure(self, sequences: Sequence[PreparedSequence]) -> list[JointClear]:
        """Counts of each sequence."""
        return track_joints(sequences, self.rules.clear_convention)

    def total(self, parts: Sequence[JointClear]) -> Section:
        """Counts are summed over the sequences, then divided."""
        counts: dict[str, npt.NDArray[Any]] = {
            name: sum(part.counts[name] for part in parts)  # type: ignore[misc]
            for name in parts[0].counts
        }
        found, objects = counts["num_detections"], counts["num_objects"]
        errors = counts["num_misses"] + counts["num_switches"]
        errors = errors + counts["num_false_positives"]
        predicted = found + counts["num_false_positives"]
        all_distances = counts["candidate_distance"] + counts["matched_distance"]
        all_distances = all_distances + counts["extra_distance"]
        with np.errstate(divide="ignore", invalid="ignore"):
            mota = 100 * (1 - errors / objects)
            precision = 100 * found / predicted
            recall = 100 * found / objects
            mota[objects == 0] = np.nan
        joints = {
            "mota": with_mean(mota),
            "motp": with_mean(self._motp(found, counts, all_distances)),
            "pre": with_mean(precision),
            "rec": with_mean(recall),
        }
        skip = self.rules.undefined_joints_skipped
        return Section(
            name="mot",
            mode=self.rules.mode,
            joints=joints,
            groups={"MOTA": group_means(joints["mota"], skip_undefined=skip)},
            summary={
                "MOTP": joints["motp"][-1],
                "Prec": joints["pre"][-1],
                "Rec": joints["rec"][-1],
            },
            counts={
                **{name: counts[name] for name in _SHOWN_COUNTS},
                "sumD_match_switch": counts["matched_distance"],
                "sumD_all_events": all_distances,
            },
            extra={
                "num_frames": sum(p.num_frames for p in parts),
                "switches": [
                    {
                        "frame": p.switch_frames,
                        "joint": p.switch_joints,
                        "gt_id": p.switch_gt_ids,
                    }
                    for p in parts
                ],
            },
        )

    def _motp(
        self, found: Ints, counts: dict[str, Any], all_distances: Floats
    ) -> Floats:
        """100 (1 - mean distance), of the matches 50 to 100; `motp_distances`."""
        matches_only = self.rules.motp_distances == "matches"
        distances = counts["matched_distance"] if matches_only else all_distances
        ratio = distances / np.maximum(found, 1)
        without = np.nan if matches_only else 0.0
        return np.asarray(np.where(found > 0, 100 * (1 - ratio), without))


def track_joints(
    sequences: Sequence[PreparedSequence], convention: Convention = "motmetrics"
) -> list[JointClear]:
    """CLEAR MOT of every joint of every sequence.

    A pair that was matched the last time the annotated joint was matched, however
    long ago, stays matched while both are there and within the threshold; the others
    are paired for the smallest total distance, as many as possible.

    Args:
        sequences: The sequences.
        convention: Which program's tie rule decides where this leaves a choice; see
            `match_clear`.
    """
    table = joint_similarity_table(sequences, matches_only=True)
    distances = (1 - table.similarity) * REACH
    found = match_clear(table, distances, convention)
    groups, matched = table.cell_groups[found.cells], distances[found.cells]

    def total(groups: Ints, values: Floats) -> npt.NDArray[Any]:
        return np.bincount(groups, values, table.n_groups)

    columns = count_events(table, found)
    columns["matched_distance"] = total(groups, matched)
    columns["candidate_distance"] = total(table.cell_groups, distances)
    columns["extra_distance"] = sum(
        (
            total(groups[kind], matched[kind])
            for kind in (found.transfers, found.ascends, found.migrates)
        ),
        np.zeros(table.n_groups),
    )
    switches = _switches(sequences, table, found.cells[found.switches])
    parts = []
    for k, (sequence, switched) in enumerate(zip(sequences, switches, strict=True)):
        counts = {
            name: values.reshape(len(JOINTS), -1)[:, k]
            for name, values in columns.items()
        }
        placeholders, frames = sequence.placeholder_frames, sequence.num_frames
        for name in ("num_misses", "num_false_positives", "num_objects"):
            counts[name] = counts[name] + placeholders
        if sequence.tracked is not None:
            frames = int(sequence.tracked.sum()) + placeholders
        parts.append(JointClear(counts, frames, *switched))
    return parts


def _switches(
    sequences: Sequence[PreparedSequence], table: SimilarityTable, cells: Ints
) -> list[tuple[Ints, Ints, Ints]]:
    """Of each sequence, frames, joints and annotated ids of its switches, by frame."""
    starts = np.cumsum([0, *(s.num_frames for s in sequences)])
    names = [distinct(s.gt_ids) for s in sequences]
    ids = np.concatenate([np.zeros(0, np.int64), *names])
    joint, number = np.divmod(table.cell_groups[cells], max(len(sequences), 1))
    # Moments are numbered joint after joint, and so are tracks.
    frame = table.cell_moments[cells] - joint * starts[-1] - starts[number]
    track = table.truth.tracks[table.truth_at[cells]] - joint * len(ids)
    order = np.lexsort((joint, frame, number))
    ends = np.cumsum(np.bincount(number, minlength=len(sequences)))
    parts = [
        np.split(column[order], ends[:-1]) for column in (frame, joint, ids[track])
    ]
    return list(zip(*parts, strict=True)) if sequences else []
