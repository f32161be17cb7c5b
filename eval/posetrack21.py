"""PoseTrack21's scores, as its evaluation kit computes them: `--mode posetrack21`.

Source: Döring et al., "PoseTrack21: A Dataset for Person Search, Multi-Object Tracking
and Multi-Person Pose Tracking" (CVPR 2022), section 5, and the behaviour of its kit,
faults included; the sections' notes name what differs from the published definitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from poseflow.eval.average_precision import precision_recall
from poseflow.eval.hota import ALPHAS, HotaSums, sum_hota
from poseflow.eval.joint_overlaps import joint_overlaps
from poseflow.eval.metric import GROUPS, Section, SequencePair
from poseflow.eval.pckh import Scene, assign_poses_poseval
from poseflow.eval.posetrack21_scene import Scene21, scene21

from poseflow.formats.posetrack import JOINTS

Floats = npt.NDArray[np.floating[Any]]
MODE = "posetrack21"

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

_SCENES: WeakKeyDictionary[SequencePair, Scene21] = WeakKeyDictionary()


def _scene(pair: SequencePair) -> Scene21:
    """The pair's scene, shared by the metrics that ask for it."""
    if pair not in _SCENES:
        _SCENES[pair] = scene21(pair)
    return _SCENES[pair]


@dataclass(frozen=True, eq=False)
class Samples:
    """Predicted joints of a sequence, as average precision takes them.

    Attributes:
        scores: Per joint, `(n,)`.
        correct: Per joint, `(n,)`: matched to the annotated joint of its person.
        annotated: `(15,)` annotated joints.
        notes: For the report.
    """

    scores: tuple[Floats, ...]
    correct: tuple[npt.NDArray[np.bool_], ...]
    annotated: npt.NDArray[np.int64]
    notes: tuple[str, ...]


class PoseTrack21AP:
    """Average precision of poses ("pose estimation" in the kit)."""

    def measure(self, pairs: Sequence[SequencePair]) -> list[Samples]:
        """Label every predicted joint of every sequence."""
        return [_samples(_scene(pair)) for pair in pairs]

    def combine(self, names: Sequence[str], parts: Sequence[Samples]) -> Section:
        """Pool the samples of all sequences, in the order of their names."""
        notes = (*AP_NOTES, *dict.fromkeys(n for p in parts for n in p.notes))
        single = {n: _ap_section([p]) for n, p in zip(names, parts, strict=True)}
        return replace(_ap_section(parts), sequences=single, notes=notes)


def _samples(prepared: Scene21) -> Samples:
    scene = prepared.scene
    chosen = assign_poses_poseval(scene)
    correct = np.zeros(scene.pred_scores.shape, np.bool_)
    assigned = chosen >= 0
    correct[assigned] = scene.candidates.matches[chosen[assigned]]
    there = scene.pred_present
    joints = range(len(JOINTS))
    return Samples(
        tuple(scene.pred_scores[there[:, j], j] for j in joints),
        tuple(correct[there[:, j], j] for j in joints),
        scene.gt_present.sum(axis=0),
        prepared.notes,
    )


def _ap_section(parts: Sequence[Samples]) -> Section:
    values = np.zeros((3, len(JOINTS)))
    for j in range(len(JOINTS)):
        annotated = sum(int(part.annotated[j]) for part in parts)
        scores = np.concatenate([np.zeros(0), *(part.scores[j] for part in parts)])
        none = np.zeros(0, np.bool_)
        correct = np.concatenate([none, *(part.correct[j] for part in parts)])
        if annotated and len(scores):
            curve = precision_recall(scores, correct, annotated, tied_together=False)
            last = curve.precision[-1], curve.recall[-1]
            values[:, j] = curve.average_precision, *last
    names = ("AP", "precision", "recall")
    joints = {n: with_mean(100 * v) for n, v in zip(names, values, strict=True)}
    return Section(
        name="ap",
        mode=MODE,
        joints=joints,
        groups={name: group_columns(v) for name, v in joints.items()},
    )


