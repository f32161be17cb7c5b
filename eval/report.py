"""`Report`: scores from `poseflow.evaluate`, as a table, a dictionary or files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from poseflow.errors import FormatError, PoseFlowError
from poseflow.eval.metric import GROUPS, Section
from poseflow.eval.posetrack.joint_events import joint_events
from poseflow.eval.posetrack.pairing import SequenceInput
from poseflow.formats.posetrack.annotations import JOINTS, Problem
from poseflow.frame_names import file_name
from poseflow.storage.atomic import write_atomically
from poseflow.storage.made_files import MARK, KeptFiles

if TYPE_CHECKING:
    import pandas
    from rich.table import Table

    from poseflow.eval.diagnosis.diagnosis import Diagnosis

COLUMNS = (*GROUPS, "Total")
JOINT_NAMES = (*JOINTS, "total")


@dataclass(frozen=True, eq=False)
class Report:
    r"""Scores of a submission.

    Attributes:
        mode: The rules that the main figures follow.
        sections: Each metric's figures, in the order asked for.
        others: The same under other modes, for comparison.
        sequences: Names of the sequences, sorted.
        differences: How the main mode and poseval differ on this data, a sentence each;
            empty if only one mode was asked for.
        problems: What was wrong with the files, and what was assumed instead.
        diagnosis: Causes of what tracking lost, if asked for.
        inputs: What was scored, from which `events` reads the files again.

    Examples:
        >>> import poseflow
        >>> people = [{"track_id": [1], "x1": [0], "y1": [0], "x2": [9], "y2": [9],
        ...   "annopoints": [{"point": [{"id": [13], "x": [5], "y": [5]}]}]}]
        >>> from poseflow.formats.posetrack.reader import parse_annotations
        >>> text = json.dumps({"annolist": [{"annorect": people}] * 3}).encode()
        >>> gt = parse_annotations(text, "a")
        >>> report = poseflow.evaluate(gt, gt, mode="strict")
        >>> report.mean_ap, report.mota
        (100.0, 100.0)
        >>> print(report.table("latex", metrics=["ap"], digits=0))
        % strict: & Head & Shou & Elb & Wri & Hip & Knee & Ankl & Total
        AP & 100 & - & - & - & - & - & - & 100 \\ % Prec 100, Rec 100
    """

    mode: str
    sections: Mapping[str, Section]
    others: Mapping[str, Mapping[str, Section]]
    sequences: tuple[str, ...]
    differences: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    diagnosis: Diagnosis | None = None
    inputs: tuple[SequenceInput, ...] = field(default=(), repr=False)

    def __getitem__(self, metric: str) -> Section:
        """The section of a metric, such as `report["mot"]`.

        Raises:
            PoseFlowError: If that metric was not asked for.
        """
        try:
            return self.sections[metric]
        except KeyError:
            raise PoseFlowError(
                f"the report has no metric {metric!r}; it has "
                f"{', '.join(self.sections)}"
            ) from None

    @property
    def mean_ap(self) -> float:
        """Mean average precision over joints, percent."""
        return float(self["ap"].joints["ap"][-1])

    @property
    def mota(self) -> float:
        """Mean MOTA over joints, percent, at most 100."""
        return float(self["mot"].joints["mota"][-1])

    @property
    def motp(self) -> float:
        """Mean MOTP over joints, percent."""
        return float(self["mot"].joints["motp"][-1])

    def table(
        self,
        format: Literal["text", "markdown", "latex"] = "text",
        *,
        metrics: Sequence[str] | None = None,
        digits: int = 1,
        sequence: str | None = None,
    ) -> str:
        """The figures in PoseTrack's layout: Head to Ankl, Total, then summaries.

        Args:
            format: Aligned text, a markdown table, or rows of a LaTeX tabular.
            metrics: Metrics to show; default all.
            digits: Decimals.
            sequence: One sequence instead of all.

        Raises:
            PoseFlowError: If a metric, sequence or format is unknown.
        """
        blocks = [
            (mode, self._rows(sections, metrics, digits, sequence))
            for mode, sections in ((self.mode, self.sections), *self.others.items())
        ]
        if format == "markdown":
            return "\n\n".join(_markdown(mode, rows) for mode, rows in blocks)
        if format == "latex":
            return "\n".join(_latex(mode, rows) for mode, rows in blocks)
        if format == "text":
            return "\n\n".join(_text(mode, rows) for mode, rows in blocks)
        raise PoseFlowError(
            f"unknown table format {format!r}; expected text, markdown or latex"
        )

    def published_table(
        self, format: Literal["text", "markdown", "latex"] = "text", digits: int = 1
    ) -> str:
        """AP and MOTA beside published figures of other methods, with their sources.

        Raises:
            PoseFlowError: If the format is unknown.
        """
        from poseflow.eval.published import published_tables

        own: dict[str, dict[str, float]] = {}
        for metric, row in (("ap", "AP"), ("mot", "MOTA")):
            if metric in self.sections:
                section = self.sections[metric]
                own[metric] = dict(zip(COLUMNS, section.groups[row], strict=True))
                own[metric] |= section.summary
        return published_tables(own, format, digits)

    def events(
        self, joint: str | None = None, sequence: str | None = None
    ) -> pandas.DataFrame:
        """Every match, switch, miss and false positive, as motmetrics has them.

        PoseTrack's MOTA tracks each joint on its own, so that each joint of each
        sequence has a table of its own, in the layout of
        `motmetrics.MOTAccumulator.events`: index `FrameId`, `Event`; columns `Type`,
        `OId`, `HId`, `D`, the distance in head sizes. motmetrics computes its metrics
        from it. The files are read again.

        Args:
            joint: One joint, such as `"nose"`; None is all, in the index level `Joint`.
            sequence: One sequence; None is all, in the index level `Sequence`.

        Raises:
            PoseFlowError: If there is no such joint or sequence.
        """
        return joint_events(self.inputs, self.mode, joint, sequence)

    def joint_table(self, metric: str, digits: int = 1) -> str:
        """Every measure of a metric, a row for each joint and the total.

        Raises:
            PoseFlowError: If that metric was not asked for.
        """
        fields = self[metric].joints
        lines = [" ".join([f"{self.mode:<15}", *(f"{name:>7}" for name in fields)])]
        for k, joint in enumerate(JOINT_NAMES):
            cells = (_number(values[k], digits) for values in fields.values())
            lines.append(" ".join([f"{joint:<15}", *(f"{cell:>7}" for cell in cells)]))
        return "\n".join(lines)

    def rich_tables(self, digits: int = 1) -> list[Table]:
        """The tables for a terminal, one for each mode."""
        from rich.box import SIMPLE
        from rich.table import Table

        tables = []
        for mode, sections in ((self.mode, self.sections), *self.others.items()):
            table = Table(title=mode, title_justify="left", box=SIMPLE)
            table.add_column("", no_wrap=True)
            for column in COLUMNS:
                table.add_column(column, justify="right", no_wrap=True)
            table.add_column("")
            for name, cells, summary in self._rows(sections, None, digits, None):
                table.add_row(name, *cells, summary)
            tables.append(table)
        return tables

    def _rows(
        self,
        sections: Mapping[str, Section],
        metrics: Sequence[str] | None,
        digits: int,
        sequence: str | None,
    ) -> list[tuple[str, list[str], str]]:
        """Name, eight cells and summary of each row."""
        rows = []
        for metric in metrics or sections:
            if metric not in sections:
                raise PoseFlowError(
                    f"the report has no metric {metric!r}; it has {', '.join(sections)}"
                )
            section = sections[metric]
            if sequence is not None:
                if sequence not in section.sequences:
                    raise PoseFlowError(f"the report has no sequence {sequence!r}")
                section = section.sequences[sequence]
            summary = ", ".join(
                f"{name} {_number(value, digits)}"
                for name, value in section.summary.items()
            )
            for name, values in section.groups.items():
                cells = [_number(value, digits) for value in values]
                rows.append((name, cells, summary))
                summary = ""
        return rows

    def to_dict(self, *, sequences: bool = False) -> dict[str, Any]:
        """Everything as JSON types: percent, unrounded, None where undefined.

        Args:
            sequences: Whether to include the figures of each sequence.
        """
        figures = {
            name: _plain_section(section, sequences)
            for name, section in self.sections.items()
        }
        return {
            "mode": self.mode,
            "joint_names": list(JOINT_NAMES),
            "columns": list(COLUMNS),
            **figures,
            "other_modes": {
                mode: {
                    name: _plain_section(section, sequences)
                    for name, section in sections.items()
                }
                for mode, sections in self.others.items()
            },
            "sequences": list(self.sequences),
            "differences": list(self.differences),
            "problems": [
                {
                    "file": p.file,
                    "frame": p.frame,
                    "message": p.message,
                    "level": p.level,
                }
                for p in self.problems
            ],
            **({"diagnosis": self.diagnosis.to_dict()} if self.diagnosis else {}),
        }

    def to_json(
        self, path: str | Path | None = None, *, sequences: bool = False
    ) -> str:
        """`to_dict` as JSON text, written to a file as well if `path` is given.

        Raises:
            FormatError: If the file cannot be written.
        """
        text = json.dumps(self.to_dict(sequences=sequences), indent=1)
        if path is not None:
            write_atomically(path, text.encode() + b"\n")
        return text

    def write_sequences(self, folder: str | Path) -> list[Path]:
        """A JSON file for each sequence and metric, and one for the total.

        AP and MOT have poseval's file names, `<sequence>_AP_metrics.json` and
        `total_MOT_metrics.json`, and like its files a list of 16 numbers for each
        measure; its own files may hold more.

        Returns:
            The files.

        Raises:
            FormatError: If the folder or a file cannot be written.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FormatError(f"{folder}: cannot be made a folder ({error})") from error
        written = []
        kept = KeptFiles(folder)
        for metric, section in self.sections.items():
            for name, part in (("total", section), *section.sequences.items()):
                stem = name.replace("/", "_").replace("\\", "_")
                path = folder / file_name(f"{stem}_{metric.upper()}_metrics.json")
                content = {
                    **{field: _plain(v) for field, v in part.joints.items()},
                    "names": {str(k): joint for k, joint in enumerate(JOINT_NAMES)},
                    "made by": MARK.decode(),
                }
                kept.keep(path)
                write_atomically(path, json.dumps(content).encode() + b"\n")
                written.append(path)
        return written

    def __str__(self) -> str:
        parts = [self.table()]
        if self.differences:
            parts.append(
                "\n".join(["Differences:", *(f"  {d}" for d in self.differences)])
            )
        notes = [note for section in self.sections.values() for note in section.notes]
        if notes:
            parts.append("\n".join(["Notes:", *(f"  {note}" for note in notes)]))
        if self.diagnosis is not None:
            parts.append(str(self.diagnosis))
        serious = [p for p in self.problems if p.level != "note"]
        if serious:
            parts.append(
                f"{len(serious)} problems with the files; the first: {serious[0]}"
            )
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        figures = ", ".join(
            f"{name} {_number(values[-1], 1)}"
            for section in self.sections.values()
            for name, values in section.groups.items()
        )
        return f"<Report {self.mode}: {len(self.sequences)} sequences, {figures}>"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _text(mode: str, rows: list[tuple[str, list[str], str]]) -> str:
    width = max([len(mode), *(len(name) for name, _, _ in rows)])
    lines = [" ".join([f"{mode:<{width}}", *(f"{column:>6}" for column in COLUMNS)])]
    for name, cells, summary in rows:
        line = " ".join([f"{name:<{width}}", *(f"{cell:>6}" for cell in cells)])
        lines.append(f"{line}   {summary}".rstrip())
    return "\n".join(lines)


