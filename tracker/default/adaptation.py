"""Online adaptation of `default`: motion noise and usual detection scores.

The motion noise, the speed of new tracks and the usual detection score are estimated
from the stream, so that the tracker needs no setting for frame rate or detector.
"""

from __future__ import annotations

from statistics import median

import numpy as np

from poseflow.arrays import Floats
from poseflow.tracker.default.options import FEW_KEYPOINTS, DefaultWeights
from poseflow.tracker.default.pairs import CandidatePairs
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.motion.kalman import innovations
from poseflow.tracker.observations import Observations

KNOWN_HITS, STEADY_HITS = 2, 4
"""Updates of a track from which on its scores and speed, and its motion noise, are
learned from."""

SCORE_RATE, SCORE_RATE_LIMIT = 0.02, 0.3
"""Rate of the running mean of scores per track of a frame, and for all of them."""

SPEED_MEMORY, ACCELERATION_MEMORY = (10, 50), (60, 400)
"""Matches that the estimate so far counts as, at first and at most."""

SPEED_FACTOR, SPEED_LEAST = 1.5, 0.01
"""New tracks may be faster than those that are tracked by this factor and sum."""

USUAL_CORRELATION, INNOVATION_LIMIT = 0.2, 3.0
"""Mean product of successive innovations where the acceleration is right: errors of a
detector are correlated in time. Larger innovations count as the limit."""

ACCELERATION_RANGE = (0.125, 8.0)
"""Limits of the adapted acceleration, over the initial one."""

SCORE_QUANTILE = 0.75
"""Quantile of the first frame's scores that counts as usual."""

EMPTY_FRAMES = 10
"""Frames without a usual score after which the scene was empty so far."""


class Adaptation:
    """Running estimates of the stream.

    Attributes:
        acceleration: Standard deviation of the change of velocity per frame, in sizes.
        speed: Standard deviation of the velocity of a new track, in sizes per frame.
    """

    def __init__(self, weights: DefaultWeights) -> None:
        self._weights = weights
        self.acceleration = weights.acceleration
        self.speed = weights.speed
        self._usual_quality = 0.0
        self._learned = 0
        self._frames = 0

    @property
    def new_track_variance(self) -> Floats:
        """Variance of a track that was observed once, `(2, 3)`."""
        variance = np.zeros((2, 3))
        variance[:, 0] = self._weights.offset_noise(np.array(FEW_KEYPOINTS))
        variance[:, 2] = np.square(self.speed)
        return variance

    @property
    def was_empty(self) -> bool:
        """Whether hardly anyone was tracked so far, for some frames."""
        return self._usual_quality <= 0 and self._frames >= EMPTY_FRAMES

    def relative_scores(self, quality: Floats) -> Floats:
        """Quality of people relative to that of tracked people, `(P,)`."""
        usual = self._usual_quality
        if usual <= 0 and len(quality):
            usual = float(np.quantile(quality, SCORE_QUANTILE))
        relative: Floats = quality / max(usual, 1e-12)
        return relative

    def learn(
        self, tracks: TrackStates, people: Observations, matches: CandidatePairs
    ) -> None:
        """Learn from the matches of a frame, before they update the tracks."""
        self._frames += 1
        known = matches[tracks.hits[matches.track] >= KNOWN_HITS]
        self._learn_scores(people.quality[known.person])
        recent = known[tracks.recent[known.track]]
        if len(recent.track):
            self._learn_motion(tracks[recent.track], recent)

    def _learn_scores(self, quality: Floats) -> None:
        """Update the usual detection score by those of tracked people."""
        if not len(quality):
            return
        rate = min(SCORE_RATE * len(quality), SCORE_RATE_LIMIT)
        if self._usual_quality <= 0:
            rate = 1.0
        self._usual_quality += rate * (median(quality.tolist()) - self._usual_quality)

    def _learn_motion(self, each: TrackStates, matches: CandidatePairs) -> None:
        """Update the speed, and the acceleration by the innovations.

        If the acceleration is too low, tracks lag behind: offsets from the prediction
        are alike from frame to frame. Unlike their size, that does not depend on how
        well the detector measures positions.

        Source: Mehra, "On the identification of variances and adaptive Kalman
        filtering" (1970).
        """
        sizes = each.sizes[:, None]
        speed = float(np.sqrt(np.square(each.velocity / sizes).mean()))
        rate = self._rate(len(each), *SPEED_MEMORY)
        self.speed += rate * (SPEED_FACTOR * speed + SPEED_LEAST - self.speed)
        now = innovations(matches.offset / sizes, each.variance, matches.noise)
        limit = INNOVATION_LIMIT
        product = now.clip(-limit, limit) * each.innovation.clip(-limit, limit)
        product = product[each.hits >= STEADY_HITS]
        if len(product):
            rate = self._rate(len(product), *ACCELERATION_MEMORY)
            rate *= self._weights.acceleration_rate
            adapted = self.acceleration * np.exp(
                rate * (product.mean() - USUAL_CORRELATION)
            )
            low, high = np.multiply(ACCELERATION_RANGE, self._weights.acceleration)
            self.acceleration = float(np.clip(adapted, low, high))
        self._learned += len(each)

    def _rate(self, matches: int, first: int, most: int) -> float:
        """Weight of new matches in an estimate that counts as `first` to `most`."""
        return matches / (matches + min(self._learned + first, most))
