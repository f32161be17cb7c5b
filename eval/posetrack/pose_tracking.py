"""Tracking scores of whole poses: HOTA, MOTA and IDF1 of people instead of joints.

The similarity of two people is the share of the annotated joints that match within
PCKh 0.5; identity and CLEAR scores need at least 0.5 of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poseflow.arrays import Ints
from poseflow.eval.diagnosis.track_table import TrackTable
from poseflow.eval.metric import Metric, Section
from poseflow.eval.posetrack.joint_similarity import pose_pairs, pose_similarity_table
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.eval.tracking import TrackingScores, score_table
from poseflow.formats.posetrack.annotations import JOINTS
from poseflow.frame_names import frame_indices


class PoseTracking(Metric[TrackingScores]):
    """Tracking of whole people."""

    def measure(self, sequences: Sequence[PreparedSequence]) -> list[TrackingScores]:
        """Scores of each sequence."""
        return score_table(
            pose_similarity_table(sequences),
            [sequence.name for sequence in sequences],
            [sequence.num_frames for sequence in sequences],
            convention=self.rules.clear_convention,
        )

    def total(self, parts: Sequence[TrackingScores]) -> Section:
        """Add up the sequences' counts."""
        if not parts:
            return Section("pose", self.rules.mode, {})
        scores = sum(parts[1:], parts[0])
        curves = scores.curves()
        figures = {
            name: float(curves[name].mean()) for name in ("HOTA", "DetA", "AssA")
        }
        figures |= {"MOTA": scores.mota, "MOTP": scores.motp, "IDF1": scores.idf1}
        figures |= {"IDP": scores.idp, "IDR": scores.idr}
        figures |= {"pre": scores.precision, "rec": scores.recall}
        # Whole people have no joints: only the total is there.
        nothing = [np.nan] * len(JOINTS)
        joints = {name: np.array([*nothing, value]) for name, value in figures.items()}
        return Section(
            name="pose",
            mode=self.rules.mode,
            joints=joints,
            groups={f"{n} (people)": joints[n][-8:] for n in ("HOTA", "MOTA", "IDF1")},
            summary={"Prec": scores.precision, "Rec": scores.recall},
            counts={
                name: np.array([value])
                for name, value in scores.counts.items()
                if name != "sum_similarity"
            },
            extra={"tracking": scores.to_dict()},
        )


def pose_track_table(sequence: PreparedSequence) -> TrackTable:
    """Whole people of a sequence, for the diagnosis; frames as `Frame.index`."""
    pairs = pose_pairs(sequence)
    indices = frame_numbers(sequence)
    return TrackTable.of(
        sequence.name,
        (indices[sequence.gt_frames[pairs.kept]], sequence.gt_ids[pairs.kept]),
        (indices[sequence.pred_frames], sequence.pred_ids),
        pairs.at,
        pairs.by,
        pairs.similarity,
    )


def frame_numbers(sequence: PreparedSequence) -> Ints:
    """`(F,)` the number that each frame's name is, else its position."""
    positions = sequence.positions
    if positions is None:
        positions = np.arange(sequence.num_frames)
    found = frame_indices(sequence.image_names)
    numbers = np.array([found[name] for name in sequence.image_names], np.int64)
    if len(numbers) and (np.diff(numbers) > 0).all():
        return numbers[positions]
    return positions
