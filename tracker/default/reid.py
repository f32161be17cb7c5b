"""Re-identification of lost tracks: by motion, by appearance, or by elimination."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Ints
from poseflow.tracker.appearance.model import AppearanceModel
from poseflow.tracker.assignment import assign
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


APPEARANCE_MOST = 6.0
"""Log odds that the appearance adds at most."""

CERTAIN = 1e3
"""Log odds of a lost track where no new person is possible."""


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
    tracks: TrackStates,
    ready: Ints,
    model: AppearanceModel,
    options: DefaultOptions,
    known: bool = False,
) -> tuple[Ints, Ints]:
    """Re-identification of lost tracks by appearance and position.

    Args:
        tracks: All tracks.
        ready: `(n,)` tentative tracks that are about to be confirmed.
        model: Distances between appearances in this stream.
        options: With the weights, and the width of a panorama.
        known: All ids of `max_tracks` are given: each can only be a lost one.

    Returns:
        Indices of lost tracks, `(m,)`, and of the tentative tracks that continue them.
    """
    # Tracks updated more recently are matched by position, in `candidate_pairs`.
    least = 0 if known else GATE_FRAMES
    lost = np.flatnonzero(tracks.confirmed & (tracks.frames_since_update > least))
    if not len(lost) or not len(ready) or not (known or model.ready):
        return ready[:0], ready[:0]
    a, b = np.repeat(lost, len(ready)), np.tile(ready, len(lost))
    weights, width = options.weights, options.wrap_width_px
    # People come back where they left or were going; at a distance of one size from
    # there the position counts neither for nor against.
    here = tracks.centres[b]
    from_last = np.square(shortest(tracks.last_position[a] - here, width)).sum(axis=1)
    from_predicted = np.square(shortest(tracks.centres[a] - here, width)).sum(axis=1)
    far = np.minimum(from_last, from_predicted) / np.square(tracks.sizes[a])
    odds = -weights.reid_position * np.log((1 + far) / 2)
    odds -= np.square(np.log(tracks.sizes[a] / tracks.sizes[b]) / SIZE_DEVIATION) / 2
    if model.ready:
        counts = tracks.appearance_count
        distance, evidence = model.distances(
            tracks.appearance[a],
            counts[a],
            np.where(counts[b] > 0, tracks.appearance[b], np.nan),
        )
        odds += model.log_odds(distance, evidence).clip(
            -APPEARANCE_MOST, APPEARANCE_MOST
        )
    if known:
        radius = gate_radius(tracks.sizes[a], tracks.sizes[b], options)
        jump = (tracks.frames_since_update[a] <= GATE_FRAMES) & (
            from_last > np.square(radius)
        )
        odds = np.where(jump, -np.inf, odds + CERTAIN)
    else:
        odds -= weights.reid + np.log(1 + len(lost))
    odds[tracks.last_frame[a] >= tracks.first_frame[b]] = -np.inf
    pairs = assign(odds.reshape(len(lost), len(ready)), 0.0)
    return lost[pairs[:, 0]], ready[pairs[:, 1]]
