"""`default`: online tracking by likelihoods of motion, pose and appearance.

`DefaultTracker.update` reads from top to bottom: observations and image cues of the
frame, Kalman prediction of all tracks, log odds of all candidate pairs, one gated
assignment, update, duplicates, new tentative tracks, confirmation and
re-identification, deletion. What each piece is worth is measured in docs/tracking.md.

Sources: Kalman prediction and assignment as in SORT (Bewley et al., 2016). Detections
with low scores are kept, as in ByteTrack (Zhang et al., 2022), but in the same
assignment, with a penalty relative to the scores of tracked people. Likelihoods as
named in `likelihood`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import NO_TRACK, Poses
from poseflow.skeletons.skeleton import Skeleton
from poseflow.tracker.appearance.model import AppearanceModel
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.default.adaptation import Adaptation, certain_matches
from poseflow.tracker.default.delayed_output import DelayedOutput, FinalFrames
from poseflow.tracker.default.duplicates import find_duplicates, suppress_duplicates
from poseflow.tracker.default.image_cues import ImageCueExtractor, ImageCues
from poseflow.tracker.default.likelihood import (
    CandidatePairs,
    all_changed,
    assign_pairs,
    candidate_pairs,
)
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.reid import (
    CONTINUED_HITS,
    continued_lost,
    reidentify,
)
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.default.update import (
    begin_appearance,
    confirm,
    delete_old,
    mark_deleted,
    move_with_camera,
    predict,
    resume,
    start_tracks,
    update_matched,
)
from poseflow.tracker.motion.frame_clock import Clock
from poseflow.tracker.motion.panorama import joined
from poseflow.tracker.observations import Observations, person_boxes
from poseflow.tracker.track_store import Track

LEAST_EXISTENCE = 0.02
"""What an observation adds to the existence score at least."""


@dataclass
class DefaultTracker(TrackerBackend):
    """The tracker behind `poseflow.Tracker("default", ...)`."""

    options: DefaultOptions = field(default_factory=DefaultOptions)

    def __post_init__(self) -> None:
        """Start without tracks."""
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        options = self.options
        self._image_cues = ImageCueExtractor(options.appearance, options.matcher)
        self._appearance = AppearanceModel()
        self._embedded = False  # whether appearances are the caller's embeddings
        self._adaptation = Adaptation(options.weights)
        self._clock = Clock()
        self._output = DelayedOutput(options.delay_frames, options.fill_frames)
        self._tracks = TrackStates.empty(0)
        self._skeleton: Skeleton | None = None
        self._image_size: tuple[int, int] | None = None
        self._next_id = 1
        self._next_serial = 0
        self.final_frames: FinalFrames = ()
        self.expected_motion: Floats = np.zeros((0, 2))

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Track the people of the next frame; see `TrackerBackend`."""
        options, weights = self.options, self.options.weights
        if self._skeleton is None:
            self._skeleton = poses.skeleton
            self._tracks = TrackStates.empty(len(poses.skeleton))

        # The frame.
        cues = self._image_cues.extract(frame, poses)
        people = self._observe(poses, cues, frame)
        relative = self._adaptation.relative_scores(people.quality)
        deviation = weights.keypoint_deviation(people.sigmas)
        duplicates = find_duplicates(people, deviation, options.duplicate_similarity)
        _, weaker = duplicates
        duplicate = np.zeros(len(people), np.bool_)
        duplicate[weaker] = True

        # Association.
        if cues.cut:
            self._end_scene()
        self._predict(frame, cues)
        tracks = self._tracks
        pairs = candidate_pairs(
            tracks, people, relative, duplicate, self._appearance, options
        )
        matches = pairs[assign_pairs(len(tracks), len(people), pairs, pairs.log_odds)]
        if cues.cut is None and all_changed(tracks, matches, len(people)):
            self._end_scene()
            tracks, pairs = self._tracks, pairs[np.zeros(0, np.int64)]
            matches = pairs

        # Update.
        self._learn(tracks, people, matches)
        existence = np.maximum(relative - weights.doubtful_score, LEAST_EXISTENCE)
        update_matched(tracks, people, matches, existence, frame.index)

        # Duplicates and new tracks.
        track_of = np.full(len(people), -1)
        track_of[matches.person] = matches.track
        suppressed, deleted = suppress_duplicates(tracks, track_of, duplicates)
        mark_deleted(tracks, deleted)
        track_of[suppressed] = -1
        new = np.flatnonzero((track_of < 0) & ~suppressed & people.present[:, -1])
        # From left to right, so that ids do not depend on the order of the input.
        new = new[np.lexsort(people.centres[new].T[::-1])]
        track_of[new] = len(tracks) + np.arange(len(new))
        variance, serial = self._adaptation.new_track_variance, self._next_serial
        tracks = tracks.joined(
            start_tracks(people, new, frame.index, variance, existence, serial)
        )
        self._next_serial += len(new)

        # Confirmation, re-identification and output.
        tracked = track_of >= 0
        # Of tentative tracks, by which the delayed output finds their earlier frames.
        serials = np.full(len(people), -1)
        serials[tracked] = np.where(tracks.confirmed, -1, tracks.serials)[
            track_of[tracked]
        ]
        self._confirm(tracks, track_of, pairs, people)
        ids = np.full(len(people), NO_TRACK)
        ids[tracked] = np.where(tracks.confirmed, tracks.ids, NO_TRACK)[
            track_of[tracked]
        ]
        self.final_frames = self._output.add(frame.index, poses, serials, ids)
        # Tentative tracks too: they have to be observed to be confirmed.
        self.expected_motion = np.full((len(people), 2), np.nan)
        self.expected_motion[tracked] = tracks.velocity[track_of[tracked]]
        self._tracks = delete_old(tracks, options)
        return poses.replace(track_ids=ids)

    def _observe(
        self, poses: Poses, cues: ImageCues, frame: FrameContext
    ) -> Observations:
        """Observations, with an unknown appearance in frames without the usual one."""
        features, expected = cues.appearance.shape[1], self._appearance.features
        embedded = frame.embeddings is not None and features > 0
        if embedded and self._embedded and features != expected:
            raise PoseFlowError(
                f"frame {frame.index}: embeddings: expected {expected} features as in "
                f"earlier frames, got {features}; call reset() before other features"
            )
        if embedded > self._embedded or features > expected == 0:
            self._appearance, expected = AppearanceModel(features), features
            self._embedded = embedded
            begin_appearance(self._tracks, features)
        if features == expected:
            appearance = cues.appearance
        else:
            appearance = np.full((len(poses), expected), np.nan)
        boxes = frame.boxes
        if self.options.wrap_width_px is not None:
            whole = joined(poses, self.options.wrap_width_px)
            if whole is not poses:
                poses, boxes = whole, person_boxes(whole)
        return Observations.of(poses, boxes, appearance)

    def _predict(self, frame: FrameContext, cues: ImageCues) -> None:
        """Move all tracks by camera motion, change of image size, and velocity."""
        tracks, size = self._tracks, frame.size
        if cues.camera_motion is not None:
            move_with_camera(tracks, cues.camera_motion)
        if size is not None and size != self._image_size:
            if self._image_size is not None:
                factor = np.array(size) / np.array(self._image_size)
                scaling = np.column_stack([np.diag(factor), np.zeros(2)])
                move_with_camera(tracks, scaling)
            self._image_size = size
        frames = self._clock.steps(frame.time)
        predict(tracks, frames, self._adaptation.acceleration)

    def _learn(
        self, tracks: TrackStates, people: Observations, matches: CandidatePairs
    ) -> None:
        """Adapt to the stream by the matches, before they update their tracks."""
        self._adaptation.learn(tracks, people, matches)
        certain = certain_matches(tracks, matches)
        rows, persons = certain.track, certain.person
        self._appearance.learn(
            tracks.appearance[rows],
            tracks.appearance_count[rows],
            people.appearance[persons],
        )

    def _confirm(
        self,
        tracks: TrackStates,
        track_of: Ints,
        pairs: CandidatePairs,
        people: Observations,
    ) -> None:
        """Confirm tentative tracks, in the order of their serials.

        Args:
            tracks: All tracks; those that are confirmed get an id or continue a lost
                track.
            track_of: `(P,)` track of each person; changed for re-identified people.
            pairs: Pairs of earlier tracks and people.
            people: The P people.
        """
        options, weights = self.options, self.options.weights
        ready = np.flatnonzero(
            ~tracks.confirmed
            & (tracks.existence >= options.confirmation_score)
            & (tracks.frames_since_update == 0)
        )
        if not len(ready):
            return
        speed = self._adaptation.speed
        lost, found = continued_lost(
            tracks, ready, track_of, pairs, people, speed, weights
        )
        sure = tracks.hits[found] >= CONTINUED_HITS
        self._resume(tracks, track_of, lost[sure], found[sure])
        ready = np.setdiff1d(ready, found)  # the others wait for another observation
        lost, found = reidentify(tracks, ready, self._appearance, options)
        self._resume(tracks, track_of, lost, found)
        ready = np.setdiff1d(ready, found)
        ids_left = len(ready)
        if options.max_tracks is not None:
            ids_left = max(options.max_tracks - self._next_id + 1, 0)
            lost, found = reidentify(
                tracks, ready[ids_left:], self._appearance, options, known=True
            )
            self._resume(tracks, track_of, lost, found)
        confirm(tracks, ready[:ids_left], self._next_id)
        self._next_id += len(ready[:ids_left])

    def _resume(
        self, tracks: TrackStates, track_of: Ints, lost: Ints, found: Ints
    ) -> None:
        """Continue lost tracks by tentative ones."""
        for old, new in zip(lost.tolist(), found.tolist(), strict=True):
            resume(tracks, old, new)
            track_of[track_of == new] = old

    def _end_scene(self) -> None:
        """Delete all tracks: a new scene has begun."""
        self._tracks = self._tracks[:0]
        self._appearance = AppearanceModel(self._appearance.features)

    @property
    def delay_frames(self) -> int:
        """Frames after which `final_frames` has a frame."""
        return self.options.delay_frames

    def finish(self) -> tuple[Track, ...]:
        """Confirmed tracks that are still held, by id."""
        self.final_frames = self._output.flush()
        if self._skeleton is None:
            return ()
        return self._tracks.records(self._skeleton)
