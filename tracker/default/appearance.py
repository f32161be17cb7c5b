"""What people look like: colours along their limbs, or whatever features the user has.

`limb_colours` needs no network: the mean colour of each limb, seen from wherever, tells
a red jacket from a black one. `Looks` judges distances between appearances, those
colours or a user's embeddings alike, by what it has seen in the stream so far: how far
the same person is from itself and how far different people are from each other. So no
threshold has to be chosen, and where people look alike it says little.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.poses import Poses
from poseflow.skeleton import Skeleton
from poseflow.tracker.default.tracks import Bodies

ALONG = np.linspace(0.15, 0.85, 7)
ACROSS = np.array([-0.02, 0.0, 0.02])
"""Where a limb is looked at: along it, and beside it in person sizes."""

LEAST_LIMB = 0.05
"""Limbs shorter than this share of the person are eyes and ears: no clothes there."""

UNCLEAN = 0.35
"""Weight of a colour that somebody else may have lent."""

LENT = 0.15
"""How often somebody looks like somebody else after all: hidden, or in a shadow."""

MOST_FAR = 25.0
"""Squared distance per feature, over one person's own, beyond which all is far."""


def limb_colours(image: Image, poses: Poses, sizes: Floats) -> tuple[Floats, Bools]:
    """Mean colour of every limb of every person.

    Args:
        image: `(H, W, 3)` uint8 BGR or `(H, W)` grey.
        poses: The people of the frame.
        sizes: `(P,)` longer side of each, pixels.

    Returns:
        `(P, D)` brightness and two colour differences of each limb, in grey levels, NaN
        where a limb is not seen; and `(P, D)` where nobody else's limbs are close by.
    """
    ends = _segments(poses.skeleton)
    people, limbs = len(poses), len(ends)
    keypoints = poses.keypoints.astype(np.float64)
    present = poses.present
    start, stop = keypoints[:, ends[:, 0]], keypoints[:, ends[:, 1]]
    run = stop - start
    length = np.hypot(run[..., 0], run[..., 1])
    shown = present[:, ends[:, 0]] & present[:, ends[:, 1]]
    shown &= length > LEAST_LIMB * sizes[:, None]
    side = np.stack([-run[..., 1], run[..., 0]], -1) / np.maximum(length, 1)[..., None]
    spots = (
        start[:, :, None, None]
        + ALONG[:, None, None] * run[:, :, None, None]
        + (ACROSS * sizes[:, None])[:, None, None, :, None] * side[:, :, None, None]
    )  # (P, L, along, across, 2)
    height, width = image.shape[:2]
    # What is far outside, or nowhere, need not fit into an integer.
    spots = np.clip(np.nan_to_num(spots, nan=-1), -1, max(height, width))
    column = np.rint(spots[..., 0]).astype(np.int64)
    row = np.rint(spots[..., 1]).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixels = image[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    channels = 1 if image.ndim == 2 else image.shape[2]
    flat = pixels.reshape(people, limbs, ALONG.size * ACROSS.size, channels)
    inside = inside.reshape(flat.shape[:3])
    count = inside.sum(axis=2)
    total = np.einsum("plsc,pls->plc", flat.astype(np.float64), inside)
    mean = total / np.maximum(count, 1)[..., None]
    if mean.shape[-1] == 3:
        blue, green, red = np.moveaxis(mean, -1, 0)
        mean = np.stack(
            [(blue + green + red) / 3, red - green, (red + green) / 2 - blue], -1
        )
    mean[~shown | (count < flat.shape[2] / 2)] = np.nan
    clean = ~_lent(start, stop, shown, sizes)
    features = mean.shape[-1]
    return (
        mean.reshape(people, limbs * features),
        np.repeat(clean, features, axis=1),
    )


def _lent(start: Floats, stop: Floats, shown: Bools, sizes: Floats) -> Bools:
    """Which limbs have somebody else's near their middle, `(P, L)`."""
    people, limbs = shown.shape
    lent = np.zeros((people, limbs), np.bool_)
    if people < 2 or not limbs:
        return lent
    middle = (start + stop) / 2
    centre = np.where(shown[..., None], middle, 0).sum(axis=1)
    centre /= np.maximum(shown.sum(axis=1), 1)[:, None]
    apart = np.square(centre[:, None] - centre[None]).sum(axis=-1)
    a, b = np.nonzero(apart < np.square(0.6 * (sizes[:, None] + sizes[None])))
    a, b = a[a != b], b[a != b]
    if not len(a):
        return lent
    gap = np.square(middle[a][:, :, None] - middle[b][:, None]).sum(axis=-1)
    gap[~np.broadcast_to(shown[b][:, None], gap.shape)] = np.inf
    near = gap.min(axis=2) < np.square(0.12 * sizes[b])[:, None]
    np.logical_or.at(lent, a, near)
    return lent


@lru_cache(maxsize=16)
def _segments(skeleton: Skeleton) -> Ints:
    """Pairs of joints between which a body is looked at, `(L, 2)`."""
    ends = [tuple(sorted(pair)) for pair in skeleton.limb_indices.tolist()]
    joints = skeleton.joints
    for left, right in (("left", "right"), ("right", "left")):
        if f"{left}_shoulder" in joints and f"{right}_hip" in joints:
            a, b = joints.index(f"{left}_shoulder"), joints.index(f"{right}_hip")
            ends.append((min(a, b), max(a, b)))
    if not ends:  # no limbs known: from each joint to the next
        ends = [(k, k + 1) for k in range(len(skeleton) - 1)]
    return np.array(list(dict.fromkeys(ends)), np.int64).reshape(-1, 2)


class Looks:
    """What distances between appearances mean in this stream.

    Two running normal distributions of the log distance, of a person to itself and of
    different people of one frame, give the log odds of a pair.

    Args:
        features: D.
    """

    def __init__(self, features: int) -> None:
        self.features = features
        self._variance = np.zeros(features)
        self._seen = np.zeros(features)
        self._same = np.array([0.0, 0.5, 0.0])  # mean, deviation, weight
        self._other = np.array([1.8, 0.7, 0.0])

    @property
    def ready(self) -> bool:
        """True once enough was seen of people being themselves."""
        return self.features > 0 and bool(np.median(self._seen) >= 8)

    def distances(
        self,
        means: Floats,
        looks: Floats,
        colours: Floats,
        clean: Floats,
        more: Floats | float = 1.0,
    ) -> tuple[Floats, Floats]:
        """Log of the mean squared distance, and how much of a body it is about.

        Args:
            means: `(n, D)` known appearances.
            looks: `(n, D)` how many looks are in them.
            colours: `(n, D)` what is seen, NaN where it is not.
            clean: `(n, D)` weight of each feature.
            more: `(n, D)` how many looks are in `colours`.

        Returns:
            `(n,)` logs, and `(n,)` shares in [0, 1].
        """
        both = np.isfinite(colours) & (looks > 0) & (self._seen >= 8)
        weight = np.where(both, clean, 0.0)
        step = np.where(both, colours - means, 0.0)
        spread = self._variance * (1 / np.maximum(more, 1) + 1 / np.maximum(looks, 1))
        far = np.minimum(np.square(step) / np.maximum(spread, 1e-12), MOST_FAR)
        total = weight.sum(axis=1)
        mean = (weight * far).sum(axis=1) / np.maximum(total, 1e-9)
        known = max(float((self._seen >= 8).sum()), 1.0)
        return np.log(np.maximum(mean, 1e-3)), np.minimum(total / (0.4 * known), 1)

    def odds(self, distance: Floats, share: Floats) -> Floats:
        """Log odds of the same person, `(n,)`; 0 where nothing is known."""
        same, other = self._same, self._other
        # Nearer than oneself is as oneself, farther than others as others.
        at = np.clip(distance, same[0] - 0.3, max(other[0], same[0] + 0.3))
        near, far = max(same[1], 0.3), max(other[1], 0.3)
        score = np.square((at - other[0]) / far) - np.square((at - same[0]) / near)
        score = np.log(far / near) + score / 2
        # Now and then one's look is somebody else's, who stands in front.
        odds: Floats = share * np.log(LENT + (1 - LENT) * np.exp(score))
        return odds

    def learn(self, bodies: Bodies, rows: Ints, colours: Floats, clean: Bools) -> None:
        """Learn from people who certainly are who they are.

        Args:
            bodies: Identities, before they took the frame in.
            rows: `(n,)` those that were found again for certain.
            colours: `(n, D)` how they look now.
            clean: `(n, D)` where nobody else may have lent a colour.
        """
        known = (bodies.looks[rows] >= 3) & np.isfinite(colours) & clean
        square = np.square(colours - bodies.colours[rows])
        square /= 1 + 1 / np.maximum(bodies.looks[rows], 1)
        count = known.sum(axis=0)
        if not count.any():
            return
        mean = np.where(known, square, 0).sum(axis=0) / np.maximum(count, 1)
        # Judge by what was known before, so that nothing is compared with itself.
        if self.ready and len(rows):
            rows_ = rows[:12]
            weight = np.where(clean[:12], 1.0, 0.0)
            looks = bodies.looks[rows_]
            own, share = self.distances(
                bodies.colours[rows_], looks, colours[:12], weight
            )
            _update(self._same, own[share > 0.5])
            n = len(rows_)
            if n > 1:
                a, b = np.nonzero(~np.eye(n, dtype=np.bool_))
                others, share = self.distances(
                    bodies.colours[rows_[a]], looks[a], colours[:12][b], weight[b]
                )
                _update(self._other, others[share > 0.5])
        step = count / np.maximum(self._seen + count, 1)
        step = np.maximum(step, np.where(count > 0, 0.01, 0))
        self._variance += step * (mean - self._variance)
        self._seen += count


def _update(normal: Floats, values: Floats) -> None:
    """Take values into a running normal distribution (mean, deviation, weight)."""
    if not len(values):
        return
    share = max(len(values) / (normal[2] + 20 + len(values)), 0.01)
    normal[2] += len(values)
    mean = float(values.mean())
    spread = float(np.square(values - normal[0]).mean())
    normal[0] += share * (mean - normal[0])
    normal[1] = np.sqrt(normal[1] ** 2 + share * (spread - normal[1] ** 2))
