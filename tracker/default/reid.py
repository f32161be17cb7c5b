"""Who a newcomer of `default` is, if not somebody new: by looks, or by elimination."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Ints
from poseflow.tracker.assignment import assign
from poseflow.tracker.default.appearance import Looks
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.tracks import Bodies

MOST_RECALL = 6.0
"""Log odds that looks alone cannot exceed."""


def recognise(
    bodies: Bodies, match: Ints, ready: Ints, looks: Looks, options: DefaultOptions
) -> Ints:
    """Recognise people who were away by their looks.

    Args:
        bodies: All of them; those recognised take over what the newcomer has.
        match: `(P,)` number of the body of each pose, changed accordingly.
        ready: `(n,)` newcomers who are about to get an id.
        looks: What distances between appearances mean.
        options: Settings.

    Returns:
        Newcomers who are nobody known. Those who may be are held back until there are
        more looks.
    """
    away = np.flatnonzero((bodies.ids > 0) & (bodies.gap > options.jump_frames))
    if not len(away):
        return ready
    a, r = np.repeat(away, len(ready)), np.tile(ready, len(away))
    colours = np.where(bodies.looks[r] > 0, bodies.colours[r], np.nan)
    distance, share = looks.distances(
        bodies.colours[a], bodies.looks[a], colours, np.ones(colours.shape)
    )
    odds = np.clip(looks.odds(distance, share), -MOST_RECALL, MOST_RECALL)
    odds -= options.recall + np.log(1 + len(away))
    odds -= np.square(np.log(bodies.sizes[a] / bodies.sizes[r])) / 2
    # Whoever comes back does so where they left, or where they were going; a size away
    # from there speaks neither for nor against.
    here = bodies.points[r, -1]
    left = np.square(bodies.place[a] - here).sum(axis=1)
    due = np.square(bodies.points[a, -1] - here).sum(axis=1)
    far = np.minimum(left, due) / np.square(bodies.sizes[a])
    odds -= options.recall_place * np.log((1 + far) / 2)
    table = odds.reshape(len(away), len(ready))
    # With few looks and somebody away who is not unlike, a few more looks decide.
    held = table.max(axis=0) > -options.recall
    held &= bodies.hits[ready] < options.deliberate
    done = held.copy()
    for i, j in assign(np.where(held, -np.inf, table), 0.0).tolist():
        resume(bodies, match, int(away[i]), int(ready[j]))
        done[j] = True
    others: Ints = ready[~done]
    return others


def fill(
    bodies: Bodies, match: Ints, ready: Ints, free: int, options: DefaultOptions
) -> Ints:
    """With all ids given, newcomers continue whoever is away, the nearest first.

    Args:
        bodies: All of them.
        match: `(P,)` number of the body of each pose, changed accordingly.
        ready: `(n,)` newcomers.
        free: How many ids may still be given.
        options: Settings.

    Returns:
        Newcomers who get a new id.
    """
    for row in ready[free:].tolist():
        away = np.flatnonzero((bodies.ids > 0) & (bodies.gap > 0))
        if not len(away):
            break
        far = np.square(bodies.points[away, -1] - bodies.points[row, -1]).sum(axis=1)
        jump = np.square(bodies.place[away] - bodies.place[row]).sum(axis=1)
        soon = bodies.gap[away] <= options.jump_frames
        far[soon & (jump > np.square(options.jump * bodies.sizes[row]))] = np.inf
        if np.isfinite(far.min()):
            resume(bodies, match, int(away[far.argmin()]), row)
    return ready[:free]


def resume(bodies: Bodies, match: Ints, old: int, new: int) -> None:
    """Somebody in the making turns out to be somebody known."""
    bodies.take_over(np.array([old]), bodies, np.array([new]))
    match[match == new] = old
    bodies.gap[new] = np.inf
