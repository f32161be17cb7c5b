"""How the bodies of `default` take the poses in that continue them."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.tracker.default.likelihood import Pairs
from poseflow.tracker.default.tracks import Bodies
from poseflow.tracker.motion.kalman import gains
from poseflow.tracker.observations import Observations


def follow(
    bodies: Bodies,
    seen: Observations,
    scores: Floats,
    pairs: Pairs,
    which: Ints,
    frame: int,
    joint_gain: float,
) -> None:
    """Take the matched poses into their bodies.

    Args:
        bodies: Identities, predicted into this frame; changed.
        seen: The people of the frame.
        scores: `(P,)` their person scores.
        pairs: All pairs of the frame.
        which: `(n,)` those that were made.
        frame: Number of the frame.
        joint_gain: How far a joint follows its observation, in [0, 1].
    """
    rows, people = pairs.body[which], pairs.pose[which]
    if not len(rows):
        return
    offset, residual = pairs.offsets.offset[which], pairs.offsets.residual[which]
    gain, turn, after = gains(bodies.variance[rows], pairs.noise[which, None])
    bodies.variance[rows] = after
    bodies.velocity[rows] += turn * offset
    moved = bodies.points[rows] + (gain * offset)[:, None]

    present, known = seen.present[people], bodies.known[rows]
    sizes = bodies.sizes[rows]
    # A joint that stands far off is believed slowly, one unseen for long at once.
    stray = residual / (0.15 * sizes[:, None])
    trust = np.where(known, joint_gain / (1 + np.square(np.square(stray))), 1.0)
    trust = np.maximum(trust, np.minimum(bodies.age[rows] / 10, 1))
    trust = np.where(present, trust, 0)[..., None]
    bodies.points[rows] = moved + trust * (seen.points[people] - moved)
    bodies.known[rows] = known | present
    bodies.age[rows] = np.where(present, 0, bodies.age[rows])
    boxes = bodies.boxes()[rows]
    now = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    bodies.sizes[rows] = np.where(now > 0, sizes + 0.2 * (now - sizes), sizes)
    bodies.place[rows] = bodies.points[rows, -1]
    bodies.gap[rows] = 0
    bodies.hits[rows] += 1
    bodies.last[rows] = frame
    bodies.score[rows] += scores[people]