def _markdown(mode: str, rows: list[tuple[str, list[str], str]]) -> str:
    lines = [
        f"| {mode} | " + " | ".join(COLUMNS) + " |  |",
        "|---|" + "---:|" * len(COLUMNS) + "---|",
    ]
    lines += [
        f"| {name} | " + " | ".join(cells) + f" | {summary} |"
        for name, cells, summary in rows
    ]
    return "\n".join(lines)


def _latex(mode: str, rows: list[tuple[str, list[str], str]]) -> str:
    lines = [f"% {mode}: " + " & ".join(("", *COLUMNS)).strip()]
    for name, cells, summary in rows:
        comment = f" % {summary}" if summary else ""
        lines.append(" & ".join((name, *cells)) + r" \\" + comment)
    return "\n".join(lines)


def _plain_section(section: Section, sequences: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {
        **{name: _plain(values) for name, values in section.joints.items()},
        "table": {name: _plain(values) for name, values in section.groups.items()},
        "summary": {name: _plain(value) for name, value in section.summary.items()},
        "counts": {name: _plain(values) for name, values in section.counts.items()},
    }
    if section.notes:
        plain["notes"] = list(section.notes)
    if sequences and section.sequences:
        plain["sequences"] = {
            name: _plain_section(part, False)
            for name, part in section.sequences.items()
        }
    return plain


def _plain(value: Any) -> Any:
    """JSON types; NaN, which JSON lacks, is None."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
