"""HOTA of joints, with its parts, as published or as PoseTrack21's kit computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.eval.metric import GROUPS, Metric, Section, group_means
from poseflow.eval.metrics.hota import ALPHAS, HotaSums, sum_hota
from poseflow.eval.posetrack.joint_similarity import joint_similarity_table
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.eval.posetrack.preparation import positive_joints
from poseflow.formats.posetrack.annotations import JOINTS

COUNTS = {"HOTA_TP": "tp", "HOTA_FN": "fn", "HOTA_FP": "fp"}
"""The kit's names of the counts, and their fields in `HotaSums`."""
SHOWN = ("HOTA", "DetA", "AssA", "LocA", "FragA", "FA-HOTA")
"""Rows of the table."""
_AVERAGED = ("AssA", "AssRe", "AssPr", "FragA", "LocA")


class JointHOTA(Metric[HotaSums]):
    """HOTA and its parts per joint, from sums `(15, alphas)` of each sequence."""

    def measure(self, sequences: Sequence[PreparedSequence]) -> list[HotaSums]:
        """Match joints and sum up."""
        if not sequences:
            return []
        sequences = [_positive_in_2021(sequence) for sequence in sequences]
        sums = sum_hota(
            joint_similarity_table(sequences),
            align=self.rules.hota_alignment,
            runs=self.rules.hota_runs,
        )
        by_sequence = sums.reshape(len(JOINTS), len(sequences), -1)
        parts = [by_sequence[:, k] for k in range(len(sequences))]
        if self.rules.hota_unpredicted_frames == "own_joints":
            return parts
        return [
            replace(part, fn=part.fn + _other_joints(sequence)[:, None])
            for part, sequence in zip(parts, sequences, strict=True)
        ]

    def total(self, parts: Sequence[HotaSums]) -> Section:
        """All sequences together."""
        if self.rules.hota_totals == "pooled":
            sums = sum(parts, HotaSums.zeros(len(JOINTS), len(ALPHAS)))
            section, curves = self.single(sums), pooled_curves(sums)
        else:
            curves = weighted_curves(parts)
            section = self._section(curves)
        extra = {"alphas": ALPHAS, "curves": curves}
        return replace(section, notes=self.rules.hota_notes, extra=extra)

    def single(self, part: HotaSums) -> Section:
        """One sequence."""
        if self.rules.hota_totals != "pooled":
            return self._section(mean_curves(part))
        section = self._section(pooled_curves(part))
        columns = [
            part[list(joints)].sum(axis=0).scores() for joints in GROUPS.values()
        ]
        groups = {
            name: np.array(
                [*(100 * column[name].mean() for column in columns), values[-1]]
            )
            for name, values in ((n, section.joints[n]) for n in section.groups)
        }
        return replace(section, groups=groups)

    def _section(self, curves: Mapping[str, Floats]) -> Section:
        """From curves `(16, alphas)`: means over the thresholds, in percent."""
        joints = {
            name: 100 * curve.mean(axis=1)
            for name, curve in curves.items()
            if name not in COUNTS and name != "HOTALocA"
        }
        return Section(
            name="hota",
            mode=self.rules.mode,
            joints=joints,
            groups={n: group_means(joints[n], skip_undefined=False) for n in SHOWN},
            counts={name: curves[name].mean(axis=1) for name in COUNTS},
        )


def _positive_in_2021(sequence: PreparedSequence) -> PreparedSequence:
    """In PoseTrack21 files only joints with x > 0 and y > 0, as in its kit."""
    if sequence.format != "posetrack21":
        return sequence
    return replace(
        sequence,
        gt_keypoints=positive_joints(sequence.gt_keypoints),
        pred_keypoints=positive_joints(sequence.pred_keypoints),
    )


def _other_joints(sequence: PreparedSequence) -> Ints:
    """`(15,)` annotated joints of other frames, summed over the unpredicted frames."""
    present, empty = sequence.gt_present, sequence.unpredicted
    if empty.all():
        return np.zeros(len(JOINTS), np.int64)
    own = present[empty[sequence.gt_frames]].sum(axis=0)
    return np.asarray(int(empty.sum()) * present.sum(axis=0) - own, np.int64)


def pooled_curves(sums: HotaSums) -> dict[str, Floats]:
    """Scores as published, per joint and threshold, `(16, alphas)`, as fractions.

    The last row pools the joints: every match weighs the same.
    """
    pooled = sums.sum(axis=0)
    joints, total = sums.scores(), pooled.scores()
    curves: dict[str, Floats] = {
        name: np.concatenate([joints[name], total[name][None]]) for name in joints
    }
    for name, field in COUNTS.items():
        values = getattr(sums, field), getattr(pooled, field)[None]
        curves[name] = np.concatenate(values)
    return curves


def mean_curves(sums: HotaSums) -> dict[str, Floats]:
    """One sequence's scores as in the kit, `(16, alphas)`, as fractions.

    The last row is the total: the mean over joints, for counts the sum.
    """
    scores = sums.scores("posetrack21")
    scores["HOTALocA"] = scores["HOTA"] * scores["LocA"]
    curves: dict[str, Floats] = {
        name: np.concatenate([v, v.mean(axis=0, keepdims=True)])
        for name, v in scores.items()
    }
    for name, field in COUNTS.items():
        counts = getattr(sums, field)
        curves[name] = np.concatenate([counts, counts.sum(axis=0, keepdims=True)])
    return curves


def weighted_curves(parts: Sequence[HotaSums]) -> dict[str, Floats]:
    """All sequences' scores as in the kit, `(16, alphas)`, as fractions.

    Counts are added; association and localisation are averages of the sequences'
    figures, weighted with their matches (in the last row: with all matches of the
    sequence, so that it is not the mean of the joints).
    """
    if not parts:
        return mean_curves(HotaSums.zeros(len(JOINTS), len(ALPHAS)))
    single = [mean_curves(part) for part in parts]
    curves: dict[str, Floats] = {
        name: sum(c[name] for c in single)  # type: ignore[misc]
        for name in COUNTS
    }
    tp, fn, fp = (curves[name] for name in COUNTS)
    for name in _AVERAGED:
        weighted = sum(c[name] * c["HOTA_TP"] for c in single)
        none = 1.0 if name == "LocA" else 0.0
        curves[name] = np.where(tp > 0, weighted / np.maximum(1, tp), none)
    curves["DetA"] = tp / np.maximum(1, tp + fn + fp)
    curves["DetRe"] = tp / np.maximum(1, tp + fn)
    curves["DetPr"] = tp / np.maximum(1, tp + fp)
    frag_ass = np.sqrt(curves["AssA"] * curves["FragA"])
    curves["HOTA"] = np.sqrt(curves["DetA"] * curves["AssA"])
    curves["RHOTA"] = np.sqrt(curves["DetRe"] * curves["AssA"])
    curves["FA-HOTA"] = np.sqrt(curves["DetA"] * frag_ass)
    curves["FA-RHOTA"] = np.sqrt(curves["DetRe"] * frag_ass)
    curves["HOTALocA"] = curves["HOTA"] * curves["LocA"]
    return curves
