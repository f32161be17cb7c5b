"""What a result has and a format cannot hold, for a line each when it is converted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poseflow.formats.base import Format
from poseflow.formats.metadata import time_if_needed
from poseflow.frame_names import frame_number
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import PoseSequence
from poseflow.similarity.boxes import keypoint_extent
from poseflow.skeletons import COCO17

CLOSE = 1e-6
"""Relative difference up to which a value counts as what a reader computes itself."""


def losses(sequence: PoseSequence, format: Format) -> list[str]:
    """What of a result is lost in a format, a phrase each.

    Formats say what they lack in an attribute `lacks`, with the keys of `KINDS`; what
    the result does not have is not lost.

    Examples:
        >>> from poseflow import Frame, Poses
        >>> from poseflow.formats import get
        >>> poses = Poses([[[5, 6]] * 17], track_ids=[3])
        >>> losses(PoseSequence.collect([Frame(0, 0.0, poses)]), get("coco"))
        ['1 identities']
    """
    lacks = getattr(format, "lacks", ())
    found = [phrase(sequence) for kind, phrase in KINDS.items() if kind in lacks]
    return [text for text in found if text]


def _all(sequence: PoseSequence) -> list[Poses]:
    return [frame.poses for frame in sequence if len(frame.poses)]


def _identities(sequence: PoseSequence) -> str:
    count = len(sequence.track_ids)
    return f"{count} identities" if count else ""


def _boxes(sequence: PoseSequence) -> str:
    for poses in _all(sequence):
        extent = keypoint_extent(poses.keypoints, poses.present)
        if not np.allclose(poses.boxes, extent, rtol=CLOSE, equal_nan=True):
            return "boxes, which readers take from the joints"
    return ""


def _scores(sequence: PoseSequence) -> str:
    for poses in _all(sequence):
        marks = np.where(poses.present, poses.keypoint_scores, 0)
        means = marks.sum(axis=1) / np.maximum(poses.present.sum(axis=1), 1)
        if not np.allclose(poses.scores, means, rtol=CLOSE, equal_nan=True):
            return "scores of people, which readers take from their joints"
    return ""


def _joint_scores(sequence: PoseSequence) -> str:
    some = any(((p.keypoint_scores != 1) & p.present).any() for p in _all(sequence))
    return "scores of joints" if some else ""


def _joints(sequence: PoseSequence) -> str:
    return "joints" if any(p.present.any() for p in _all(sequence)) else ""


def _hidden_joints(sequence: PoseSequence) -> str:
    hidden = (p.keypoints.any(axis=2) & ~p.present for p in _all(sequence))
    count = sum(int(mask.sum()) for mask in hidden)
    return f"coordinates of {count} missing joints" if count else ""


def _gaps(sequence: PoseSequence) -> str:
    indices = [f.index for f in sequence if frame_number(f.name) in (None, f.index)]
    count = int((np.diff(indices) - 1).sum()) if indices else 0
    return f"gaps: {count} frames left out become frames without people" * bool(count)


def _metadata_alone(sequence: PoseSequence) -> str:
    known = (sequence.fps, sequence.size, sequence.names, sequence.tracker)
    some = any(known) or sequence.skeleton != COCO17
    text = "skeleton, frame rate and size of a result without people"
    return text if some and not _all(sequence) else ""


def _jointless(sequence: PoseSequence) -> str:
    count = sum(int((~p.present.any(axis=1)).sum()) for p in _all(sequence))
    return f"{count} people without a joint" if count else ""


def _empty_frames(sequence: PoseSequence) -> str:
    count = sum(not len(frame.poses) for frame in sequence)
    return f"{count} frames without people" if count else ""


def _frame_names(sequence: PoseSequence) -> str:
    some = any(f.name and frame_number(f.name) is None for f in sequence)
    return "names of frames" if some else ""


def _times(sequence: PoseSequence) -> str:
    fps = sequence.fps
    some = any(time_if_needed(f.index, f.time, fps) is not None for f in sequence)
    return "times of frames" if some else ""


def _rate(sequence: PoseSequence) -> str:
    return "frame rate" if sequence.fps else ""


def _size(sequence: PoseSequence) -> str:
    return "size of the images" if sequence.size else ""


def _people_names(sequence: PoseSequence) -> str:
    return f"names of {len(sequence.names)} people" if sequence.names else ""


def _tracker(sequence: PoseSequence) -> str:
    return "tracker and version" if sequence.tracker or sequence.version else ""


def _without_id(sequence: PoseSequence) -> str:
    count = sum(int((p.track_ids == NO_TRACK).sum()) for p in _all(sequence))
    some = count and len(sequence.track_ids)
    return f"{count} poses without an identity" if some else ""


KINDS: dict[str, Callable[[PoseSequence], str]] = {
    "joints": _joints,
    "joint scores": _joint_scores,
    "hidden joints": _hidden_joints,
    "boxes": _boxes,
    "scores": _scores,
    "identities": _identities,
    "people without identity": _without_id,
    "people without joints": _jointless,
    "empty frames": _empty_frames,
    "gaps": _gaps,
    "metadata alone": _metadata_alone,
    "frame names": _frame_names,
    "times": _times,
    "rate": _rate,
    "size": _size,
    "people names": _people_names,
    "tracker": _tracker,
}
"""What a format may lack -> the phrase for a result that has it, or nothing."""
