"""What distances between appearances mean: log odds of the same person.

`AppearanceModel` takes any appearance vectors, such as `limb_colours` or the embeddings
of a re-identification network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Floats

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
"""Least rate of running means, so that an endless stream forgets."""


@dataclass
class RunningNormal:
    """Running mean and standard deviation of values that arrive in groups."""

    mean: float
    std: float
    rate_least: float
    count: int = 0

    def update(self, values: Floats) -> None:
        """Take `(n,)` values in; the prior counts as `PRIOR_WEIGHT` of them."""
        if not len(values):
            return
        rate = len(values) / (self.count + PRIOR_WEIGHT + len(values))
        rate = max(rate, self.rate_least)
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
        rate_least: Least rate of the running means; 0 forgets nothing.
    """

    def __init__(self, features: int = 0, rate_least: float = RATE_LEAST) -> None:
        self.features = features
        self._rate_least = rate_least
        self._variance = np.zeros(features)
        self._count = np.zeros(features)
        self._same = RunningNormal(*SAME_PRIOR, rate_least)
        self._different = RunningNormal(*DIFFERENT_PRIOR, rate_least)

    @property
    def ready(self) -> bool:
        """True once enough people were observed again."""
        return self.features > 0 and bool(np.median(self._count) >= LEARNED_COUNT)

    @property
    def pairs(self) -> int:
        """Pairs of different people that were learned from."""
        return self._different.count

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
        rate = np.maximum(rate, np.where(count, self._rate_least, 0))
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
