"""What `default` learns of a stream: how people move, how sure the detector is.

Whatever has a scale is learnt rather than set: how fast people are and how erratic, for
each axis on its own, since most of them walk across the picture and not up and down;
and the scores that the people who are being tracked usually get.
"""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.tracker.default.likelihood import Pairs
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.tracks import Bodies
from poseflow.tracker.observations import Observations


class Habits:
    """Running estimates; see the module.

    Attributes:
        acceleration: `(2,)` standard deviation of the change of velocity per frame, in
            sizes, by axis.
        pace: `(2,)` standard deviation of the velocity of somebody just seen.
        usual: Quality of those that are tracked, on the detector's scale; 0 at first.
    """

    def __init__(self, options: DefaultOptions) -> None:
        self._options = options
        self.acceleration: Floats = np.full(2, options.acceleration)
        self.pace: Floats = np.full(2, options.pace)
        self.usual = 0.0
        evidence = options.evidence
        self._place = evidence.measured**2 + evidence.measured_few**2 / 4

    @property
    def new_variance(self) -> Floats:
        """Variance of a body that was seen once, `(2, 3)`."""
        variance = np.zeros((2, 3))
        variance[:, 0], variance[:, 2] = self._place, np.square(self.pace)
        return variance

    def relative(self, quality: Floats) -> Floats:
        """Quality relative to that of the people who are being tracked, `(P,)`."""
        usual = self.usual
        if usual <= 0 and len(quality):
            usual = float(np.quantile(quality, 0.75))
        relative: Floats = np.minimum(quality / max(usual, 1e-12), 1.2)
        return relative

    def learn_usual(
        self, bodies: Bodies, seen: Observations, rows: Ints, poses: Ints
    ) -> None:
        """Learn from those found again what scores people get here.

        Args:
            bodies: Identities that took the frame in.
            seen: The people of the frame.
            rows: `(n,)` numbers of bodies.
            poses: `(n,)` numbers of the poses that continue them.
        """
        steady = bodies.hits[rows] >= 3
        if not steady.any():
            return
        now = float(np.median(seen.quality[poses[steady]]))
        share = min(0.02 * float(steady.sum()), 0.3)
        self.usual += (now - self.usual) * (share if self.usual > 0 else 1.0)

    def learn_motion(self, bodies: Bodies, pairs: Pairs, which: Ints) -> None:
        """Learn from steady bodies how fast people are, and how erratic.

        Args:
            bodies: Identities, before they take the frame in.
            pairs: All pairs of the frame.
            which: `(n,)` those that were made.
        """
        rows = pairs.body[which]
        steady = (bodies.hits[rows] >= 4) & (bodies.gap[rows] < 3)
        if not steady.any():
            return
        rows, which = rows[steady], which[steady]
        sizes = bodies.sizes[rows, None]
        share = min(0.02 * len(rows), 0.2)
        speed = np.square(bodies.velocity[rows] / sizes).mean(axis=0)
        self.pace = self.pace + share * (np.sqrt(speed) * 1.5 + 0.01 - self.pace)
        expected = bodies.variance[rows, :, 0] + pairs.noise[which, None]
        square = np.square(pairs.offsets.offset[which] / sizes) / expected
        surprise = np.minimum(square, 6).mean(axis=0)
        change = self._options.restless * min(len(rows), 10) / 10 * (surprise - 1)
        low, high = self._options.acceleration / 4, self._options.acceleration * 16
        self.acceleration = np.clip(self.acceleration * np.exp(change), low, high)
