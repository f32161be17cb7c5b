"""How likely a pose continues an identity: log odds, piece by piece.

Every pair of a body and a pose that could be one is judged by the log likelihood ratio
of "the same person" against "somebody new": where it is (against the uncertainty of the
prediction), how its joints stand, how large it is, how it looks. Pieces for which there
is no evidence say nothing. As log odds they add up, and a logistic turns their sum into
the similarity in [0, 1]; nothing in it is a length in pixels or a detector's score.

Source: log-likelihood-ratio scoring of tracks as in Blackman, "Multiple hypothesis
tracking for multiple target tracking" (2004), with a Student t in the place of the
Gaussian, since people do not move by one; joints judged as in COCO's OKS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.tracker.default.appearance import Looks
from poseflow.tracker.default.tracks import Bodies
from poseflow.tracker.motion.kalman import Offsets, body_offsets
from poseflow.tracker.observations import Observations
from poseflow.validation import require


@dataclass(frozen=True)
class EvidenceOptions:
    """Constants of the log odds; lengths in body sizes, times in frames.

    Attributes:
        birth: Log odds that a place as likely as the densest one gives.
        tail: Degrees of freedom of the Student t: lower forgives more.
        measured: Standard deviation of a body's measured offset with many joints.
        measured_few: Added in quadrature over the square root of the joints.
        shape: Weight of how the joints stand.
        shape_even: Shape similarity that speaks neither for nor against.
        shape_memory: Frames unseen after which shape counts half.
        slack: Residual at which a joint's vote for the offset halves.
        scale: Standard deviation of the log size ratio.
        absence: Cost per doubling of the frames unseen.
        colour: Weight of the appearance.
        colour_after: Frames unseen after which the appearance counts in full.
        colour_most: Log odds that the appearance cannot exceed, either way.
    """

    birth: float = 7.0
    tail: float = 4.0
    measured: float = 0.03
    measured_few: float = 0.06
    shape: float = 4.0
    shape_even: float = 0.4
    shape_memory: float = 10.0
    slack: float = 0.1
    scale: float = 0.2
    absence: float = 0.2
    colour: float = 0.5
    colour_most: float = 4.0
    colour_after: float = 90.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("measured", "slack", "scale", "tail", "shape_memory"):
            require(name, getattr(self, name), 1e-6)
        for name in ("shape", "colour", "absence", "measured_few", "colour_most"):
            require(name, getattr(self, name), 0)


class Pairs(NamedTuple):
    """n pairs of a body and a pose that could be one.

    Attributes:
        body: `(n,)` numbers of bodies.
        pose: `(n,)` numbers of poses.
        odds: `(n,)` log odds that they are one person.
        offsets: How they differ.
        noise: `(n,)` variance of the measured offset, in sizes squared.
        shape: `(n,)` how alike the joints stand, in [0, 1].
    """

    body: Ints
    pose: Ints
    odds: Floats
    offsets: Offsets
    noise: Floats
    shape: Floats


def within_reach(
    bodies: Bodies, seen: Observations, reach: Floats
) -> tuple[Ints, Ints]:
    """Pairs whose middles are within `(N,)` reach, in sizes of the larger."""
    apart = np.square(bodies.points[:, None, -1] - seen.points[None, :, -1]).sum(-1)
    larger = np.maximum(bodies.sizes[:, None], seen.sizes[None])
    body, pose = np.nonzero(apart <= np.square(reach[:, None] * larger))
    return body, pose


def judge(
    bodies: Bodies,
    seen: Observations,
    body: Ints,
    pose: Ints,
    spread: Floats,
    looks: Looks | None,
    options: EvidenceOptions,
) -> Pairs:
    """Log odds of n pairs.

    Args:
        bodies: Identities, predicted into this frame.
        seen: The people of this frame.
        body: `(n,)` numbers of bodies.
        pose: `(n,)` numbers of people.
        spread: `(K + 1,)` how far a joint may stand from where it is expected, in
            sizes.
        looks: What distances between appearances mean, if there are any.
        options: Constants.
    """
    sizes = bodies.sizes[body]
    fresh = 1 / (1 + bodies.age[body] / options.shape_memory)
    weight = seen.weight[pose] * np.where(bodies.known[body], fresh, 0)
    offsets = body_offsets(
        bodies.points[body], seen.points[pose], weight, sizes, options.slack
    )
    joints = weight[:, :-1]
    common = (joints > 0).sum(axis=1)
    near = np.square(offsets.residual[:, :-1] / (sizes[:, None] * spread[:-1]))
    total = joints.sum(axis=1)
    shape = (joints * np.exp(-near / 2)).sum(axis=1) / np.maximum(total, 1e-9)

    # Few joints, or joints that fit badly, do not tell well where a body is.
    noise = options.measured**2 + options.measured_few**2 / np.maximum(common, 0.3)
    noise = noise * (1 + 3 * np.square(1 - shape))
    variance = bodies.variance[body, :, 0] + noise[:, None]
    step = offsets.offset / sizes[:, None]
    square = (np.square(step) / variance).sum(axis=1)
    tail = options.tail
    odds = options.birth - (tail + 2) / 2 * np.log1p(square / tail)
    odds -= np.log(variance.prod(axis=1) / options.measured**4) / 2

    memory = 1 / (1 + bodies.gap[body] / options.shape_memory)
    sure = np.minimum(common / 4, 1) * memory
    odds += options.shape * sure * (shape - options.shape_even)
    odds -= np.minimum(np.square(offsets.scale / options.scale) / 2, 3)
    odds -= options.absence * np.log2(np.maximum(bodies.gap[body], 1))
    if looks is not None and looks.ready and len(body):
        distance, share = looks.distances(
            bodies.colours[body], bodies.looks[body], seen.colours[pose],
            seen.clean[pose],
        )  # fmt: skip
        # Whoever was seen a moment ago is known by place; when people cover each
        # other, colours change hands before places do.
        away = np.clip(bodies.gap[body] / options.colour_after - 0.2, 0, 1)
        said = options.colour * away * looks.odds(distance, share)
        odds += np.clip(said, -options.colour_most, options.colour_most)
    return Pairs(body, pose, odds, offsets, noise, shape)


def shift_together(bodies: Bodies, pairs: Pairs) -> bool:
    """Move all bodies by what most of them agree on: the camera, for want of a picture.

    Returns:
        True if they agreed on anything, and the bodies have moved.
    """
    recent = bodies.gap[pairs.body] <= 2
    body, pose = pairs.body[recent], pairs.pose[recent]
    if len(body) < 3:
        return False
    # Each recent body's likeliest pose, if it is also that pose's likeliest body.
    odds, offset = pairs.odds[recent], pairs.offsets.offset[recent]
    order = np.lexsort((-odds, body))
    lead = order[np.diff(body[order], prepend=-1) != 0]
    order = np.lexsort((-odds, pose))
    best = np.zeros(len(body), np.bool_)
    best[order[np.diff(pose[order], prepend=-1) != 0]] = True
    lead = lead[best[lead] & np.isfinite(odds[lead])]
    if len(lead) < 3:
        return False
    steps = offset[lead]
    middle = np.median(steps, axis=0)
    scatter = np.median(np.abs(steps - middle), axis=0)
    size = float(np.median(bodies.sizes[body[lead]]))
    shift = float(np.hypot(*middle))
    if shift < 0.02 * size or shift < 2 * float(np.hypot(*scatter)):
        return False
    bodies.points += middle
    bodies.velocity += 0.3 * middle
    bodies.place += middle
    return True
