"""What a metric is to `poseflow.evaluate`, and where the metrics are listed.

A metric measures sequences one by one (in any process) and combines what it measured
into a `Section` of the report. Nothing else passes between the two, so that results do
not depend on how the sequences were spread over workers.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy.typing as npt

from poseflow.arrays import Floats
from poseflow.errors import PoseFlowError
from poseflow.formats.posetrack.annotations import JOINTS, Annotations

GROUPS: Mapping[str, tuple[int, ...]] = {
    "Head": tuple(JOINTS.index(j) for j in ("head_top", "neck", "nose")),
    "Shou": tuple(JOINTS.index(j) for j in ("right_shoulder", "left_shoulder")),
    "Elb": tuple(JOINTS.index(j) for j in ("right_elbow", "left_elbow")),
    "Wri": tuple(JOINTS.index(j) for j in ("right_wrist", "left_wrist")),
    "Hip": tuple(JOINTS.index(j) for j in ("right_hip", "left_hip")),
    "Knee": tuple(JOINTS.index(j) for j in ("right_knee", "left_knee")),
    "Ankl": tuple(JOINTS.index(j) for j in ("right_ankle", "left_ankle")),
}
"""The field's seven columns and their joints."""


@dataclass(frozen=True, eq=False)
class SequencePair:
    """A sequence's ground truth with the predictions for it, frames in the same order.

    Attributes:
        name: Name of the sequence.
        gt: What was annotated.
        pred: What was predicted; nobody in any frame where a submission lacks the
            sequence. May have fewer or more frames than `gt` in a faulty submission.
        has_prediction: Whether the submission has the sequence.
        memo: For what several metrics of one mode compute in common.
    """

    name: str
    gt: Annotations
    pred: Annotations
    has_prediction: bool = True
    memo: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Section:
    """What one metric found, over all sequences or over one.

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
        notes: What a reader of the figures should know, a sentence each.
        extra: Anything else worth keeping, such as curves: JSON types and arrays.
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


class Metric(Protocol):
    """Measures sequences, then combines the measurements."""

    def measure(self, pairs: Sequence[SequencePair]) -> list[Any]:
        """One measurement for each pair, picklable, independent of the other pairs."""
        ...

    def combine(self, names: Sequence[str], parts: Sequence[Any]) -> Section:
        """The section for all sequences, from measurements in the order of names."""
        ...


# (mode, metric) -> "module:class"; the class is called with no arguments.
METRICS: dict[tuple[str, str], str] = {
    ("poseval", "ap"): "poseflow.eval.posetrack.ap_mota:PosevalAP",
    ("poseval", "mot"): "poseflow.eval.posetrack.ap_mota:PosevalMOT",
    ("strict", "ap"): "poseflow.eval.posetrack.ap_mota:StrictAP",
    ("strict", "mot"): "poseflow.eval.posetrack.ap_mota:StrictMOT",
    ("strict", "hota"): "poseflow.eval.posetrack.hota_idf1:StrictHOTA",
    ("strict", "idf1"): "poseflow.eval.posetrack.hota_idf1:StrictIdentity",
    ("strict", "pose"): "poseflow.eval.posetrack.hota_idf1:StrictPoseTracking",
    ("posetrack21", "ap"): "poseflow.eval.posetrack.posetrack21:PoseTrack21AP",
    ("posetrack21", "hota"): "poseflow.eval.posetrack.posetrack21:PoseTrack21HOTA",
}

MODES = ("strict", "poseval", "posetrack21")


def names_of_metrics(mode: str) -> tuple[str, ...]:
    """The metrics that a mode has.

    Raises:
        PoseFlowError: If there is no such mode.
    """
    if mode not in MODES:
        raise PoseFlowError(
            f"unknown mode {mode!r}; expected one of {', '.join(MODES)}"
        )
    return tuple(name for known, name in METRICS if known == mode)


def make_metric(mode: str, name: str) -> Metric:
    """The metric of that name under the rules of that mode.

    Raises:
        PoseFlowError: If the mode has no such metric.
    """
    known = names_of_metrics(mode)
    if name not in known:
        raise PoseFlowError(
            f"mode {mode!r} has no metric {name!r}; it has {', '.join(known)}"
        )
    module, _, attribute = METRICS[mode, name].partition(":")
    metric: Metric = getattr(importlib.import_module(module), attribute)()
    return metric
