"""Conversion between `sleap_io.Labels` and `PoseSequence` (extra `formats`)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.errors import FormatError, MissingExtraError
from poseflow.formats.base import Hints
from poseflow.formats.posetrack.videos import frames_of_video
from poseflow.formats.skeleton_fields import skeleton_of
from poseflow.frame_names import frame_name
from poseflow.poses import NO_TRACK, Poses, at_origin
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import get
from poseflow.skeletons import names as skeleton_names
from poseflow.skeletons.skeleton import Skeleton


def sleap_io_package(name: str) -> Any:
    """The package sleap-io.

    Args:
        name: Name of the format that needs it.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import sleap_io  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("sleap-io", "formats", f"format {name}") from error
    return sleap_io


def sequence_of(
    labels: Any, hints: Hints, label: str = "labels", ordered: bool = True
) -> PoseSequence:
    """The poses of the one video of some labels.

    A person's identity is the number of their track from 1, or the track's name if all
    names are such numbers; other names go into `PoseSequence.names`. Labels of a user
    replace the predictions that they were made from; their joints have score 1.

    Args:
        labels: `sleap_io.Labels`.
        hints: What the caller knows of the video.
        label: Name of the file in messages.
        ordered: Whether the order of joints in the labels means anything.

    Raises:
        FormatError: If frames of several videos are labelled and none is chosen, or
            they have several skeletons.
    """
    frames = list(labels.labeled_frames)
    files = [str(_first(frame.video.filename)) for frame in frames]
    kept = frames_of_video(files, [], label, hints.video, "file")
    if kept is not None:
        frames = [frame for frame, own in zip(frames, kept, strict=True) if own]
    instances = {id(frame): _instances(frame) for frame in frames}
    skeletons = {
        id(i.skeleton): i.skeleton for found in instances.values() for i in found
    }
    if len(skeletons) > 1:
        raise FormatError(
            f"{label}: expected one skeleton, found {len(skeletons)}: "
            f"{', '.join(str(s.name) for s in skeletons.values())}"
        )
    found = [*skeletons.values(), *labels.skeletons]
    if hints.skeleton is not None:
        skeleton = hints.skeleton
    elif found:
        skeleton = _skeleton(found[0], ordered)
    else:
        raise FormatError(f"{label}: has no skeleton; name it: skeleton=, --skeleton")
    order = _order(found[0], skeleton, label) if found else []
    ids, names = _identities(labels.tracks)
    video = frames[0].video if frames else None
    out = []
    for frame in sorted(frames, key=lambda f: int(f.frame_idx)):
        poses = _poses(instances[id(frame)], order, ids, hints.keep_origin, skeleton)
        index = int(frame.frame_idx)
        name = _image_name(video, index)
        out.append(Frame(index, hints.time(index), poses, name=name))
    completed = replace(
        hints,
        names={**names, **hints.names},
        size=hints.size or _size(video),
    )
    return completed.sequence(out, skeleton, Path(label).stem)


def _first(filename: Any) -> Any:
    return filename[0] if isinstance(filename, list) and filename else filename


def _image_name(video: Any, index: int) -> str:
    files = getattr(video, "filename", None)
    if isinstance(files, list) and index < len(files):
        return str(files[index])
    return frame_name(index)


def _size(video: Any) -> tuple[int, int] | None:
    shape = getattr(video, "shape", None)
    if shape is None or len(shape) < 3 or not (shape[1] and shape[2]):
        return None
    return int(shape[2]), int(shape[1])


def _instances(frame: Any) -> list[Any]:
    """What a user labelled, and predictions that no label replaces."""
    return [*frame.user_instances, *frame.unused_predictions]


def _skeleton(found: Any, ordered: bool) -> Skeleton:
    """The skeleton of labels; without an order, that of a known one, else by name."""
    joints = tuple(found.node_names)
    if not ordered:
        joints = tuple(sorted(joints))
        for name in skeleton_names():  # Label Studio leaves out joints that are missing
            if set(get(name).joints) >= set(joints):
                return get(name)
    place = {node: k for k, node in enumerate(joints)}
    limbs = tuple((edge.source.name, edge.destination.name) for edge in found.edges)
    pairs = []
    for symmetry in found.symmetries:
        first, second = sorted((n.name for n in symmetry.nodes), key=place.__getitem__)
        pairs.append((first, second))
    known = skeleton_of(joints, name=found.name or "")
    if known.name in skeleton_names():
        return known
    return Skeleton(known.name, joints, limbs, pairs=tuple(pairs))


