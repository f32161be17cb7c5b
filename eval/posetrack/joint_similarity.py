"""Tables of overlaps from scenes: one group for each joint, or one of whole people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Ints
from poseflow.eval.metrics.similarity_table import Detections, Overlaps, Side
from poseflow.eval.posetrack.pckh import Scene
from poseflow.formats.posetrack.annotations import JOINTS

REACH = 0.5001
"""Distance in head sizes at which PoseTrack21's joint similarity has fallen to 0."""


def joint_overlaps(
    scenes: Sequence[Scene],
    *,
    matches_only: bool = False,
    counted: Sequence[Bools] | None = None,
) -> Overlaps:
    """Every joint of every scene as a group of its own: group = joint x scenes + scene.

    The similarity of two joints is max(0, 1 - d / 0.5001), d being their distance in
    head sizes, as in PoseTrack21's evaluation kit.

    Args:
        scenes: The sequences.
        matches_only: Whether only pairs within PCKh 0.5 can match, else all that have
            a similarity above 0.
        counted: For each scene `(F,)` the frames to use; default all.
    """
    joints = len(JOINTS)
    if counted is None:
        counted = [np.ones(scene.num_frames, np.bool_) for scene in scenes]
    used = list(zip(scenes, counted, strict=True))
    count = len(scenes)
    frames = np.cumsum([0, *(scene.num_frames for scene in scenes)])
    truth, truth_groups, gt_row = _joint_side(
        [s.gt_present & on[s.gt_frames, None] for s, on in used],
        [scene.gt_frames + start for scene, start in zip(scenes, frames, strict=False)],
        [scene.gt_ids for scene in scenes],
        int(frames[-1]),
    )
    result, result_groups, pred_row = _joint_side(
        [s.pred_present & on[s.pred_frames, None] for s, on in used],
        [s.pred_frames + start for s, start in zip(scenes, frames, strict=False)],
        [scene.pred_ids for scene in scenes],
        int(frames[-1]),
    )
    parts = []
    people, predictions = 0, 0
    for scene, on in used:
        pairs = scene.candidates
        near = pairs.matches if matches_only else pairs.distances < REACH
        cells = np.flatnonzero(near & on[scene.gt_frames[pairs.gt], None])
        pair, joint = np.divmod(cells, joints)
        at = (pairs.gt[pair] + people) * joints + joint
        by = (pairs.pred[pair] + predictions) * joints + joint
        parts.append((joint, at, by, pairs.distances.ravel()[cells]))
        people += len(scene.gt_ids)
        predictions += len(scene.pred_ids)
    joint, at, by, distances = map(
        _stack, zip(*parts, strict=True) if parts else [()] * 4
    )
    order = _by_joint(joint)
    scene_of_frame = np.repeat(np.arange(count), np.diff(frames))
    return Overlaps(
        truth,
        result,
        gt_row[at[order]],
        pred_row[by[order]],
        1 - distances[order] / REACH,
        (np.arange(joints)[:, None] * count + scene_of_frame).ravel(),
        truth_groups,
        result_groups,
        joints * count,
    )


def _joint_side(
    present: Sequence[Bools],
    frames: Sequence[Ints],
    ids: Sequence[Ints],
    num_frames: int,
) -> tuple[Detections, Ints, Ints]:
    """One side's joints as detections, joint after joint.

    Returns:
        The detections; the group of each track; and, for each person x 15 + joint,
        which detection it is.
    """
    count, joints = len(present), len(JOINTS)
    there = _stack(present, np.zeros((0, joints), np.bool_))
    scene_of = np.repeat(np.arange(count), [len(x) for x in ids])
    order = np.lexsort((_stack(ids), scene_of))
    sorted_ids, sorted_scenes = _stack(ids)[order], scene_of[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(sorted_ids) != 0) | (np.diff(sorted_scenes) != 0)
    tracks = np.empty(len(order), np.int64)
    tracks[order] = np.cumsum(new) - 1
    scene_of_track = sorted_scenes[new]
    places = np.flatnonzero(there)
    places = places[_by_joint(places % joints)]
    person, joint = np.divmod(places, joints)
    rows = np.full(there.size, -1)
    rows[places] = np.arange(len(places))
    detections = Detections(
        joint * len(scene_of_track) + tracks[person],
        joint * num_frames + _stack(frames)[person],
    )
    groups = np.arange(joints)[:, None] * count + scene_of_track
    return detections, groups.ravel(), rows


def _by_joint(joints: Ints) -> Ints:
    """The stable order joint after joint; quick, because of the small type."""
    return np.argsort(joints.astype(np.int8), kind="stable")


def _stack(parts: Sequence[Any], none: Any = None) -> Any:
    if none is None:
        none = np.zeros(0, np.int64)
    return np.concatenate([none, *parts])


def pose_overlaps(scenes: Sequence[Scene]) -> Overlaps:
    """Whole people, one group for each scene.

    The similarity of an annotated and a predicted person is the share of the annotated
    joints that the prediction matches within PCKh 0.5, the measure by which PoseTrack
    assigns poses. People without an annotated joint are left out.
    """
    sides: tuple[list[Any], list[Any]] = ([], [])
    at, by, values = [], [], []
    start = [0, 0]
    for number, scene in enumerate(scenes):
        annotated = scene.gt_present.sum(axis=1)
        kept = annotated > 0
        place = np.cumsum(kept) - 1
        pairs = scene.candidates
        share = pairs.matches.sum(axis=1) / np.maximum(annotated[pairs.gt], 1)
        cells = np.flatnonzero(share > 0)
        at.append(place[pairs.gt[cells]] + start[0])
        by.append(pairs.pred[cells] + start[1])
        values.append(share[cells])
        for side, frames, ids in (
            (0, scene.gt_frames[kept], scene.gt_ids[kept]),
            (1, scene.pred_frames, scene.pred_ids),
        ):
            head = np.full(len(ids), number)
            sides[side].append(np.stack([head, frames, ids]))
            start[side] += len(ids)
    flat = [
        Side(*np.concatenate([np.zeros((3, 0), np.int64), *side], axis=1))
        for side in sides
    ]
    return Overlaps.build(
        flat[0],
        flat[1],
        _stack(at),
        _stack(by),
        _stack(values, np.zeros(0)),
        len(scenes),
    )
