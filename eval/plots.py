"""Plots of a report: precision/recall, MOTA per sequence, id switches; matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poseflow.errors import FormatError, MissingExtraError
from poseflow.eval.coco.errors import JOINT_KINDS, CocoErrors
from poseflow.eval.metric import GROUPS
from poseflow.eval.posetrack.rules import rules_of
from poseflow.eval.report import Report
from poseflow.formats.posetrack.annotations import JOINTS
from poseflow.storage.atomic import write_atomically
from poseflow.storage.made_files import MARK, KeptFiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_plots(report: Report, folder: str | Path) -> list[Path]:
    """Every plot that the report has figures for, as PNG files.

    Returns:
        The files.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        FormatError: If the folder or a file cannot be written.
    """
    makers: list[tuple[str, str, Callable[[Report], Figure]]] = [
        ("ap", "precision_recall.png", plot_precision_recall),
        ("mot", "mota_per_sequence.png", plot_mota),
        ("mot", "switches.png", plot_switches),
    ]
    _figure(1, 1)  # fails without matplotlib before a folder is made
    folder = Path(folder)
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for metric, name, make in makers:
            if metric in report.sections:
                _save(make(report), folder / name)
                written.append(folder / name)
    except OSError as error:
        raise FormatError(f"{folder}: cannot be written ({error})") from error
    return written


def _save(figure: Figure, path: Path) -> None:
    """Write a PNG, marked as poseflow's; a file of others is kept as `NAME.1`."""
    KeptFiles(path.parent).keep(path)
    out = io.BytesIO()
    about = {"Software": MARK.decode()}
    figure.savefig(out, format="png", dpi=120, metadata=about)
    write_atomically(path, out.getvalue())


def _figure(width: float, height: float) -> Figure:
    """A figure without a window or global state."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plots", "drawing plots") from error
    return Figure(figsize=(width, height), layout="constrained")


def plot_precision_recall(report: Report) -> Figure:
    """Precision over recall of each of the 15 joints, left and right in one panel."""
    section = report["ap"]
    joints = section.extra["ranked_joints"]
    tied_together = rules_of(section.mode).tied_scores == "one_step"
    figure = _figure(11, 5.5)
    panels: Any = figure.subplots(2, 4, sharex=True, sharey=True).ravel()
    for panel, (group, members) in zip(panels, GROUPS.items(), strict=False):
        for joint in members:
            curve = joints.curve(joint, tied_together=tied_together)
            ap = section.joints["ap"][joint]
            panel.step(
                curve.recall, curve.precision, label=f"{JOINTS[joint]} {ap:.1f}", lw=1.2
            )
        panel.set(title=group, xlim=(0, 1), ylim=(0, 1.02))
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7, loc="lower left")
    panels[-1].set_axis_off()
    figure.supxlabel("recall")
    figure.supylabel("precision")
    figure.suptitle(f"{section.mode}: AP {section.joints['ap'][-1]:.1f}")
    return figure


def plot_mota(report: Report) -> Figure:
    """MOTA of each sequence, best first."""
    section = report["mot"]
    names = list(section.sequences)
    values = np.array([section.sequences[n].joints["mota"][-1] for n in names])
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    figure = _figure(7, max(2.0, 0.8 + 0.22 * len(names)))
    axes = figure.subplots()
    axes.barh(np.arange(len(names)), values[order], color="#4878a8")
    axes.set_yticks(np.arange(len(names)), [names[k] for k in order], fontsize=7)
    axes.invert_yaxis()
    axes.axvline(section.joints["mota"][-1], color="black", lw=1, ls="--")
    axes.set(xlabel="MOTA (dashed: all sequences)", title=section.mode)
    return figure


def plot_switches(report: Report) -> Figure:
    """Id switches over time: a row per sequence, a dot's area the joints switched."""
    section = report["mot"]
    names = list(section.sequences)
    figure = _figure(9, max(2.0, 0.8 + 0.22 * len(names)))
    axes = figure.subplots()
    for row, name in enumerate(names):
        (switches,) = section.sequences[name].extra["switches"]
        frames, joints = np.unique(switches["frame"], return_counts=True)
        axes.scatter(frames, np.full(len(frames), row), s=4 * joints, color="#b04040")
    axes.set_yticks(np.arange(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="scored frame", title="identity switches (area: joints)")
    axes.grid(axis="x", alpha=0.3)
    return figure


def write_coco_plots(errors: CocoErrors, folder: str | Path) -> list[Path]:
    """AP gained by mending each kind of error, and the kinds by joint, as PNG files.

    Returns:
        The files.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        FormatError: If the folder or a file cannot be written.
    """
    figures = {
        "ap_gains.png": plot_gains(errors),
        "joint_errors.png": plot_joint_errors(errors),
    }
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            _save(figure, folder / name)
    except OSError as error:
        raise FormatError(f"{folder}: cannot be written ({error})") from error
    return [folder / name for name in figures]


def plot_gains(errors: CocoErrors) -> Figure:
    """AP as given and what each mended kind of error adds, up to 100."""
    figure = _figure(8, 3.5)
    panel: Any = figure.subplots()
    parts = {"as given": errors.ap["given"], **errors.gains}
    names = list(parts)[::-1]
    starts = np.cumsum([0, *parts.values()])[:-1]
    panel.barh(names, list(parts.values())[::-1], left=starts[::-1])
    panel.set(xlim=(0, 100), xlabel="AP, percent", title="AP gained by mending errors")
    return figure


def plot_joint_errors(errors: CocoErrors) -> Figure:
    """Share of each kind of error, joint by joint."""
    figure = _figure(8, 1.5 + 0.25 * len(errors.joints))
    panel: Any = figure.subplots()
    shares = 100 * errors.kinds / np.maximum(errors.kinds.sum(axis=1, keepdims=True), 1)
    left = np.zeros(len(errors.joints))
    for kind, column in zip(JOINT_KINDS, shares.T, strict=True):
        panel.barh(errors.joints, column, left=left, label=kind)
        left += column
    panel.invert_yaxis()
    panel.set(xlim=(0, 100), xlabel="joints of matched detections, percent")
    panel.legend(ncols=len(JOINT_KINDS), loc="lower right", fontsize="small")
    return figure