def _order(found: Any, skeleton: Skeleton, label: str) -> list[int]:
    """Which node of the labels is each joint, by name, else by place; -1 for none.

    Raises:
        FormatError: If the names differ and the numbers of joints as well.
    """
    nodes = list(found.node_names)
    if set(nodes) <= set(skeleton.joints):
        place = {node: k for k, node in enumerate(nodes)}
        return [place.get(joint, -1) for joint in skeleton.joints]
    if len(nodes) != len(skeleton):
        raise FormatError(
            f"{label}: expected {len(skeleton)} joints of {skeleton.name}, found "
            f"{len(nodes)}: {', '.join(nodes)}"
        )
    return list(range(len(nodes)))


def _identities(tracks: Any) -> tuple[dict[int, int], dict[int, str]]:
    """The number of every track, by its object, and the names of tracks.

    A name that is a number is that number; others get the smallest ones left.
    """
    texts = [str(track.name) for track in tracks]
    numeric = {
        text: int(text)
        for text in texts
        if text.isascii() and text.isdigit() and len(text) <= 18
    }
    own = len(set(numeric.values())) == len(numeric)
    taken = set(numeric.values()) if own else set()
    free = (number for number in itertools.count(1) if number not in taken)
    numbers = []
    names = {}
    for text in texts:
        known = own and text in numeric and numeric[text] not in numbers
        numbers.append(numeric[text] if known else next(free))
        if not known:
            names[numbers[-1]] = text
    ids = {id(track): number for track, number in zip(tracks, numbers, strict=True)}
    return ids, names


def _poses(
    instances: list[Any],
    order: list[int],
    ids: dict[int, int],
    keep_origin: bool,
    skeleton: Skeleton,
) -> Poses:
    points = np.full((len(instances), len(skeleton), 2), np.nan)
    marks = np.ones((len(instances), len(skeleton)))
    scores = np.full(len(instances), np.nan)
    tracks = np.full(len(instances), NO_TRACK)
    known = np.array(order) >= 0
    at = np.array(order)[known]
    for k, instance in enumerate(instances):
        points[k, known] = instance.numpy()[at]
        score = getattr(instance, "score", None)
        if score is not None:
            marks[k, known] = np.nan_to_num(instance.numpy(scores=True)[at, 2])
            scores[k] = float(score)
        if instance.track is not None:
            tracks[k] = ids[id(instance.track)]
    marks[~np.isfinite(points).all(axis=2)] = 0
    points = np.nan_to_num(points)
    if not keep_origin:
        marks[at_origin(points)] = 0
    means = marks.sum(axis=1) / np.maximum((marks > 0).sum(axis=1), 1)
    return Poses(
        points,
        marks,
        scores=np.where(np.isfinite(scores), scores, means),
        track_ids=tracks,
        skeleton=skeleton,
        dtype=np.float64,
    )


def labels_of(sequence: PoseSequence) -> Any:
    """`sleap_io.Labels` of a sequence: predictions of one video, with tracks.

    Boxes are lost. Tracks are called by `PoseSequence.names`, else by their number.

    Raises:
        MissingExtraError: If sleap-io is missing.
    """
    sio = sleap_io_package("sleap")
    skeleton = sequence.skeleton
    nodes = [sio.Node(joint) for joint in skeleton.joints]
    by_name = {node.name: node for node in nodes}
    body = sio.Skeleton(
        nodes=nodes,
        edges=[sio.Edge(by_name[a], by_name[b]) for a, b in skeleton.limbs],
        symmetries=[
            sio.Symmetry([nodes[left], nodes[right]])
            for left, right in skeleton.left_right
        ],
        name=skeleton.name,
    )
    video = sio.Video(filename=f"{sequence.name or 'video'}.mp4", open_backend=False)
    if sequence.size is not None:
        width, height = sequence.size
        last = max((frame.index for frame in sequence), default=-1)
        video.backend_metadata["shape"] = (last + 1, height, width, 3)
    numbers = sequence.track_ids.tolist()
    tracks = {n: sio.Track(name=sequence.names.get(n, str(n))) for n in numbers}
    frames = []
    for frame in sequence:
        poses = frame.poses
        points = np.where(poses.present[..., None], poses.keypoints, np.nan)
        people = [
            sio.PredictedInstance.from_numpy(
                points[k].astype(np.float64),
                skeleton=body,
                point_scores=poses.keypoint_scores[k].astype(np.float64),
                score=float(poses.scores[k]),
                track=tracks.get(int(poses.track_ids[k])),
            )
            for k in range(len(poses))
        ]
        if people:
            frames.append(
                sio.LabeledFrame(video=video, frame_idx=frame.index, instances=people)
            )
    return sio.Labels(
        labeled_frames=frames,
        videos=[video],
        skeletons=[body],
        tracks=list(tracks.values()),
    )
