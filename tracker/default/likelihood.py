"""Association likelihood of `default`: log odds that a person continues a track.

Log odds compare "same person" with "new person". Position and appearance contribute
log likelihood ratios; pose, size, detection score and duplicates contribute tuned terms
on the same scale. A term without evidence is 0. No term depends on pixels or on the
scale of a detector's scores.

Source: log-likelihood-ratio scoring of tracks as in Blackman, "Multiple hypothesis
tracking for multiple target tracking" (2004), with a Student t in place of the
Gaussian; pose similarity as in COCO's OKS.
"""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.tracker.appearance.model import AppearanceModel
from poseflow.tracker.default.options import DefaultOptions, DefaultWeights
from poseflow.tracker.default.pairs import CandidatePairs
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.motion.kalman import Offsets, body_offsets
from poseflow.tracker.motion.panorama import shortest, turns
from poseflow.tracker.observations import Observations

GATE_FRAMES, GATE_SIZE_LIMIT = 10, 2.0
"""Frames since the update for which a track is gated by distance. The gate uses at most
this multiple of the person's size, so that a large track does not accept a small pose
far away."""

CUT_PEOPLE, CUT_SHARE, CUT_HITS, CUT_LOG_ODDS = 3, 0.2, 3, 3.0
"""Scene cut: so many people or more, of whom at most this share continued; updates of
tracks that should continue, and log odds from which on they certainly do."""

POSE_KEYPOINTS = 4
"""Common keypoints from which on the pose counts in full."""

YOUNG_HITS, YOUNG_LOG_ODDS = 2, 4.0
"""Updates from which on a track has a velocity. Before, its pairs have higher log odds:
a new person seldom begins where one just was."""

STAYED_SPEED = 0.3
"""The probability that a lost track stayed where it was seen last decays with its speed
before over the usual one of the stream, in units of this."""

APPEARANCE_DELAY = 0.2
"""Share of `appearance_frames` for which the appearance does not count at all."""


def candidate_pairs(
    tracks: TrackStates,
    people: Observations,
    relative_scores: Floats,
    weaker: Ints,
    appearance: AppearanceModel,
    options: DefaultOptions,
) -> CandidatePairs:
    """All pairs within reach, with their log odds.

    Args:
        tracks: Tracks predicted into this frame.
        people: The P people of the frame.
        relative_scores: `(P,)` quality relative to that of tracked people.
        weaker: Indices of people who are the weaker of two similar poses.
        appearance: Distances between appearances in this stream.
        options: Gate and weights.
    """
    weights = options.weights
    track, person = _within_reach(tracks, people, options)
    each, points = tracks[track], people.points[person]  # of every pair
    turned = turns(points[:, -1] - each.centres, options.wrap_width_px)
    points = points - turned[:, None]
    common = np.where(each.known, people.weight[person], 0)
    offsets = body_offsets(
        each.points, points, common, each.sizes, weights.outlier_residual
    )
    deviation = each.sizes[:, None] * weights.keypoint_deviation(people.sigmas)
    pose_similarity = _pose_similarity(offsets, deviation)
    keypoints = (common[:, :-1] > 0).sum(axis=1)
    noise = weights.offset_noise(keypoints)

    odds = _moved_on(each, offsets.offset, noise, weights)
    share = np.minimum(keypoints / POSE_KEYPOINTS, 1)
    odds += weights.pose * share * (pose_similarity - weights.pose_neutral)
    odds -= np.square(offsets.scale / weights.size_deviation) / 2
    odds += _similar(each, people.appearance[person], appearance, weights)
    odds -= weights.low_score * np.maximum(1 - relative_scores[person], 0)
    odds -= weights.duplicate * (person[:, None] == weaker).any(axis=1)
    odds += YOUNG_LOG_ODDS * (each.confirmed & each.recent & (each.hits < YOUNG_HITS))
    moved = np.square(each.centres + offsets.offset - each.last_position).sum(axis=1)
    odds[outside_gate(each, moved, people.sizes[person], options)] = -np.inf
    return CandidatePairs(
        track, person, odds, offsets.offset, noise, pose_similarity, turned
    )


def lost_log_odds(
    tracks: TrackStates,
    pairs: CandidatePairs,
    people: Observations,
    speed: float,
    weights: DefaultWeights,
) -> Floats:
    """Log odds of pairs whose track was missed, `(n,)`: a mixture of two hypotheses.

    The track moved on with constant velocity, or stayed near the position of its last
    update, from which it may have gone at the usual speed of the stream. Where people
    are many, a new pose near a lost track more often is another person.

    Args:
        tracks: Tracks predicted into this frame.
        pairs: Pairs of lost tracks and people.
        people: The P people of the frame.
        speed: Usual speed of the stream, in sizes per frame.
        weights: Tuned weights.
    """
    each = tracks[pairs.track]
    moved_on = _moved_on(each, pairs.offset, pairs.noise, weights)
    moved = (each.centres + pairs.offset - each.last_position) / each.sizes[:, None]
    gone = pairs.noise + np.square(speed * each.frames_since_update)
    stayed = _log_odds(moved, gone[:, None], weights)
    pace = np.square(each.velocity).sum(axis=1) / np.square(each.sizes * speed)
    prior = np.log(weights.stayed) - pace / STAYED_SPEED**2
    either = np.logaddexp(moved_on + np.log1p(-np.exp(prior)), stayed + prior)

    apart = people.centres[pairs.person][:, None] - people.centres[None]
    larger = np.maximum(people.sizes[pairs.person][:, None], people.sizes[None])
    near = np.square(apart).sum(axis=-1) <= np.square(larger)
    odds: Floats = pairs.log_odds + either - moved_on - np.log(near.sum(axis=1))
    return odds


