"""The second pass, offline: stitch tracklets over the whole sequence, fill gaps.

A tracklet that ends and one that begins later may be one person. Every such pair has a
cost from where motion leads from both sides, how long the gap is and how the sizes
compare; the cheapest set of links, one on either side of each tracklet at most, is a
minimum-cost flow through the tracklets, solved exactly as an assignment (Zhang, Li and
Nevatia, "Global data association for multi-object tracking using network flows", CVPR
2008, with every tracklet observed once).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.poses import Poses
from poseflow.sequence import PoseSequence
from poseflow.tracker.assignment import assign
from poseflow.validation import check_options


@dataclass(frozen=True)
class RefineOptions:
    """Parameters of the second pass; lengths in person sizes, times in frames.

    Attributes:
        longest_gap: Longest gap that is stitched.
        room: Standard deviation of the prediction at a gap of one frame.
        growth: What each further frame adds to it.
        scale: Standard deviation of the log size ratio.
        absence: Cost per doubling of the gap.
        birth: What a link must cost less than: an end and a beginning.
        fill_frames: Longest gap whose poses are interpolated; 0 fills none.
        fill_score: Share of the score that an interpolated joint has at most.
    """

    longest_gap: int = 90
    room: float = 0.1
    growth: float = 0.012
    scale: float = 0.25
    absence: float = 0.3
    birth: float = 5.0
    fill_frames: int = 15
    fill_score: float = 0.5

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass(frozen=True)
class _Tracklet:
    """All appearances of one id: which frames, `(T, 2)` middles, `(T,)` sizes."""

    identity: int
    frames: Ints
    middles: Floats
    sizes: Floats

    def end(self, last: bool, reach: int = 12) -> tuple[Floats, Floats, float]:
        """Place, velocity and size at one end, from a line through the latest."""
        part = slice(-reach, None) if last else slice(0, reach)
        t, xy = self.frames[part].astype(np.float64), self.middles[part]
        at = t[-1] if last else t[0]
        size = float(np.median(self.sizes[part]))
        if len(t) < 4:
            return xy[-1 if last else 0], np.zeros(2), size
        line = np.polynomial.polynomial.polyfit(t - at, xy, 1)
        return line[0], line[1], size


def refine(
    sequence: PoseSequence, options: RefineOptions | None = None
) -> PoseSequence:
    """Stitch the tracks of a whole sequence, and fill their short gaps.

    Args:
        sequence: A tracker's result; ids in it are never split, only joined.
        options: Settings.

    Returns:
        The same frames; people keep their places, ids of stitched tracks become the
        earliest of them, and interpolated people come last in their frames, with joint
        scores lowered by `fill_score`.
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
    found: dict[int, list[tuple[int, Floats]]] = {}
    for number, frame in enumerate(sequence):
        for k, identity in enumerate(frame.poses.track_ids.tolist()):
            if identity >= 0:
                box = frame.poses.boxes[k].astype(np.float64)
                found.setdefault(identity, []).append((number, box))
    tracklets = []
    for identity, places in sorted(found.items()):
        boxes = np.stack([box for _, box in places])
        sides = boxes[:, 2:] - boxes[:, :2]
        tracklets.append(
            _Tracklet(
                identity,
                np.array([number for number, _ in places]),
                (boxes[:, :2] + boxes[:, 2:]) / 2,
                np.maximum(sides.max(axis=1), 1.0),
            )
        )
    return tracklets


def _stitch(tracklets: list[_Tracklet], options: RefineOptions) -> dict[int, int]:
    """Id -> the earliest id of its chain."""
    n = len(tracklets)
    gain = np.full((n, n), -np.inf)
    ends = [t.end(last=True) for t in tracklets]
    begins = [t.end(last=False) for t in tracklets]
    for i, (place, velocity, size) in enumerate(ends):
        for j, (there, pace, other) in enumerate(begins):
            gap = int(tracklets[j].frames[0] - tracklets[i].frames[-1])
            if not 1 <= gap <= options.longest_gap:
                continue
            scale = np.sqrt(size * other)
            # Predicted from both sides; the worse of the two has to be believed.
            ahead = place + velocity * gap - there
            behind = there - pace * gap - place
            far = np.square(np.stack([ahead, behind])).sum(axis=1).max() / scale**2
            room = (options.room + options.growth * gap) ** 2
            cost = np.log1p(far / (4 * room)) * 3 + np.log(room / options.room**2) / 2
            cost += (np.log(other / size) / options.scale) ** 2 / 2
            cost += options.absence * np.log2(gap)
            gain[i, j] = options.birth - cost
    alias = {t.identity: t.identity for t in tracklets}
    order = {t.identity: int(t.frames[0]) for t in tracklets}
    links = [
        (tracklets[i].identity, tracklets[j].identity)
        for i, j in assign(gain, 0.0).tolist()
    ]
    for one, other in sorted(links, key=lambda link: order[link[1]]):
        alias[other] = alias[one]
    return alias


def _fill(sequence: PoseSequence, options: RefineOptions) -> PoseSequence:
    """Interpolate people over short gaps, joint by joint."""
    seen: dict[int, tuple[int, Poses]] = {}
    extra: list[list[Poses]] = [[] for _ in sequence]
    for number, frame in enumerate(sequence):
        for k, identity in enumerate(frame.poses.track_ids.tolist()):
            if identity < 0:
                continue
            now = frame.poses[k]
            if identity in seen:
                at, before = seen[identity]
                gap = number - at
                if 1 < gap <= options.fill_frames:
                    for step in range(1, gap):
                        pose = _between(before, now, step / gap, options.fill_score)
                        extra[at + step].append(pose)
            seen[identity] = number, now
    frames = [
        replace(frame, poses=Poses.concatenate([frame.poses, *more])) if more else frame
        for frame, more in zip(sequence, extra, strict=True)
    ]
    return replace(sequence, frames=tuple(frames))


def _between(a: Poses, b: Poses, share: float, score: float) -> Poses:
    """A pose between two; joints that either lacks are missing."""
    both = a.present & b.present

    def mix(name: str) -> Floats:
        one, other = getattr(a, name), getattr(b, name)
        mixed: Floats = (1 - share) * one + share * other
        return mixed

    return a.replace(
        keypoints=np.where(both[..., None], mix("keypoints"), 0),
        keypoint_scores=np.where(both, score * mix("keypoint_scores"), 0),
        boxes=mix("boxes"),
        scores=score * mix("scores"),
    )
