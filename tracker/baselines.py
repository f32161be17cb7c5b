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

    def finish(self) -> tuple[Track, ...]:
        """The tracks seen within `max_age_frames`."""
        return () if self._store is None else self._store.tracks()

    def similarity(self, old: TrackStore, poses: Poses, boxes: Floats) -> Floats:
        """Similarity of tracks and poses, `(N, P)` in [0, 1]."""
        return box_iou(old.extra["boxes"], boxes)

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Continue tracks to this frame; see `TrackerBackend`."""
        given = poses.boxes.astype(np.float64)
        sized = (given[:, 2:] > given[:, :2]).any(axis=1, keepdims=True)
        sized &= np.isfinite(given).all(axis=1, keepdims=True)
        boxes = np.where(sized, given, frame.boxes)
        if self._store is None:
            self._store = TrackStore.empty(poses.skeleton, {"boxes": boxes})
        store = self._store.within(frame.index, self.options.max_age_frames)
        scored = ~(poses.scores < self.options.minimum_score)
        eligible = np.flatnonzero(scored & np.isfinite(boxes).all(axis=1))
        chosen, boxes = poses[eligible], boxes[eligible]
        pairs = assign(self.similarity(store, chosen, boxes), self.options.gate)
        rows = np.full(len(chosen), -1)
        rows[pairs[:, 1]] = pairs[:, 0]
        ids = np.where(rows >= 0, np.append(store.ids, 0)[rows], 0)
        new = rows < 0
        ids[new] = self._next_id + np.arange(new.sum())
        self._next_id += int(new.sum())
        self._store = store.updated(
            chosen.replace(track_ids=ids), rows, frame.index, {"boxes": boxes}
        )
        track_ids = np.full(len(poses), NO_TRACK)
        track_ids[eligible] = ids
        return poses.replace(track_ids=track_ids)


@dataclass
class OksTracker(IouTracker):
    """The `oks` tracker: object keypoint similarity over the joints of both poses."""

    options: OksOptions = field(default_factory=OksOptions)

    def similarity(self, old: TrackStore, poses: Poses, boxes: Floats) -> Floats:
        """Similarity of tracks and poses, `(N, P)` in [0, 1].

        The area is the mean of both boxes', so that neither a partly occluded pose nor
        one with an outlying joint decides alone. Poses without a common joint, such as
        people who only have a box, are compared by IoU.
        """
        areas = box_area(old.extra["boxes"])[:, None] + box_area(boxes)[None]
        sigmas = np.asarray(poses.skeleton.sigmas) * self.options.sigma_factor
        both = old.poses.present[:, None] & poses.present[None]
        similarity = oks(old.poses.keypoints, poses.keypoints, areas / 2, sigmas, both)
        overlap = super().similarity(old, poses, boxes)
        return np.where(both.any(axis=2), similarity, overlap)
