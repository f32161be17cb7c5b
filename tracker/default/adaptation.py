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
from poseflow.tracker.observations import Observations

SCORE_HITS, MOTION_HITS = 2, 4
"""Updates of a track from which on its scores, and its motion, are learned from."""

RUNNING_MEAN_RATE, SCORE_RATE_LIMIT, SPEED_RATE_LIMIT = 0.02, 0.3, 0.2
"""Rate of a running mean per track of a frame, and for all of them together."""

SPEED_FACTOR, SPEED_LEAST = 1.5, 0.01
"""New tracks may be faster than those that are tracked by this factor and sum."""

FULL_RATE_TRACKS = 10
"""Tracks with which the acceleration adapts at its full rate."""

ACCELERATION_RANGE = (0.25, 16.0)
"""Limits of the adapted acceleration, over the initial one."""

SCORE_QUANTILE = 0.75
"""Quantile of the first frame's scores that counts as usual."""


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

    @property
    def new_track_variance(self) -> Floats:
        """Variance of a track that was observed once, `(2, 3)`."""
        variance = np.zeros((2, 3))
        variance[:, 0] = self._weights.offset_noise(np.array(FEW_KEYPOINTS))
        variance[:, 2] = np.square(self.speed)
        return variance

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
        hits = tracks.hits[matches.track]
        self._learn_scores(people.quality[matches.person[hits >= SCORE_HITS]])
        steady = matches[(hits >= MOTION_HITS) & tracks.recent[matches.track]]
        if len(steady.track):
            self._learn_motion(tracks[steady.track], steady)

    def _learn_scores(self, quality: Floats) -> None:
        """Update the usual detection score by those of tracked people."""
        if not len(quality):
            return
        rate = min(RUNNING_MEAN_RATE * len(quality), SCORE_RATE_LIMIT)
        if self._usual_quality <= 0:
            rate = 1.0
        self._usual_quality += rate * (median(quality.tolist()) - self._usual_quality)

    def _learn_motion(self, each: TrackStates, matches: CandidatePairs) -> None:
        """Update the speed, and the acceleration by the normalized innovations.

        These are 1 in the mean if the acceleration is right.
        """
        sizes = each.sizes[:, None]
        speed = float(np.sqrt(np.square(each.velocity / sizes).mean()))
        rate = min(RUNNING_MEAN_RATE * len(each), SPEED_RATE_LIMIT)
        self.speed += rate * (SPEED_FACTOR * speed + SPEED_LEAST - self.speed)
        expected = each.variance[..., 0] + matches.noise[:, None]
        excess = float((np.square(matches.offset / sizes) / expected).mean()) - 1
        rate = self._weights.acceleration_rate
        rate *= min(len(each), FULL_RATE_TRACKS) / FULL_RATE_TRACKS
        low, high = np.multiply(ACCELERATION_RANGE, self._weights.acceleration)
        adapted = self.acceleration * np.exp(rate * excess)
        self.acceleration = float(np.clip(adapted, low, high))
