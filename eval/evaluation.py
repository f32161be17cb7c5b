"""Evaluation of PoseTrack submissions: `poseflow.evaluate` and `check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np

from poseflow.errors import FormatError, PoseFlowError
from poseflow.eval.metric import Section, make_metric
from poseflow.eval.mot.files import Missing
from poseflow.eval.posetrack.checks import check_pair, missing_prediction
from poseflow.eval.posetrack.differences import count_differences, describe_differences
from poseflow.eval.posetrack.joint_ap import RankedJoints
from poseflow.eval.posetrack.pairing import (
    GroundTruth,
    Predictions,
    SequenceInput,
    SequencePair,
    find_sequences,
    in_chunks,
)
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.eval.posetrack.preparation import prepare
from poseflow.eval.posetrack.rules import POSEVAL, STRICT, RuleSet, rules_of
from poseflow.eval.processes import map_in_processes
from poseflow.eval.report import Report
from poseflow.formats.posetrack.annotations import Problem
from poseflow.skeletons.skeleton import Skeleton

CHUNK_BYTES = 32 << 20
"""JSON that is held at once, in each process."""
WORTH_BYTES = 256 << 20
"""Size of JSON above which starting other processes saves time."""
SAME = 1e-9
"""Percent by which two modes may differ and still count as agreeing."""

DIAGNOSIS = "diagnosis"
"""Stands among the metrics of a plan for tables of whole people."""

Plan = tuple[tuple[str, str], ...]
Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


def evaluate(
    gt: GroundTruth,
    pred: Predictions,
    mode: str | None = None,
    metrics: str | Sequence[str] | None = None,
    *,
    sequence: str | None = None,
    estimate: bool = True,
    skeleton: Skeleton | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    diagnose: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Score predictions against PoseTrack ground truth.

    Sides are a folder, a zip archive or a file (PoseTrack17, 18 or 21, gzipped or
    not), or loaded `Annotations`; predictions also any result that `poseflow.read`
    reads, or a `PoseSequence`. Sequences pair by name.

    Args:
        gt: The ground truth.
        pred: The predictions.
        mode: `strict` follows the definitions, `poseval` and `posetrack21` the
            reference programs to the last digit (docs/scoring.md). None is `strict`
            next to what poseval gives where that differs, with the reasons.
        metrics: Names, in a list or with commas between; default `ap,mot`, and all
            that the mode has for `posetrack21`.
        sequence: Score this sequence only; a single prediction is taken for it.
        estimate: Compute joints that the skeleton of a result lacks, such as COCO's
            neck; the report's problems name them.
        skeleton: The joints of predictions in other formats than PoseTrack's, a
            skeleton, its name or a file; None as they say.
        missing: `"error"` refuses predictions that lack a sequence, `"empty"` scores it
            without predictions and names it among the problems. None is
            `"error"`, but `"empty"` where a mode follows an official program.
        diagnose: Find the causes of what tracking lost, for whole people (as in the
            metric `pose`): `Report.diagnosis`.
        workers: Processes to use where that saves time. The figures do not depend on
            it. Scripts that ask for more than one need the usual
            `if __name__ == "__main__":`.
        progress: Called as `progress(steps, number_of_steps, "sequences")`; returns
            the steps while it shows the progress.

    Raises:
        FormatError: If a file cannot be read or cannot be scored in this mode, or
            predictions lack a sequence.
        PoseFlowError: If a mode, metric or sequence is unknown, or nothing pairs.
    """
    main = STRICT.mode if mode is None else mode
    names = metric_names(rules_of(main), metrics)
    plan = [(main, name) for name in names]
    if mode is None:
        plan += [(POSEVAL.mode, name) for name in names if name in POSEVAL.metrics]
    done = measure(
        gt,
        pred,
        (*plan, (main, DIAGNOSIS)) if diagnose else tuple(plan),
        differences=mode is None,
        sequence=sequence,
        estimate=estimate,
        skeleton=skeleton,
        missing=missing,
        workers=workers,
        progress=progress,
    )
    sections = {
        key: make_metric(*key).combine(done.names, done.parts[key])
        for key in plan
        if key[0] == main or not done.failed
    }
    report = _report(main, mode is None, sections, done)
    if not diagnose:
        return report
    from poseflow.eval.diagnosis.diagnosis import diagnose as find_causes

    tables, convention = done.parts[main, DIAGNOSIS], rules_of(main).clear_convention
    return replace(report, diagnosis=find_causes(tables, convention=convention))


