"""HOTA of joints: sums of each sequence, and the report's section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from poseflow.arrays import Floats
from poseflow.eval.metric import Section
from poseflow.eval.metrics.hota import HotaSums, sum_hota
from poseflow.eval.posetrack.ap_mota import group_means
from poseflow.eval.posetrack.joint_similarity import joint_overlaps
from poseflow.eval.posetrack.pckh import Scene
from poseflow.formats.posetrack.annotations import JOINTS

COUNTS = {"HOTA_TP": "tp", "HOTA_FN": "fn", "HOTA_FP": "fp"}
"""The kit's names of the counts, and their fields in `HotaSums`."""
SHOWN = ("HOTA", "DetA", "AssA", "LocA", "FragA", "FA-HOTA")
"""What the table shows."""


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
    sums = sum_hota(
        joint_overlaps(scenes),
        align=not kit,
        runs="posetrack21" if kit else "published",
    )
    table = sums.reshape(len(JOINTS), len(scenes), -1)
    return [HotaPart(table[:, k], notes[k]) for k in range(len(scenes))]


def hota_section(mode: str, curves: Mapping[str, Floats]) -> Section:
    """A section from curves `(16, alphas)`: means over the thresholds, in percent."""
    joints = {
        name: 100 * curve.mean(axis=1)
        for name, curve in curves.items()
        if name not in COUNTS and name != "HOTALocA"
    }
    return Section(
        name="hota",
        mode=mode,
        joints=joints,
        groups={n: group_means(joints[n], skip_undefined=False) for n in SHOWN},
        counts={name: curves[name].mean(axis=1) for name in COUNTS},
    )
