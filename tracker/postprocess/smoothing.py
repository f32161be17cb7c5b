"""One-Euro filter: online smoothing of the joints of each track.

Source: Casiez, Roussel and Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter
for Noisy Input in Interactive Systems" (CHI 2012).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.poses import Poses
from poseflow.validation import check_options, option

USUAL_FPS = 25.0
"""Frames per second where times do not tell it."""


@dataclass(frozen=True)
class SmoothingOptions:
    """Parameters of the One-Euro filter.

    Attributes:
        minimum_cutoff_hz: Cut-off frequency at rest (f_cmin in the paper): lower
            smooths more.
        beta: What a speed of one person size (longer side) per second adds to the
            cut-off frequency: higher lags less.
        speed_cutoff_hz: Cut-off frequency of the speed (f_cd in the paper).
        maximum_gap_s: A track not seen for longer is smoothed from its next pose on.
    """

    minimum_cutoff_hz: float = option(3.0, low=1e-9)
    beta: float = option(12.0, low=0)
    speed_cutoff_hz: float = option(2.0, low=1e-9)
    maximum_gap_s: float = option(0.6, low=0)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass
class _State:
    """Filter state of one track.

    Attributes:
        points: `(K, 2)` smoothed joints, pixels.
        velocity: `(K, 2)` smoothed velocities, pixels per second.
        known: `(K,)` which joints the latest pose had.
        age_s: Seconds since the latest pose.
    """

    points: Floats
    velocity: Floats
    known: Bools
    age_s: float = 0.0


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
        >>> bool(np.std(out[20:], axis=0).mean() < 0.8)
        True
    """

    options: SmoothingOptions = field(default_factory=SmoothingOptions)

    def __post_init__(self) -> None:
        """Start empty."""
        self.reset()

    def reset(self) -> None:
        """Start a new sequence."""
        self._states: dict[int, _State] = {}
        self._time: float | None = None

    def update(self, poses: Poses, time: float | None = None) -> Poses:
        """The same people with smoothed joints; scores, boxes and ids as given.

        Args:
            poses: Tracked people; not changed.
            time: Seconds since the start, if known.
        """
        elapsed = self._elapsed(time)
        for track_id in list(self._states):
            state = self._states[track_id]
            state.age_s += elapsed
            if state.age_s > self.options.maximum_gap_s:
                del self._states[track_id]
        points = poses.keypoints.astype(np.float64)
        smooth = points.copy()
        present = poses.present
        for k, track_id in enumerate(poses.track_ids.tolist()):
            if track_id >= 0 and present[k].any():
                smooth[k] = self._filter(track_id, points[k], present[k])
        return poses.replace(keypoints=smooth)

    def _elapsed(self, time: float | None) -> float:
        """Seconds since the last update; a usual interval if times do not tell."""
        before, self._time = self._time, time
        if time is None or before is None or not time > before:
            return 1 / USUAL_FPS
        return time - before

    def _filter(self, track_id: int, points: Floats, present: Bools) -> Floats:
        """One step of the filter for one track: the smoothed joints, `(K, 2)`."""
        state = self._states.get(track_id)
        if state is None or len(state.known) != len(present):
            self._states[track_id] = _State(
                points.copy(), np.zeros(points.shape), present.copy()
            )
            return points
        options, age = self.options, state.age_s
        shown = points[present]
        size = max(float((shown.max(axis=0) - shown.min(axis=0)).max()), 1e-9)
        velocity = (points - state.points) / age
        gain = _smoothing_factor(options.speed_cutoff_hz, age)
        state.velocity += gain * (velocity - state.velocity)
        speed = np.hypot(state.velocity[:, 0], state.velocity[:, 1]) / size
        cutoff = options.minimum_cutoff_hz + options.beta * speed
        gain = _smoothing_factor(cutoff, age)[:, None]
        moved = state.points + gain * (points - state.points)
        fresh = present & ~state.known
        moved[fresh] = points[fresh]
        state.velocity[fresh | ~present] = 0
        state.points = np.where(present[:, None], moved, state.points)
        state.known = present.copy()  # a joint that was missing starts again
        state.age_s = 0.0
        result: Floats = np.where(present[:, None], state.points, points)
        return result


def _smoothing_factor(cutoff_hz: Any, seconds: float) -> Any:
    """Smoothing factor alpha of a low-pass filter for a time step."""
    rate = 2 * np.pi * cutoff_hz * seconds
    return rate / (rate + 1)
