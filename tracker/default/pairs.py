"""Candidate pairs of tracks and people, and their one-to-one assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.tracker.assignment import assign


@dataclass(frozen=True)
class CandidatePairs:
    """n pairs of a track and a person that may be the same.

    Attributes:
        track: `(n,)` indices of tracks.
        person: `(n,)` indices of people.
        log_odds: `(n,)` log odds of "same person" by constant velocity; -inf outside
            the gate.
        offset: `(n, 2)` pixels from the prediction to the person.
        noise: `(n,)` variance of the measured offset, in sizes squared.
        pose_similarity: `(n,)` OKS after the offset is removed, in [0, 1].
        turns: `(n, 2)` whole turns of a panorama from track to person, pixels.
    """

    track: Ints
    person: Ints
    log_odds: Floats
    offset: Floats
    noise: Floats
    pose_similarity: Floats
    turns: Floats

    def __getitem__(self, which: Any) -> CandidatePairs:
        """Some of the pairs, by mask or indices."""
        return CandidatePairs(*(array[which] for array in vars(self).values()))

    def assigned(self, log_odds: Floats) -> CandidatePairs:
        """The one-to-one assignment with the largest sum of log odds, each above 0.

        Args:
            log_odds: `(n,)` of the pairs.
        """
        shape = self.track.max(initial=-1) + 1, self.person.max(initial=-1) + 1
        table = np.full(shape, -np.inf)
        index = np.zeros(shape, np.int64)
        table[self.track, self.person] = log_odds
        index[self.track, self.person] = np.arange(len(self.track))
        track, person = assign(table, 0.0).T
        return self[index[track, person]]
