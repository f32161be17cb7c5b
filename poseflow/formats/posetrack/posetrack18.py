"""PoseTrack18 and 21: COCO-like records to the columns of `Annotations`."""

from __future__ import annotations

from itertools import chain

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.formats.posetrack.annotations import (
    EARS,
    JOINTS,
    NO_ID,
    SLOTS,
    Annotations,
    Problem,
)
from poseflow.formats.posetrack.records import (
    Annotation18,
    Document,
    Image18,
    stated_indices,
    stated_times,
)
from poseflow.formats.posetrack.videos import frames_of_video
from poseflow.similarity.boxes import xywh_to_xyxy

_OTHER_NAMES = {"neck": "head_bottom", "head_bottom": "neck"}


def annotations18(
    document: Document,
    name: str,
    label: str,
    problems: list[Problem],
    video: str | None = None,
) -> Annotations:
    """The people of all frames, from decoded records.

    Raises:
        FormatError: If the file holds several videos and `video` names none of them.
    """
    images = document.images or []
    people = document.annotations
    kept = None
    if document.poseflow is None or video is not None:  # a result is of one video
        kept = frames_of_video(
            (image.vid_id for image in images),
            (image.file_name for image in images),
            label,
            video,
        )
    if kept is not None:
        name = video or name
        others = {i.id for i, own in zip(images, kept, strict=True) if not own}
        images = [i for i, own in zip(images, kept, strict=True) if own]
        people = [person for person in people if person.image_id not in others]
    place: dict[int, int] = {}
    for frame, image in enumerate(images):
        if place.setdefault(image.id, frame) != frame:
            problems.append(
                Problem(
                    label,
                    frame,
                    f"image id {image.id} was already that of frame "
                    f"{place[image.id]}, which gets its people",
                    "error",
                )
            )
    frame_of = np.array([place.get(p.image_id, -1) for p in people], np.int64)
    unmatched = frame_of < 0
    if unmatched.any():
        ids = sorted({p.image_id for p, s in zip(people, unmatched, strict=True) if s})
        for image_id in ids:
            problems.append(
                Problem(
                    label,
                    None,
                    f"annotations for image id {image_id}, which is not among the "
                    "images; left out",
                    "error",
                )
            )
    order = np.argsort(frame_of, kind="stable")[int(unmatched.sum()) :]
    people = [people[k] for k in order.tolist()]
    frame_of = frame_of[order]

    slots = _slot_names(document, label, problems)
    triples = _rows(
        [p.keypoints for p in people],
        3 * len(slots),
        "keypoints",
        frame_of,
        label,
        problems,
    )
    marks = _rows(
        [p.scores or [] for p in people],
        len(slots),
        "scores",
        frame_of,
        label,
        problems,
    )
    whole = _whole_numbers(people, triples, frame_of, len(images))
    keypoints, flags, scores = _pick(
        triples.reshape(len(people), len(slots), 3), marks, slots
    )
    head = _rows(
        [p.bbox_head or [] for p in people], 4, "bbox_head", frame_of, label, problems
    )
    boxes = _rows([p.bbox or [] for p in people], 4, "bbox", frame_of, label, problems)
    regions, region_frames = _regions(images, label, problems)
    newer = any(i.has_labeled_person is not None for i in images) or any(
        p.person_id is not None for p in people
    )
    return Annotations(
        name=name,
        source=label,
        format="posetrack21" if newer else "posetrack18",
        image_names=tuple(i.file_name for i in images),
        image_ids=np.array([i.id for i in images], np.int64),
        labelled=np.array(
            [-1 if i.is_labeled is None else int(bool(i.is_labeled)) for i in images],
            np.int8,
        ),
        frames=frame_of,
        track_ids=np.array(
            [NO_ID if p.track_id is None else p.track_id for p in people], np.int64
        ),
        keypoints=keypoints,
        scores=scores,
        flags=flags,
        has_points=np.ones(len(people), np.bool_),
        head_boxes=xywh_to_xyxy(head),
        head_sizes=np.hypot(head[:, 2], head[:, 3]),
        boxes=xywh_to_xyxy(boxes),
        pose_scores=np.array(
            [np.nan if p.score is None else p.score for p in people], np.float64
        ),
        whole_numbers=whole,
        regions=regions,
        region_frames=region_frames,
        problems=tuple(problems),
        ears=_ears(triples.reshape(len(people), len(slots), 3), marks, slots),
        indices=None if document.poseflow is None else stated_indices(images),
        times=None if document.poseflow is None else stated_times(images),
        metadata=document.poseflow,
    )


