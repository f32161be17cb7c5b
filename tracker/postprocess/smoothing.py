"""One-Euro smoothing of the joints of each identity; raw values stay with the caller.

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
from poseflow.validation import check_options


@dataclass(frozen=True)
class SmoothingOptions:
    """Parameters of the filter; speeds in person sizes (longer side) per frame.

    Attributes:
        cutoff: Cut-off at rest, in cycles per frame: lower is calmer.
        responsiveness: Cycles per frame that each size per frame of speed adds: higher
            lags less (beta).
        speed_cutoff: Cut-off of the speed itself.
        forget_frames: After so many frames unseen, an identity starts afresh.
    """

    cutoff: float = 0.06
    responsiveness: float = 6.0
    speed_cutoff: float = 0.04
    forget_frames: int = 15

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass
class _State:
    """What is remembered of one identity: `(K, 2)` places, speeds, `(K,)` known."""

    place: Floats
    speed: Floats
    known: Bools
    gap: float = 0.0


@dataclass
class Smoother:
    """Smooths tracked poses online; people without an id pass unchanged.

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
        """Forget everybody."""
        self._states: dict[int, _State] = {}
        self._clock = Clock()

    def update(self, poses: Poses, time: float | None = None) -> Poses:
        """The same people with smoothed joints; scores, boxes and ids as given.

        Args:
            poses: Tracked people; the object itself stays as it is.
            time: Seconds since the start, if known.
        """
        steps = self._clock.steps(time)
        for identity in list(self._states):
            state = self._states[identity]
            state.gap += steps
            if state.gap > self.options.forget_frames:
                del self._states[identity]
        points = poses.keypoints.astype(np.float64)
        smooth = points.copy()
        present = poses.present
        for k, identity in enumerate(poses.track_ids.tolist()):
            if identity >= 0 and present[k].any():
                smooth[k] = self._follow(identity, points[k], present[k])
        return poses.replace(keypoints=smooth)

    def _follow(self, identity: int, points: Floats, present: Bools) -> Floats:
        state = self._states.get(identity)
        if state is None or len(state.known) != len(present):
            state = _State(points.copy(), np.zeros(points.shape), present.copy())
            self._states[identity] = state
            return points
        options, gap = self.options, state.gap
        shown = points[present]
        size = max(float((shown.max(axis=0) - shown.min(axis=0)).max()), 1e-9)
        speed = (points - state.place) / gap
        share = _share(options.speed_cutoff, gap)
        state.speed += share * (speed - state.speed)
        pace = np.hypot(state.speed[:, 0], state.speed[:, 1]) / size
        share = _share(options.cutoff + options.responsiveness * pace, gap)[:, None]
        moved = state.place + share * (points - state.place)
        fresh = present & ~state.known
        moved[fresh] = points[fresh]
        state.speed[fresh | ~present] = 0
        state.place = np.where(present[:, None], moved, state.place)
        state.known = present.copy()  # a joint that was missing starts afresh
        state.gap = 0.0
        result: Floats = np.where(present[:, None], state.place, points)
        return result


def _share(cutoff: Any, steps: float) -> Any:
    """How far a low-pass filter follows in so many frames."""
    rate = 2 * np.pi * cutoff * steps
    return rate / (rate + 1)
