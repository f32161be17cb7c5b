"""Appearance: colours along the limbs, or embeddings, and what their distances mean.

Mean colours along the limbs need no network and distinguish people by their clothes.
`AppearanceModel` turns distances between appearances, those colours or a user's
embeddings, into log odds of the same person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton

ALONG = np.linspace(0.15, 0.85, 7)
ACROSS = np.array([-0.02, 0.0, 0.02])
"""Sampled points: shares of a limb's length, and person sizes beside it."""

LIMB_LEAST = 0.05
"""Shorter limbs, in person sizes, are skipped: face keypoints, without clothes."""

SAMPLES_LEAST = 0.5
"""Share of a limb's samples that have to lie inside the image."""

NEIGHBOUR = 0.6
"""Distance, over the sum of two people's sizes, up to which they may overlap."""

OVERLAP = 0.12
"""Distance of limb centres, in person sizes, up to which one may occlude the other."""

LEARNED_COUNT, TRACK_COUNT = 8, 3
"""Observations of a feature before its variance is used, and of a track before it is
learned from."""

DISTANCE_LEAST = 1e-3
"""Least mean squared distance, before its logarithm is taken."""

FULL_EVIDENCE, LEARN_EVIDENCE = 0.4, 0.5
"""Share of the learned features that makes full evidence, and, of that, the share that
a distance needs to be learned from."""

SAME_PRIOR, DIFFERENT_PRIOR, PRIOR_WEIGHT = (0.0, 0.5), (1.8, 0.7), 20
"""Mean and standard deviation of the log distances at first; their weight in pairs."""

STD_LEAST = 0.1
"""Least standard deviation of the log distances."""

LEARN_PEOPLE = 12
"""People of a frame that are compared with each other at most."""

RATE_LEAST = 0.01
"""Least rate of running means, so that old observations are forgotten."""


def limb_colours(image: Image, poses: Poses, sizes: Floats) -> Floats:
    """Mean colour of every limb of every person.

    Args:
        image: `(H, W, 3)` uint8 BGR or `(H, W)` grey.
        poses: The people of the frame.
        sizes: `(P,)` longer side of each, pixels.

    Returns:
        `(P, D)` brightness and two colour differences of each limb, in grey levels; NaN
        where a limb is not visible, or another person's limb is close.
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
    unknown = ~shown | (count < SAMPLES_LEAST * flat.shape[2])
    mean[unknown | _occluded(start, stop, shown, sizes)] = np.nan
    colours: Floats = mean.reshape(people, limbs * mean.shape[-1])
    return colours


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


@dataclass
class RunningNormal:
    """Running mean and standard deviation of values that arrive in groups."""

    mean: float
    std: float
    count: int = 0

    def update(self, values: Floats) -> None:
        """Take `(n,)` values in; the prior counts as `PRIOR_WEIGHT` of them."""
        if not len(values):
            return
        rate = max(len(values) / (self.count + PRIOR_WEIGHT + len(values)), RATE_LEAST)
        variance = float(np.square(values - self.mean).mean())
        variance = self.std**2 + rate * (variance - self.std**2)
        self.mean += rate * (float(values.mean()) - self.mean)
        self.std = max(float(np.sqrt(variance)), STD_LEAST)
        self.count += len(values)


class AppearanceModel:
    """Distances between appearances, and what they mean in this stream.

    Two running normal distributions of the log distance, one for the same person and
    one for different people of a frame, give the log odds of a pair. So no threshold
    has to be chosen, and where people wear the same the odds stay near 0.

    Args:
        features: D, 0 as long as there is no appearance.
    """

    def __init__(self, features: int = 0) -> None:
        self.features = features
        self._variance = np.zeros(features)
        self._count = np.zeros(features)
        self._same = RunningNormal(*SAME_PRIOR)
        self._different = RunningNormal(*DIFFERENT_PRIOR)

    @property
    def ready(self) -> bool:
        """True once enough people were observed again."""
        return self.features > 0 and bool(np.median(self._count) >= LEARNED_COUNT)

    def distances(
        self, means: Floats, counts: Floats, appearance: Floats
    ) -> tuple[Floats, Floats]:
        """Log of the mean squared distance of n pairs, in variances of one person.

        Args:
            means: `(n, D)` appearance of tracks.
            counts: `(n, D)` observations in it.
            appearance: `(n, D)` of people, NaN where unknown.

        Returns:
            `(n,)` log distances, and `(n,)` the evidence in [0, 1] that they rest on.
        """
        learned = self._count >= LEARNED_COUNT
        common = np.isfinite(appearance) & (counts > 0) & learned
        difference = np.where(common, appearance - means, 0.0)
        variance = np.maximum(self._variance, 1e-12) * (1 + 1 / np.maximum(counts, 1))
        count = common.sum(axis=1)
        mean = (np.square(difference) / variance).sum(axis=1) / np.maximum(count, 1)
        evidence = count / (FULL_EVIDENCE * max(int(learned.sum()), 1))
        return np.log(np.maximum(mean, DISTANCE_LEAST)), np.minimum(evidence, 1)

    def log_odds(self, distance: Floats, evidence: Floats) -> Floats:
        """Log odds of the same person, `(n,)`; 0 without evidence."""
        same, different = self._same, self._different
        # Beyond the two means, the ratio of two normal densities with different
        # variances would reverse.
        distance = np.clip(distance, same.mean, max(same.mean, different.mean))
        odds = np.square((distance - different.mean) / different.std) / 2
        odds -= np.square((distance - same.mean) / same.std) / 2
        weighted: Floats = evidence * (odds + np.log(different.std / same.std))
        return weighted

    def learn(self, means: Floats, counts: Floats, appearance: Floats) -> None:
        """Learn from n certain matches, before they update their tracks.

        Args:
            means: `(n, D)` appearance of the tracks.
            counts: `(n, D)` observations in it.
            appearance: `(n, D)` of their people, NaN where unknown.
        """
        known = (counts >= TRACK_COUNT) & np.isfinite(appearance)
        count = known.sum(axis=0)
        if not count.any():
            return
        # Distances use the variance from before this frame, so that no observation is
        # compared with itself.
        if self.ready:
            self._learn_distances(means, counts, appearance)
        square = np.square(appearance - means) / (1 + 1 / np.maximum(counts, 1))
        mean = np.where(known, square, 0).sum(axis=0) / np.maximum(count, 1)
        rate = count / np.maximum(self._count + count, 1)
        rate = np.maximum(rate, np.where(count, RATE_LEAST, 0))
        self._variance += rate * (mean - self._variance)
        self._count += count

    def _learn_distances(
        self, means: Floats, counts: Floats, appearance: Floats
    ) -> None:
        """Update both distributions by the pairs of n tracks and their people."""
        n = min(len(means), LEARN_PEOPLE)
        a, b = np.divmod(np.arange(n * n), n)
        distance, evidence = self.distances(means[a], counts[a], appearance[b])
        enough = evidence > LEARN_EVIDENCE
        self._same.update(distance[enough & (a == b)])
        self._different.update(distance[enough & (a != b)])
