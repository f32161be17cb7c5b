"""Offline stitching of tracklets over a whole sequence, and filling of short gaps.

A tracklet that ends and one that begins later may be the same person. Every such pair
has a cost from the motion predicted from both sides, the length of the gap and the
ratio of sizes. The set of links of least total cost, at most one on either side of each
tracklet, is a minimum-cost flow through the tracklets, solved exactly as an assignment
(Zhang, Li and Nevatia, "Global data association for multi-object tracking using network
flows", CVPR 2008, with every tracklet observed once).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.poses import Poses
from poseflow.sequence import PoseSequence
from poseflow.tracker.assignment import assign
from poseflow.tracker.postprocess.gap_filling import FILL_SCORE_FACTOR, interpolate
from poseflow.validation import check_options, option

VELOCITY_FRAMES, LEAST_VELOCITY_FRAMES = 12, 4
"""Poses at the end of a tracklet that give its velocity; with fewer it is 0."""

STUDENT_DEGREES = 4
"""Degrees of freedom of the prediction error, a Student t distribution: it tolerates
outliers better than a normal distribution."""


@dataclass(frozen=True)
class RefineOptions:
    """Parameters of `refine`; lengths in person sizes (longer side of the box).

    Attributes:
        maximum_gap_frames: Longest gap that is stitched.
        deviation_sizes: Standard deviation of the predicted position without a gap.
        deviation_growth_sizes: Growth of that deviation per frame of the gap.
        log_size_deviation: Standard deviation of the logarithm of the size ratio.
        gap_cost: Cost per doubling of the gap.
        maximum_cost: A link must cost less than this, the cost of the end of one person
            and the beginning of another.
        fill_frames: Longest gap whose poses are interpolated; 0 fills none.
        fill_score_factor: Factor on the scores of interpolated joints.
    """

    maximum_gap_frames: int = option(90, low=1)
    deviation_sizes: float = option(0.1, low=1e-9)
    deviation_growth_sizes: float = option(0.012, low=0)
    log_size_deviation: float = option(0.25, low=1e-9)
    gap_cost: float = option(0.3, low=0)
    maximum_cost: float = option(5.0, low=0)
    fill_frames: int = option(15, low=0)
    fill_score_factor: float = option(FILL_SCORE_FACTOR, low=0, high=1)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass(frozen=True)
class _Tracklet:
    """All poses of one id: `(T,)` frames, `(T, 2)` box centres, `(T,)` sizes."""

    track_id: int
    frames: Ints
    centres: Floats
    sizes: Floats

    def end(self, last: bool) -> tuple[Floats, Floats, float]:
        """Position, velocity and size at one end, by linear regression."""
        part = slice(-VELOCITY_FRAMES, None) if last else slice(0, VELOCITY_FRAMES)
        t, xy = self.frames[part].astype(np.float64), self.centres[part]
        at = t[-1] if last else t[0]
        size = float(np.median(self.sizes[part]))
        if len(t) < LEAST_VELOCITY_FRAMES:
            return xy[-1 if last else 0], np.zeros(2), size
        line = np.polynomial.polynomial.polyfit(t - at, xy, 1)
        return line[0], line[1], size


def refine(
    sequence: PoseSequence, options: RefineOptions | None = None
) -> PoseSequence:
    """Stitch the tracks of a whole sequence, and fill their short gaps.

    Args:
        sequence: A tracker's result; tracks are joined, never split.
        options: Parameters.

    Returns:
        The same frames and people in the same order. Stitched tracks have the id of
        the earliest of them; interpolated people come last in their frames, with
        scores lowered by `fill_score_factor`.
    """
    options = options or RefineOptions()
    tracklets = _collect(sequence)
    alias = _stitch(tracklets, options)
    frames = []
    for frame in sequence:
        ids = frame.poses.track_ids
        new = np.array([alias.get(i, i) for i in ids.tolist()], np.int64).reshape(-1)
        frames.append(replace(frame, poses=frame.poses.replace(track_ids=new)))
    joined = replace(sequence, frames=tuple(frames))
    return _fill(joined, options) if options.fill_frames else joined


def _collect(sequence: PoseSequence) -> list[_Tracklet]:
    """The tracklets of a sequence, by id."""
    found: dict[int, list[tuple[int, Floats]]] = {}
    for frame in sequence:
        number = frame.index
        for k, track_id in enumerate(frame.poses.track_ids.tolist()):
            if track_id >= 0:
                box = frame.poses.boxes[k].astype(np.float64)
                found.setdefault(track_id, []).append((number, box))
    tracklets = []
    for track_id, seen in sorted(found.items()):
        boxes = np.stack([box for _, box in seen])
        sides = boxes[:, 2:] - boxes[:, :2]
        tracklets.append(
            _Tracklet(
                track_id,
                np.array([number for number, _ in seen]),
                (boxes[:, :2] + boxes[:, 2:]) / 2,
                np.maximum(sides.max(axis=1), 1.0),
            )
        )
    return tracklets


def _stitch(tracklets: list[_Tracklet], options: RefineOptions) -> dict[int, int]:
    """For every id the earliest id of its chain of links."""
    n = len(tracklets)
    gain = np.full((n, n), -np.inf)
    ends = [t.end(last=True) for t in tracklets]
    begins = [t.end(last=False) for t in tracklets]
    for i, end in enumerate(ends):
        for j, begin in enumerate(begins):
            gap = int(tracklets[j].frames[0] - tracklets[i].frames[-1])
            if 1 <= gap <= options.maximum_gap_frames:
                gain[i, j] = options.maximum_cost - _link_cost(end, begin, gap, options)
    alias = {t.track_id: t.track_id for t in tracklets}
    order = {t.track_id: int(t.frames[0]) for t in tracklets}
    links = [
        (tracklets[i].track_id, tracklets[j].track_id)
        for i, j in assign(gain, 0.0).tolist()
    ]
    for one, other in sorted(links, key=lambda link: order[link[1]]):
        alias[other] = alias[one]
    return alias


def _link_cost(
    end: tuple[Floats, Floats, float],
    begin: tuple[Floats, Floats, float],
    gap: int,
    options: RefineOptions,
) -> float:
    """Cost of linking two tracklets, from motion, size ratio and length of the gap.

    Args:
        end: Position, velocity and size where the earlier one ends.
        begin: The same where the later one begins.
        gap: Frames between the two.
        options: Parameters.
    """
    (place, velocity, size), (later, pace, other) = end, begin
    # Predicted from both sides; the larger of the two errors counts.
    errors = np.stack([place + velocity * gap - later, later - pace * gap - place])
    squared = np.square(errors).sum(axis=1).max() / np.sqrt(size * other) ** 2
    start = options.deviation_sizes
    variance = (start + options.deviation_growth_sizes * gap) ** 2
    degrees = STUDENT_DEGREES
    cost = np.log1p(squared / (degrees * variance)) * ((degrees + 2) / 2)
    cost += np.log(variance / start**2) / 2
    cost += (np.log(other / size) / options.log_size_deviation) ** 2 / 2
    cost += options.gap_cost * np.log2(gap)
    return float(cost)


def _fill(sequence: PoseSequence, options: RefineOptions) -> PoseSequence:
    """Interpolate people over short gaps, joint by joint."""
    seen: dict[int, tuple[int, Poses]] = {}
    # A result lacks frames without people; those stay without.
    extra: dict[int, list[Poses]] = {frame.index: [] for frame in sequence}
    for frame in sequence:
        number = frame.index
        for k, track_id in enumerate(frame.poses.track_ids.tolist()):
            if track_id < 0:
                continue
            now = frame.poses[k]
            if track_id in seen:
                at, before = seen[track_id]
                gap = number - at
                if 1 < gap <= options.fill_frames:
                    poses = interpolate(before, now, gap - 1, options.fill_score_factor)
                    for step, pose in enumerate(poses, 1):
                        if at + step in extra:
                            extra[at + step].append(pose)
            seen[track_id] = number, now
    frames = [
        replace(frame, poses=Poses.concatenate([frame.poses, *more])) if more else frame
        for frame in sequence
        for more in [extra[frame.index]]
    ]
    return replace(sequence, frames=tuple(frames))
