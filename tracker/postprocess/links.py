"""Gains of links between tracklets: the same person against two people.

Motion predicted from both sides, the length of the gap and the ratio of sizes give the
cost of a link; appearance adds its log odds. Across a long absence motion tells
nothing: there appearance and place decide, as in the re-identification of `default`.
"""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.tracker.appearance.track_means import TrackAppearances
from poseflow.tracker.borders import at_border
from poseflow.tracker.people_count import stable_count
from poseflow.tracker.postprocess.options import RefineOptions
from poseflow.tracker.postprocess.tracklets import (
    TrackletEnds,
    Tracklets,
    people_counts,
)

STUDENT_DEGREES = 4
"""Degrees of freedom of the prediction error, a Student t distribution: it tolerates
outliers better than a normal distribution."""

JUMP_FRAMES, JUMP_SIZES = 10, 1.2
"""Across so many frames at most, people are found within so many sizes."""

PRESENT = 0.75
"""Share of the frames in which each of a stable number of people is there."""

APPEARANCE_MOST = 10.0
"""Log odds that the appearance adds at most."""

APPEARANCE_DIFFERENT = -3.0
"""Log odds of the appearance below which a link is not made, unless the number of
people is given."""

PAIRS_AT_ONCE = 50_000
"""Pairs that are compared together, which bounds the memory for it."""

RETURN_COST = 2.0
"""Log odds that a person is new rather than a single one who left, if appearance and
place tell nothing."""


def link_gains(
    tracklets: Tracklets,
    bounds: Floats,
    options: RefineOptions,
    appearances: TrackAppearances | None = None,
) -> Floats:
    """Gains of all links between N tracklets, `(N, N)`, -inf where there is none.

    Args:
        tracklets: The tracklets; the earlier one of a link is its row.
        bounds: `(2, 2)` left and upper, right and lower border of the images, pixels.
        options: Parameters.
        appearances: Of the same tracks, None without images.
    """
    count = len(tracklets.ids)
    people = options.max_tracks or stable_count(people_counts(tracklets), PRESENT)
    known = people is not None
    gains = np.full((count, count), -np.inf)
    rows = max(PAIRS_AT_ONCE // max(count, 1), 1)
    for start in range(0, count, rows):
        after = tracklets.first[None] > tracklets.last[start : start + rows, None]
        i, j = np.nonzero(after)
        i += start
        odds = _motion_gains(tracklets, i, j, bounds, known, options)
        if appearances is not None and appearances.ready:
            same = appearances.log_odds(tracklets.ids[i], tracklets.ids[j])
            same = same.clip(-APPEARANCE_MOST, APPEARANCE_MOST)
            odds += same
            if not options.max_tracks:
                odds[same < APPEARANCE_DIFFERENT] = -np.inf
            odds = np.maximum(odds, _return_odds(tracklets, i, j, same))
        gains[i, j] = odds
    return gains


def _motion_gains(
    tracklets: Tracklets,
    i: Ints,
    j: Ints,
    bounds: Floats,
    known: bool,
    options: RefineOptions,
) -> Floats:
    """Gains of links by motion, `(M,)`, -inf where there is none.

    Args:
        tracklets: The tracklets.
        i: `(M,)` the earlier one of each pair.
        j: `(M,)` the later one.
        bounds: `(2, 2)` left and upper, right and lower border of the images, pixels.
        known: Whether the number of people is known or stable.
        options: Parameters.
    """
    longest_gap = np.inf if known else options.maximum_gap_frames
    gaps = tracklets.first[j] - tracklets.last[i]
    gains = np.full(len(i), -np.inf)
    near = np.flatnonzero(gaps <= longest_gap)
    pairs = tracklets.ends.of(i[near]), tracklets.begins.of(j[near]), gaps[near]
    unlikely = _jumps(*pairs)
    if not options.max_tracks:
        left, entered = (
            at_border(side.places, side.sizes, bounds) for side in pairs[:2]
        )
        unlikely |= left & entered
    most = options.maximum_cost_known if known else options.maximum_cost
    costs = _link_costs(*pairs, options)
    gains[near] = np.where(unlikely, -np.inf, most - costs)
    return gains


def _return_odds(tracklets: Tracklets, i: Ints, j: Ints, same: Floats) -> Floats:
    """Log odds that people came back after an absence, `(M,)`.

    Args:
        tracklets: The tracklets.
        i: `(M,)` the earlier one of each pair.
        j: `(M,)` the later one.
        same: `(M,)` log odds of the appearance.
    """
    ends, begins = tracklets.ends.of(i), tracklets.begins.of(j)
    gaps = tracklets.first[j] - tracklets.last[i]
    # Any of those who left before may be the one who comes.
    left = np.searchsorted(np.sort(tracklets.last), tracklets.first[j])
    back = same - RETURN_COST - np.log1p(left)
    # At a distance of one size the place counts neither for nor against.
    far = np.square(begins.places - ends.places).sum(axis=1) / np.square(ends.sizes)
    back -= np.log((1 + far) / 2)
    return np.where(_jumps(ends, begins, gaps), -np.inf, back)


def _jumps(ends: TrackletEnds, begins: TrackletEnds, gaps: Ints) -> Bools:
    """Whether links would go far in few frames, unless the motion predicts it, `(M,)`.

    Args:
        ends: Where the earlier ones of M pairs end.
        begins: Where the later ones begin.
        gaps: `(M,)` frames between the two.
    """
    way, frames = begins.places - ends.places, gaps[:, None]
    errors = [way, way - ends.velocities * frames, way - begins.velocities * frames]
    nearest = np.linalg.norm(errors, axis=2).min(axis=0)
    sizes = np.minimum(ends.sizes, begins.sizes)
    jumps: Bools = (gaps <= JUMP_FRAMES) & (nearest > JUMP_SIZES * sizes)
    return jumps


def _link_costs(
    ends: TrackletEnds, begins: TrackletEnds, gaps: Ints, options: RefineOptions
) -> Floats:
    """Costs of links, from motion, size ratio and length of the gap, `(M,)`.

    Args:
        ends: Where the earlier ones of M pairs end.
        begins: Where the later ones begin.
        gaps: `(M,)` frames between the two.
        options: Parameters.
    """
    way, frames = begins.places - ends.places, gaps[:, None]
    # Predicted from both sides; the larger of the two errors counts.
    errors = [way - ends.velocities * frames, way - begins.velocities * frames]
    squared = np.square(errors).sum(axis=2).max(axis=0) / (ends.sizes * begins.sizes)
    start = options.deviation_sizes
    variance = (start + options.deviation_growth_sizes * gaps) ** 2
    degrees = STUDENT_DEGREES
    costs = np.log1p(squared / (degrees * variance)) * ((degrees + 2) / 2)
    costs += np.log(variance / start**2) / 2
    ratio = np.log(begins.sizes / ends.sizes)
    costs += np.square(ratio / options.log_size_deviation) / 2
    costs += options.gap_cost * np.log2(gaps)
    return np.asarray(costs, np.float64)
