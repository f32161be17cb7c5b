"""Appearance: colours along the limbs, or embeddings, and what their distances mean.

`limb_colours` needs no network: the mean colour of each limb, from any viewpoint, tells
a red jacket from a black one. `AppearanceModel` turns distances between appearances,
those colours or a user's embeddings, into log odds of the same person.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.poses import Poses
from poseflow.skeleton import Skeleton

ALONG = np.linspace(0.15, 0.85, 7)
ACROSS = np.array([-0.02, 0.0, 0.02])
"""Sampled points: shares of a limb, and person sizes beside it."""

LIMB_LEAST = 0.05
"""Least length, in person sizes: shorter limbs join eyes and ears, without clothes."""

NEIGHBOUR = 0.6
"""Distance, over the sum of two people's sizes, up to which they may overlap."""

OVERLAP = 0.12
"""Distance of limbs' middles, in person sizes, up to which one may hide the other."""

LEARNED = 8
"""Observations of a feature from which on its variance is used."""

DISTANCE_LEAST = 1e-3
"""Least mean squared distance, before its logarithm is taken."""

ENOUGH_FEATURES = 0.4
"""Share of the learned features that make full evidence."""

SAME_PRIOR, DIFFERENT_PRIOR, PRIOR_WEIGHT = (0.0, 0.5), (1.8, 0.7), 20
"""Mean and deviation of the log distances at first, and their weight in pairs."""

KNOWN_COUNT = 3
"""Observations of a track from which on its appearance is learned from."""

COMPARED = 12
"""People of a frame that are compared with each other at most."""

CERTAIN_SHARE = 0.5
"""Share of features that a distance is learned from."""

RATE_LEAST = 0.01
"""Least rate of the running means: old observations are forgotten."""


def limb_colours(image: Image, poses: Poses, sizes: Floats) -> tuple[Floats, Bools]:
    """Mean colour of every limb of every person.

    Args:
        image: `(H, W, 3)` uint8 BGR or `(H, W)` grey.
        poses: The people of the frame.
        sizes: `(P,)` longer side of each, pixels.

    Returns:
        `(P, D)` brightness and two colour differences of each limb, in grey levels, NaN
        where a limb is not visible; and `(P, D)` where no other person's limb is close.
    """
    ends = _segments(poses.skeleton)
    people, limbs = len(poses), len(ends)
    keypoints = poses.keypoints.astype(np.float64)
    present = poses.present
    start, stop = keypoints[:, ends[:, 0]], keypoints[:, ends[:, 1]]
    run = stop - start
    length = np.hypot(run[..., 0], run[..., 1])
    shown = present[:, ends[:, 0]] & present[:, ends[:, 1]]
    shown &= length > LIMB_LEAST * sizes[:, None]
    side = np.stack([-run[..., 1], run[..., 0]], -1) / np.maximum(length, 1)[..., None]
    spots = (
        start[:, :, None, None]
        + ALONG[:, None, None] * run[:, :, None, None]
        + (ACROSS * sizes[:, None])[:, None, None, :, None] * side[:, :, None, None]
    )  # (P, L, along, across, 2)
    height, width = image.shape[:2]
    # Coordinates far outside, or not finite, need not fit into an integer.
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
    clean = ~_occluded(start, stop, shown, sizes)
    features = mean.shape[-1]
    return (
        mean.reshape(people, limbs * features),
        np.repeat(clean, features, axis=1),
    )


def _occluded(start: Floats, stop: Floats, shown: Bools, sizes: Floats) -> Bools:
    """Limbs with another person's limb near their middle, `(P, L)`."""
    people, limbs = shown.shape
    occluded = np.zeros((people, limbs), np.bool_)
    if people < 2 or not limbs:
        return occluded
    middle = (start + stop) / 2
    centre = np.where(shown[..., None], middle, 0).sum(axis=1)
    centre /= np.maximum(shown.sum(axis=1), 1)[:, None]
    apart = np.square(centre[:, None] - centre[None]).sum(axis=-1)
    a, b = np.nonzero(apart < np.square(NEIGHBOUR * (sizes[:, None] + sizes[None])))
    a, b = a[a != b], b[a != b]
    if not len(a):
        return occluded
    gap = np.square(middle[a][:, :, None] - middle[b][:, None]).sum(axis=-1)
    gap[~np.broadcast_to(shown[b][:, None], gap.shape)] = np.inf
    near = gap.min(axis=2) < np.square(OVERLAP * sizes[b])[:, None]
    np.logical_or.at(occluded, a, near)
    return occluded


@lru_cache(maxsize=16)
def _segments(skeleton: Skeleton) -> Ints:
    """Pairs of joints between which colours are sampled, `(L, 2)`."""
    ends = [tuple(sorted(pair)) for pair in skeleton.limb_indices.tolist()]
    joints = skeleton.joints
    for left, right in (("left", "right"), ("right", "left")):
        if f"{left}_shoulder" in joints and f"{right}_hip" in joints:
            a, b = joints.index(f"{left}_shoulder"), joints.index(f"{right}_hip")
            ends.append((min(a, b), max(a, b)))
    if not ends:  # no limbs known: from each joint to the next
        ends = [(k, k + 1) for k in range(len(skeleton) - 1)]
    return np.array(list(dict.fromkeys(ends)), np.int64).reshape(-1, 2)


