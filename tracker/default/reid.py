"""Re-identification of lost tracks: by appearance, or because no more ids are left."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Ints
from poseflow.tracker.assignment import assign
from poseflow.tracker.default.appearance import AppearanceModel
from poseflow.tracker.default.likelihood import GATE_FRAMES, gate_radius
from poseflow.tracker.default.options import DefaultOptions, DefaultWeights
from poseflow.tracker.default.tracks import TrackStates

SIZE_DEVIATION = 1.0
"""Standard deviation of the log ratio of sizes: people may return at another depth."""


def reidentify(
    tracks: TrackStates, ready: Ints, model: AppearanceModel, weights: DefaultWeights
) -> tuple[Ints, Ints]:
    """Re-identification of lost tracks by appearance and position.

    Args:
        tracks: All tracks.
        ready: `(n,)` tentative tracks that are about to be confirmed.
        model: Distances between appearances in this stream.
        weights: Tuned weights.

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
    limit = weights.reid_limit
    odds = np.clip(model.log_odds(distance, evidence), -limit, limit)
    odds -= weights.reid + np.log(1 + len(lost))
    ratio = np.log(tracks.sizes[a] / tracks.sizes[b])
    odds -= np.square(ratio / SIZE_DEVIATION) / 2
    # People come back where they left or were going; at a distance of one size from
    # there the position counts neither for nor against.
    here = tracks.centres[b]
    from_last = np.square(tracks.last_position[a] - here).sum(axis=1)
    from_predicted = np.square(tracks.centres[a] - here).sum(axis=1)
    far = np.minimum(from_last, from_predicted) / np.square(tracks.sizes[a])
    odds -= weights.reid_position * np.log((1 + far) / 2)
    pairs = assign(odds.reshape(len(lost), len(ready)), 0.0)
    return lost[pairs[:, 0]], ready[pairs[:, 1]]


def nearest_lost(tracks: TrackStates, row: int, options: DefaultOptions) -> int | None:
    """The lost track predicted nearest to tentative track `row`, within the gate.

    For `max_tracks`: once all ids are given, a new person can only be a known one.
    """
    # Tracks updated more recently are matched by position, in `candidate_pairs`.
    lost = np.flatnonzero(tracks.confirmed & (tracks.frames_since_update > 0))
    if not len(lost):
        return None
    far = np.square(tracks.centres[lost] - tracks.centres[row]).sum(axis=1)
    moved = np.square(tracks.last_position[lost] - tracks.last_position[row]).sum(1)
    recent = tracks.frames_since_update[lost] <= GATE_FRAMES
    radius = gate_radius(tracks.sizes[lost], tracks.sizes[row], options)
    distance = np.where(recent & (moved > np.square(radius)), np.inf, far)
    nearest = int(distance.argmin())
    return int(lost[nearest]) if np.isfinite(distance[nearest]) else None