def with_mean(values: Floats) -> npt.NDArray[np.float64]:
    """`(15, ...)` joints with their mean as a 16th."""
    return np.concatenate([values, values.mean(axis=0, keepdims=True)])


def group_columns(values: Floats) -> npt.NDArray[np.float64]:
    """The eight columns of the table from `(16,)`: means of joints, then the total."""
    means = [values[list(joints)].mean() for joints in GROUPS.values()]
    return np.array([*means, values[-1]])


@dataclass(frozen=True, eq=False)
class HotaPart:
    """What HOTA needs of one sequence: sums `(15, alphas)`, and notes."""

    sums: HotaSums
    notes: tuple[str, ...] = ()


def hota_parts(
    scenes: Sequence[Scene], notes: Sequence[tuple[str, ...]], *, kit: bool
) -> list[HotaPart]:
    """HOTA's sums of each scene, joint by joint, matched as the kit or as published."""
    if not scenes:
        return []
    overlaps = joint_overlaps(scenes)
    sums = sum_hota(overlaps, align=not kit, runs=MODE if kit else "published")
    table = sums.reshape(len(JOINTS), len(scenes), -1)
    return [HotaPart(table[:, k], notes[k]) for k in range(len(scenes))]


class PoseTrack21HOTA:
    """HOTA and its parts per joint ("pose tracking" in the kit)."""

    def measure(self, pairs: Sequence[SequencePair]) -> list[HotaPart]:
        """Match joints and sum up, the kit's miscounted misses included."""
        scenes = [_scene(pair) for pair in pairs]
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
        single = {
            name: hota_section(MODE, kit_curves(part.sums))
            for name, part in zip(names, parts, strict=True)
        }
        whole = kit_curves_combined([part.sums for part in parts])
        section = hota_section(MODE, whole)
        extra = {"alphas": ALPHAS, "curves": whole}
        return replace(section, sequences=single, notes=notes, extra=extra)


def _miscounted(prepared: Scene21) -> npt.NDArray[np.int64]:
    """`(15,)` misses that the kit counts for other frames (see `HOTA_NOTES`)."""
    present = prepared.scene.gt_present
    empty = prepared.unpredicted
    if empty.all():
        return np.zeros(len(JOINTS), np.int64)
    own = present[empty[prepared.scene.gt_frames]].sum(axis=0)
    return np.asarray(int(empty.sum()) * present.sum(axis=0) - own, np.int64)


_COUNTS = {"HOTA_TP": "tp", "HOTA_FN": "fn", "HOTA_FP": "fp"}
_AVERAGED = ("AssA", "AssRe", "AssPr", "FragA", "LocA")


def kit_curves(sums: HotaSums) -> dict[str, Floats]:
    """One sequence's fields per joint and threshold, `(16, alphas)`, as fractions.

    The last row is the total: the mean over joints, for counts the sum.
    """
    scores = sums.scores(MODE)
    scores["HOTALocA"] = scores["HOTA"] * scores["LocA"]
    curves = {name: with_mean(v) for name, v in scores.items()}
    for name, field in _COUNTS.items():
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
        zero = np.zeros((len(JOINTS), len(ALPHAS)))
        return kit_curves(HotaSums(*[zero] * len(fields(HotaSums))))
    single = [kit_curves(part) for part in parts]
    curves: dict[str, Floats] = {
        name: sum(c[name] for c in single)  # type: ignore[misc]
        for name in _COUNTS
    }
    tp, fn, fp = (curves[name] for name in _COUNTS)
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


_SHOWN = ("HOTA", "DetA", "AssA", "LocA", "FragA", "FA-HOTA")


def hota_section(mode: str, curves: Mapping[str, Floats]) -> Section:
    """A section from curves `(16, alphas)`: means over the thresholds, in percent."""
    joints = {
        name: 100 * curve.mean(axis=1)
        for name, curve in curves.items()
        if name not in _COUNTS
    }
    counts = {name: curves[name].mean(axis=1) for name in _COUNTS}
    return Section(
        name="hota",
        mode=mode,
        joints=joints,
        groups={name: group_columns(joints[name]) for name in _SHOWN},
        counts=counts,
    )
