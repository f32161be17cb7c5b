"""Suspicion of an identity error at every pose of a track, from the poses alone.

For each pose, the track's motion is continued from its previous pose and compared with
all people of the frame, and the pose with all other tracks. A track whose prediction
fits another person about as well, a pose that continues another track about as well, a
gap, a birth beside a lost track: all of them raise the suspicion. A logistic regression
turns these cues into a number from 0 to 1; `benchmarks/suspicion.py` fits it on the
development seeds of the synthetic suites, with the tracks of `default` and of `iou`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.events.people import People
from poseflow.similarity.boxes import box_iou

MEMORY_SECONDS, LEAST_MEMORY_FRAMES = 3.0, 15
"""Tracks not seen for longer are no candidates, and return as if they began."""

PREDICTED_FRAMES = 10
"""Frames for which a lost track is taken to keep its velocity."""

DEVIATION_SIZES, LOG_SIZE_DEVIATION = 0.08, 0.25
"""Units of the cost of a step: mean distance of joints in person sizes, growing with
the root of the gap, and the logarithm of the ratio of sizes."""

LEAST_COMMON_JOINTS = 3
"""With fewer joints in common, the centres of the boxes are compared."""

BIRTH_COST, SEEN_COST = 4.0, 1.0
"""Cost of a birth, and what is added for a track that has another pose in the frame."""

JUMP_COST = 20.0
"""A step that costs more is a jump: more than 1.6 person sizes from one frame to the
next, beside the predicted position."""

POOLED_POSES, POOLED_FRAMES = 4, 6
"""Neighbouring poses of the track whose highest cues count as well."""

CUES = (
    "birth",
    "long gap",
    "gap",
    "other person",
    "other track",
    "lost track",
    "jump",
    "gap nearby",
    "ambiguous nearby",
)
WEIGHTS = np.array([2.81, 4.5, 0.42, 0.31, 0.52, 1.67, 2.0, 0.32, 0.81])
INTERCEPT = -7.26


@dataclass(frozen=True, eq=False)
class Suspicion:
    """Suspicion of every pose.

    Attributes:
        values: `(N,)` in [0, 1]; 0 without an id and in the first frame.
        rivals: `(N,)` id of the track that the pose continues best, its own excepted;
            -1 without one.
        cues: `(N, 9)` in the order of `CUES`.
    """

    values: Floats
    rivals: Ints
    cues: Floats


def suspicion(people: People, fps: float) -> Suspicion:
    """The suspicion of an identity error at every pose.

    Args:
        people: The people of a sequence.
        fps: Frames per second.
    """
    cues, rivals = _cues(people, max(round(MEMORY_SECONDS * fps), LEAST_MEMORY_FRAMES))
    counts = people.ids >= 0
    if len(people.frames):
        counts &= people.position > 0
    odds = cues @ WEIGHTS + INTERCEPT
    values = np.where(counts, 1 / (1 + np.exp(-odds)), 0.0)
    return Suspicion(values, np.where(counts, rivals, -1), cues)


def _cues(people: People, memory: int) -> tuple[Floats, Ints]:
    """Cues `(N, 9)` and rivals `(N,)`."""
    n = len(people)
    ids, track = np.unique(people.ids, return_inverse=True)
    raw = np.zeros((n, 7))
    overlap, rivals = np.zeros(n), np.full(n, -1)
    last = np.full(len(ids), -1)  # row of each track's latest pose
    for position in range(len(people.frames)):
        rows = np.arange(people.bounds[position], people.bounds[position + 1])
        if not len(rows):
            continue
        now = people.frames[position]
        seen = (last >= 0) & (ids >= 0)
        known = np.flatnonzero(seen & (now - people.frame[last] <= memory))
        mine = track[rows]
        cues, overlaps, other = _frame_cues(people, rows, last[known], known, mine)
        cues[:, 1] = (people.previous[rows] >= 0) & (cues[:, 0] > 0)
        cues[:, 0] -= cues[:, 1]
        raw[rows], overlap[rows] = cues, overlaps
        rivals[rows] = np.where(other >= 0, ids[other], -1)
        last[mine] = rows
    ambiguous, nearby = _pooled(people, raw[:, 4], overlap, raw[:, 2])
    return np.column_stack([raw, nearby, ambiguous]), rivals


def _frame_cues(
    people: People, rows: Ints, last: Ints, known: Ints, mine: Ints
) -> tuple[Floats, Floats, Ints]:
    """Cues of the people of one frame, in the order of `CUES`, the pooled excepted.

    Args:
        people: All people.
        rows: `(P,)` rows of the frame's people.
        last: `(L,)` rows of the latest poses of the known tracks.
        known: `(L,)` numbers of these tracks.
        mine: `(P,)` number of each person's track.

    Returns:
        Cues `(P, 7)`, overlap with another person `(P,)`, and the number of the track
        that each person continues best, besides its own, `(P,)`.
    """
    size = len(rows)
    cues, rival = np.zeros((size, 7)), np.full(size, -1)
    iou = box_iou(people.boxes[rows], people.boxes[rows])
    np.fill_diagonal(iou, 0)
    overlap = iou.max(axis=1, initial=0)
    cues[:, 0] = 1  # a birth, unless it is found to be known
    if not len(known):
        return cues, overlap, rival
    gap = people.frame[rows[0]] - people.frame[last]
    cost = _costs(people, last, rows, gap)
    own: Bools = np.equal(known[:, None], mine[None])
    has = own.any(axis=0)
    place = own.argmax(axis=0)
    persons = np.arange(size)
    cost_own = np.where(has, cost[place, persons], BIRTH_COST)
    cues[:, 0] = ~has
    cues[:, 2] = np.where(has, np.log2(np.maximum(gap[place], 1)), 0)
    jump = np.log2(np.maximum(cost_own / JUMP_COST, 1))
    cues[:, 6] = np.where(has, jump, 0)
    # Another person whom this one's track would continue to.
    others = cost[place]
    others[persons, persons] = np.inf
    cues[:, 3] = np.where(has, _closeness(others.min(axis=1) - cost_own), 0)
    # Another track that would continue to this person.
    here: Bools = np.any(own, axis=1)
    claims = np.where(own, np.inf, cost + SEEN_COST * here[:, None])
    best = claims.argmin(axis=0)
    lowest = claims[best, persons]
    cues[:, 4] = _closeness(lowest - cost_own)
    rival[np.isfinite(lowest)] = known[best[np.isfinite(lowest)]]
    cues[:, 5] = np.exp(-cost[~here].min(axis=0, initial=np.inf) / BIRTH_COST)
    return cues, overlap, rival


def _costs(people: People, last: Ints, rows: Ints, gap: Ints) -> Floats:
    """Cost of continuing each track to each person of a frame, `(L, P)`."""
    steps = np.minimum(gap, PREDICTED_FRAMES)[:, None]
    shift = people.velocities[last] * steps
    both = people.present[last][:, None] & people.present[rows][None]
    moved = people.keypoints[last] + shift[:, None]
    apart = np.hypot(
        moved[:, None, :, 0] - people.keypoints[rows][None, ..., 0],
        moved[:, None, :, 1] - people.keypoints[rows][None, ..., 1],
    )
    count = both.sum(axis=2)
    joints = (apart * both).sum(axis=2) / np.maximum(count, 1)
    centres = people.centres[last] + shift
    middle = np.linalg.norm(centres[:, None] - people.centres[rows][None], axis=2)
    distance = np.where(count >= LEAST_COMMON_JOINTS, joints, middle)
    size = people.sizes[last]
    unit = DEVIATION_SIZES * size * np.sqrt(np.maximum(gap, 1))
    ratio = np.abs(np.log(people.sizes[rows][None] / size[:, None]))
    cost: Floats = distance / unit[:, None] + ratio / LOG_SIZE_DEVIATION
    return cost


def _closeness(margin: Floats) -> Floats:
    """1 where two hypotheses cost the same, to 0 where the other costs far more."""
    close: Floats = np.exp(-np.maximum(margin, -2) / 2)
    return close


def _pooled(
    people: People, other_track: Floats, overlap: Floats, gap: Floats
) -> tuple[Floats, Floats]:
    """Highest product of ambiguity and overlap, and longest gap, around each pose."""
    order = people.track_order
    ids, frame = people.ids[order], people.frame[order]
    columns = np.stack([other_track, overlap, gap], axis=1)[order]
    highest = columns.copy()
    places = np.arange(len(order))
    for shift in range(-POOLED_POSES, POOLED_POSES + 1):
        at = np.clip(places + shift, 0, len(order) - 1)
        near = (ids[at] == ids) & (np.abs(frame[at] - frame) <= POOLED_FRAMES)
        highest = np.maximum(highest, np.where(near[:, None], columns[at], 0))
    out = np.empty_like(highest)
    out[order] = highest
    return out[:, 0] * out[:, 1], out[:, 2]
