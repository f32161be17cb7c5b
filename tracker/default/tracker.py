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

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.skeletons.skeleton import Skeleton
from poseflow.tracker.appearance.model import AppearanceModel
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.default.adaptation import Adaptation
from poseflow.tracker.default.delayed_output import DelayedOutput, FinalFrames
from poseflow.tracker.default.duplicates import find_duplicates, suppress_duplicates
from poseflow.tracker.default.image_cues import ImageCueExtractor
from poseflow.tracker.default.likelihood import all_changed, candidate_pairs
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.pairs import CandidatePairs
from poseflow.tracker.default.reid import CONTINUED_HITS, continued_lost, reidentify
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.motion.frame_clock import Clock
from poseflow.tracker.motion.panorama import joined
from poseflow.tracker.observations import Observations, person_boxes
from poseflow.tracker.people_count import stable_count
from poseflow.tracker.track_store import Track

STABLE_FRAMES, PRESENT = 75, 5 / 6
"""Frames from which on the number of people may be stable, and share of them in which
each is there: more than in `refine`, which knows the whole sequence."""

LEAST_EXISTENCE = 0.02
"""What an observation adds to the existence score at least."""

LEARN_POSE_SIMILARITY = 0.5
"""Least pose similarity of a match whose appearance is learned from."""


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
        self._adaptation = Adaptation(options.weights)
        self._clock = Clock()
        self._output = DelayedOutput(options.delay_frames, options.fill_frames)
        self._tracks: TrackStates | None = None
        self._skeleton: Skeleton | None = None
        self._next_id = 1
        self._next_serial = 0
        self._reach = np.array([[np.inf] * 2, [-np.inf] * 2])
        self._people: Counter[int] = Counter()  # frames by number of people
        self.final_frames: FinalFrames = ()
        self.expected_motion: Floats = np.zeros((0, 2))

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Track the people of the next frame; see `TrackerBackend`."""
        options, weights = self.options, self.options.weights

        # The frame.
        cues = self._image_cues.extract(frame, poses)
        whole = joined(poses, options.wrap_width_px)
        boxes = frame.boxes if whole is poses else person_boxes(whole)
        people = Observations.of(whole, boxes, cues.appearance)
        relative = self._adaptation.relative_scores(people.quality)
        existence = np.maximum(relative - weights.doubtful_score, LEAST_EXISTENCE)
        duplicates = find_duplicates(people, options)

        # Prediction.
        tracks = self._tracks
        if tracks is None:
            self._skeleton = poses.skeleton
            tracks = self._new_tracks(people, np.zeros(0, np.int64), existence, frame)
        if cues.cut:
            tracks = self._end_scene(tracks)
        if cues.new_appearance:
            self._appearance = AppearanceModel(cues.appearance.shape[1])
            tracks.forget_appearance(cues.appearance.shape[1])
        if cues.motion is not None:
            tracks.move_with_camera(cues.motion)
        tracks.predict(self._clock.steps(frame.time), self._adaptation.acceleration)

        if self._adaptation.was_empty:
            # The first score is no usual one: ids need another observation.
            existence = np.minimum(existence, options.confirmation_score / 2)

        # Association.
        pairs = candidate_pairs(
            tracks, people, relative, duplicates.weaker, self._appearance, options
        )
        matches = pairs.assigned(pairs.log_odds)
        if cues.cut is None and all_changed(tracks, matches, len(people)):
            tracks = self._end_scene(tracks)
            pairs = matches = pairs[:0]

        # Update.
        self._adaptation.learn(tracks, people, matches)
        alike = matches.pose_similarity > LEARN_POSE_SIMILARITY
        certain = matches[alike & tracks.recent[matches.track]]
        self._appearance.learn(
            tracks.appearance[certain.track],
            tracks.appearance_count[certain.track],
            people.appearance[certain.person],
        )
        tracks.update(people, matches, existence, frame.index)
        track_of = np.full(len(people), -1)
        track_of[matches.person] = matches.track

        # Duplicates and new tracks.
        suppressed, deleted = suppress_duplicates(tracks, track_of, duplicates)
        tracks.delete(deleted)
        track_of[suppressed] = -1
        new = np.flatnonzero((track_of < 0) & ~suppressed & people.present[:, -1])
        # From left to right, so that ids do not depend on the order of the input.
        new = new[np.lexsort(people.centres[new].T[::-1])]
        track_of[new] = len(tracks) + np.arange(len(new))
        tracks = tracks.joined(self._new_tracks(people, new, existence, frame))

        # Confirmation, re-identification and output.
        seen = np.flatnonzero(track_of >= 0)
        rows = track_of[seen]
        serials = np.full(len(people), -1)
        serials[seen] = tracks.serials[rows]
        places = people.centres[people.present[:, -1]]
        self._reach[0] = places.min(axis=0, initial=np.inf).clip(max=self._reach[0])
        self._reach[1] = places.max(axis=0, initial=-np.inf).clip(self._reach[1])
        self._confirm(tracks, track_of, pairs, people)
        ids = np.full(len(people), NO_TRACK)
        ids[seen] = tracks.ids[rows]
        self.final_frames = self._output.add(frame.index, poses, serials, ids)
        # Tentative tracks too: they have to be observed to be confirmed.
        self.expected_motion = np.full((len(people), 2), np.nan)
        self.expected_motion[seen] = tracks.velocity[rows]
        self._tracks = tracks.held(options)
        if self._people or self._tracks.people:
            self._people[self._tracks.people] += 1
        return poses.replace(track_ids=ids)

    def _new_tracks(
        self, people: Observations, which: Ints, existence: Floats, frame: FrameContext
    ) -> TrackStates:
        """Tentative tracks of some people."""
        serial, variance = self._next_serial, self._adaptation.new_track_variance
        self._next_serial += len(which)
        return TrackStates.tentative(
            people, which, serial, variance, existence, frame.index
        )

    def _end_scene(self, tracks: TrackStates) -> TrackStates:
        """No tracks: a new scene has begun."""
        self._appearance = AppearanceModel(self._appearance.features)
        self._people.clear()
        return tracks[:0]

    def _confirm(
        self,
        tracks: TrackStates,
        track_of: Ints,
        pairs: CandidatePairs,
        people: Observations,
    ) -> None:
        """Confirm tentative tracks, in their order: by ids of lost tracks, or new ones.

        Args:
            tracks: All tracks.
            track_of: `(P,)` track of each person.
            pairs: Pairs of earlier tracks and people.
            people: The P people.
        """
        options = self.options
        ready = np.flatnonzero(
            ~tracks.confirmed
            & (tracks.existence >= options.confirmation_score)
            & (tracks.frames_since_update == 0)
        )
        if not len(ready):
            return
        lost, found = continued_lost(
            tracks, ready, track_of, pairs, people, self._adaptation.speed, options
        )
        sure = tracks.hits[found] >= CONTINUED_HITS
        tracks.resume(lost[sure], found[sure])
        ready = np.setdiff1d(ready, found)  # the others wait for another observation
        model = self._appearance
        lost, found = reidentify(tracks, ready, model, options)
        tracks.resume(lost, found)
        ready = np.setdiff1d(ready, found)
        missed = ready[: self._missed(tracks)]
        lost, found = reidentify(tracks, missed, model, options, True, self._reach)
        tracks.resume(lost, found)
        ready = np.setdiff1d(ready, found)
        ids_left = len(ready)
        if options.max_tracks is not None:
            ids_left = max(options.max_tracks - self._next_id + 1, 0)
        new, others = ready[:ids_left], ready[ids_left:]
        tracks.confirm(new, self._next_id)
        self._next_id += len(new)
        lost, found = reidentify(tracks, others, model, options, known=True)
        tracks.resume(lost, found)

    def _missed(self, tracks: TrackStates) -> int:
        """How many people are missed in this frame, if their number is stable."""
        people = stable_count(self._people, PRESENT)
        if people is None or self._people.total() < STABLE_FRAMES:
            return 0
        present = tracks.confirmed & (tracks.frames_since_update == 0)
        return max(people - int(np.count_nonzero(present)), 0)

    @property
    def delay_frames(self) -> int:
        """Frames after which `final_frames` has a frame."""
        return self.options.delay_frames

    def finish(self) -> tuple[Track, ...]:
        """Confirmed tracks that are still held, by id."""
        self.final_frames = self._output.flush()
        if self._tracks is None or self._skeleton is None:
            return ()
        return self._tracks.records(self._skeleton)
