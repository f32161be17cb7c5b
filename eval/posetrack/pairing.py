"""Pairing of ground truth and predictions by sequence, and loading both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats import read
from poseflow.formats.posetrack.annotations import (
    Annotations,
    Problem,
    empty_annotations,
)
from poseflow.formats.posetrack.conversion import annotations_from_poses
from poseflow.formats.posetrack.reader import parse_annotations, read_annotations
from poseflow.formats.posetrack.submission import SequenceFile, find_sequence_files
from poseflow.sequence import PoseSequence
from poseflow.skeletons.skeleton import Skeleton

GroundTruth = str | PathLike[str] | Annotations | Mapping[str, Annotations]
Predictions = (
    str
    | PathLike[str]
    | Annotations
    | PoseSequence
    | Mapping[str, Annotations | PoseSequence]
)


@dataclass(frozen=True, eq=False)
class SequencePair:
    """A sequence's ground truth with the predictions for it.

    Attributes:
        name: Name of the sequence.
        gt: The annotation.
        pred: The predictions; without people where a submission lacks the sequence.
            May have fewer or more frames than `gt` in a faulty submission.
        has_prediction: Whether the submission has the sequence.
    """

    name: str
    gt: Annotations
    pred: Annotations
    has_prediction: bool = True


@dataclass(frozen=True, eq=False)
class SequenceInput:
    """A sequence to score; its files are read by the process that scores it.

    Attributes:
        name: Name of the sequence.
        gt: The annotation.
        pred: The predictions, None if there are none.
        estimate: Whether joints that a result's skeleton lacks are estimated.
        skeleton: The joints of predictions in other formats than PoseTrack's; None as
            their files say.
    """

    name: str
    gt: SequenceFile | Annotations
    pred: SequenceFile | Annotations | PoseSequence | None
    estimate: bool = True
    skeleton: Skeleton | str | PathLike[str] | None = None

    @property
    def size(self) -> int:
        """Bytes of JSON to read, as far as known."""
        return sum(
            side.size for side in (self.gt, self.pred) if isinstance(side, SequenceFile)
        )

    def load(self) -> SequencePair:
        """Both sides.

        Raises:
            FormatError: If a file cannot be read.
        """
        gt = self.gt if isinstance(self.gt, Annotations) else read_annotations(self.gt)
        pred = self.pred
        if pred is None:
            empty = empty_annotations(
                self.name, gt.source, gt.image_names, gt.image_ids
            )
            return SequencePair(self.name, gt, empty, has_prediction=False)
        if isinstance(pred, SequenceFile):
            pred = _read_prediction(pred, self.skeleton)
        if isinstance(pred, PoseSequence):
            pred = annotations_from_poses(pred, gt, estimate=self.estimate)
        return SequencePair(self.name, gt, pred)


def _read_prediction(
    file: SequenceFile, skeleton: Skeleton | str | PathLike[str] | None
) -> Annotations | PoseSequence:
    """A PoseTrack file, or any other file of poses that `poseflow.read` knows."""
    data = file.read_bytes()
    if data.lstrip()[:1] != b"[":
        try:
            return parse_annotations(data, file.name, file.label)
        except FormatError:
            if b'"annolist"' in data or b'"images"' in data or file.member is not None:
                raise
    if file.member is not None:
        raise FormatError(
            f"{file.label}: expected a PoseTrack file, found a list; results in other "
            "formats are scored as files of their own, not in an archive"
        )
    return read(file.path, skeleton=skeleton)


def find_sequences(
    gt: GroundTruth,
    pred: Predictions,
    *,
    sequence: str | None = None,
    estimate: bool = True,
    skeleton: Skeleton | str | PathLike[str] | None = None,
) -> tuple[list[SequenceInput], list[Problem]]:
    """Every annotated sequence with its prediction, sorted by name.

    Sequences pair by name; a single prediction for a single annotation pairs under any
    name.

    Args:
        gt: Folder, zip archive, file, or loaded annotations.
        pred: The same, or tracked poses.
        sequence: Score this sequence only; names that of a single prediction.
        estimate: See `SequenceInput`.
        skeleton: See `SequenceInput`.

    Returns:
        The sequences, and a problem for every sequence that only the submission has.

    Raises:
        FormatError: If a path holds nothing to score.
        PoseFlowError: If `sequence` is unknown, or no name is on both sides.
    """
    truths = _by_name(gt)
    results = _by_name(pred)
    renamed: list[Problem] = []
    if sequence is not None:
        if sequence not in truths:
            raise PoseFlowError(
                f"the ground truth has no sequence {sequence!r}; it has "
                f"{_shorten(sorted(truths))}"
            )
        truths = {sequence: truths[sequence]}
        if len(results) == 1:
            results = {sequence: next(iter(results.values()))}
        results = {name: r for name, r in results.items() if name == sequence}
    elif len(truths) == len(results) == 1 and set(truths) != set(results):
        (name,), ((other, result),) = truths, results.items()
        results = {name: result}
        renamed.append(
            Problem(
                result.label if isinstance(result, SequenceFile) else other,
                None,
                f"taken for sequence {name!r}, the only one of the ground truth",
                "note",
            )
        )
    if not set(truths) & set(results):
        raise PoseFlowError(
            f"no sequence of the ground truth ({_shorten(sorted(truths))}) has a "
            f"prediction of its name ({_shorten(sorted(results))}); files pair by name"
        )
    problems = [*renamed]
    problems += [
        Problem(
            side.label if isinstance(side, SequenceFile) else name,
            None,
            f"the ground truth has no sequence {name!r}; not scored",
        )
        for name, side in sorted(results.items())
        if name not in truths
    ]
    inputs = []
    for name, truth in sorted(truths.items()):
        if isinstance(truth, PoseSequence):
            raise PoseFlowError(
                f"ground truth {name!r}: expected a PoseTrack annotation with head "
                "boxes, found tracked poses; score_tracking compares two of those"
            )
        inputs.append(SequenceInput(name, truth, results.get(name), estimate, skeleton))
    return inputs, problems


def _by_name(
    side: GroundTruth | Predictions,
) -> dict[str, SequenceFile | Annotations | PoseSequence]:
    if isinstance(side, Annotations | PoseSequence):
        return {side.name: side}
    if isinstance(side, Mapping):
        return dict(side)
    if isinstance(side, str | PathLike):
        return {file.name: file for file in find_sequence_files(Path(side))}
    raise PoseFlowError(
        "expected a path, annotations or poses, or a mapping from sequence to one of "
        f"these, found {type(side).__name__}"
    )


def _shorten(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown + (f", ... {len(names)} in all" if len(names) > most else "")


def in_chunks(
    inputs: Sequence[SequenceInput], most_bytes: int
) -> Iterator[list[SequenceInput]]:
    """The sequences in order, in lists of about that many bytes; none is empty."""
    chunk: list[SequenceInput] = []
    size = 0
    for sequence in inputs:
        if chunk and size + sequence.size > most_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(sequence)
        size += sequence.size
    if chunk:
        yield chunk
