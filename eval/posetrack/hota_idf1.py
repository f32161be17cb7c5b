"""HOTA, IDF1 and pose-level tracking of PoseTrack data, by the definitions: `strict`.

The scenes are those of strict AP and MOTA. Joints match within PCKh 0.5 for identity
scores; for HOTA they have a similarity (see `joint_overlaps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.eval.lazy import LazySections
from poseflow.eval.metric import GROUPS, Section, SequencePair
from poseflow.eval.metrics.clear import count_clear, match_clear
from poseflow.eval.metrics.hota import ALPHAS, HotaSums
from poseflow.eval.metrics.identity import count_identity
from poseflow.eval.posetrack.joint_hota import (
    COUNTS,
    HotaPart,
    hota_parts,
    hota_section,
)
from poseflow.eval.posetrack.joint_similarity import joint_overlaps, pose_overlaps
from poseflow.eval.posetrack.pckh import Scene
from poseflow.eval.posetrack.preparation import prepare_strict
from poseflow.eval.tracking import TrackingScores, score_overlaps
from poseflow.formats.posetrack.annotations import JOINTS

MODE = "strict"

EDGE_NOTE = (
    "hota: in PoseTrack21 files a joint exists where x > 0 and y > 0, as its kit has it"
)


class StrictHOTA:
    """HOTA and its parts per joint, as published; columns and total pool joints."""

    def measure(self, pairs: Sequence[SequencePair]) -> list[HotaPart]:
        """Match joints and sum up."""
        scenes = [_scene(pair) for pair in pairs]
        newer = [pair.gt.format == "posetrack21" for pair in pairs]
        notes = [(EDGE_NOTE,) if flag else () for flag in newer]
        return hota_parts(scenes, notes, kit=False)

    def combine(self, names: Sequence[str], parts: Sequence[HotaPart]) -> Section:
        """Add up matches and their association over sequences."""
        total = sum_parts([part.sums for part in parts])
        sequences = LazySections(
            dict(zip(names, parts, strict=True)), lambda part: _section(part.sums)
        )
        return replace(
            _section(total),
            sequences=sequences,
            notes=tuple(dict.fromkeys(n for p in parts for n in p.notes)),
            extra={"alphas": ALPHAS, "curves": published_curves(total)},
        )


def _section(sums: HotaSums) -> Section:
    """Joints one by one; the table's columns pool theirs, as the total does."""
    section = hota_section(MODE, published_curves(sums))
    pooled = [sums[list(joints)].sum(axis=0).scores() for joints in GROUPS.values()]
    groups = {
        name: np.array([*(100 * column[name].mean() for column in pooled), values[-1]])
        for name, values in ((n, section.joints[n]) for n in section.groups)
    }
    return replace(section, groups=groups)


def _scene(pair: SequencePair) -> Scene:
    """The strict scene; of PoseTrack21 only joints with x > 0 and y > 0."""
    scene = prepare_strict(pair).scene
    if pair.gt.format != "posetrack21":
        return scene
    gt, pred = scene.gt_keypoints, scene.pred_keypoints
    return replace(
        scene,
        gt_keypoints=np.where((gt > 0).all(axis=2, keepdims=True), gt, np.nan),
        pred_keypoints=np.where((pred > 0).all(axis=2, keepdims=True), pred, np.nan),
    )


def sum_parts(parts: Sequence[HotaSums]) -> HotaSums:
    """All sequences together, `(15, alphas)`."""
    total = HotaSums.zeros(len(JOINTS), len(ALPHAS))
    for part in parts:
        total = total + part
    return total


