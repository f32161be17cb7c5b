"""`iou` and `oks`: assignment by one overlap measure, without motion or images.

Honest baselines: each frame's people are joined to the latest appearance of the
identities by the best one-to-one assignment above a gate. Nothing is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Floats
from poseflow.boxes import box_area, box_iou
from poseflow.oks import oks
from poseflow.poses import NO_TRACK, Poses
from poseflow.tracker.assignment import assign
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.track_store import Track, TrackStore
from poseflow.validation import require


@dataclass(frozen=True)
class IouOptions:
    """Parameters of `iou`.

    Attributes:
        minimum_iou: Pairs must exceed this IoU of their boxes.
        max_age_frames: Identities last seen more frames ago are forgotten.
        minimum_score: People with a lower `Poses.scores` get no identity (-1); default,
            everybody gets one.
    """

    minimum_iou: float = 0.1
    max_age_frames: int = 30
    minimum_score: float = -np.inf

    def __post_init__(self) -> None:
        """Check the ranges."""
        require("minimum_iou", self.minimum_iou, 0, 1)
        require("max_age_frames", self.max_age_frames, 1)
        require("minimum_score", self.minimum_score, -np.inf)

    @property
    def gate(self) -> float:
        """The similarity that pairs must exceed."""
        return self.minimum_iou


@dataclass(frozen=True)
class OksOptions:
    """Parameters of `oks`.

    Attributes:
        minimum_oks: Pairs must exceed this OKS.
        max_age_frames: Identities last seen more frames ago are forgotten.
        minimum_score: People with a lower `Poses.scores` get no identity (-1); default,
            everybody gets one.
        sigma_factor: Multiplies the skeleton's sigmas: more room for fast movement or
            few frames per second.
    """

    minimum_oks: float = 0.02
    max_age_frames: int = 30
    minimum_score: float = -np.inf
    sigma_factor: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require("minimum_oks", self.minimum_oks, 0, 1)
        require("max_age_frames", self.max_age_frames, 1)
        require("minimum_score", self.minimum_score, -np.inf)
        require("sigma_factor", self.sigma_factor, 1e-6)

    @property
    def gate(self) -> float:
        """The similarity that pairs must exceed."""
        return self.minimum_oks


@dataclass
class IouTracker(TrackerBackend):
    """`iou`: intersection over union of the people's boxes."""

    options: IouOptions | OksOptions = field(default_factory=IouOptions)

    def __post_init__(self) -> None:
        """Start empty."""
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self._store: TrackStore | None = None
        self._next_id = 1

    def finish(self) -> tuple[Track, ...]:
        """The identities seen within `max_age_frames`."""
        return () if self._store is None else self._store.tracks()

    def similarity(self, old: Poses, new: Poses) -> Floats:
        """Similarity of identities and people, `(N, P)` in [0, 1]."""
        return box_iou(old.boxes.astype(np.float64), new.boxes.astype(np.float64))

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Continue identities into this frame; see `TrackerBackend`."""
        if self._store is None:
            self._store = TrackStore.empty(poses.skeleton, {})
        memory = self._store.within(frame.index, self.options.max_age_frames)
        eligible = np.flatnonzero(~(poses.scores < self.options.minimum_score))
        people = poses if len(eligible) == len(poses) else poses[eligible]
        pairs = assign(self.similarity(memory.poses, people), self.options.gate)
        rows = np.full(len(people), -1)
        rows[pairs[:, 1]] = pairs[:, 0]
        given = np.where(rows >= 0, np.append(memory.ids, 0)[rows], 0)
        new = rows < 0
        given[new] = self._next_id + np.arange(new.sum())
        self._next_id += int(new.sum())
        self._store = memory.remember(
            people.replace(track_ids=given), rows, frame.index, {}
        )
        ids = np.full(len(poses), NO_TRACK)
        ids[eligible] = given
        return poses.replace(track_ids=ids)


@dataclass
class OksTracker(IouTracker):
    """`oks`: object keypoint similarity of the joints that both poses have."""

    options: OksOptions = field(default_factory=OksOptions)

    def similarity(self, old: Poses, new: Poses) -> Floats:
        """Similarity of identities and people, `(N, P)` in [0, 1].

        The area is the mean of both boxes', so that neither a half-hidden pose nor a
        stretched one decides alone.
        """
        areas = [box_area(side.boxes.astype(np.float64)) for side in (old, new)]
        area = (areas[0][:, None] + areas[1][None]) / 2
        sigmas = np.asarray(old.skeleton.sigmas) * self.options.sigma_factor
        both = old.present[:, None] & new.present[None]
        return oks(old.keypoints, new.keypoints, area, sigmas, both)
