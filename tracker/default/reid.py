"""Re-identification of lost tracks: by motion, by appearance, or by elimination."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Ints
from poseflow.tracker.assignment import assign
from poseflow.tracker.default.appearance import AppearanceModel
from poseflow.tracker.default.likelihood import (
    GATE_FRAMES,
    CandidatePairs,
    assign_pairs,
    gate_radius,
    lost_log_odds,
)
from poseflow.tracker.default.options import DefaultOptions, DefaultWeights
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.motion.panorama import shortest
from poseflow.tracker.observations import Observations

CONTINUED_HITS = 2
"""Updates from which on a tentative track may continue a lost one by motion: poses that
last one frame are mostly false positives."""

CONTINUED_DECAY = 0.05
"""Log odds that each frame of absence costs a lost track."""

SIZE_DEVIATION = 1.0
"""Standard deviation of the log ratio of sizes: people may return at another depth."""


def continued_lost(
    tracks: TrackStates,
    ready: Ints,
    track_of: Ints,
    pairs: CandidatePairs,
    people: Observations,
    speed: float,
    weights: DefaultWeights,
) -> tuple[Ints, Ints]:
    """Lost tracks that tentative tracks continue by motion.

    In the association a lost track competes with those that are tracked; a person
    whom none of them took, and who appears where a lost one may be, more probably is
    that one than a new one. Two tracks that were seen in the same frame are two people.

    Args:
        tracks: All tracks.
        ready: `(n,)` tentative tracks that are about to be confirmed.
        track_of: `(P,)` track of each person.
        pairs: Pairs of tracks and people of this frame.
        people: The P people.
        speed: Usual speed of the stream, in sizes per frame.
        weights: Tuned weights.

    Returns:
        Indices of lost tracks, `(m,)`, and of the tentative ones that continue them.
    """
    new = track_of[pairs.person]
    usable = tracks.confirmed[pairs.track] & np.isin(new, ready)
    usable &= tracks.last_frame[pairs.track] < tracks.first_frame[new]
    pairs = pairs[np.flatnonzero(usable)]
    odds = weights.lost + lost_log_odds(tracks, pairs, people, speed, weights)
    odds -= CONTINUED_DECAY * tracks.frames_since_update[pairs.track]
    matched = pairs[assign_pairs(len(tracks), len(track_of), pairs, odds)]
    return matched.track, track_of[matched.person]


def reidentify(
    tracks: TrackStates, ready: Ints, model: AppearanceModel, options: DefaultOptions
) -> tuple[Ints, Ints]:
    """Re-identification of lost tracks by appearance and position.

    Args:
        tracks: All tracks.
        ready: `(n,)` tentative tracks that are about to be confirmed.
        model: Distances between appearances in this stream.
        options: With the weights, and the width of a panorama.

    Returns:
        Indices of lost tracks, `(m,)`, and of the tentative tracks that continue them.
    """
    # Tracks updated more recently are matched by position, in `candidate_pairs`.
    lost = np.flatnonzero(tracks.confirmed & (tracks.frames_since_update > GATE_FRAMES))
    if not len(lost) or not len(ready) or not model.ready:
        return ready[:0], ready[:0]
    a, b = np.repeat(lost, len(ready)), np.tile(ready, len(lost))
    counts = tracks.appearance_count
    distance, evidence = model.distances(
        tracks.appearance[a],
        counts[a],
        np.where(counts[b] > 0, tracks.appearance[b], np.nan),
    )
    weights, width = options.weights, options.wrap_width_px
    limit = weights.reid_limit
    odds = np.clip(model.log_odds(distance, evidence), -limit, limit)
    odds -= weights.reid + np.log(1 + len(lost))
    ratio = np.log(tracks.sizes[a] / tracks.sizes[b])
    odds -= np.square(ratio / SIZE_DEVIATION) / 2
    # People come back where they left or were going; at a distance of one size from
    # there the position counts neither for nor against.
    here = tracks.centres[b]
    from_last = np.square(shortest(tracks.last_position[a] - here, width)).sum(axis=1)
    from_predicted = np.square(shortest(tracks.centres[a] - here, width)).sum(axis=1)
    far = np.minimum(from_last, from_predicted) / np.square(tracks.sizes[a])
    odds -= weights.reid_position * np.log((1 + far) / 2)
    pairs = assign(odds.reshape(len(lost), len(ready)), 0.0)
    return lost[pairs[:, 0]], ready[pairs[:, 1]]


def nearest_lost(tracks: TrackStates, row: int, options: DefaultOptions) -> Ints:
    """The lost track nearest to tentative track `row`, `(1,)`, `(0,)` if none is near.

    For `max_tracks`: once all ids are given, a new person can only be a known one.
    """
    # Tracks updated more recently are matched by position, in `candidate_pairs`.
    lost = np.flatnonzero(tracks.confirmed & (tracks.frames_since_update > 0))
    if not len(lost):
        return lost
    width = options.wrap_width_px
    apart = shortest(tracks.centres[lost] - tracks.centres[row], width)
    far = np.square(apart).sum(axis=1)
    apart = shortest(tracks.last_position[lost] - tracks.last_position[row], width)
    moved = np.square(apart).sum(axis=1)
    recent = tracks.frames_since_update[lost] <= GATE_FRAMES
    radius = gate_radius(tracks.sizes[lost], tracks.sizes[row], options)
    distance = np.where(recent & (moved > np.square(radius)), np.inf, far)
    nearest = int(distance.argmin())
    return lost[nearest:][:1] if np.isfinite(distance[nearest]) else lost[:0]
