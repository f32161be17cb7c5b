"""`Metric`: the interface of PoseTrack's metrics, their list, and a report's `Section`.

A metric measures prepared sequences one by one (in any process) and combines the
measurements into a `Section` of the report. Nothing else passes between the two, so
that results do not depend on how the sequences were spread over workers.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats
from poseflow.errors import PoseFlowError
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.eval.posetrack.rules import RuleSet, rules_of
from poseflow.formats.posetrack.annotations import JOINTS

Part = TypeVar("Part")

GROUPS: Mapping[str, tuple[int, ...]] = {
    "Head": tuple(JOINTS.index(j) for j in ("head_top", "neck", "nose")),
    "Shou": tuple(JOINTS.index(j) for j in ("right_shoulder", "left_shoulder")),
    "Elb": tuple(JOINTS.index(j) for j in ("right_elbow", "left_elbow")),
    "Wri": tuple(JOINTS.index(j) for j in ("right_wrist", "left_wrist")),
    "Hip": tuple(JOINTS.index(j) for j in ("right_hip", "left_hip")),
    "Knee": tuple(JOINTS.index(j) for j in ("right_knee", "left_knee")),
    "Ankl": tuple(JOINTS.index(j) for j in ("right_ankle", "left_ankle")),
}
"""PoseTrack's seven columns and their joints."""


@dataclass(frozen=True, eq=False)
class Section:
    """One metric's figures, over all sequences or over one.

    Attributes:
        name: Key in the report: `ap`, `mot`, `hota`, ...
        mode: The rules it followed: `strict`, `poseval`, `posetrack21`.
        joints: Field -> `(16,)`: 15 joints in the order of `JOINTS`, then the total;
            percent, NaN where undefined.
        groups: Field -> `(8,)`: the columns of `GROUPS`, then the total; percent. Only
            for the fields that the table shows.
        summary: Field -> one percent for all joints, shown right of the table's
            columns, such as MOTP.
        counts: Field -> `(15,)` whole numbers per joint, or `(16,)` with a total.
        sequences: The same for each sequence, by name; empty inside a sequence.
        notes: Rules behind the figures, a sentence each.
        extra: Further values, such as curves: JSON types and arrays.
    """

    name: str
    mode: str
    joints: Mapping[str, Floats]
    groups: Mapping[str, Floats] = field(default_factory=dict)
    summary: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    sequences: Mapping[str, Section] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


class Metric(ABC, Generic[Part]):
    """Measures sequences under a mode's rules, then combines the measurements."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules

    @abstractmethod
    def measure(self, sequences: Sequence[PreparedSequence]) -> list[Part]:
        """One measurement per sequence, picklable, independent of the others."""

    @abstractmethod
    def total(self, parts: Sequence[Part]) -> Section:
        """The section of several sequences together."""

    def single(self, part: Part) -> Section:
        """The section of one sequence."""
        return self.total([part])

    def combine(self, names: Sequence[str], parts: Sequence[Part]) -> Section:
        """The total with the sequences' sections, from measurements in order of names.

        The sequences' sections are made on first access: many reports never show them.
        """
        by_name = dict(zip(names, parts, strict=True))
        return replace(self.total(parts), sequences=_Sections(by_name, self.single))


class _Sections(Mapping[str, Section]):
    """A section for each sequence, made on first access from its measurement."""

    def __init__(
        self, parts: Mapping[str, Any], make: Callable[[Any], Section]
    ) -> None:
        self._parts = parts
        self._make = make
        self._made: dict[str, Section] = {}

    def __getitem__(self, name: str) -> Section:
        if name not in self._made:
            self._made[name] = self._make(self._parts[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


METRICS = {
    "ap": "poseflow.eval.posetrack.joint_ap:JointAP",
    "mot": "poseflow.eval.posetrack.joint_mota:JointMOTA",
    "hota": "poseflow.eval.posetrack.joint_hota:JointHOTA",
    "idf1": "poseflow.eval.posetrack.joint_idf1:JointIDF1",
    "pose": "poseflow.eval.posetrack.pose_tracking:PoseTracking",
}
"""Metric -> "module:class", imported on first use; the class takes a mode's rules."""


def make_metric(mode: str, name: str) -> Metric[Any]:
    """The metric of that name under the rules of that mode.

    Raises:
        PoseFlowError: If the mode has no such metric.
    """
    rules = rules_of(mode)
    if name not in rules.metrics:
        raise PoseFlowError(
            f"mode {mode!r} has no metric {name!r}; it has {', '.join(rules.metrics)}"
        )
    module, _, attribute = METRICS[name].partition(":")
    metric: Metric[Any] = getattr(importlib.import_module(module), attribute)(rules)
    return metric


def with_mean(joints: Floats) -> Floats:
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
    return np.append(means, joints[-1])
