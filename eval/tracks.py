"""Tracking scores of files of poses, of any skeleton: people, and joint by joint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.arrays import Ints
from poseflow.errors import FormatError
from poseflow.eval.diagnosis.diagnosis import Diagnosis
from poseflow.eval.diagnosis.diagnosis import diagnose as find_causes
from poseflow.eval.diagnosis.track_table import TrackTable
from poseflow.eval.frame_matching import FrameMatching, match_frames
from poseflow.eval.mot.files import Missing
from poseflow.eval.track_pairs import (
    Similarity,
    TrackPairs,
    head_joints,
    pair_people,
    pckh_match,
)
from poseflow.eval.tracking import (
    Layout,
    TrackingScores,
    check_similarity,
    score_table,
    tracking_table,
)
from poseflow.formats import read, sniff
from poseflow.frame_names import without_suffix
from poseflow.safety.terminal import one_line
from poseflow.sequence import PoseSequence
from poseflow.skeletons.skeleton import Skeleton

Tracks = str | PathLike[str] | PoseSequence | Mapping[str, PoseSequence]
"""A file, a folder with a file for each sequence, or loaded sequences."""

POOLED = "all joints"


@dataclass(frozen=True, eq=False)
class TrackScores:
    """Tracking scores of sequences of poses.

    Attributes:
        similarity: What was compared: `oks`, `pckh` or `iou`.
        people: Scores of whole people, one for each sequence.
        joints: Name of each joint, and its scores over all sequences; empty with `iou`.
        matchings: How the frames of each sequence pair up.
        notes: What was assumed, a sentence each.
        diagnosis: Causes of what was lost, if asked for.
    """

    similarity: Similarity
    people: tuple[TrackingScores, ...]
    joints: Mapping[str, TrackingScores]
    matchings: tuple[FrameMatching, ...]
    notes: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None

    @property
    def total(self) -> TrackingScores:
        """Whole people of all sequences together."""
        return _pooled(self.people, "total")

    @property
    def all_joints(self) -> TrackingScores | None:
        """All joints together, every joint tracked on its own; None with `iou`."""
        return _pooled(tuple(self.joints.values()), POOLED) if self.joints else None

    def table(self, format: Layout = "text") -> str:
        """People by sequence with the total, then the joints."""
        people = [*self.people]
        if len(people) > 1:
            people.append(self.total)
        text = tracking_table(people, format)
        if self.joints:
            rows = [*self.joints.values()]
            rows.append(_pooled(rows, POOLED))
            text += "\n\n" + tracking_table(rows, format, "joint")
        return text

    def __str__(self) -> str:
        lines = [self.table(), ""]
        lines += [
            f"{one_line(scores.name)}: {matching}"
            for scores, matching in zip(self.people, self.matchings, strict=True)
        ]
        if self.diagnosis is not None:
            lines += [str(self.diagnosis), ""]
        return "\n".join([*lines, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types: percent, unrounded, None where undefined."""
        pooled = self.all_joints
        return {
            "similarity": self.similarity,
            "total": self.total.to_dict(),
            "sequences": {s.name: s.to_dict() for s in self.people},
            "joints": {name: s.to_dict() for name, s in self.joints.items()},
            "all_joints": None if pooled is None else pooled.to_dict(),
            "frames": {
                scores.name: matching.to_dict()
                for scores, matching in zip(self.people, self.matchings, strict=True)
            },
            "notes": list(self.notes),
            **({"diagnosis": self.diagnosis.to_dict()} if self.diagnosis else {}),
        }


def score_tracks(
    truth: Tracks,
    result: Tracks,
    similarity: Similarity = "oks",
    threshold: float = 0.5,
    *,
    missing: Missing = "error",
    skeleton: Skeleton | str | None = None,
    diagnose: bool = False,
) -> TrackScores:
    """Tracking scores (HOTA, MOTA, IDF1) of poses of any skeleton, in any format.

    Whole people are scored as by `score_tracking`. With OKS and PCKh, every joint is
    also tracked on its own, under its person's id: by OKS' term of that joint with
    `threshold`, or within half a head size. Sequences pair by the names of their files,
    frames by the names of their images or by number, whichever pairs more.

    Args:
        truth: Ground truth: a file that `poseflow.read` reads, a folder of them, or
            sequences. Every person has a track id.
        result: The same of a tracker.
        similarity: `"oks"` with the sigmas of the truth's skeleton, `"pckh"` or
            `"iou"` (of the boxes).
        threshold: Similarity that a match needs in CLEAR and identity scores, above 0,
            at most 1; of joints with `"pckh"`, half a head size counts instead.
        missing: `"empty"` scores a sequence that the result lacks as one without
            predictions; otherwise it is an error.
        skeleton: The joints of files that do not tell.
        diagnose: Find the causes of what was lost: `TrackScores.diagnosis`.

    Raises:
        FormatError: If a file cannot be read, or the result lacks a sequence.
        PoseFlowError: If an annotated person has no id, an id or a frame comes twice,
            no frame pairs, or the skeletons have no common joint.
    """
    check_similarity(similarity, threshold)
    truths, results = _sequences(truth), _sequences(result)
    if len(truths) == len(results) == 1:
        results = dict.fromkeys(truths, next(iter(results.values())))
    notes = _check_names(truths, results, missing)
    people: list[TrackingScores] = []
    joints: dict[str, TrackingScores] = {}
    matchings = []
    tables = []
    for name, source in truths.items():
        gt = _load(source, skeleton)
        pred = PoseSequence((), gt.skeleton, name)
        if name in results:
            pred = _load(results[name], skeleton)
        moments, matching = match_frames(gt, pred)
        pairs = pair_people(gt, pred, moments, similarity)
        frames = matching.both + len(matching.truth_only) + len(matching.result_only)
        table = pairs.people_table(similarity)
        people += score_table(table, [name], [frames], threshold)
        matchings.append(matching)
        if diagnose:
            tables.append(_track_table(name, pairs, gt, pred, moments, similarity))
        if similarity == "iou":
            continue
        needed = threshold if similarity == "oks" else pckh_match()
        table = pairs.joint_table(similarity)
        counted = [frames] * len(pairs.joints)
        for one in score_table(table, pairs.joints, counted, needed):
            joints[one.name] = joints[one.name] + one if one.name in joints else one
        for note in _assumptions(gt.skeleton, similarity):
            if note not in notes:
                notes.append(note)
    return TrackScores(
        similarity,
        tuple(people),
        joints,
        tuple(matchings),
        tuple(notes),
        find_causes(tables, threshold) if diagnose else None,
    )


