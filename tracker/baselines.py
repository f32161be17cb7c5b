"""Baseline trackers `iou` and `oks`: assignment by IoU or OKS, without motion model.

Each frame's poses are matched to the latest pose of every track by the one-to-one
assignment of greatest total similarity, pairs above a threshold only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Floats
from poseflow.poses import NO_TRACK, Poses
from poseflow.similarity.boxes import box_area, box_iou
from poseflow.similarity.oks import oks
from poseflow.tracker.assignment import assign
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.observations import with_extent
from poseflow.tracker.track_store import Track, TrackStore
from poseflow.validation import check_options, option


@dataclass(frozen=True)
class IouOptions:
    """Parameters of `iou`.

    Attributes:
        minimum_iou: Pairs must exceed this IoU of their boxes.
        max_age_frames: Tracks last seen more frames ago are dropped.
        minimum_score: People with a lower `Poses.scores` get no id (-1); by default
            there is no minimum.
    """

    minimum_iou: float = option(0.1, low=0, high=1)
    max_age_frames: int = option(30, low=1)
    minimum_score: float = -np.inf

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)

    @property
    def gate(self) -> float:
        """Similarity that pairs must exceed."""
        return self.minimum_iou


@dataclass(frozen=True)
class OksOptions:
    """Parameters of `oks`.

    Attributes:
        minimum_oks: Pairs must exceed this OKS.
        max_age_frames: Tracks last seen more frames ago are dropped.
        minimum_score: People with a lower `Poses.scores` get no id (-1); by default
            there is no minimum.
        sigma_factor: Factor on the skeleton's OKS sigmas; more than 1 tolerates faster
            motion or a lower frame rate.
    """

    minimum_oks: float = option(0.02, low=0, high=1)
    max_age_frames: int = option(30, low=1)
    minimum_score: float = -np.inf
    sigma_factor: float = option(1.0, low=1e-6)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)

    @property
    def gate(self) -> float:
        """Similarity that pairs must exceed."""
        return self.minimum_oks


@dataclass
class IouTracker(TrackerBackend):
    """The `iou` tracker: intersection over union of the people's boxes."""

    options: IouOptions | OksOptions = field(default_factory=IouOptions)

    def __post_init__(self) -> None:
        """Start empty."""
        self.reset()

    def reset(self) -> None:
        """Start a new sequence; ids start at 1 again."""
        self._store: TrackStore | None = None
        self._next_id = 1
        self._only_points = False

    def finish(self) -> tuple[Track, ...]:
        """The tracks seen within `max_age_frames`."""
        return () if self._store is None else self._store.tracks()

    def similarity(self, old: Poses, new: Poses) -> Floats:
        """Similarity of tracks and poses, `(N, P)` in [0, 1]."""
        return box_iou(self._boxes(old), self._boxes(new))

    def _boxes(self, poses: Poses) -> Floats:
        boxes: Floats = poses.boxes.astype(np.float64)
        if self._only_points:
            boxes = with_extent(boxes, np.asarray(poses.present.any(axis=1)))
        return boxes

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Continue tracks to this frame; see `TrackerBackend`."""
        if self._store is None:
            self._store = TrackStore.empty(poses.skeleton, {})
        self._only_points = frame.only_points
        store = self._store.within(frame.index, self.options.max_age_frames)
        eligible = np.flatnonzero(~(poses.scores < self.options.minimum_score))
        scored = poses if len(eligible) == len(poses) else poses[eligible]
        pairs = assign(self.similarity(store.poses, scored), self.options.gate)
        rows = np.full(len(scored), -1)
        rows[pairs[:, 1]] = pairs[:, 0]
        given = np.where(rows >= 0, np.append(store.ids, 0)[rows], 0)
        new = rows < 0
        given[new] = self._next_id + np.arange(new.sum())
        self._next_id += int(new.sum())
        self._store = store.updated(
            scored.replace(track_ids=given), rows, frame.index, {}
        )
        ids = np.full(len(poses), NO_TRACK)
        ids[eligible] = given
        return poses.replace(track_ids=ids)


@dataclass
class OksTracker(IouTracker):
    """The `oks` tracker: object keypoint similarity over the joints of both poses."""

    options: OksOptions = field(default_factory=OksOptions)

    def similarity(self, old: Poses, new: Poses) -> Floats:
        """Similarity of tracks and poses, `(N, P)` in [0, 1].

        The area is the mean of both boxes', so that neither a partly occluded pose nor
        one with an outlying joint decides alone.
        """
        areas = [box_area(self._boxes(side)) for side in (old, new)]
        area = (areas[0][:, None] + areas[1][None]) / 2
        sigmas = np.asarray(old.skeleton.sigmas) * self.options.sigma_factor
        both = old.present[:, None] & new.present[None]
        return oks(old.keypoints, new.keypoints, area, sigmas, both)
