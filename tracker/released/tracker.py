"""`released`: the association that the authors of PoseFlow released.

Not the paper's algorithm (that is `poseflow`), but a bipartite matching of tracks and
poses by shared correspondences and overlap. With `compat=True` it repeats the released
code number for number, documented faults included; without, the faults are corrected
(table in docs/trackers.md).

Source: behaviour of the code released with Xiu et al., "Pose Flow: Efficient Online
Pose Tracking" (BMVC 2018), written from its description and its numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import NO_TRACK, Poses
from poseflow.tracker.assignment import assign, assign_released
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.matchers.base import FileMatcher, Matcher, make_matcher
from poseflow.tracker.matchers.correspondences import (
    Correspondences,
    PixelIdentity,
    count_shared,
    shared_fraction,
)
from poseflow.tracker.released.boxes import (
    Regions,
    mean_of_best,
    overlap,
    reaching,
    released_regions,
    scaled_regions,
)
from poseflow.tracker.track_store import Track, TrackStore
from poseflow.validation import check_options, option

RELEASED_EPSILON = 1e-5
"""In the denominators of the released code's shares and overlaps."""

RELEASED_BEST, RELEASED_JOINTS = 7, 17
"""Joints that count in the released code (`num`), the best of COCO's 17."""

RELEASED_AGE, MAX_AGE = 100, 30
"""Default of `max_age_frames`, under `compat` (`link`) and without."""

SMALLEST_TEXT_BYTES = 1000
"""Smaller files of correspondences count as absent in the released code."""

LEAST_JOINTS = 3
"""A mean over joints is over so many at least, so that one of them is not a pose."""


@dataclass(frozen=True)
class ReleasedOptions:
    """Parameters of `released`.

    Attributes:
        compat: Repeat the released code exactly, faults included.
        matcher: `"orb"`, `"flow"` (optical flow), `"none"` or a `Matcher`.
        correspondences: Folder or `.npz` to read correspondences from instead.
        image_size: Width and height in pixels to which boxes are clipped; by default
            the image's. Required by `compat` without images.
        max_age_frames: Tracks last seen more frames ago are dropped (`link`); default
            30, under `compat` 100.
        best_joints: Number of joints by which poses are compared, the best ones
            (`num`); default 7, without `compat` 7/17 of the skeleton's joints.
        box_margin: Fraction of width and height by which boxes grow on each side.
        square_px: Half side of the joint squares under `compat`, pixels (`mag`).
        square_fraction: Half side of the joint squares without `compat`, over the
            longer side of the person.
        weights: Of the four terms (shared correspondences and overlap of the boxes, the
            same of the joint squares) for tracks seen in the previous frame. Older ones
            have only the two overlaps.
        minimum_grade: Pairs must exceed it under `compat`; grades go up to the sum of
            the weights, 6 (`match`).
        minimum_similarity: Pairs must exceed it without `compat`; in [0, 1].
        gate_sizes: Gating by distance, without `compat`: centres further apart than
            this many person sizes (longer side of the larger box) are not matched.
    """

    compat: bool = False
    matcher: str | Matcher = "orb"
    correspondences: str | Path | None = None
    image_size: tuple[int, int] | None = option(None, low=1)
    max_age_frames: int | None = option(None, low=1)
    best_joints: int | None = option(None, low=1)
    box_margin: float = option(0.1, low=0)
    square_px: float = option(30.0, low=0)
    square_fraction: float = option(0.1, low=0, high=1)
    weights: tuple[float, float, float, float] = option((1.0, 2.0, 1.0, 2.0), low=0)
    minimum_grade: float = option(0.2, low=0)
    minimum_similarity: float = option(0.05, low=0, high=1)
    gate_sizes: float = option(1.5, low=0)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)
        if sum(self.weights) <= 0:
            raise PoseFlowError(
                f"weights must have a sum above 0, got {self.weights!r}"
            )

    @property
    def age(self) -> int:
        """`max_age_frames`, or its default."""
        default = RELEASED_AGE if self.compat else MAX_AGE
        return default if self.max_age_frames is None else self.max_age_frames

    @property
    def overlap_weights(self) -> tuple[float, float]:
        """Weights of box and pose overlap for older tracks."""
        return (self.weights[1] / 2, self.weights[3] / 2)


