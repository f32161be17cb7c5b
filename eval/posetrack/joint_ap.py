"""Average precision (AP) of joints by PCKh, the figure of PoseTrack's pose estimation.

Whole poses are assigned to people first; a predicted joint is a true positive if its
pose has a person and it matches that person's joint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.metric import Metric, Section, group_means, with_mean
from poseflow.eval.metrics.average_precision import Curve, precision_recall
from poseflow.eval.posetrack.pckh import PreparedSequence, assign_poses
from poseflow.formats.posetrack.annotations import JOINTS

_ROWS = {"AP": "ap", "precision": "pre", "recall": "rec"}


@dataclass(frozen=True, eq=False)
class RankedJoints:
    """Predicted joints with the scores that they are ranked by.

    Attributes:
        scores: `(P, 15)` scores.
        correct: `(P, 15)` true positives.
        present: `(P, 15)` which of them exist.
        annotated: `(15,)` annotated joints.
    """

    scores: Floats
    correct: Bools
    present: Bools
    annotated: Ints

    @classmethod
    def of(cls, sequence: PreparedSequence, chosen: Ints) -> RankedJoints:
        """Of a sequence whose predictions are scored under the candidates `chosen`."""
        correct = np.zeros_like(sequence.pred_present)
        scored = chosen >= 0
        correct[scored] = sequence.candidates.matches[chosen[scored]]
        return cls(
            sequence.pred_scores,
            correct,
            sequence.pred_present,
            sequence.gt_present.sum(axis=0),
        )

    @classmethod
    def join(cls, parts: Sequence[RankedJoints]) -> RankedJoints:
        """The joints of several sequences, in order."""
        none = np.zeros((0, len(JOINTS)), np.bool_)
        return cls(
            np.concatenate([np.zeros(none.shape), *(p.scores for p in parts)]),
            np.concatenate([none, *(p.correct for p in parts)]),
            np.concatenate([none, *(p.present for p in parts)]),
            sum((p.annotated for p in parts), np.zeros(len(JOINTS), np.int64)),
        )

    def curve(self, joint: int, *, tied_together: bool) -> Curve:
        """Precision and recall of one joint."""
        there = self.present[:, joint]
        return precision_recall(
            self.scores[there, joint],
            self.correct[there, joint],
            int(self.annotated[joint]),
            tied_together=tied_together,
        )


class JointAP(Metric[RankedJoints]):
    """AP, precision and recall over the joints of all sequences, each joint alone."""

    def measure(self, sequences: Sequence[PreparedSequence]) -> list[RankedJoints]:
        """The true positives of each sequence."""
        rule = self.rules.pose_assignment
        return [RankedJoints.of(s, assign_poses(s, rule)) for s in sequences]

    def total(self, parts: Sequence[RankedJoints]) -> Section:
        """All sequences' joints ranked together."""
        section = self.single(RankedJoints.join(parts))
        return replace(section, notes=self.rules.ap_notes)

    def single(self, part: RankedJoints) -> Section:
        """One sequence's joints."""
        tied_together = self.rules.tied_scores == "one_step"
        rows = np.array(
            [
                self._figures(part.curve(k, tied_together=tied_together), int(count))
                for k, count in enumerate(part.annotated)
            ]
        )
        joints = {
            name: with_mean(100 * rows[:, k]) for k, name in enumerate(_ROWS.values())
        }
        skip = self.rules.undefined_joints_skipped
        return Section(
            name="ap",
            mode=self.rules.mode,
            joints=joints,
            groups={
                row: group_means(joints[_ROWS[row]], skip_undefined=skip)
                for row in self.rules.ap_rows
            },
            summary={"Prec": joints["pre"][-1], "Rec": joints["rec"][-1]},
            counts={
                "num_annotated": part.annotated,
                "num_predicted": part.present.sum(axis=0),
                "num_correct": part.correct.sum(axis=0),
            },
            extra={"ranked_joints": part},
        )

    def _figures(self, curve: Curve, annotated: int) -> tuple[float, float, float]:
        """AP, final precision, final recall; `RuleSet.absent_joints`."""
        predicted = len(curve.recall) > 0
        rule = self.rules.absent_joints
        if annotated and predicted:
            return curve.average_precision, curve.precision[-1], curve.recall[-1]
        if rule == "zero" or (rule == "zero_if_unpredicted" and not predicted):
            return 0.0, 0.0, 0.0
        if rule == "zero_if_unpredicted":
            return np.nan, curve.precision[-1], np.nan
        return (0.0, np.nan, 0.0) if annotated else (np.nan, np.nan, np.nan)