def measure(
    gt: GroundTruth,
    pred: Predictions,
    plan: Plan,
    *,
    differences: bool = False,
    sequence: str | None = None,
    estimate: bool = True,
    skeleton: Skeleton | str | PathLike[str] | None = None,
    missing: Missing | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Measurements:
    """Measure every sequence with every metric of the plan; see `evaluate`.

    Args:
        gt: The ground truth.
        pred: The predictions.
        plan: Mode and metric, or `DIAGNOSIS` for tables to diagnose; the first mode is
            the one whose errors count.
        differences: Whether to count where strict and poseval differ.
        sequence: As in `evaluate`.
        estimate: As in `evaluate`.
        skeleton: As in `evaluate`.
        missing: As in `evaluate`.
        workers: As in `evaluate`.
        progress: As in `evaluate`.

    Raises:
        FormatError: If a file cannot be read or cannot be scored in the first mode.
        PoseFlowError: If nothing pairs.
    """
    inputs, problems = find_sequences(
        gt, pred, sequence=sequence, estimate=estimate, skeleton=skeleton
    )
    _require_predictions(inputs, plan[0][0], missing)
    done = Measurements(problems=problems, inputs=inputs)
    steps = _measure_all(inputs, plan, differences, workers)
    for part in _shown(steps, len(inputs), progress):
        done.add(part)
    if done.errors:
        more = len(done.errors) - 1
        raise FormatError(
            done.errors[0]
            + (f" ({more} more sequences; `--check` lists them)" if more else "")
        )
    return done


def _require_predictions(
    inputs: Sequence[SequenceInput], mode: str, missing: Missing | None
) -> None:
    """Refuse predictions that lack sequences, unless these are to count as empty.

    Raises:
        FormatError: If a sequence has no prediction.
    """
    if missing is None:
        missing = "error" if mode == STRICT.mode else "empty"
    lacking = [one.name for one in inputs if one.pred is None]
    if lacking and missing == "error":
        named = ", ".join(lacking[:3])
        more = f", ... {len(lacking)} in all" if len(lacking) > 3 else ""
        raise FormatError(
            f"no prediction for {len(lacking)} of {len(inputs)} sequences, {named}"
            f"{more}; name the files like the sequences, or score them as empty with "
            '--missing empty (missing="empty")'
        )


def check(
    gt: GroundTruth,
    pred: Predictions,
    *,
    sequence: str | None = None,
    skeleton: Skeleton | str | PathLike[str] | None = None,
) -> list[Problem]:
    """Problems of a submission and its ground truth, without scoring.

    Args:
        gt: As in `evaluate`.
        pred: As in `evaluate`.
        sequence: As in `evaluate`.
        skeleton: As in `evaluate`.

    Returns:
        Problems in order of sequences; files that cannot be read are among them.

    Raises:
        FormatError: If a path has no sequence files.
        PoseFlowError: If nothing pairs.
    """
    inputs, problems = find_sequences(gt, pred, sequence=sequence, skeleton=skeleton)
    for one in inputs:
        try:
            problems += check_pair(one.load())
        except FormatError as error:
            problems.append(Problem(one.name, None, str(error), "error"))
    return problems


@dataclass
class Measurements:
    """Measurements of some sequences, in order.

    Attributes:
        names: Names of the sequences.
        parts: Mode and metric -> a measurement of each sequence.
        problems: What was wrong with the files.
        counts: Where modes differ, and how often.
        errors: Sequences that could not be measured.
        inputs: What was measured.
        failed: Whether a mode other than the first could not measure all.
    """

    names: list[str] = field(default_factory=list)
    parts: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    inputs: list[SequenceInput] = field(default_factory=list)
    failed: bool = False

    def add(self, other: Measurements) -> None:
        """Append those of further sequences."""
        self.names += other.names
        for key, parts in other.parts.items():
            self.parts.setdefault(key, []).extend(parts)
        self.problems += other.problems
        self.counts.update(other.counts)
        self.errors += other.errors
        self.failed |= other.failed


def metric_names(rules: RuleSet, metrics: str | Sequence[str] | None) -> list[str]:
    """Metrics by name, in the order asked for; those of the mode by default.

    Raises:
        PoseFlowError: If the mode has no such metric, or none is named.
    """
    known = rules.metrics
    if metrics is None:
        return list(rules.default_metrics)
    if isinstance(metrics, str):
        metrics = metrics.split(",")
    names = list(dict.fromkeys(name.strip() for name in metrics if name.strip()))
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        elsewhere = [name for name in unknown if name in STRICT.metrics]
        raise PoseFlowError(
            f"metrics: mode {rules.mode!r} has {', '.join(known)}; found "
            f"{', '.join(unknown) or 'none'}"
            + (
                f"; the official program does not compute {', '.join(elsewhere)}: "
                f"use mode {STRICT.mode!r} for it, or no mode to get both"
                if elsewhere
                else ""
            )
        )
    return names


def _measure_all(
    inputs: list[SequenceInput], plan: Plan, compare: bool, workers: int
) -> Iterator[Measurements]:
    """Chunk after chunk, in order, here or in other processes."""
    total = sum(one.size for one in inputs)
    limit = CHUNK_BYTES
    if total < WORTH_BYTES:
        workers = 1
    if workers > 1:
        limit = min(limit, total // (4 * workers) + 1)
    tasks = ((chunk, plan, compare) for chunk in in_chunks(inputs, limit))
    return map_in_processes(_measure, tasks, workers)


def _measure(
    inputs: Sequence[SequenceInput], plan: Plan, compare: bool
) -> Measurements:
    """Load some sequences and measure each with every metric of the plan."""
    done = Measurements()
    pairs: list[SequencePair] = []
    for one in inputs:
        try:
            pairs.append(one.load())
        except FormatError as error:
            done.errors.append(str(error))
    main = plan[0][0]
    prepared: dict[str, list[PreparedSequence]] = {mode: [] for mode, _ in plan}
    for pair in pairs:
        done.names.append(pair.name)
        done.problems += [*pair.gt.problems, *pair.pred.problems]
        if not pair.has_prediction:
            done.problems.append(missing_prediction(pair))
        by_mode: dict[str, PreparedSequence] = {}
        for mode, sequences in prepared.items():
            try:
                by_mode[mode] = prepare(pair, rules_of(mode))
                sequences.append(by_mode[mode])
            except FormatError as error:
                if mode == main:
                    done.errors.append(str(error))
                else:
                    done.failed = True
        if main in by_mode:
            done.problems += by_mode[main].problems
            if compare:
                done.counts += count_differences(
                    pair, by_mode[main], by_mode.get(POSEVAL.mode)
                )
    for mode, name in plan:
        if name == DIAGNOSIS:
            from poseflow.eval.posetrack.pose_tracking import pose_track_table

            done.parts[mode, name] = list(map(pose_track_table, prepared[mode]))
            continue
        done.parts[mode, name] = make_metric(mode, name).measure(prepared[mode])
    return done


def _shown(
    steps: Iterator[Measurements], total: int, progress: Progress | None
) -> Iterator[Measurements]:
    """The chunks, with every sequence of them reported as a step."""
    if progress is None:
        yield from steps
        return
    finished: list[Measurements] = []

    def one_by_one() -> Iterator[str]:
        for part in steps:
            finished.append(part)
            yield from part.names

    for _ in progress(one_by_one(), total, "sequences"):
        while finished:
            yield finished.pop(0)
    yield from finished


def _report(
    main: str,
    compare: bool,
    sections: dict[tuple[str, str], Section],
    done: Measurements,
) -> Report:
    own = {name: s for (mode, name), s in sections.items() if mode == main}
    others: dict[str, dict[str, Section]] = {}
    for (mode, name), section in sections.items():
        if mode != main and not _agree(section, own[name]):
            others.setdefault(mode, {})[name] = section
    differences: tuple[str, ...] = ()
    if compare and (others or done.failed):
        if "ap" in own:
            done.counts["tied_scores"] = _tied(own["ap"].extra["ranked_joints"])
            annotated = own["ap"].counts["num_annotated"]
            done.counts["never_annotated"] = int((annotated == 0).sum())
        differences = describe_differences(done.counts)
    return Report(
        mode=main,
        sections=own,
        others=others,
        sequences=tuple(done.names),
        differences=differences,
        problems=tuple(done.problems),
        inputs=tuple(done.inputs),
    )


def _agree(a: Section, b: Section) -> bool:
    return all(
        np.allclose(values, b.joints[name], rtol=0, atol=SAME, equal_nan=True)
        for name, values in a.joints.items()
        if name in b.joints
    )


def _tied(joints: RankedJoints) -> int:
    """Predicted joints that share their score with another of the same joint."""
    tied = 0
    for joint in range(joints.scores.shape[1]):
        scores = joints.scores[joints.present[:, joint], joint]
        _, counts = np.unique(scores, return_counts=True)
        tied += int(counts[counts > 1].sum())
    return tied