def all_changed(tracks: TrackStates, matches: CandidatePairs, people: int) -> bool:
    """Scene cut without an image: hardly any track continues with certainty.

    Args:
        tracks: Tracks predicted into this frame.
        matches: Pairs that were assigned.
        people: Number of people of the frame.
    """
    steady = tracks.confirmed & tracks.recent & (tracks.hits >= CUT_HITS)
    expected = min(int(steady.sum()), people)
    continued = int(steady[matches.track[matches.log_odds >= CUT_LOG_ODDS]].sum())
    return expected >= CUT_PEOPLE and continued <= CUT_SHARE * expected


def outside_gate(
    tracks: TrackStates, distances: Floats, sizes: Floats, options: DefaultOptions
) -> Bools:
    """Which people are too far from tracks that were updated lately, `(..., n)`.

    Args:
        tracks: n tracks.
        distances: `(..., n)` squared distances from their last positions, px².
        sizes: `(..., n)` sizes of the people, pixels.
        options: With `gate_body_lengths`.
    """
    size = np.minimum(tracks.sizes, GATE_SIZE_LIMIT * sizes)
    far: Bools = distances > np.square(options.gate_body_lengths * size)
    return far & (tracks.frames_since_update <= GATE_FRAMES)


def squared_distances(
    tracks: TrackStates, centres: Floats, width: float | None
) -> tuple[Floats, Floats]:
    """Of people from the tracks' predictions and last positions, `(N, P)` each, px².

    Args:
        tracks: N tracks.
        centres: `(P, 2)` box centres of people, pixels.
        width: Width of a panorama.
    """
    predicted = shortest(centres - tracks.centres[:, None], width)
    last = shortest(centres - tracks.last_position[:, None], width)
    return np.square(predicted).sum(axis=-1), np.square(last).sum(axis=-1)


def _within_reach(
    tracks: TrackStates, people: Observations, options: DefaultOptions
) -> tuple[Ints, Ints]:
    """Pairs of tracks up to `max_age_frames` old and people near them.

    Near to the prediction, or to the position of the last update.
    """
    distances = squared_distances(tracks, people.centres, options.wrap_width_px)
    reach = options.weights.reach * np.maximum(tracks.sizes[:, None], people.sizes)
    near = np.minimum(*distances) <= np.square(reach)
    near &= (tracks.frames_since_update <= options.max_age_frames)[:, None]
    track, person = np.nonzero(near)
    return track, person


def _pose_similarity(offsets: Offsets, deviation: Floats) -> Floats:
    """OKS of the residuals, weighted by joint, `(n,)`; deviations in pixels."""
    near = np.exp(-np.square(offsets.residual[:, :-1] / deviation) / 2)
    weight = offsets.weight[:, :-1]
    total = np.maximum(weight.sum(axis=1), 1e-9)
    similarity: Floats = (weight * near).sum(axis=1) / total
    return similarity


def _moved_on(
    each: TrackStates, offset: Floats, noise: Floats, weights: DefaultWeights
) -> Floats:
    """Log odds of offsets from the predictions by constant velocity, `(n,)`."""
    variance = each.variance[..., 0] + noise[:, None]
    return _log_odds(offset / each.sizes[:, None], variance, weights)


def _log_odds(offset: Floats, variance: Floats, weights: DefaultWeights) -> Floats:
    """Log odds of offsets in sizes, by a Student t, `(n,)`."""
    freedom = weights.degrees_of_freedom
    variance = np.broadcast_to(variance, offset.shape)
    square = (np.square(offset) / variance).sum(axis=1)
    odds: Floats = weights.match_bias - (freedom + 2) / 2 * np.log1p(square / freedom)
    odds -= np.log(variance.prod(axis=1) / weights.offset_deviation**4) / 2
    return odds


def _similar(
    each: TrackStates,
    appearance: Floats,
    model: AppearanceModel,
    weights: DefaultWeights,
) -> Floats:
    """Log odds of the appearance, `(n,)`, 0 for tracks updated lately.

    Those are told apart by position: when people occlude each other, appearances are
    mixed up before positions are.
    """
    if not model.ready:
        return np.zeros(len(each))
    distance, evidence = model.distances(
        each.appearance, each.appearance_count, appearance
    )
    lost = each.frames_since_update / weights.appearance_frames - APPEARANCE_DELAY
    odds: Floats = np.clip(lost, 0, 1) * model.log_odds(distance, evidence)
    return odds
