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
from typing import NamedTuple

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import Poses
from poseflow.sequence import PoseSequence
from poseflow.tracker.assignment import assign
from poseflow.tracker.postprocess.gap_filling import (
    FILL_SCORE_FACTOR,
    interpolate,
    stayed_near,
)
from poseflow.validation import check_options, option

VELOCITY_FRAMES, LEAST_VELOCITY_FRAMES = 12, 4
"""Poses at the end of a tracklet that give its velocity; with fewer it is 0."""

STUDENT_DEGREES = 4
"""Degrees of freedom of the prediction error, a Student t distribution: it tolerates
outliers better than a normal distribution."""

BORDER_SIZES = 0.5
"""Distance of a centre from the border of the image within which people enter and
leave, in person sizes."""

WIDE_SIZES = 4
"""Where the size of the images is not known, people who cross so many sizes tell where
the borders are."""

JUMP_FRAMES, JUMP_SIZES = 10, 1.2
"""Across so many frames at most, people are found within so many sizes."""

SHORT_POSES = 5
"""Tracklets with fewer poses do not count as people: most are false positives."""

STABLE, MORE, FEWER = 0.5, 0.15, 0.1
"""The number of people is stable if it is the usual one in at least the first fraction
of the frames, higher in at most the second, and more than one lower in the third."""


@dataclass(frozen=True)
class RefineOptions:
    """Parameters of `refine`; lengths in person sizes (longer side of the box).

    Attributes:
        max_tracks: Known number of people; None to estimate whether it is stable.
        maximum_gap_frames: Longest gap that is stitched, where the number of people is
            not known; else any is.
        deviation_sizes: Standard deviation of the predicted position without a gap.
        deviation_growth_sizes: Growth of that deviation per frame of the gap.
        log_size_deviation: Standard deviation of the logarithm of the size ratio.
        gap_cost: Cost per doubling of the gap.
        maximum_cost: A link must cost less than this, the cost of the end of one person
            and the beginning of another.
        maximum_cost_known: The same if the number of people is known, or stable.
        fill_frames: Longest gap whose poses are interpolated; 0 fills none.
        fill_score_factor: Factor on the scores of interpolated joints.
    """

    max_tracks: int | None = option(None, low=1)
    maximum_gap_frames: int = option(90, low=1)
    deviation_sizes: float = option(0.1, low=1e-9)
    deviation_growth_sizes: float = option(0.012, low=0)
    log_size_deviation: float = option(0.25, low=1e-9)
    gap_cost: float = option(0.3, low=0)
    maximum_cost: float = option(5.0, low=0)
    maximum_cost_known: float = option(20.0, low=0)
    fill_frames: int = option(15, low=0)
    fill_score_factor: float = option(FILL_SCORE_FACTOR, low=0, high=1)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


class _Ends(NamedTuple):
    """One end of each of N tracklets.

    Attributes:
        places: `(N, 2)` centres, pixels.
        velocities: `(N, 2)` pixels per frame.
        sizes: `(N,)` longer side of the box, pixels.
    """

    places: Floats
    velocities: Floats
    sizes: Floats

    def of(self, which: Ints) -> _Ends:
        """Those of some tracklets, by index."""
        return _Ends(*(values[which] for values in self))

    def at_border(self, bounds: Floats) -> Bools:
        """Whether people so near to the border enter or leave, `(N,)`.

        Args:
            bounds: `(2, 2)` left and upper, right and lower border, pixels.
        """
        inside = np.minimum(self.places - bounds[0], bounds[1] - self.places)
        near: Bools = (inside < BORDER_SIZES * self.sizes[:, None]).any(axis=1)
        return near


@dataclass(frozen=True)
class _Tracklet:
    """All poses of one id: `(T,)` frames, `(T, 2)` box centres, `(T,)` sizes."""

    track_id: int
    frames: Ints
    centres: Floats
    sizes: Floats

    def end(self, last: bool) -> tuple[Floats, Floats, float]:
        """Place, velocity and size at its last or its first end, by regression."""
        part = slice(-VELOCITY_FRAMES, None) if last else slice(0, VELOCITY_FRAMES)
        t, xy = self.frames[part].astype(np.float64), self.centres[part]
        at = t[-1] if last else t[0]
        size = float(np.median(self.sizes[part]))
        if len(t) < LEAST_VELOCITY_FRAMES:
            return xy[-1 if last else 0], np.zeros(2), size
        line = np.polynomial.polynomial.polyfit(t - at, xy, 1)
        return line[0], line[1], size


def _ends(tracklets: list[_Tracklet], *, last: bool) -> _Ends:
    found = [tracklet.end(last) for tracklet in tracklets]
    return _Ends(
        np.array([place for place, _, _ in found]).reshape(-1, 2),
        np.array([velocity for _, velocity, _ in found]).reshape(-1, 2),
        np.array([size for _, _, size in found]),
    )