def published_curves(sums: HotaSums) -> dict[str, Floats]:
    """Fields per joint and threshold, `(16, alphas)`, as fractions.

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


Counts = dict[str, Ints]

_IDENTITY = ("idtp", "idfp", "idfn")
_COUNTED = (
    *("num_switches", "num_fragmentations", "num_unique_objects"),
    *("mostly_tracked", "partially_tracked", "mostly_lost"),
)


class StrictIdentity:
    """IDF1, IDP and IDR per joint, with id switches and fragmentations."""

    def measure(self, pairs: Sequence[SequencePair]) -> list[Counts]:
        """Counts `(15,)` of each sequence."""
        if not pairs:
            return []
        scenes = [prepare_strict(pair).scene for pair in pairs]
        overlaps = joint_overlaps(scenes, matches_only=True)
        distances = 1 - overlaps.similarity
        matches = match_clear(overlaps, distances)
        clear = count_clear(overlaps, matches, distances)
        counts = count_identity(overlaps) | {name: clear[name] for name in _COUNTED}
        table = {k: v.reshape(len(JOINTS), len(pairs)) for k, v in counts.items()}
        return [{k: v[:, n] for k, v in table.items()} for n in range(len(pairs))]

    def combine(self, names: Sequence[str], parts: Sequence[Counts]) -> Section:
        """Add up the sequences' counts; the total adds up the joints', too."""
        zero = np.zeros(len(JOINTS), np.int64)
        counts = {
            name: sum((part[name] for part in parts), zero)
            for name in (*_IDENTITY, *_COUNTED)
        }
        sequences = LazySections(
            dict(zip(names, parts, strict=True)), _identity_section
        )
        return replace(_identity_section(counts), sequences=sequences)


def _identity_section(counts: Counts) -> Section:
    whole = {k: np.append(v, v.sum()) for k, v in counts.items()}
    idtp, idfp, idfn = (whole[name] for name in _IDENTITY)
    wrong = idfp + idfn
    joints = {
        "IDF1": percent(2 * idtp, 2 * idtp + wrong),
        "IDP": percent(idtp, idtp + idfp),
        "IDR": percent(idtp, idtp + idfn),
    }
    columns = [
        percent(*(np.array(x[list(group)].sum()) for x in (2 * idtp, 2 * idtp + wrong)))
        for group in GROUPS.values()
    ]
    return Section(
        name="idf1",
        mode=MODE,
        joints=joints,
        groups={"IDF1": np.append(columns, joints["IDF1"][-1])},
        summary={"IDP": float(joints["IDP"][-1]), "IDR": float(joints["IDR"][-1])},
        counts=whole,
    )


def percent(over: Floats, under: Floats) -> Floats:
    """100 x over / under, NaN where there is nothing."""
    out: Floats = np.full(np.shape(under), np.nan)
    np.divide(100.0 * over, under, out=out, where=np.asarray(under) > 0)
    return out


@dataclass(frozen=True, eq=False)
class PosePart:
    """Tracking scores of whole people in one sequence."""

    scores: TrackingScores


class StrictPoseTracking:
    """Tracking of whole people: who matches half of a person's joints is that person.

    The similarity of two people is the share of the annotated joints that match within
    PCKh 0.5; identity and CLEAR scores need at least 0.5 of it.
    """

    def measure(self, pairs: Sequence[SequencePair]) -> list[PosePart]:
        """Scores of each sequence."""
        scenes = [prepare_strict(pair).scene for pair in pairs]
        scores = score_overlaps(
            pose_overlaps(scenes),
            [pair.name for pair in pairs],
            [scene.num_frames for scene in scenes],
        )
        return [PosePart(s) for s in scores]

    def combine(self, names: Sequence[str], parts: Sequence[PosePart]) -> Section:
        """Add up the sequences' counts."""
        sequences = LazySections(
            dict(zip(names, parts, strict=True)),
            lambda part: _pose_section(part.scores),
        )
        if not parts:
            return Section("pose", MODE, {})
        total = sum((p.scores for p in parts[1:]), parts[0].scores)
        return replace(_pose_section(total), sequences=sequences)


def _pose_section(scores: TrackingScores) -> Section:
    curves = scores.curves()
    figures = {name: float(curves[name].mean()) for name in ("HOTA", "DetA", "AssA")}
    figures |= {"MOTA": scores.mota, "MOTP": scores.motp, "IDF1": scores.idf1}
    figures |= {"IDP": scores.idp, "IDR": scores.idr}
    figures |= {"pre": scores.precision, "rec": scores.recall}
    # Whole people have no joints: only the total is there.
    nothing = [np.nan] * len(JOINTS)
    joints = {name: np.array([*nothing, value]) for name, value in figures.items()}
    return Section(
        name="pose",
        mode=MODE,
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