class AppearanceModel:
    """Distances between appearances, and what they mean in this stream.

    Two running normal distributions of the log distance, of a person to itself and of
    different people of one frame, give the log odds of a pair. So no threshold has to
    be chosen, and where people wear the same the odds stay near 0.

    Args:
        features: D, 0 as long as there is no appearance.
    """

    def __init__(self, features: int = 0) -> None:
        self.features = features
        self._variance = np.zeros(features)
        self._count = np.zeros(features)
        self._same = np.array([*SAME_PRIOR, 0.0])  # mean, deviation, weight
        self._different = np.array([*DIFFERENT_PRIOR, 0.0])

    @property
    def ready(self) -> bool:
        """True once enough people were observed again."""
        return self.features > 0 and bool(np.median(self._count) >= LEARNED)

    def distances(
        self,
        means: Floats,
        counts: Floats,
        appearance: Floats,
    ) -> tuple[Floats, Floats]:
        """Log of the mean squared distance of n pairs, in variances of one person.

        Args:
            means: `(n, D)` appearance of tracks.
            counts: `(n, D)` observations in it.
            appearance: `(n, D)` of people, NaN where unknown.

        Returns:
            `(n,)` logarithms, and the `(n,)` share of features they are based on.
        """
        learned = self._count >= LEARNED
        both = np.isfinite(appearance) & (counts > 0) & learned
        step = np.where(both, appearance - means, 0.0)
        variance = np.maximum(self._variance, 1e-12) * (1 + 1 / np.maximum(counts, 1))
        common = both.sum(axis=1)
        mean = (np.square(step) / variance).sum(axis=1) / np.maximum(common, 1)
        enough = ENOUGH_FEATURES * max(int(learned.sum()), 1)
        share = np.minimum(common / enough, 1)
        return np.log(np.maximum(mean, DISTANCE_LEAST)), share

    def log_odds(self, distance: Floats, share: Floats) -> Floats:
        """Log odds of the same person, `(n,)`; 0 where nothing is known."""
        (same, near, _), (different, far, _) = self._same, self._different
        # Closer than usual for one person is no further evidence, nor is farther than
        # usual for two.
        at = np.clip(distance, same, max(same, different))
        score = np.square((at - different) / far) - np.square((at - same) / near)
        odds: Floats = share * (np.log(far / near) + score / 2)
        return odds

    def learn(
        self, means: Floats, counts: Floats, appearance: Floats, unoccluded: Bools
    ) -> None:
        """Learn from n certain matches, before they update their tracks.

        Args:
            means: `(n, D)` appearance of the tracks.
            counts: `(n, D)` observations in it.
            appearance: `(n, D)` of their people, NaN where unknown.
            unoccluded: `(n, D)` features that no other person can have changed.
        """
        known = (counts >= KNOWN_COUNT) & np.isfinite(appearance) & unoccluded
        count = known.sum(axis=0)
        if not count.any():
            return
        square = np.square(appearance - means) / (1 + 1 / np.maximum(counts, 1))
        mean = np.where(known, square, 0).sum(axis=0) / np.maximum(count, 1)
        # Distances use the variance from before this frame, so that no observation is
        # compared with itself.
        if self.ready:
            self._learn_distances(means, counts, appearance, unoccluded)
        step = np.maximum(
            count / np.maximum(self._count + count, 1), np.where(count, RATE_LEAST, 0)
        )
        self._variance += step * (mean - self._variance)
        self._count += count

    def _learn_distances(
        self, means: Floats, counts: Floats, appearance: Floats, unoccluded: Bools
    ) -> None:
        """Update both distributions by n tracks and their people, all with all."""
        n = min(len(means), COMPARED)
        a, b = np.divmod(np.arange(n * n), n)
        own = np.where(unoccluded, appearance, np.nan)
        distance, share = self.distances(means[a], counts[a], own[b])
        certain = share > CERTAIN_SHARE
        _update_normal(self._same, distance[certain & (a == b)])
        _update_normal(self._different, distance[certain & (a != b)])


def _update_normal(normal: Floats, values: Floats) -> None:
    """Update a running normal distribution (mean, deviation, weight)."""
    if not len(values):
        return
    share = len(values) / (normal[2] + PRIOR_WEIGHT + len(values))
    share = max(share, RATE_LEAST)
    normal[2] += len(values)
    spread = float(np.square(values - normal[0]).mean())
    normal[0] += share * (float(values.mean()) - normal[0])
    normal[1] = np.sqrt(normal[1] ** 2 + share * (spread - normal[1] ** 2))