def refine(
    sequence: PoseSequence, options: RefineOptions | None = None
) -> PoseSequence:
    """Stitch the tracks of a whole sequence, and fill their short gaps.

    A track that ends at the border of the image and one that begins there are taken for
    two people, unless `max_tracks` is given. If the same number of people is there all
    the time, such as animals in an arena, less likely links are made, too.

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
    alias = _stitch(tracklets, _bounds(sequence, tracklets), options)
    frames = []
    for frame in sequence:
        ids = frame.poses.track_ids
        new = np.array([alias.get(i, i) for i in ids.tolist()], np.int64).reshape(-1)
        frames.append(replace(frame, poses=frame.poses.replace(track_ids=new)))
    joined = replace(sequence, frames=tuple(frames))
    return _fill(joined, options) if options.fill_frames else joined


def stable_count(lengths: Ints, first: Ints, last: Ints) -> int | None:
    """Number of people if it is about the same all the time; else None.

    Args:
        lengths: `(N,)` poses of each tracklet.
        first: `(N,)` its first frame.
        last: `(N,)` its last frame.

    Examples:
        >>> first, last = np.array([0, 0, 50]), np.array([40, 99, 99])
        >>> stable_count(np.array([41, 100, 50]), first, last)
        2
        >>> first, last = np.array([0, 40, 80]), np.array([20, 60, 99])
        >>> print(stable_count(np.array([21, 21, 20]), first, last))
        None
    """
    long = lengths >= SHORT_POSES
    if not long.any():
        return None
    first, last = first[long] - first[long].min(), last[long] - first[long].min()
    changes = np.zeros(last.max() + 2, np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, last + 1, -1)
    alive = np.cumsum(changes)[:-1]
    usual = int(np.bincount(alive).argmax())
    stable = (
        (alive == usual).mean() >= STABLE
        and (alive > usual).mean() <= MORE
        and (alive < max(usual - 1, 1)).mean() <= FEWER
    )
    return usual if stable else None


def _bounds(sequence: PoseSequence, tracklets: list[_Tracklet]) -> Floats:
    """Borders of the images, `(2, 2)` pixels.

    If the sequence does not say the size of its images: what people reach who come from
    all sides; infinite where they cross no more than a few sizes.
    """
    if sequence.size is not None:
        return np.array([[0, 0], sequence.size], np.float64)
    if not tracklets:
        return np.array([[-np.inf] * 2, [np.inf] * 2])
    centres = np.concatenate([t.centres for t in tracklets])
    reach = np.stack([centres.min(axis=0), centres.max(axis=0)])
    size = float(np.median(np.concatenate([t.sizes for t in tracklets])))
    wide = reach[1] - reach[0] > WIDE_SIZES * size
    return np.where(wide, reach, [[-np.inf] * 2, [np.inf] * 2])


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


def _stitch(
    tracklets: list[_Tracklet], bounds: Floats, options: RefineOptions
) -> dict[int, int]:
    """For every id the earliest id of its chain of links."""
    n = len(tracklets)
    first = np.array([t.frames[0] for t in tracklets], np.int64)
    last = np.array([t.frames[-1] for t in tracklets], np.int64)
    lengths = np.array([len(t.frames) for t in tracklets], np.int64)
    known = options.max_tracks or stable_count(lengths, first, last)
    maximum_cost = options.maximum_cost_known if known else options.maximum_cost
    longest_gap = np.inf if known else options.maximum_gap_frames
    gain = np.full((n, n), -np.inf)
    ends, begins = _ends(tracklets, last=True), _ends(tracklets, last=False)
    gaps = first[None] - last[:, None]
    i, j = np.nonzero((gaps >= 1) & (gaps <= longest_gap))
    pairs = ends.of(i), begins.of(j), gaps[i, j]
    unlikely = _jumps(*pairs)
    if not options.max_tracks:
        unlikely |= ends.at_border(bounds)[i] & begins.at_border(bounds)[j]
    gain[i, j] = np.where(
        unlikely, -np.inf, maximum_cost - _link_costs(*pairs, options)
    )
    alias = {t.track_id: t.track_id for t in tracklets}
    order = {t.track_id: int(t.frames[0]) for t in tracklets}
    links = [
        (tracklets[i].track_id, tracklets[j].track_id)
        for i, j in assign(gain, 0.0).tolist()
    ]
    for one, other in sorted(links, key=lambda link: order[link[1]]):
        alias[other] = alias[one]
    return alias


def _jumps(ends: _Ends, begins: _Ends, gaps: Ints) -> Bools:
    """Whether links would go far in few frames, unless the motion predicts it, `(M,)`.

    Args:
        ends: Where the earlier ones of M pairs end.
        begins: Where the later ones begin.
        gaps: `(M,)` frames between the two.
    """
    way, frames = begins.places - ends.places, gaps[:, None]
    errors = [way, way - ends.velocities * frames, way - begins.velocities * frames]
    nearest = np.linalg.norm(errors, axis=2).min(axis=0)
    sizes = np.minimum(ends.sizes, begins.sizes)
    jumps: Bools = (gaps <= JUMP_FRAMES) & (nearest > JUMP_SIZES * sizes)
    return jumps


def _link_costs(
    ends: _Ends, begins: _Ends, gaps: Ints, options: RefineOptions
) -> Floats:
    """Costs of links, from motion, size ratio and length of the gap, `(M,)`.

    Args:
        ends: Where the earlier ones of M pairs end.
        begins: Where the later ones begin.
        gaps: `(M,)` frames between the two.
        options: Parameters.
    """
    way, frames = begins.places - ends.places, gaps[:, None]
    # Predicted from both sides; the larger of the two errors counts.
    errors = [way - ends.velocities * frames, way - begins.velocities * frames]
    squared = np.square(errors).sum(axis=2).max(axis=0) / (ends.sizes * begins.sizes)
    start = options.deviation_sizes
    variance = (start + options.deviation_growth_sizes * gaps) ** 2
    degrees = STUDENT_DEGREES
    costs = np.log1p(squared / (degrees * variance)) * ((degrees + 2) / 2)
    costs += np.log(variance / start**2) / 2
    ratio = np.log(begins.sizes / ends.sizes)
    costs += np.square(ratio / options.log_size_deviation) / 2
    costs += options.gap_cost * np.log2(gaps)
    return np.asarray(costs, np.float64)


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
                if 1 < gap <= options.fill_frames and stayed_near(before, now):
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