def _slot_names(
    document: Document, label: str, problems: list[Problem]
) -> tuple[str, ...]:
    """Names of the keypoint slots: the file's own, or PoseTrack18's."""
    own = next((c.keypoints for c in document.categories if c.keypoints), None)
    if own is None:
        return SLOTS
    known = {*JOINTS, *SLOTS, "left_eye", "right_eye"}
    unknown = [n for n in own if n not in known]
    lacking = [j for j in JOINTS if j not in own and _OTHER_NAMES.get(j) not in own]
    for names, text in ((unknown, "unknown"), (lacking, "missing")):
        if names:
            problems.append(
                Problem(label, None, f"categories: {text} joints {', '.join(names)}")
            )
    return tuple(own)


def _rows(
    lists: list[list[float]],
    width: int,
    what: str,
    frame_of: Ints,
    label: str,
    problems: list[Problem],
) -> Floats:
    """Lists of `width` numbers as `(P, width)`; NaN for a list that is empty.

    A list of any other length is reported and read as empty.
    """
    missing = [np.nan] * width
    sizes = np.fromiter(map(len, lists), np.int64, len(lists))
    if not sizes.any():
        return np.full((len(lists), width), np.nan)
    if (sizes != width).any():
        for row in np.flatnonzero((sizes != width) & (sizes > 0)).tolist():
            problems.append(
                Problem(
                    label,
                    int(frame_of[row]),
                    f"{what}: expected {width} numbers, found {sizes[row]}; taken as "
                    "missing",
                    "error",
                )
            )
        lists = [row if len(row) == width else missing for row in lists]
    flat = np.fromiter(chain.from_iterable(lists), np.float64, width * len(lists))
    return flat.reshape(len(lists), width)


def _whole_numbers(
    people: list[Annotation18], triples: Floats, frame_of: Ints, frames: int
) -> Bools:
    """`(F,)`: frames with people whose keypoint numbers are all written as integers."""
    candidates = np.zeros(frames, np.bool_)
    candidates[frame_of] = True
    candidates[frame_of[(triples != np.floor(triples)).any(axis=1)]] = False
    for row in np.flatnonzero(candidates[frame_of]).tolist():
        if any(type(value) is float for value in people[row].keypoints):
            candidates[frame_of[row]] = False
    return candidates


def _pick(
    triples: Floats, marks: Floats, slots: tuple[str, ...]
) -> tuple[Floats, Floats, Floats]:
    """The 15 joints out of the file's slots: keypoints, flags, scores."""
    place = {slot: k for k, slot in reversed(list(enumerate(slots)))}
    found = [place.get(j, place.get(_OTHER_NAMES.get(j, ""), -1)) for j in JOINTS]
    picked, scores = triples[:, found], marks[:, found]
    lacking = np.array(found) < 0
    picked[:, lacking], scores[:, lacking] = np.nan, np.nan
    picked[_absent(picked)] = np.nan
    return np.ascontiguousarray(picked[:, :, :2]), picked[:, :, 2].copy(), scores


def _absent(triples: Floats) -> Bools:
    """Joints that are not there: x, y and flag are all 0, or x or y is no number."""
    # By coordinate: numpy reduces an axis of three much more slowly.
    x, y, flag = triples[..., 0], triples[..., 1], triples[..., 2]
    zero = (x == 0) & (y == 0) & (flag == 0)
    absent: Bools = zero | np.isnan(x) | np.isnan(y)
    return absent


def _ears(triples: Floats, marks: Floats, slots: tuple[str, ...]) -> Floats:
    """`(P, 2, 3)` x, y, score of both ears; NaN where absent."""
    ears = np.full((len(triples), len(EARS), 3), np.nan)
    for k, name in enumerate(EARS):
        if name not in slots:
            continue
        slot = slots.index(name)
        found = triples[:, slot]
        absent = _absent(found)
        ears[~absent, k, :2] = found[~absent, :2]
        ears[~absent, k, 2] = marks[~absent, slot]
    return ears


def _regions(
    images: list[Image18], label: str, problems: list[Problem]
) -> tuple[tuple[Floats, ...], Ints]:
    regions, frames = [], []
    for frame, image in enumerate(images):
        xs, ys = image.ignore_regions_x or [], image.ignore_regions_y or []
        if [len(x) for x in xs] != [len(y) for y in ys]:
            problems.append(
                Problem(
                    label,
                    frame,
                    "ignore_regions_x and ignore_regions_y have different lengths; "
                    "the frame's regions are left out",
                    "error",
                )
            )
            continue
        for x, y in zip(xs, ys, strict=True):
            regions.append(np.array([x, y], np.float64).T.reshape(-1, 2))
            frames.append(frame)
    return tuple(regions), np.array(frames, np.int64)
