"""mAP and MOTA of PoseTrack, as poseval computes them and as they are defined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.lazy import LazySections
from poseflow.eval.metric import GROUPS, Section, SequencePair
from poseflow.eval.metrics.average_precision import Curve, precision_recall
from poseflow.eval.posetrack.joint_clear import ClearCounts, Tracking, track_joints
from poseflow.eval.posetrack.pckh import Scene, assign_poses, assign_poses_poseval
from poseflow.eval.posetrack.preparation import (
    Prepared,
    prepare_poseval,
    prepare_strict,
)

JOINTS = 15


@dataclass(frozen=True, eq=False)
class Samples:
    """The predicted joints of a sequence as samples for average precision.

    Attributes:
        scores: `(P, 15)` what they are ranked by.
        correct: `(P, 15)` true positives.
        present: `(P, 15)` which of them exist.
        annotated: `(15,)` annotated joints.
    """

    scores: Floats
    correct: Bools
    present: Bools
    annotated: Ints

    @staticmethod
    def of(scene: Scene, chosen: Ints) -> Samples:
        """Samples of a scene whose predictions `chosen` candidates are scored under."""
        correct = np.zeros_like(scene.pred_present)
        scored = chosen >= 0
        correct[scored] = scene.candidates.matches[chosen[scored]]
        return Samples(
            scene.pred_scores,
            correct,
            scene.pred_present,
            scene.gt_present.sum(axis=0),
        )

    @staticmethod
    def join(parts: Sequence[Samples]) -> Samples:
        """The samples of several sequences, in order."""
        return Samples(
            np.concatenate([np.zeros((0, JOINTS)), *(p.scores for p in parts)]),
            np.concatenate(
                [np.zeros((0, JOINTS), np.bool_), *(p.correct for p in parts)]
            ),
            np.concatenate(
                [np.zeros((0, JOINTS), np.bool_), *(p.present for p in parts)]
            ),
            sum((p.annotated for p in parts), np.zeros(JOINTS, np.int64)),
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


class PCKhAP:
    """PCKh average precision; the two modes differ in the class attributes."""

    mode: str
    tied_together: bool
    prepare: Callable[[SequencePair], Prepared]
    assign: Callable[[Scene], Ints]

    def measure(self, pairs: Sequence[SequencePair]) -> list[Samples]:
        """The samples of each sequence."""
        scenes = [type(self).prepare(pair).scene for pair in pairs]
        return [Samples.of(scene, type(self).assign(scene)) for scene in scenes]

    def combine(self, names: Sequence[str], parts: Sequence[Samples]) -> Section:
        """AP, precision and recall over all samples, each joint for itself."""
        by_name = dict(zip(names, parts, strict=True))
        return self._section(
            Samples.join(parts),
            LazySections(by_name, lambda samples: self._section(samples, {})),
        )

    def _section(self, samples: Samples, sequences: LazySections | dict) -> Section:  # type: ignore[type-arg]
        curves = [
            samples.curve(joint, tied_together=self.tied_together)
            for joint in range(JOINTS)
        ]
        rows = np.array(
            [
                self._figures(curve, int(count))
                for curve, count in zip(curves, samples.annotated, strict=True)
            ]
        )
        joints = {
            name: with_total(100 * rows[:, k])
            for k, name in enumerate(("ap", "pre", "rec"))
        }
        return Section(
            name="ap",
            mode=self.mode,
            joints=joints,
            groups={"AP": group_means(joints["ap"], skip_undefined=self.tied_together)},
            summary={"Prec": joints["pre"][JOINTS], "Rec": joints["rec"][JOINTS]},
            counts={
                "num_annotated": samples.annotated,
                "num_predicted": samples.present.sum(axis=0),
                "num_correct": samples.correct.sum(axis=0),
            },
            sequences=sequences,
            extra={"samples": samples},
        )

    def _figures(self, curve: Curve, annotated: int) -> tuple[float, float, float]:
        """AP, final precision, final recall."""
        raise NotImplementedError


class PosevalAP(PCKhAP):
    """AP as poseval computes it, with equal scores in the order of a stable sort."""

    mode = "poseval"
    tied_together = False
    prepare = staticmethod(prepare_poseval)
    assign = staticmethod(assign_poses_poseval)

    def _figures(self, curve: Curve, annotated: int) -> tuple[float, float, float]:
        """Nothing predicted gives 0 for all three, even where nothing is annotated."""
        if not len(curve.recall):
            return 0.0, 0.0, 0.0
        if not annotated:
            return np.nan, curve.precision[-1], np.nan
        return curve.average_precision, curve.precision[-1], curve.recall[-1]


class StrictAP(PCKhAP):
    """AP as defined: equal scores are one threshold, and 0 / 0 is undefined."""

    mode = "strict"
    tied_together = True
    prepare = staticmethod(prepare_strict)
    assign = staticmethod(assign_poses)

    def _figures(self, curve: Curve, annotated: int) -> tuple[float, float, float]:
        """A joint that nobody annotated has no AP; without predictions it is 0."""
        if not annotated:
            return np.nan, np.nan, np.nan
        if not len(curve.recall):
            return 0.0, np.nan, 0.0
        return curve.average_precision, curve.precision[-1], curve.recall[-1]


@dataclass(frozen=True, eq=False)
class Tracked:
    """CLEAR MOT of a sequence with its frames.

    Attributes:
        tracking: Counts and switches.
        num_frames: Frames that tracking used.
    """

    tracking: Tracking
    num_frames: int


class _MOT:
    """CLEAR MOT of joints; the two modes differ in the class attributes."""

    mode: str
    prepare: Callable[[SequencePair], Prepared]

    def measure(self, pairs: Sequence[SequencePair]) -> list[Tracked]:
        """Counts of each sequence."""
        prepared = [type(self).prepare(pair) for pair in pairs]
        tracking = track_joints(
            [p.scene for p in prepared], [p.tracked for p in prepared]
        )
        return [
            Tracked(
                Tracking(
                    _with_invented(t.counts, p.invented),
                    t.switch_frames,
                    t.switch_joints,
                    t.switch_gt_ids,
                ),
                int(p.tracked.sum()) + p.invented,
            )
            for t, p in zip(tracking, prepared, strict=True)
        ]

    def combine(self, names: Sequence[str], parts: Sequence[Tracked]) -> Section:
        """Counts are summed over the sequences, then divided."""
        by_name = dict(zip(names, parts, strict=True))
        return self._section(
            parts, LazySections(by_name, lambda part: self._section([part], {}))
        )

    def _section(
        self,
        parts: Sequence[Tracked],
        sequences: LazySections | dict,  # type: ignore[type-arg]
    ) -> Section:
        counts = ClearCounts.total(p.tracking.counts for p in parts)
        found, objects = counts.detections, counts.objects
        errors = counts.misses + counts.switches + counts.false_positives
        predicted = found + counts.false_positives
        with np.errstate(divide="ignore", invalid="ignore"):
            mota = 100 * (1 - errors / objects)
            precision = 100 * found / predicted
            recall = 100 * found / objects
            mota[objects == 0] = np.nan
        joints = {
            "mota": with_total(mota),
            "motp": with_total(self._precision_of_place(counts)),
            "pre": with_total(precision),
            "rec": with_total(recall),
        }
        return Section(
            name="mot",
            mode=self.mode,
            joints=joints,
            groups={
                "MOTA": group_means(
                    joints["mota"], skip_undefined=self.mode != "poseval"
                )
            },
            summary={
                "MOTP": joints["motp"][JOINTS],
                "Prec": joints["pre"][JOINTS],
                "Rec": joints["rec"][JOINTS],
            },
            counts=_named_counts(counts),
            sequences=sequences,
            extra={
                "num_frames": sum(p.num_frames for p in parts),
                "switches": [
                    {
                        "frame": p.tracking.switch_frames,
                        "joint": p.tracking.switch_joints,
                        "gt_id": p.tracking.switch_gt_ids,
                    }
                    for p in parts
                ],
            },
        )

    def _precision_of_place(self, counts: ClearCounts) -> Floats:
        """MOTP of each joint in percent."""
        raise NotImplementedError


class PosevalMOT(_MOT):
    """CLEAR MOT as poseval computes it."""

    mode = "poseval"
    prepare = staticmethod(prepare_poseval)

    def _precision_of_place(self, counts: ClearCounts) -> Floats:
        """Poseval sums the distances of all events, matches being only a part."""
        total = counts.candidate_distance + counts.matched_distance
        total = total + counts.extra_distance
        ratio = total / np.maximum(counts.detections, 1)
        return np.asarray(np.where(counts.detections > 0, 100 * (1 - ratio), 0.0))


class StrictMOT(_MOT):
    """CLEAR MOT as defined, over every labelled frame."""

    mode = "strict"
    prepare = staticmethod(prepare_strict)

    def _precision_of_place(self, counts: ClearCounts) -> Floats:
        """100 (1 - mean distance of the matches in head sizes), 50 to 100."""
        ratio = counts.matched_distance / np.maximum(counts.detections, 1)
        return np.asarray(np.where(counts.detections > 0, 100 * (1 - ratio), np.nan))


def with_total(joints: Floats) -> Floats:
    """`(16,)`: the 15 joints, then the mean of those that are defined."""
    defined = joints[~np.isnan(joints)]
    return np.append(joints, defined.mean() if len(defined) else np.nan)


def group_means(joints: Floats, *, skip_undefined: bool) -> Floats:
    """`(8,)`: the columns of `GROUPS`, then the total.

    Args:
        joints: `(16,)` 15 joints and the total.
        skip_undefined: Whether a group's mean leaves out undefined joints; otherwise
            one of them makes the group undefined.
    """
    means = []
    for members in GROUPS.values():
        values = joints[list(members)]
        if skip_undefined:
            values = values[~np.isnan(values)]
        means.append(values.mean() if len(values) else np.nan)
    return np.append(means, joints[JOINTS])


def _with_invented(counts: ClearCounts, frames: int) -> ClearCounts:
    """Add poseval's stand-in for empty frames: one miss and one false positive each."""
    if not frames:
        return counts
    values = {name: getattr(counts, name) for name in counts.__dataclass_fields__}
    for name in ("misses", "false_positives", "objects"):
        values[name] = values[name] + frames
    return ClearCounts(**values)


def _named_counts(counts: ClearCounts) -> dict[str, npt.NDArray[np.generic]]:
    """Under motmetrics' names."""
    everything = counts.candidate_distance + counts.matched_distance
    return {
        "num_misses": counts.misses,
        "num_switches": counts.switches,
        "num_false_positives": counts.false_positives,
        "num_matches": counts.matches,
        "num_detections": counts.detections,
        "num_objects": counts.objects,
        "num_transfer": counts.transfers,
        "num_ascend": counts.ascends,
        "num_migrate": counts.migrates,
        "sumD_match_switch": counts.matched_distance,
        "sumD_all_events": everything + counts.extra_distance,
    }
