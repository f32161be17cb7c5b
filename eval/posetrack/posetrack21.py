"""PoseTrack21's scores, as its evaluation kit computes them: `--mode posetrack21`.

Source: Döring et al., "PoseTrack21: A Dataset for Person Search, Multi-Object Tracking
and Multi-Person Pose Tracking" (CVPR 2022), and the behaviour of its kit,
faults included; the sections' notes name what differs from the published definitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.eval.lazy import LazySections
from poseflow.eval.metric import Section, SequencePair
from poseflow.eval.metrics.average_precision import Curve
from poseflow.eval.metrics.hota import ALPHAS, HotaSums
from poseflow.eval.posetrack.ap_mota import PCKhAP, Samples, group_means
from poseflow.eval.posetrack.joint_hota import (
    COUNTS,
    HotaPart,
    hota_parts,
    hota_section,
)
from poseflow.eval.posetrack.pckh import assign_poses_poseval
from poseflow.eval.posetrack.posetrack21_rules import Scene21, scene21
from poseflow.formats.posetrack.annotations import JOINTS

MODE: Final = "posetrack21"

AP_NOTES = (
    "posetrack21: a joint that nobody annotates or nobody predicts counts with 0 in "
    "the means",
)
HOTA_NOTES = (
    "posetrack21: pairs are matched by similarity alone; published HOTA weighs it with "
    "the global alignment of the two ids (strict does)",
    "posetrack21: a frame without any predicted pose adds the annotated joints of its "
    "whole sequence to the misses, not only its own (strict counts its own)",
    "posetrack21: FA-HOTA is sqrt(DetA sqrt(AssA FragA)), a product of means; "
    "published it averages sqrt(A F) over the matches (strict does)",
    "posetrack21: a fragment ends only where the person is matched to another id; as "
    "published it also ends where one of the two is there without the other (strict)",
)


@dataclass(frozen=True, eq=False)
class Samples21(Samples):
    """Samples, and the notes of their sequence."""

    notes: tuple[str, ...] = ()


class PoseTrack21AP(PCKhAP):
    """Average precision of poses ("pose estimation" in the kit)."""

    mode = MODE
    tied_together = False
    assign = staticmethod(assign_poses_poseval)

    def measure(self, pairs: Sequence[SequencePair]) -> list[Samples]:
        """Label every predicted joint of every sequence."""
        parts: list[Samples] = []
        for pair in pairs:
            prepared = scene21(pair)
            samples = Samples.of(prepared.scene, assign_poses_poseval(prepared.scene))
            columns = {f.name: getattr(samples, f.name) for f in fields(samples)}
            parts.append(Samples21(**columns, notes=prepared.notes))
        return parts

    def combine(self, names: Sequence[str], parts: Sequence[Samples]) -> Section:
        """Pool the samples of all sequences, in the order of their names."""
        notes = [n for p in parts if isinstance(p, Samples21) for n in p.notes]
        section = super().combine(names, parts)
        return replace(section, notes=(*AP_NOTES, *dict.fromkeys(notes)))

    def _section(
        self,
        samples: Samples,
        sequences: LazySections | dict[str, Section],
    ) -> Section:
        section = super()._section(samples, sequences)
        titles = {"ap": "AP", "pre": "precision", "rec": "recall"}
        groups = {
            title: group_means(section.joints[name], skip_undefined=False)
            for name, title in titles.items()
        }
        return replace(section, groups=groups)

    def _figures(self, curve: Curve, annotated: int) -> tuple[float, float, float]:
        """Nothing annotated or nothing predicted gives 0 for all three."""
        if not annotated or not len(curve.recall):
            return 0.0, 0.0, 0.0
        return curve.average_precision, curve.precision[-1], curve.recall[-1]


def with_mean(values: Floats) -> Floats:
    """`(15, ...)` joints with their mean as a 16th."""
    return np.concatenate([values, values.mean(axis=0, keepdims=True)])


class PoseTrack21HOTA:
    """HOTA and its parts per joint ("pose tracking" in the kit)."""

    def measure(self, pairs: Sequence[SequencePair]) -> list[HotaPart]:
        """Match joints and sum up, the kit's miscounted misses included."""
        scenes = [scene21(pair) for pair in pairs]
        parts = hota_parts(
            [s.scene for s in scenes], [s.notes for s in scenes], kit=True
        )
        return [
            replace(part, sums=replace(part.sums, fn=part.sums.fn + extra[:, None]))
            for part, extra in zip(parts, map(_miscounted, scenes), strict=True)
        ]

    def combine(self, names: Sequence[str], parts: Sequence[HotaPart]) -> Section:
        """Weigh the sequences as the kit does."""
        notes = (*HOTA_NOTES, *dict.fromkeys(n for p in parts for n in p.notes))
        single = LazySections(
            dict(zip(names, parts, strict=True)),
            lambda part: hota_section(MODE, kit_curves(part.sums)),
        )
        whole = kit_curves_combined([part.sums for part in parts])
        section = hota_section(MODE, whole)
        extra = {"alphas": ALPHAS, "curves": whole}
        return replace(section, sequences=single, notes=notes, extra=extra)


def _miscounted(prepared: Scene21) -> Ints:
    """`(15,)` misses that the kit counts for other frames (see `HOTA_NOTES`)."""
    present = prepared.scene.gt_present
    empty = prepared.unpredicted
    if empty.all():
        return np.zeros(len(JOINTS), np.int64)
    own = present[empty[prepared.scene.gt_frames]].sum(axis=0)
    return np.asarray(int(empty.sum()) * present.sum(axis=0) - own, np.int64)


_AVERAGED = ("AssA", "AssRe", "AssPr", "FragA", "LocA")


def kit_curves(sums: HotaSums) -> dict[str, Floats]:
    """One sequence's fields per joint and threshold, `(16, alphas)`, as fractions.

    The last row is the total: the mean over joints, for counts the sum.
    """
    scores = sums.scores(MODE)
    scores["HOTALocA"] = scores["HOTA"] * scores["LocA"]
    curves: dict[str, Floats] = {name: with_mean(v) for name, v in scores.items()}
    for name, field in COUNTS.items():
        counts = getattr(sums, field)
        curves[name] = np.concatenate([counts, counts.sum(axis=0, keepdims=True)])
    return curves


def kit_curves_combined(parts: Sequence[HotaSums]) -> dict[str, Floats]:
    """All sequences' fields per joint and threshold, `(16, alphas)`, as fractions.

    Counts are added; association and localisation are averages of the sequences'
    figures, weighted with their matches (in the last row: with all matches of the
    sequence, so that it is not the mean of the joints).
    """
    if not parts:
        return kit_curves(HotaSums.zeros(len(JOINTS), len(ALPHAS)))
    single = [kit_curves(part) for part in parts]
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
