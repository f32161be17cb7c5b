"""`default`: log odds from motion, pose, size and looks, in one gated assignment.

What it takes from where the field stands, and what each piece is worth, is measured in
docs/tracking.md. In short: bodies move with constant velocity and keep moving while
hidden (Kalman, as in SORT and its successors); where a body is comes from a robust
offset over common joints; how joints stand is compared after that offset; people in
the making get no id before the evidence of several looks says that there is somebody
(so single false alarms never do); low scores need more evidence (ByteTrack's second
chance, without a threshold on scores: they count relative to those of the people that
are being tracked); doubles of somebody who is matched get no id; nobody's id goes
further than a body can; the camera's motion is taken out, from pictures if there are
any, else from what all people do together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.skeleton import Skeleton
from poseflow.tracker.assignment import assign
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.default.adaptation import Habits
from poseflow.tracker.default.appearance import Looks
from poseflow.tracker.default.delayed_output import Hindsight
from poseflow.tracker.default.duplicates import hide_doubles, twins
from poseflow.tracker.default.image_cues import Eye, Percept
from poseflow.tracker.default.likelihood import (
    Pairs,
    judge,
    shift_together,
    within_reach,
)
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.reid import fill, recognise
from poseflow.tracker.default.tracks import MOST_LOOKS, Bodies
from poseflow.tracker.default.update import follow
from poseflow.tracker.motion.frame_clock import Clock
from poseflow.tracker.motion.kalman import grow
from poseflow.tracker.observations import Observations
from poseflow.tracker.track_store import Track


@dataclass
class DefaultTracker(TrackerBackend):
    """See the module; made by `poseflow.Tracker("default", ...)`."""

    options: DefaultOptions = field(default_factory=DefaultOptions)

    def __post_init__(self) -> None:
        """Start empty."""
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self._eye = Eye(self.options.appearance, self.options.matcher)
        self._looks: Looks | None = None
        self._bodies: Bodies | None = None
        self._skeleton: Skeleton | None = None
        self._next_id = 1
        self._born = 0  # bodies so far, those that never got an id included
        self._hindsight = Hindsight(self.options.window_frames)
        self.final_frames: tuple[tuple[int, Poses], ...] = ()
        self._clock = Clock()
        self._habits = Habits(self.options)
        self._certain = 6.0  # log odds of a usual match
        self._size: tuple[int, int] | None = None
        self.expected_motion: Floats = np.zeros((0, 2))

    def update(self, poses: Poses, view: FrameContext) -> Poses:
        """Continue identities into this frame; see `TrackerBackend`."""
        percept = self._eye.look(view, poses)
        features = percept.colours.shape[1]
        if features and self._looks is None:
            self._begin_looks(features)
        if self._looks is not None and features != self._looks.features:
            # A frame without a picture among others: nothing is known of anybody.
            unknown = np.full((len(poses), self._looks.features), np.nan)
            percept = percept._replace(colours=unknown, clean=np.isfinite(unknown))
        seen = Observations.of(poses, percept.colours, percept.weight)
        if self._bodies is None:
            self._start(poses, seen)
        assert self._bodies is not None
        if percept.cut:
            self._end_scene()
        bodies = self._predict(view, percept)
        relative = self._habits.relative(seen.quality)
        first, second, _ = twins(
            seen.points[:, :-1], seen.present[:, :-1], seen.sizes,
            self._spread[:-1], self.options.same,
        )  # fmt: skip
        lesser = np.where(seen.quality[first] < seen.quality[second], first, second)
        greater = first + second - lesser
        double = np.zeros(len(seen), np.bool_)
        double[lesser] = True

        pairs = self._pairs(bodies, seen, relative, double)
        if self.options.together and not self._moved and shift_together(bodies, pairs):
            pairs = self._pairs(bodies, seen, relative, double)
        rows, which = self._assign(bodies, seen, pairs)
        if view.image is None and self._cut(bodies, pairs, which, len(seen)):
            self._end_scene()
            bodies = self._bodies
            rows, which = rows[:0], which[:0]

        match = np.full(len(seen), -1)  # number of the body that each pose continues
        match[pairs.pose[which]] = rows
        self._look(bodies, seen, percept, pairs, which)
        self._habits.learn_motion(bodies, pairs, which)
        follow(
            bodies, seen, poses.scores, pairs, which, view.index,
            self.options.joint_gain,
        )  # fmt: skip
        bodies.trust[rows] += self._trust(relative[pairs.pose[which]])
        self._habits.learn_usual(bodies, seen, rows, pairs.pose[which])

        hidden = hide_doubles(
            bodies, match, lesser, greater,
            self.options.shadow_frames, self.options.settled,
        )  # fmt: skip
        born = np.flatnonzero((match < 0) & ~hidden)
        # From left to right, so that ids do not hang on the order of the input.
        born = born[np.lexsort(seen.points[born, -1].T[::-1])]
        fresh = Bodies.new(
            seen, born, view.index, poses, self._habits.new_variance, self._born
        )
        self._born += len(born)
        fresh.trust = self._trust(relative[born])
        match[born] = len(bodies) + np.arange(len(born))
        bodies = bodies.joined(fresh)
        has = match >= 0
        serials = np.full(len(seen), -1)
        serials[has] = bodies.serial[match[has]]
        self._confirm(bodies, match)

        ids = np.full(len(seen), NO_TRACK)
        ids[has] = np.where(bodies.ids[match[has]] > 0, bodies.ids[match[has]], -1)
        self.final_frames = self._hindsight.add(view.index, poses, serials, ids)
        # With people in the making: they have to be seen to earn an id.
        self.expected_motion = np.full((len(seen), 2), np.nan)
        self.expected_motion[has] = bodies.velocity[match[has]]
        self._bodies = self._forget(bodies)
        return poses.replace(track_ids=ids)

    def _start(self, poses: Poses, seen: Observations) -> None:
        options = self.options
        self._skeleton = poses.skeleton
        sigmas = np.asarray(poses.skeleton.sigmas) * options.spread
        self._spread = np.append(sigmas + options.spread_least, 0.2)
        none = np.zeros(0, np.int64)
        self._bodies = Bodies.new(seen, none, 0, poses, self._habits.new_variance)

    def _predict(self, view: FrameContext, percept: Percept) -> Bodies:
        """Bodies where they are expected now."""
        bodies, options = self._bodies, self.options
        assert bodies is not None
        self._moved = percept.motion is not None
        if percept.motion is not None:
            bodies.pan(percept.motion)
        steps = self._clock.steps(view.time)
        if view.size is not None:
            if self._size is not None and self._size != view.size:
                bodies.rescale(np.array(view.size) / np.array(self._size))
            self._size = view.size
        bodies.points += (bodies.velocity * steps)[:, None]
        noise = np.square(self._habits.acceleration)
        bodies.variance = grow(bodies.variance, steps, noise)
        bodies.gap += steps
        bodies.age += steps
        lost = bodies.gap > steps
        bodies.velocity[lost] *= options.drag**steps
        return bodies

    def _trust(self, relative: Floats) -> Floats:
        """What a sighting adds to the belief that somebody is there, `(n,)`."""
        trust: Floats = np.maximum(
            relative - self.options.doubt, self.options.patient_trust
        )
        return trust

    def _pairs(
        self, bodies: Bodies, seen: Observations, relative: Floats, double: Bools
    ) -> Pairs:
        options = self.options
        reach = np.where(bodies.gap <= options.max_age_frames, options.reach, 0.0)
        body, pose = within_reach(bodies, seen, reach)
        pairs = judge(
            bodies, seen, body, pose, self._spread, self._looks, options.evidence
        )
        odds = pairs.odds - options.suspicion * np.maximum(1 - relative[pose], 0)
        odds -= options.double * double[pose]
        # Nobody turns up far from where the id was a moment ago.
        soon = bodies.gap[body] <= options.jump_frames
        moved = bodies.points[body, -1] + pairs.offsets.offset - bodies.place[body]
        away = np.square(moved).sum(axis=1)
        size = np.minimum(bodies.sizes[body], 2 * seen.sizes[pose])
        odds[soon & (away > np.square(options.jump * size))] = -np.inf
        return pairs._replace(odds=odds)

    def _assign(
        self, bodies: Bodies, seen: Observations, pairs: Pairs
    ) -> tuple[Ints, Ints]:
        """Bodies that are continued, and by which of the pairs."""
        table = np.full((len(bodies), len(seen)), -np.inf)
        number = np.zeros(table.shape, np.int64)
        # People in the making yield to people who have an id.
        making = bodies.ids[pairs.body] == 0
        table[pairs.body, pairs.pose] = pairs.odds - self.options.way * making
        number[pairs.body, pairs.pose] = np.arange(len(pairs.body))
        made = assign(table, self.options.minimum_odds)
        return made[:, 0], number[made[:, 0], made[:, 1]]

    def _begin_looks(self, features: int) -> None:
        """The first frame that shows what people look like."""
        self._looks = Looks(features)
        if self._bodies is not None:
            none = np.zeros((len(self._bodies), features))
            self._bodies.colours, self._bodies.looks = none, none.copy()

    def _look(
        self,
        bodies: Bodies,
        seen: Observations,
        percept: Percept,
        pairs: Pairs,
        which: Ints,
    ) -> None:
        """Learn what people look like."""
        if self._looks is None:
            return
        rows, people = pairs.body[which], pairs.pose[which]
        colours, clean = percept.colours[people], percept.clean[people]
        sure = (bodies.gap[rows] <= 2) & (pairs.shape[which] > 0.5)
        self._looks.learn(bodies, rows[sure], colours[sure], clean[sure])
        there = np.isfinite(colours) & (clean | (bodies.looks[rows] == 0))
        looks = bodies.looks[rows] + there
        step = np.where(there, colours - bodies.colours[rows], 0)
        bodies.colours[rows] += step / np.maximum(looks, 1)
        bodies.looks[rows] = np.minimum(looks, MOST_LOOKS)

    def _confirm(self, bodies: Bodies, match: Ints) -> None:
        """Give ids to those who have earned them, in the order of their coming."""
        options = self.options
        ready = np.flatnonzero(
            (bodies.ids == 0) & (bodies.trust >= options.confirm) & (bodies.gap == 0)
        )
        if self._looks is not None and self._looks.ready and len(ready):
            ready = recognise(bodies, match, ready, self._looks, options)
        if options.max_tracks is not None:
            free = max(options.max_tracks - self._next_id + 1, 0)
            ready = fill(bodies, match, ready, free, options)
        bodies.ids[ready] = self._next_id + np.arange(len(ready))
        self._next_id += len(ready)

    def _cut(self, bodies: Bodies, pairs: Pairs, which: Ints, people: int) -> bool:
        """True if everybody changed at once: another scene, for want of a picture."""
        odds = pairs.odds[which]
        certain = odds >= self._certain / 2
        recent = (bodies.ids > 0) & (bodies.gap <= 2) & (bodies.hits >= 3)
        least = self.options.cut_people
        if recent.sum() < least or people < least:
            return False
        kept = int(recent[pairs.body[which[certain]]].sum())
        cut = bool(kept <= recent.sum() / 5 and kept <= people / 5)
        if not cut and len(odds):
            self._certain += 0.1 * (float(np.median(odds)) - self._certain)
        return cut

    def _end_scene(self) -> None:
        """Nobody of the scene before carries on."""
        assert self._bodies is not None
        self._bodies = self._bodies[:0]
        if self._looks is not None:
            self._looks = Looks(self._looks.features)

    def _forget(self, bodies: Bodies) -> Bodies:
        options = self.options
        age = np.where(
            (bodies.looks > 0).any(axis=1) & (bodies.hits >= 5),
            options.recall_frames,
            options.max_age_frames,
        )
        age = np.where(bodies.ids > 0, age, options.patience)
        stay = bodies.gap <= age
        if stay.sum() > options.most_bodies:
            order = np.argsort(bodies.gap, kind="stable")
            stay[order[options.most_bodies :]] = False
        return bodies if stay.all() else bodies[stay]

    @property
    def delay_frames(self) -> int:
        """How many frames later `final_frames` has a frame."""
        return self.options.window_frames

    def finish(self) -> tuple[Track, ...]:
        """The identities seen within `max_age_frames`."""
        self.final_frames = self._hindsight.rest()
        bodies = self._bodies
        if bodies is None:
            return ()
        assert self._skeleton is not None
        tracks = []
        for k in np.argsort(bodies.ids).tolist():
            if bodies.ids[k] == 0:
                continue
            known = bodies.known[k, :-1]
            latest = Poses(
                bodies.points[k : k + 1, :-1],
                known[None].astype(np.float64),
                track_ids=[bodies.ids[k]],
                skeleton=self._skeleton,
            )
            hits = int(bodies.hits[k])
            tracks.append(
                Track(
                    int(bodies.ids[k]),
                    int(bodies.first[k]),
                    int(bodies.last[k]),
                    hits,
                    float(bodies.score[k] / hits),
                    latest,
                )
            )
        return tuple(tracks)
