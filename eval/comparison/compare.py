"""`compare`: results on the same ground truth, with intervals of their differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from poseflow.arrays import Floats
from poseflow.errors import PoseFlowError
from poseflow.eval.comparison.bootstrap import SAME, draw, interval
from poseflow.eval.comparison.figures import (
    Figure,
    posetrack_figures,
    tracking_figures,
)
from poseflow.eval.evaluation import measure, metric_names
from poseflow.eval.metrics.clear import Convention
from poseflow.eval.mot.files import Missing
from poseflow.eval.mot.scoring import score_mot
from poseflow.eval.posetrack.rules import rules_of
from poseflow.eval.track_pairs import Similarity
from poseflow.eval.tracks import score_tracks
from poseflow.formats import sniff
from poseflow.formats.posetrack.submission import find_sequence_files
from poseflow.skeletons.skeleton import Skeleton

Kind = Literal["posetrack", "mot", "tracks"]
Verdict = Literal["better", "worse", "no difference", "unknown"]

FEW = 6
"""Sequences below which all may agree by chance: two of 2^6 ways are 3 %."""
SHOWN = 3
"""Sequences named by the text for each figure."""


@dataclass(frozen=True)
class Difference:
    """A figure of a result minus that of the first result.

    Attributes:
        figure: Name of the figure, such as `MOTA`.
        value: Percent; positive if this result is better.
        interval: Confidence interval of it, None if it cannot be estimated.
        better: Sequences in which this result is better.
        worse: Sequences in which it is worse.
        equal: Sequences in which both are equal, or undefined.
        verdict: `better` or `worse` if the interval excludes 0; `unknown` if it does
            not although all of a few sequences agree, or if there is none; else
            `no difference`.
        sequences: Name and difference of the sequences, largest differences first.
    """

    figure: str
    value: float
    interval: tuple[float, float] | None
    better: int
    worse: int
    equal: int
    verdict: Verdict
    sequences: tuple[tuple[str, float], ...]

    @property
    def words(self) -> str:
        """The verdict in words."""
        if self.verdict == "no difference":
            return "no difference that these sequences can show"
        if self.verdict != "unknown":
            return self.verdict
        if self.interval is None:
            return "one sequence: no interval"
        count = max(self.better, self.worse)
        kind = "better" if self.better else "worse"
        return f"{kind} in all {count} sequences, too few to be sure"

    def to_dict(self) -> dict[str, Any]:
        """JSON types; None where undefined."""
        return {
            "value": _plain(self.value),
            "interval": None if self.interval is None else list(self.interval),
            "better": self.better,
            "worse": self.worse,
            "equal": self.equal,
            "verdict": self.verdict,
            "sequences": {name: _plain(value) for name, value in self.sequences},
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results on the same ground truth, the first being what others are compared to.

    Attributes:
        kind: What was scored: `posetrack`, `mot` or `tracks`.
        sequences: Names of the sequences.
        results: Name of each result, and its figures by name.
        differences: Name of each result but the first, and its differences by figure.
        confidence: Of the intervals, such as 0.95.
        resamples: Number of bootstrap resamples.
        seed: Of the resamples.
        notes: What was wrong with the files, a sentence each.
    """

    kind: Kind
    sequences: tuple[str, ...]
    results: Mapping[str, Mapping[str, Figure]]
    differences: Mapping[str, Mapping[str, Difference]]
    confidence: float
    resamples: int
    seed: int
    notes: tuple[str, ...] = ()

    def table(self, format: Literal["text", "markdown"] = "text") -> str:
        """Figures side by side, then each result's differences from the first.

        Args:
            format: Aligned text, or markdown tables.

        Raises:
            PoseFlowError: If the format is unknown.
        """
        if format not in ("text", "markdown"):
            raise PoseFlowError(
                f"unknown table format {format!r}; expected text or markdown"
            )
        names = list(self.results)
        rows = [["", *names]]
        for figure in self.results[names[0]]:
            totals = (self.results[name][figure].total for name in names)
            rows.append([figure, *map(_cell, totals)])
        blocks = [_layout(rows, format)]
        for name, differences in self.differences.items():
            percent = f"{100 * self.confidence:.0f}% interval"
            rows = [
                [
                    f"{name} - {names[0]}",
                    "difference",
                    percent,
                    "better/worse/equal",
                    "",
                ]
            ]
            for one in differences.values():
                rows.append(
                    [
                        one.figure,
                        _signed(one.value),
                        "-"
                        if one.interval is None
                        else "[{}, {}]".format(*map(_signed, one.interval)),
                        f"{one.better}/{one.worse}/{one.equal}",
                        one.words,
                    ]
                )
            blocks.append(_layout(rows, format))
        return "\n\n".join(blocks)

    def largest(self) -> str:
        """The sequences in which results differ most, a line for each figure."""
        first = next(iter(self.results))
        lines = []
        for name, differences in self.differences.items():
            for one in differences.values():
                shown = [
                    f"{sequence} {_signed(value)}"
                    for sequence, value in one.sequences[:SHOWN]
                    if abs(value) > SAME
                ]
                if shown:
                    lines.append(
                        f"  {name} - {first}, {one.figure}: {', '.join(shown)}"
                    )
        return "\n".join(["Largest differences by sequence:", *lines] if lines else [])

    def __str__(self) -> str:
        return "\n\n".join(filter(None, [self.table(), self.largest()]))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types: percent, unrounded, None where undefined."""
        return {
            "kind": self.kind,
            "sequences": list(self.sequences),
            "confidence": self.confidence,
            "resamples": self.resamples,
            "seed": self.seed,
            "results": {
                name: {
                    figure: {
                        "total": _plain(values.total),
                        "sequences": dict(
                            zip(
                                self.sequences,
                                map(_plain, values.sequences.tolist()),
                                strict=True,
                            )
                        ),
                    }
                    for figure, values in figures.items()
                }
                for name, figures in self.results.items()
            },
            "differences": {
                name: {figure: d.to_dict() for figure, d in differences.items()}
                for name, differences in self.differences.items()
            },
            "notes": list(self.notes),
        }


def compare(
    gt: str | PathLike[str],
    results: Sequence[str | PathLike[str]] | Mapping[str, str | PathLike[str]],
    *,
    kind: Kind | None = None,
    mode: str = "strict",
    metrics: str | Sequence[str] | None = None,
    similarity: Similarity = "oks",
    skeleton: Skeleton | str | None = None,
    convention: Convention = "motmetrics",
    missing: Missing = "error",
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    workers: int = 1,
) -> Comparison:
    """Compare results on the same ground truth, with paired bootstrap intervals.

    Sequences are resampled with replacement, the same ones for all results, and the
    totals computed anew; the interval is that of the differences between them,
    widened for few sequences (`poseflow.eval.comparison.bootstrap`). A result is
    better or worse if the interval of the difference excludes 0. Otherwise these
    sequences cannot show a difference, which does not mean that there is none.

    Args:
        gt: Ground truth: PoseTrack (as for `poseflow.evaluate`), MOTChallenge text (as
            for `score_mot`), or tracked poses (as for `score_tracks`).
        results: Two or more results, or a name for each.
        kind: Which of the three the ground truth is; None goes by the files.
        mode: PoseTrack: the rules of `poseflow.evaluate`.
        metrics: PoseTrack: names, in a list or with commas between.
        similarity: Tracked poses: what is compared.
        skeleton: The joints of files that do not tell; not of PoseTrack's.
        convention: MOTChallenge: which program's CLEAR MOT.
        missing: `"empty"` scores a sequence of MOTChallenge or tracked poses that a
            result lacks as one without predictions. In PoseTrack it always is.
        confidence: Of the intervals, between 0 and 1.
        resamples: Number of resamples.
        seed: Of the resamples; the same seed gives the same intervals.
        workers: Processes for large sets.

    Raises:
        FormatError: If a file cannot be read.
        PoseFlowError: If there is only one result, or an option is out of range.
    """
    named = _named(results)
    if not 0 < confidence < 1:
        raise PoseFlowError(f"confidence must be between 0 and 1, got {confidence}")
    if resamples < 100:
        raise PoseFlowError(f"resamples must be at least 100, got {resamples}")
    kind = kind or kind_of(gt)
    figures: dict[str, dict[str, Figure]] = {}
    sequences: tuple[str, ...] = ()
    notes: list[str] = []
    for name, path in named.items():
        if kind == "posetrack":
            plan = [(mode, m) for m in metric_names(rules_of(mode), metrics)]
            done = measure(
                gt,
                path,
                tuple(plan),
                skeleton=skeleton,
                missing=missing,
                workers=workers,
            )
            parts = {metric: done.parts[mode, metric] for _, metric in plan}
            figures[name] = posetrack_figures(mode, done.names, parts)
            sequences = tuple(done.names)
            notes += [f"{name}: {p}" for p in done.problems if p.level != "note"]
            continue
        if kind == "mot":
            scores = score_mot(
                gt, path, convention=convention, missing=missing, workers=workers
            )
        else:
            tracks = score_tracks(
                gt, path, similarity, missing=missing, skeleton=skeleton
            )
            notes += [f"{name}: {note}" for note in tracks.notes if "score" in note]
            scores = list(tracks.people)
        figures[name] = tracking_figures(scores)
        sequences = tuple(score.name for score in scores)
    times = draw(len(sequences), resamples, seed)
    drawn = {
        name: {figure: values.resampled(times) for figure, values in own.items()}
        for name, own in figures.items()
    }
    first = next(iter(named))
    differences = {
        name: {
            figure: _difference(
                figure,
                figures[first][figure],
                values,
                drawn[name][figure] - drawn[first][figure],
                sequences,
                confidence,
            )
            for figure, values in own.items()
        }
        for name, own in figures.items()
        if name != first
    }
    return Comparison(
        kind,
        sequences,
        figures,
        differences,
        confidence,
        resamples,
        seed,
        tuple(notes),
    )


def _difference(
    name: str,
    first: Figure,
    other: Figure,
    resampled: Floats,
    sequences: Sequence[str],
    confidence: float,
) -> Difference:
    value = other.total - first.total
    ends = interval(value, resampled, len(sequences), confidence)
    each = other.sequences - first.sequences
    better, worse = int((each > SAME).sum()), int((each < -SAME).sum())
    known = np.flatnonzero(~np.isnan(each))
    order = known[np.argsort(-np.abs(each[known]), kind="stable")]
    verdict: Verdict = "no difference"
    if ends is None:
        verdict = "unknown" if better or worse else "no difference"
    elif ends[0] > SAME:
        verdict = "better"
    elif ends[1] < -SAME:
        verdict = "worse"
    elif len(each) < FEW and len(each) in (better, worse):
        verdict = "unknown"
    return Difference(
        name,
        value,
        ends,
        better,
        worse,
        len(each) - better - worse,
        verdict,
        tuple((sequences[k], float(each[k])) for k in order.tolist()),
    )


def kind_of(gt: str | PathLike[str]) -> Kind:
    """What a ground truth is: MOTChallenge text, PoseTrack or other tracked poses."""
    path = Path(gt)
    if path.suffix.lower() == ".txt":
        return "mot"
    if path.is_dir():
        for pattern in ("gt/gt.txt", "*/gt/gt.txt", "[!.]*.txt"):
            if next(path.glob(pattern), None) is not None:
                return "mot"
    first = find_sequence_files(path)[0]
    if first.member is not None:
        return "posetrack"
    return "posetrack" if sniff(first.path).name.startswith("posetrack") else "tracks"


def _named(
    results: Sequence[str | PathLike[str]] | Mapping[str, str | PathLike[str]],
) -> dict[str, Path]:
    """Each result with a name of its own: as many last parts of its path as needed."""
    if isinstance(results, Mapping):
        named = {str(name): Path(path) for name, path in results.items()}
    else:
        given = [results] if isinstance(results, str | PathLike) else results
        paths = [Path(path) for path in given]
        depth, deepest = 1, max((len(p.parts) for p in paths), default=1)
        labels = _labels(paths, depth)
        while len(set(labels)) < len(labels) and depth < deepest:
            depth += 1
            labels = _labels(paths, depth)
        if len(set(labels)) < len(labels):
            labels = [f"{label} ({k})" for k, label in enumerate(_labels(paths, 1), 1)]
        named = dict(zip(labels, paths, strict=True))
    if len(named) < 2:
        raise PoseFlowError(
            f"expected two results or more to compare, got {len(named)}"
        )
    return named


def _labels(paths: Sequence[Path], depth: int) -> list[str]:
    return [str(Path(*path.parts[-depth:])) for path in paths]


def _layout(rows: list[list[str]], format: str) -> str:
    if format == "markdown":
        rows = [rows[0], ["---", *["---:"] * (len(rows[0]) - 1)], *rows[1:]]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if k in (0, 4) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _signed(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:+.2f}"


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