def _track_table(
    name: str,
    pairs: TrackPairs,
    truth: PoseSequence,
    result: PoseSequence,
    moments: tuple[Ints, Ints],
    similarity: Similarity,
) -> TrackTable:
    """For the diagnosis, with `Frame.index` as frames if that is the order of time."""
    index = np.zeros(1 + max(int(m.max(initial=-1)) for m in moments), np.int64)
    for sequence, numbers in ((result, moments[1]), (truth, moments[0])):
        index[numbers] = [frame.index for frame in sequence]
    if len(index) and not (np.diff(index) > 0).all():
        index = np.arange(len(index))
    return TrackTable.of(
        name,
        (index[pairs.truth.moments], pairs.truth.ids),
        (index[pairs.result.moments], pairs.result.ids),
        pairs.at,
        pairs.by,
        pairs.people_similarity(similarity),
    )


def _assumptions(skeleton: Skeleton, similarity: Similarity) -> list[str]:
    if similarity == "oks":
        source = skeleton.sigmas_source
        return [f"sigmas of skeleton {skeleton.name!r}: {source}"]
    ends = head_joints(skeleton)
    if ends is None:
        return [
            f"skeleton {skeleton.name!r} has no head: a match is within a tenth of the "
            "longer side of the annotated box instead of half a head size"
        ]
    return [f"head size: distance from {ends[0]} to {ends[1]} in the ground truth"]


def _pooled(scores: Sequence[TrackingScores], name: str) -> TrackingScores:
    total = sum(scores[1:], scores[0])
    return TrackingScores(name, total.counts, total.sums, total.threshold)


def _sequences(side: Tracks) -> dict[str, Path | PoseSequence]:
    """Each sequence's file or poses, by name."""
    if isinstance(side, PoseSequence):
        return {side.name or "sequence": side}
    if isinstance(side, Mapping):
        return dict(side)
    path = Path(side)
    if not path.is_dir() or _is_one_sequence(path):
        return {_name(path): path}
    files = _files_of_poses(path)
    found: dict[str, Path | PoseSequence] = {}
    for file in files:
        if _name(file) in found:
            raise FormatError(
                f"{path}: {found[_name(file)]} and {file.name} are the same sequence; "
                "expected one file for each"
            )
        found[_name(file)] = file
    return found


def _files_of_poses(folder: Path) -> list[Path]:
    """The files of a folder that are in a known format, sorted by name.

    Others, such as a readme, are left out with a warning.

    Raises:
        FormatError: If there are none.
    """
    files = sorted(
        file for file in folder.iterdir() if file.is_file() and file.name[:1] != "."
    )
    poses, others = [], []
    for file in files:
        try:
            sniff(file)
            poses.append(file)
        except FormatError as error:
            others.append((file, error))
    if not poses:
        reason = f" ({others[0][1]})" if others else ""
        raise FormatError(
            f"{folder}: holds no file of poses; expected one for each sequence{reason}"
        )
    if others:
        names = ", ".join(file.name for file, _ in others[:3])
        warnings.warn(
            f"{folder}: {names}: no known file of poses; {len(others)} left out",
            stacklevel=4,
        )
    return poses


def _is_one_sequence(folder: Path) -> bool:
    """Whether a format, such as OpenPose's, has the folder as one sequence."""
    try:
        sniff(folder)
    except FormatError:
        return False
    return True


def _name(path: Path) -> str:
    name = without_suffix(path.name or path.resolve().name, ".gz")
    return name if path.is_dir() else name.rpartition(".")[0] or name


def _load(source: Path | PoseSequence, skeleton: Skeleton | str | None) -> PoseSequence:
    if isinstance(source, PoseSequence):
        return source
    return read(source, skeleton=skeleton)


def _check_names(
    truths: Mapping[str, Any], results: Mapping[str, Any], missing: Missing
) -> list[str]:
    """Notes about sequences of one side only.

    Raises:
        FormatError: If the result lacks one and `missing` is not `"empty"`.
    """
    lacking = [name for name in truths if name not in results]
    unknown = [name for name in results if name not in truths]
    if lacking and missing != "empty":
        raise FormatError(
            f"the result has no sequence {', '.join(lacking[:3])} ({len(lacking)} of "
            f"{len(truths)} lack a result); it has {', '.join(list(results)[:3])}; "
            "name the files like the ground truth's, or score them as empty with "
            '--missing empty (missing="empty")'
        )
    notes = [f"{name}: no result; scored as without predictions" for name in lacking]
    return notes + [f"{name}: not in the ground truth; not scored" for name in unknown]
