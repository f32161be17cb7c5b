"""Conversion between `PoseSequence` (of trackers) and `Annotations` (of scorers)."""

from __future__ import annotations

import warnings

import numpy as np

from poseflow.arrays import Floats
from poseflow.errors import FormatError
from poseflow.formats.base import Hints
from poseflow.formats.frame_builder import Problems, note_repeated_ids
from poseflow.formats.metadata import frame_time, with_metadata
from poseflow.formats.people import complete_people
from poseflow.formats.posetrack.annotations import (
    EARS,
    NO_ID,
    SLOT_OF_JOINT,
    SLOTS,
    Annotations,
    Problem,
    empty_annotations,
)
from poseflow.frame_names import frame_number, name_tails
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.conversion import convert, joint_map
from poseflow.skeletons.posetrack import POSETRACK15, POSETRACK17, POSETRACK18


def annotations_from_poses(
    sequence: PoseSequence, gt: Annotations, *, estimate: bool = True
) -> Annotations:
    """A tracker's result as predictions for an annotated sequence.

    Frames are found by name (as a whole, without folders, or as the number that it
    is), and by index if not all names are known to the annotation.

    Args:
        sequence: The result, of any skeleton; joints go by name.
        gt: The annotation, which names the frames.
        estimate: Whether joints that the skeleton lacks are computed from others
            where there is a rule (neck and top of the head for COCO); the problems
            name them.

    Returns:
        As many frames as `gt` has; its `problems` name joints that were
            estimated or are missing, and frames and people left out.
    """
    label = sequence.name or gt.name
    problems: list[Problem] = []
    mapping = joint_map(sequence.skeleton, POSETRACK17, estimate)
    for joints, text in (
        (mapping.estimated, "estimated from others"),
        (mapping.missing, "missing from every pose"),
    ):
        if joints:
            problems.append(
                Problem(
                    label,
                    None,
                    f"skeleton {sequence.skeleton.name}: {', '.join(joints)} {text}",
                    "note",
                )
            )
    place = _frame_places(sequence, gt)
    unknown = [f for f, k in zip(sequence, place, strict=True) if k < 0]
    if unknown:
        problems.append(
            Problem(
                label,
                unknown[0].index,
                f"{len(unknown)} frames of the result, {unknown[0].name!r} first, "
                "are not in the annotation; left out",
            )
        )
    pairs = sorted(
        (
            (k, f)
            for k, f in zip(
                place, convert(sequence, POSETRACK17, estimate), strict=True
            )
            if k >= 0
        ),
        key=lambda pair: pair[0],
    )
    empty = empty_annotations(gt.name, label, gt.image_names, gt.image_ids)
    poses = Poses.concatenate(
        [Poses.empty(POSETRACK17), *(frame.poses for _, frame in pairs)]
    )
    frames = np.repeat(
        np.array([k for k, _ in pairs], np.int64), [len(f.poses) for _, f in pairs]
    )
    known = poses.track_ids != NO_TRACK
    if known.any() and not known.all():
        # Trackers give no id to duplicates and false positives. PoseTrack's writers
        # leave them out as well.
        text = f"{(~known).sum()} people without an identity are left out"
        problems.append(Problem(label, None, text, "note"))
        poses, frames = poses[known], frames[known]
    present = poses.present
    keypoints = np.where(present[:, :, None], poses.keypoints, np.nan)
    ids = poses.track_ids
    return Annotations(
        name=gt.name,
        source=label,
        format="poses",
        image_names=empty.image_names,
        image_ids=empty.image_ids,
        labelled=empty.labelled,
        frames=frames,
        track_ids=np.where(ids == NO_TRACK, NO_ID, ids),
        keypoints=keypoints.astype(np.float64),
        scores=np.where(present, poses.keypoint_scores, np.nan).astype(np.float64),
        flags=np.where(present, 1.0, np.nan),
        has_points=np.asarray(present.any(axis=1)),
        head_boxes=np.full((len(poses), 4), np.nan),
        head_sizes=np.full(len(poses), np.nan),
        boxes=poses.boxes.astype(np.float64),
        pose_scores=poses.scores.astype(np.float64),
        whole_numbers=empty.whole_numbers,
        problems=tuple(problems),
    )


def _frame_places(sequence: PoseSequence, gt: Annotations) -> list[int]:
    """The annotated frame of each of the result's frames, -1 for none."""
    base = [name.rsplit("/", 1)[-1] for name in gt.image_names]
    own = [frame.name.replace("\\", "/").rsplit("/", 1)[-1] for frame in sequence]
    keys: list[tuple[list[str | int | None], list[str | int | None]]] = [
        (list(gt.image_names), [frame.name for frame in sequence]),
        (list(base), list(own)),
        ([name_tails(name)[-1] for name in base], [name_tails(n)[-1] for n in own]),
        ([frame_number(name) for name in base], [frame_number(name) for name in own]),
    ]
    for gt_keys, own_keys in keys:
        place = {key: k for k, key in enumerate(gt_keys)}
        known = set(own_keys)
        if (
            len(place) == len(gt_keys)
            and len(known) == len(own_keys)
            and known <= set(place)
            and not known & {None, ""}
        ):
            return [place[key] for key in own_keys]
    indices = [frame.index for frame in sequence]
    return [k if 0 <= k < gt.num_frames else -1 for k in indices]


