"""PoseTrack17: `annolist` records to the columns of `Annotations`."""

from __future__ import annotations

from itertools import chain, compress
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import astuple

from poseflow.arrays import Floats, Ints
from poseflow.formats.posetrack.annotations import Annotations, Problem
from poseflow.formats.posetrack.records import (
    Frame17,
    Point17,
    Rect17,
    stated_indices,
    stated_times,
)
from poseflow.formats.posetrack.videos import frames_of_video

JOINTS = 15

_PACKED_POINT = np.dtype(
    {
        "names": ["id", "x", "y", "score"],
        "formats": ["i1", ">f8", ">f8", ">f8"],
        "offsets": [5, 10, 22, 38],
        "itemsize": 46,
    }
)
"""A `Point17` in MessagePack: a map of four; key, list of one and number, four times.

Numbers with a point take nine bytes each, an id from -32 to 127 one.
"""


def annotations17(
    frames: list[Frame17],
    name: str,
    label: str,
    problems: list[Problem],
    metadata: Any = None,
    video: str | None = None,
) -> Annotations:
    """The people of all frames, from decoded records.

    Raises:
        FormatError: If the file holds several videos and `video` names none of them.
    """
    image_names = tuple(f.image[0].name if f.image else "" for f in frames)
    kept = None
    if metadata is None or video is not None:  # a result of poseflow is of one video
        kept = frames_of_video((), image_names, label, video)
    if kept is not None:
        name = video or name
        frames = list(compress(frames, kept))
        image_names = tuple(compress(image_names, kept))
    people = [rect for frame in frames for rect in frame.annorect]
    frame_of = np.repeat(np.arange(len(frames)), [len(f.annorect) for f in frames])
    keypoints, scores = _joints(people, frame_of, label, problems)
    corners = np.stack([_column(people, key) for key in ("x1", "y1", "x2", "y2")], 1)
    regions = [
        np.array([(c.x[0], c.y[0]) for c in region.point], float).reshape(-1, 2)
        for frame in frames
        for region in frame.ignore_regions
    ]
    return Annotations(
        name=name,
        source=label,
        format="posetrack17",
        image_names=image_names,
        image_ids=np.arange(len(frames)),
        labelled=np.array(
            [int(bool(f.is_labeled[0])) if f.is_labeled else -1 for f in frames],
            np.int8,
        ),
        frames=frame_of,
        track_ids=np.fromiter(
            chain.from_iterable(map(attrgetter("track_id"), people)),
            np.int64,
            len(people),
        ),
        keypoints=keypoints,
        scores=scores,
        flags=np.where(np.isnan(keypoints[:, :, 0]), np.nan, 1.0),
        has_points=np.array(
            [bool(r.annopoints) and r.annopoints[0].point is not None for r in people],
            np.bool_,
        ),
        head_boxes=corners,
        head_sizes=np.hypot(
            corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
        ),
        boxes=np.full((len(people), 4), np.nan),
        pose_scores=_column(people, "score"),
        whole_numbers=np.zeros(len(frames), np.bool_),
        regions=tuple(regions),
        region_frames=np.repeat(
            np.arange(len(frames)), [len(f.ignore_regions) for f in frames]
        ),
        problems=tuple(problems),
        indices=None if metadata is None else stated_indices(frames),
        times=None if metadata is None else stated_times(frames),
        metadata=metadata,
    )


def _column(records: list[Any], key: str) -> Floats:
    """A field that is a tuple of one in every record, without a loop in Python."""
    values = chain.from_iterable(map(attrgetter(key), records))
    return np.fromiter(values, np.float64, len(records))


def _joints(
    people: list[Rect17], frame_of: Ints, label: str, problems: list[Problem]
) -> tuple[Floats, Floats]:
    """Keypoints `(P, 15, 2)`, scores `(P, 15)`; a joint's first entry counts."""
    lists = [(r.annopoints[0].point or ()) if r.annopoints else () for r in people]
    person = np.repeat(np.arange(len(people)), [len(p) for p in lists])
    numbers = _numbers(list(chain.from_iterable(lists)))
    joint = numbers[:, 0]
    known = (joint >= 0) & (joint < JOINTS)
    if not known.all():
        for row in np.unique(person[~known]).tolist():
            odd = sorted({int(j) for j in joint[~known & (person == row)]})
            problems.append(
                Problem(
                    label,
                    int(frame_of[row]),
                    f"joint ids {odd} are not among 0 to 14; left out",
                )
            )
        person, joint, numbers = person[known], joint[known], numbers[known]
    cell = person * JOINTS + joint.astype(np.int64)
    table = np.full((len(people) * JOINTS, 3), np.nan)
    # Written backwards, so that the first entry of a joint is what remains.
    table[cell[::-1]] = numbers[::-1, 1:]
    if np.count_nonzero(~np.isnan(table[:, 0])) < len(cell):
        counts = np.bincount(cell, minlength=len(table))
        for row in np.unique(np.flatnonzero(counts > 1) // JOINTS).tolist():
            problems.append(
                Problem(
                    label,
                    int(frame_of[row]),
                    "a person lists a joint twice; the first entry counts",
                )
            )
    shaped = table.reshape(len(people), JOINTS, 3)
    return np.ascontiguousarray(shaped[:, :, :2]), shaped[:, :, 2].copy()


def _numbers(points: list[Point17]) -> Floats:
    """`(N, 4)` id, x, y and score of each point.

    Half a million points are quicker packed and viewed as a table than read one by
    one.
    """
    packed = msgspec.msgpack.encode(points)
    header = len(packed) - len(points) * _PACKED_POINT.itemsize
    if header not in (1, 3, 5):  # a list's header; more if some id takes more bytes
        return _numbers_one_by_one(points)
    table = np.frombuffer(packed, _PACKED_POINT, len(points), header)
    numbers = np.empty((len(points), 4))
    for column, key in enumerate(("id", "x", "y", "score")):
        numbers[:, column] = table[key]
    return numbers


def _numbers_one_by_one(points: list[Point17]) -> Floats:
    """As `_numbers`, whatever the ids are."""
    values = chain.from_iterable(chain.from_iterable(map(astuple, points)))
    return np.fromiter(values, np.float64, 4 * len(points)).reshape(-1, 4)
