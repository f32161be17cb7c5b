"""One-Euro filter: smoothing of the joints of each track.

Source: Casiez, Roussel and Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter
for Noisy Input in Interactive Systems" (CHI 2012).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.poses import Poses
from poseflow.tracker.motion.frame_clock import Clock
from poseflow.validation import check_options, option


@dataclass(frozen=True)
class SmoothingOptions:
    """Parameters of the One-Euro filter; frequencies in cycles per frame.

    Attributes:
        minimum_cutoff: Cut-off frequency at rest (f_cmin in the paper): lower smooths
            more.
        beta: What a speed of one person size (longer side) per frame adds to the
            cut-off frequency: higher lags less.
        speed_cutoff: Cut-off frequency of the speed (f_cd in the paper).
        max_age_frames: A track not seen for longer is smoothed from its next pose on.
    """

    minimum_cutoff: float = option(0.06, low=1e-9)
    beta: float = option(6.0, low=0)
    speed_cutoff: float = option(0.04, low=1e-9)
    max_age_frames: int = option(15, low=1)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass
class _State:
    """Filter state of one track.

    Attributes:
        points: `(K, 2)` smoothed joints, pixels.
        velocity: `(K, 2)` smoothed velocities, pixels per frame.
        known: `(K,)` which joints the latest pose had.
        age: Frames since the latest pose.
    """

    points: Floats
    velocity: Floats
    known: Bools
    age: float = 0.0


@dataclass
class Smoother:
    """Smooths tracked poses online; people without an id stay unchanged.

    Examples:
        >>> smoother = Smoother()
        >>> random = np.random.default_rng(0)
        >>> out = []
        >>> body = np.arange(34).reshape(17, 2)
        >>> for _ in range(50):
        ...     joints = random.normal(100, 1, (1, 17, 2)) + body
        ...     out.append(smoother.update(Poses(joints, track_ids=[1])).keypoints)
        >>> bool(np.std(out[20:], axis=0).mean() < 0.7)
        True
    """

    options: SmoothingOptions = field(default_factory=SmoothingOptions)

    def __post_init__(self) -> None:
        """Start empty."""
        self.reset()

    def reset(self) -> None:
        """Start a new sequence."""
        self._states: dict[int, _State] = {}
        self._clock = Clock()

    def update(self, poses: Poses, time: float | None = None) -> Poses:
        """The same people with smoothed joints; scores, boxes and ids as given.

        Args:
            poses: Tracked people; not changed.
            time: Seconds since the start, if known.
        """
        steps = self._clock.steps(time)
        for track_id in list(self._states):
            state = self._states[track_id]
            state.age += steps
            if state.age > self.options.max_age_frames:
                del self._states[track_id]
        points = poses.keypoints.astype(np.float64)
        smooth = points.copy()
        present = poses.present
        for k, track_id in enumerate(poses.track_ids.tolist()):
            if track_id >= 0 and present[k].any():
                smooth[k] = self._filter(track_id, points[k], present[k])
        return poses.replace(keypoints=smooth)

    def _filter(self, track_id: int, points: Floats, present: Bools) -> Floats:
        """One step of the filter for one track: the smoothed joints, `(K, 2)`."""
        state = self._states.get(track_id)
        if state is None or len(state.known) != len(present):
            self._states[track_id] = _State(
                points.copy(), np.zeros(points.shape), present.copy()
            )
            return points
        options, age = self.options, state.age
        shown = points[present]
        size = max(float((shown.max(axis=0) - shown.min(axis=0)).max()), 1e-9)
        velocity = (points - state.points) / age
        gain = _smoothing_factor(options.speed_cutoff, age)
        state.velocity += gain * (velocity - state.velocity)
        speed = np.hypot(state.velocity[:, 0], state.velocity[:, 1]) / size
        cutoff = options.minimum_cutoff + options.beta * speed
        gain = _smoothing_factor(cutoff, age)[:, None]
        moved = state.points + gain * (points - state.points)
        fresh = present & ~state.known
        moved[fresh] = points[fresh]
        state.velocity[fresh | ~present] = 0
        state.points = np.where(present[:, None], moved, state.points)
        state.known = present.copy()  # a joint that was missing starts again
        state.age = 0.0
        result: Floats = np.where(present[:, None], state.points, points)
        return result


def _smoothing_factor(cutoff: Any, frames: float) -> Any:
    """Smoothing factor alpha of a low-pass filter for a time step."""
    rate = 2 * np.pi * cutoff * frames
    return rate / (rate + 1)
