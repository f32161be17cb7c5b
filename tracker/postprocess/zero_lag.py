"""Offline smoothing of the joints of each track: without lag, robust to gross errors.

Each trajectory of a joint is a penalised least-squares curve: squared distances to the
observations plus the integral of the squared acceleration. This is the smoothing spline
of Reinsch (1967) and, for a motion whose velocity is a random walk, the estimate that a
Rauch-Tung-Striebel smoother gives; solved for all joints of a track as one banded
system. Gross errors weigh less, by a Student t distribution (iteratively reweighted).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded

from poseflow.arrays import Bools, Floats
from poseflow.poses import NO_TRACK
from poseflow.sequence import PoseSequence
from poseflow.tracker.postprocess.smoothing import USUAL_FPS
from poseflow.validation import check_options, option

REWEIGHTINGS = 3
"""Solutions after the first, with the weights that its residuals give."""

DEGREES = 4
"""Degrees of freedom of the Student t distribution of the errors."""

INTERPOLATED_WEIGHT = 1e-3
"""Weight of poses that are no observations but fill a gap."""

LEAST_WEIGHT, LEAST_INTERVAL_S = 1e-6, 1e-3
"""Keep the equations well-conditioned."""


@dataclass(frozen=True)
class ZeroLagOptions:
    """Parameters of `smooth`.

    They are in seconds, so at low frame rates, where motion between two frames says
    more than the jitter, little is changed.

    Attributes:
        stiffness_s3: Weight of the squared acceleration, seconds cubed: higher smooths
            more.
        jitter_sizes: Residual, in person sizes (longer side of the box), below which an
            observation keeps its weight.
        maximum_gap_s: Sightings further apart are smoothed independently.
    """

    stiffness_s3: float = option(1e-4, low=0)
    jitter_sizes: float = option(0.02, low=1e-6)
    maximum_gap_s: float = option(0.6, low=0)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


def smooth(
    sequence: PoseSequence, options: ZeroLagOptions | None = None
) -> PoseSequence:
    """Smooth the joints of every track of a whole sequence, without lag.

    For a stream, use `Smoother`, which knows no later frames.

    Args:
        sequence: A tracker's result; it stays as it is.
        options: Parameters.

    Returns:
        The same frames and people; joints of people with an id are smoothed. Scores,
        boxes and ids stay, and so does what is missing.

    Examples:
        >>> from poseflow import Frame, Poses
        >>> jitter = np.random.default_rng(0).normal(0, 3, (50, 1, 17, 2))
        >>> body = np.arange(34).reshape(17, 2) * 9
        >>> walk = PoseSequence.collect(
        ...     Frame(t, t / 25, Poses(body + 4 * t + error, track_ids=[1]))
        ...     for t, error in enumerate(jitter)
        ... )
        >>> steps = np.diff([frame.poses.keypoints for frame in smooth(walk)], axis=0)
        >>> bool(np.abs(steps - 4).mean() < 1)
        True
    """
    options = options or ZeroLagOptions()
    columns = sequence.columns
    poses, seconds = columns.poses, _seconds(sequence)[columns.rows]
    points = poses.keypoints.astype(np.float64)
    sides = (poses.boxes[:, 2:] - poses.boxes[:, :2]).astype(np.float64)
    sizes = np.maximum(sides.max(axis=1, initial=0), 1.0)
    certain = np.where(poses.interpolated, INTERPOLATED_WEIGHT, 1.0)
    order = np.argsort(poses.track_ids, kind="stable")
    ids, begin = np.unique(poses.track_ids[order], return_index=True)
    for track_id, rows in zip(ids, np.split(order, begin)[1:], strict=True):
        if track_id == NO_TRACK:
            continue
        points[rows] = _smooth_track(
            points[rows],
            poses.present[rows],
            seconds[rows],
            certain[rows],
            float(np.median(sizes[rows])),
            options,
        )
    starts = columns.starts
    frames = [
        replace(frame, poses=frame.poses.replace(keypoints=points[first:last]))
        for frame, first, last in zip(sequence, starts[:-1], starts[1:], strict=True)
    ]
    return replace(sequence, frames=tuple(frames))


def _seconds(sequence: PoseSequence) -> Floats:
    """Time of every frame, `(F,)`; from its index if the times are not ascending."""
    times = np.array([frame.time for frame in sequence], np.float64)
    if np.isfinite(times).all() and (np.diff(times) > 0).all():
        return times
    indices = np.array([frame.index for frame in sequence], np.float64)
    return indices / (sequence.fps or USUAL_FPS)


def _smooth_track(
    points: Floats,
    present: Bools,
    seconds: Floats,
    certain: Floats,
    size: float,
    options: ZeroLagOptions,
) -> Floats:
    """Smoothed joints of one track, `(T, K, 2)`.

    Args:
        points: `(T, K, 2)` pixels.
        present: `(T, K)`.
        seconds: `(T,)`, ascending.
        certain: `(T,)` weight of each pose.
        size: Size of the person, pixels.
        options: Parameters.
    """
    joint, at = np.nonzero(present.T)  # one joint after the other, each in time
    if not len(at):
        return points
    observed, weight = points[at, joint], certain[at]
    intervals = np.diff(seconds[at])
    together = (np.diff(joint) == 0) & (intervals <= options.maximum_gap_s)
    intervals = np.where(together, np.maximum(intervals, LEAST_INTERVAL_S), 1.0)
    penalty = _penalty(intervals, together, options.stiffness_s3)
    curve = _solve(penalty, weight, observed)
    for _ in range(REWEIGHTINGS):
        error = np.linalg.norm(observed - curve, axis=1) / size
        usual = max(float(np.median(error)), options.jitter_sizes)
        robust = (DEGREES + 2) / (DEGREES + (error / usual) ** 2)
        curve = _solve(penalty, np.maximum(weight * robust, LEAST_WEIGHT), observed)
    smoothed = points.copy()
    smoothed[at, joint] = curve
    return smoothed


def _penalty(intervals: Floats, together: Bools, stiffness: float) -> Floats:
    """Quadratic form of the squared second differences, `(3, N)` upper bands.

    Args:
        intervals: `(N - 1,)` seconds between observations.
        together: `(N - 1,)` whether both are on the same curve.
        stiffness: Weight of the squared acceleration.
    """
    bands = np.zeros((3, len(intervals) + 1))
    before, after = intervals[:-1], intervals[1:]
    weight = np.where(together[:-1] & together[1:], stiffness, 0) * 2 / (before + after)
    one, three = 1 / before, 1 / after
    two = -(one + three)
    bands[2, :-2] += weight * one * one
    bands[2, 1:-1] += weight * two * two
    bands[2, 2:] += weight * three * three
    bands[1, 1:-1] += weight * one * two
    bands[1, 2:] += weight * two * three
    bands[0, 2:] += weight * one * three
    return bands


def _solve(penalty: Floats, weight: Floats, observed: Floats) -> Floats:
    """The curve, `(N, 2)`, of least weighted squared error plus penalty."""
    bands = penalty.copy()
    bands[2] += weight
    curve: Floats = solveh_banded(bands, weight[:, None] * observed)
    return curve