@dataclass(frozen=True)
class Step:
    """Record of the association of `released` in one frame.

    Attributes:
        candidate_ids: `(N,)` ids of the tracks that could be continued, latest first.
        from_former_frame: `(N,)` True if seen in the frame before.
        grades: `(N, P)`; in 0..6 under `compat`, else in 0..1.
        pairs: `(n, 2)` the assignment, accepted or not.
        boxes: `(P, 4)` xyxy, as compared.
        match_scores: `(P,)` grade of the accepted pair, 0 for a new track.
    """

    candidate_ids: Ints
    from_former_frame: Bools
    grades: Floats
    pairs: Ints
    boxes: Floats
    match_scores: Floats


@dataclass
class ReleasedTracker(TrackerBackend):
    """The `released` tracker; made by `poseflow.Tracker("released", ...)`."""

    options: ReleasedOptions = field(default_factory=ReleasedOptions)

    def __post_init__(self) -> None:
        """Make the matcher and start empty."""
        options = self.options
        if options.correspondences is not None:
            smallest = SMALLEST_TEXT_BYTES if options.compat else 0
            self._matcher: Matcher = FileMatcher(
                Path(options.correspondences), smallest
            )
        else:
            self._matcher = make_matcher(options.matcher)
        self.reset()

    def reset(self) -> None:
        """Start a new sequence; ids start at 1 again."""
        self._matcher.reset()
        self._store: TrackStore | None = None
        self._former = -1
        self._next_id = 1
        self.last_step: Step | None = None

    def finish(self) -> tuple[Track, ...]:
        """The tracks seen within `max_age_frames`."""
        return () if self._store is None else self._store.tracks()

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Continue tracks to this frame; see `TrackerBackend`."""
        size = self._size(frame)
        regions = self._regions(poses, size, frame.boxes)
        extra = {"boxes": regions.boxes, "squares": regions.squares}
        if self._store is None:
            self._store = TrackStore.empty(poses.skeleton, extra)
        store = self._store.within(frame.index, self.options.age)
        matches = self._correspondences(poses, frame, size)

        former = store.last_frame == self._former
        if not self.options.compat:
            former &= frame.index - store.last_frame == 1
        old = Regions(store.extra["boxes"], store.extra["squares"])
        if self.options.compat:
            grades = self._released_grades(old, regions, former, matches)
            pairs = assign_released(grades)
            made = grades[pairs[:, 0], pairs[:, 1]] > self.options.minimum_grade
        else:
            grades = self._similarity(old, regions, former, matches)
            pairs = assign(
                grades, self.options.minimum_similarity, self._near(old, regions)
            )
            made = np.ones(len(pairs), np.bool_)

        rows = np.full(len(poses), -1)
        rows[pairs[made, 1]] = pairs[made, 0]
        ids = np.where(rows >= 0, np.append(store.ids, 0)[rows], 0)
        new = rows < 0
        if not self.options.compat:
            new &= np.isfinite(frame.boxes).all(axis=1)
            ids[(rows < 0) & ~new] = NO_TRACK  # without any position
        ids[new] = self._next_id + np.arange(new.sum())
        self._next_id += int(new.sum())
        scores = np.zeros(len(poses))
        scores[pairs[made, 1]] = grades[pairs[made, 0], pairs[made, 1]]
        self.last_step = Step(store.ids, former, grades, pairs, regions.boxes, scores)

        tracked = poses.replace(track_ids=ids)
        stored = np.flatnonzero(ids != NO_TRACK)
        self._store = store.updated(
            tracked[stored],
            rows[stored],
            frame.index,
            {name: array[stored] for name, array in extra.items()},
        )
        if len(poses) or not self.options.compat:
            # The released code copies the last people into an empty frame, so that they
            # count as seen in the previous frame at the next one.
            self._former = frame.index
        return tracked

    def _size(self, frame: FrameContext) -> tuple[int, int] | None:
        size = self.options.image_size or frame.size
        if size is None and self.options.compat:
            raise PoseFlowError(
                f"frame {frame.index}: compat clips boxes to the image; pass the image "
                "or image_size=(width, height)"
            )
        return size

    def _regions(
        self, poses: Poses, size: tuple[int, int] | None, boxes: Floats
    ) -> Regions:
        options = self.options
        if options.compat:
            assert size is not None
            return released_regions(
                poses.keypoints, size, options.box_margin, options.square_px
            )
        return scaled_regions(
            poses.keypoints,
            poses.present,
            boxes,
            size,
            options.box_margin,
            options.square_fraction,
        )

    def _correspondences(
        self, poses: Poses, frame: FrameContext, size: tuple[int, int] | None
    ) -> Correspondences | None:
        matches = frame.correspondences
        if matches is None:
            matches = self._matcher.match(frame, poses)
        if not self.options.compat or frame.index == 0:
            return matches
        if matches is None:
            assert size is not None
            return PixelIdentity(*size)
        if not isinstance(matches, PixelIdentity):
            matches = np.trunc(matches)
        return matches

    def _best(self, joints: int) -> int:
        if self.options.best_joints is not None:
            return min(self.options.best_joints, joints)
        if self.options.compat:
            return min(RELEASED_BEST, joints)
        return math.ceil(joints * RELEASED_BEST / RELEASED_JOINTS)

    def _released_grades(
        self,
        old: Regions,
        new: Regions,
        former: Bools,
        matches: Correspondences | None,
    ) -> Floats:
        """Grades of the released code, `(N, P)`, from 0 to the sum of the weights."""
        weights = self.options.weights
        best = self._best(new.squares.shape[1])
        boxes = overlap(old.boxes[:, None], new.boxes[None], 1.0, RELEASED_EPSILON)
        joints = np.zeros(boxes.shape)
        i, j = reaching(old.squares, new.squares)
        joints[i, j] = mean_of_best(
            overlap(old.squares[i], new.squares[j], 1.0, RELEASED_EPSILON), best
        )
        older = self.options.overlap_weights
        grades: Floats = older[0] * boxes + older[1] * joints
        if matches is None or not former.any():
            return grades
        share = shared_fraction(
            matches, old[former].layers, new.layers, RELEASED_EPSILON
        )
        grades[former] = (
            weights[0] * share[0]
            + weights[1] * boxes[former]
            + weights[2] * mean_of_best(_joints_last(share[1:]), best)
            + weights[3] * joints[former]
        )
        return grades

    def _similarity(
        self,
        old: Regions,
        new: Regions,
        former: Bools,
        matches: Correspondences | None,
    ) -> Floats:
        """Similarity without the faults, `(N, P)` in [0, 1].

        The weighted mean of the terms that are known: without any correspondence, or
        without a common joint, it is over the other terms.
        """
        weights = self.options.weights
        boxes = overlap(old.boxes[:, None], new.boxes[None], 0.0, 0.0)
        there = np.isfinite(old.squares[..., 0]), np.isfinite(new.squares[..., 0])
        common = there[0].astype(np.float32) @ there[1].astype(np.float32).T
        best = self._best(new.squares.shape[1])
        joints = np.zeros(boxes.shape)
        i, j = reaching(old.squares, new.squares)
        joints[i, j] = _mean_of_few(
            overlap(old.squares[i], new.squares[j], 0.0, 0.0), best, common[i, j]
        )
        total = weights[1] * boxes + weights[3] * joints
        weight = weights[1] + weights[3] * (common > 0)
        if matches is not None and len(matches) and former.any():
            leaving, arriving, both = count_shared(
                matches, old[former].layers, new.layers
            )
            either = leaving[:, :, None] + arriving[:, None, :] - both
            evidence = (leaving[:, :, None] > 0) & (arriving[:, None, :] > 0)
            share = np.divide(both, either, out=both, where=evidence)
            seen = evidence[1:].sum(axis=0)
            total[former] += weights[0] * share[0] + weights[2] * _mean_of_few(
                _joints_last(share[1:]), best, seen
            )
            weight[former] += weights[0] * evidence[0] + weights[2] * (seen > 0)
        similarity: Floats = np.divide(
            total, weight, out=np.zeros_like(total), where=weight > 0
        )
        return similarity

    def _near(self, old: Regions, new: Regions) -> Bools:
        """Which pairs are within the gate, `(N, P)`."""
        with np.errstate(invalid="ignore"):
            centres = [(r.boxes[:, :2] + r.boxes[:, 2:]) / 2 for r in (old, new)]
            sizes = [(r.boxes[:, 2:] - r.boxes[:, :2]).max(axis=1) for r in (old, new)]
            apart = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
            limit = self.options.gate_sizes * np.maximum.outer(sizes[0], sizes[1])
            near: Bools = apart <= limit
        return near


def _joints_last(layers: Floats) -> Floats:
    """`(K, N, P)` as `(N, P, K)`, contiguous for fast selection."""
    return np.ascontiguousarray(np.moveaxis(layers, 0, -1))


def _mean_of_few(values: Floats, best: int, count: Floats) -> Floats:
    """Mean of the `best` largest of K values of which only `count` can be above 0.

    With fewer than `best` the mean is over those, but over `LEAST_JOINTS` at least
    (fewer in skeletons that have fewer).
    """
    least = min(LEAST_JOINTS, best, values.shape[-1])
    best = min(best, values.shape[-1])
    mean: Floats = mean_of_best(values, best) * best / np.clip(count, least, best)
    return mean
