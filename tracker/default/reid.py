"""Re-identification of lost tracks: by motion, by appearance, or by elimination."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.tracker.appearance.model import AppearanceModel
from poseflow.tracker.assignment import assign
from poseflow.tracker.borders import at_border
from poseflow.tracker.default.likelihood import (
    GATE_FRAMES,
    lost_log_odds,
    outside_gate,
    squared_distances,
)
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.pairs import CandidatePairs
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.observations import Observations

CONTINUED_HITS = 2
"""Updates from which on a tentative track may continue a lost one by motion: poses that
last one frame are mostly false positives."""

SIZE_DEVIATION = 1.0
"""Standard deviation of the log ratio of sizes: people may return at another depth."""

APPEARANCE_MOST = 6.0
"""Log odds that the appearance adds at most."""

CERTAIN = 1e3
"""Log odds of a lost track over a new person where there can be no new one."""

MISSED_FRAMES, MISSED_SIZES, MISSED_LOG_RATIO = 30, 3.0, 0.3
"""Where the number of people is stable: longest absence of one who is missed, farthest
distance from where that person was seen last, or is expected, and largest log ratio of
sizes."""


def continued_lost(
    tracks: TrackStates,
    ready: Ints,
    track_of: Ints,
    pairs: CandidatePairs,
    people: Observations,
    speed: float,
    options: DefaultOptions,
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
        options: With the weights.

    Returns:
        Indices of lost tracks, `(m,)`, and of the tentative ones that continue them.
    """
    new = track_of[pairs.person]
    usable = tracks.confirmed[pairs.track] & np.isin(new, ready)
    usable &= tracks.last_frame[pairs.track] < tracks.first_frame[new]
    pairs = pairs[usable]
    odds = lost_log_odds(tracks, pairs, people, speed, options.weights)
    odds += options.weights.lost
    matched = pairs.assigned(odds)
    return matched.track, track_of[matched.person]


def reidentify(
    tracks: TrackStates,
    ready: Ints,
    model: AppearanceModel,
    options: DefaultOptions,
    known: bool = False,
    reach: Floats | None = None,
) -> tuple[Ints, Ints]:
    """Re-identification of lost tracks by appearance and position.

    Args:
        tracks: All tracks.
        ready: `(n,)` tentative tracks that are about to be confirmed.
        model: Distances between appearances in this stream.
        options: With the weights, and the width of a panorama.
        known: No new person is possible: each can only be a lost one.
        reach: `(2, 2)` least and largest position of all people so far; if given, only
            those count who were lost lately, not far away, and did not leave there.

    Returns:
        Indices of lost tracks, `(m,)`, and of the tentative tracks that continue them.
    """
    # Tracks updated more recently are matched by position, in `candidate_pairs`.
    least = 0 if known else GATE_FRAMES
    rows = np.flatnonzero(tracks.confirmed & (tracks.frames_since_update > least))
    if not len(rows) or not len(ready) or not (known or model.ready):
        return ready[:0], ready[:0]
    lost, new = tracks[rows], tracks[ready]
    sizes = lost.sizes[:, None]
    # People come back where they left or were going; at a distance of one size from
    # there the position counts neither for nor against.
    predicted, last = squared_distances(lost, new.centres, options.wrap_width_px)
    far = np.minimum(predicted, last) / np.square(sizes)
    odds = -options.weights.reid_position * np.log((1 + far) / 2)
    ratio = np.log(sizes / new.sizes)
    odds -= np.square(ratio / SIZE_DEVIATION) / 2
    if model.ready:
        a, b = np.divmod(np.arange(odds.size), len(new))
        appearance = np.where(new.appearance_count > 0, new.appearance, np.nan)
        distance, evidence = model.distances(
            lost.appearance[a], lost.appearance_count[a], appearance[b]
        )
        similar = model.log_odds(distance, evidence).reshape(odds.shape)
        odds += similar.clip(-APPEARANCE_MOST, APPEARANCE_MOST)
    odds[outside_gate(lost, last.T, new.sizes[:, None], options).T] = -np.inf
    gaps = new.first_frame - lost.last_frame[:, None]
    odds[gaps <= 0] = -np.inf
    if reach is not None:
        others = (gaps > MISSED_FRAMES) | (far > MISSED_SIZES**2)
        others |= np.abs(ratio) > MISSED_LOG_RATIO
        # Of those who leave at the border, another one enters there.
        left = at_border(lost.last_position, lost.sizes, reach)[:, None]
        left = left & at_border(new.centres, new.sizes, reach)
        odds[others | (left & (gaps > GATE_FRAMES))] = -np.inf
    newcomer = -CERTAIN if known else options.weights.reid + np.log(1 + len(lost))
    a, b = assign(odds, newcomer).T
    return rows[a], ready[b]