def poses_from_annotations(annotations: Annotations, hints: Hints) -> PoseSequence:
    """Annotations as a `PoseSequence` with the joints of their year.

    15 joints for PoseTrack17, the 17 slots for PoseTrack18 and 21. Present joints
    without a score get 1; people without an id -1; joints at exactly (0, 0) are missing
    unless the hints keep them. Head boxes, ignore regions and labels do not fit into a
    `PoseSequence`; scorers read `Annotations`.

    Raises:
        FormatError: If the hints name a skeleton that PoseTrack's files do not have.
    """
    given_fps, wanted = hints.fps, hints.skeleton
    if wanted not in (None, POSETRACK15, POSETRACK17, POSETRACK18):
        raise FormatError(
            f"{annotations.source}: expected posetrack17, posetrack18 or posetrack15 "
            f"as the skeleton of a PoseTrack file, found {wanted.name}"
        )
    if annotations.metadata is not None:
        try:
            hints = with_metadata(hints, annotations.metadata)
        except ValueError as error:
            warnings.warn(f"{annotations.source}: ignored {error}", stacklevel=4)
    present = annotations.present
    given = annotations.scores
    scores = np.where(present, np.where(np.isnan(given), 1.0, given), 0.0)
    keypoints = np.where(present[:, :, None], annotations.keypoints, 0.0)
    skeleton = POSETRACK17
    if annotations.ears is not None:
        skeleton = POSETRACK18
        keypoints, scores = _with_ears(keypoints, scores, annotations.ears)
    ids = np.where(annotations.track_ids < 0, NO_TRACK, annotations.track_ids)
    boxes, pose_scores = annotations.boxes.copy(), annotations.pose_scores.copy()
    marks = np.maximum(scores, 0)
    complete_people(keypoints, marks, boxes, pose_scores, keep_origin=hints.keep_origin)
    interpolated = np.zeros(len(ids), np.bool_)
    made = Poses._trusted(
        keypoints, marks, boxes, pose_scores, ids, interpolated, skeleton
    )
    names, indices = _frame_names(annotations, hints.name)
    times = dict(zip(indices, annotations.times or (), strict=False))
    known = {index: time for index, time in times.items() if time is not None}
    problems = Problems(annotations.source)
    note_repeated_ids(problems, ids, annotations.frames, lambda k: names[k])
    problems.report(len(ids))
    parts = made.split(annotations.frame_starts.tolist())
    frames = (
        Frame(index, frame_time(index, known, hints, given_fps), part, None, name)
        for index, name, part in zip(indices, names, parts, strict=True)
    )
    sequence = hints.sequence(frames, skeleton, annotations.name)
    return sequence if wanted is None else convert(sequence, wanted)


def _with_ears(
    keypoints: Floats, scores: Floats, ears: Floats
) -> tuple[Floats, Floats]:
    """The 15 joints and the ears in the 17 slots."""
    shape = len(keypoints), len(POSETRACK18)
    points, marks = np.zeros((*shape, 2)), np.zeros(shape)
    slots = list(SLOT_OF_JOINT)
    points[:, slots], marks[:, slots] = keypoints, scores
    present = ~np.isnan(ears[..., 0])
    slots = [SLOTS.index(ear) for ear in EARS]
    points[:, slots] = np.where(present[..., None], ears[..., :2], 0.0)
    marks[:, slots] = np.where(
        present, np.where(np.isnan(ears[..., 2]), 1.0, ears[..., 2]), 0.0
    )
    return points, marks


def _frame_names(
    annotations: Annotations, sequence: str | None
) -> tuple[list[str], list[int]]:
    """Name and index of every frame, as they were before poseflow wrote them."""
    names = list(annotations.image_names)
    positions = list(range(len(names)))
    if annotations.indices is None:
        return names, positions
    prefix = image_folder(sequence or "")
    names = [name.removeprefix(prefix) for name in names]
    indices = [
        frame_number(name) if index is None else index
        for name, index in zip(names, annotations.indices, strict=True)
    ]
    known = [index for index in indices if index is not None]
    ordered = known == sorted(set(known)) and len(known) == len(names)
    return names, known if ordered else positions


def image_folder(sequence: str) -> str:
    """Folder before the names of a sequence's images, as PoseTrack has it."""
    return f"images/{sequence}/" if sequence else ""
