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
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from poseflow.poses import NO_TRACK, Poses
from poseflow.skeleton import Skeleton
from poseflow.tracker.appearance import Looks
from poseflow.tracker.association import assign
from poseflow.tracker.backend import View
from poseflow.tracker.bodies import MOST_LOOKS, Bodies, Sightings
from poseflow.tracker.clock import Clock
from poseflow.tracker.default_options import DefaultOptions
from poseflow.tracker.duplicates import twins
from poseflow.tracker.evidence import Pairs, judge, shift_together, within_reach
from poseflow.tracker.eye import Eye, Percept
from poseflow.tracker.hindsight import Hindsight
from poseflow.tracker.memory import Track
from poseflow.tracker.motion import gains, grow
from poseflow.tracker.recall import fill, recognise

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass
class DefaultTracker:
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
        self._acceleration = self.options.acceleration
        self._pace = self.options.pace
        self._certain = 6.0  # log odds of a usual match
        self._usual = 0.0  # quality of those that are tracked, on the detector's scale
        self._size: tuple[int, int] | None = None
        self.expected_motion: Floats = np.zeros((0, 2))

    def update(self, poses: Poses, view: View) -> Poses:
        """Continue identities into this frame; see `TrackerBackend`."""
        percept = self._eye.look(view, poses)
        features = percept.colours.shape[1]
        if features and self._looks is None:
            self._begin_looks(features)
        if self._looks is not None and features != self._looks.features:
            # A frame without a picture among others: nothing is known of anybody.
            unknown = np.full((len(poses), self._looks.features), np.nan)
            percept = percept._replace(colours=unknown, clean=np.isfinite(unknown))
        seen = Sightings.of(poses, percept.colours, percept.weight)
        if self._bodies is None:
            self._start(poses, seen)
        assert self._bodies is not None
        if percept.cut:
            self._end_scene()
        bodies = self._predict(view, percept)
        relative = self._relative(seen)
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
        self._follow(bodies, seen, poses, pairs, which, relative, view.index)
        self._learn_usual(bodies, seen, rows, pairs.pose[which])

        # Of two alike, the one that continues somebody known stays.
        hidden = self._doubles(bodies, match, lesser, greater)
        born = np.flatnonzero((match < 0) & ~hidden)
        # From left to right, so that ids do not hang on the order of the input.
        born = born[np.lexsort(seen.points[born, -1].T[::-1])]
        fresh = Bodies.new(
            seen, born, view.index, poses, self._new_variance, self._born
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

    def _start(self, poses: Poses, seen: Sightings) -> None:
        options = self.options
        self._skeleton = poses.skeleton
        sigmas = np.asarray(poses.skeleton.sigmas) * options.spread
        self._spread = np.append(sigmas + options.spread_least, 0.2)
        place = options.evidence.measured**2 + options.evidence.measured_few**2 / 4
        self._place = place
        none = np.zeros(0, np.int64)
        self._bodies = Bodies.new(seen, none, 0, poses, self._new_variance)

    @property
    def _new_variance(self) -> Floats:
        """Variance of a body that was seen once, `(3,)`."""
        return np.array([self._place, 0.0, self._pace**2])

    def _predict(self, view: View, percept: Percept) -> Bodies:
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
        bodies.variance = grow(bodies.variance, steps, self._acceleration**2)
        bodies.gap += steps
        bodies.age += steps
        lost = bodies.gap > steps
        bodies.velocity[lost] *= options.drag**steps
        return bodies

    def _relative(self, seen: Sightings) -> Floats:
        """Quality relative to that of the people who are being tracked, `(P,)`."""
        usual = self._usual
        if usual <= 0 and len(seen):
            usual = float(np.quantile(seen.quality, 0.75))
        relative: Floats = np.minimum(seen.quality / max(usual, 1e-12), 1.2)
        return relative

    def _trust(self, relative: Floats) -> Floats:
        """What a sighting adds to the belief that somebody is there, `(n,)`."""
        trust: Floats = np.maximum(
            relative - self.options.doubt, self.options.patient_trust
        )
        return trust

    def _learn_usual(
        self, bodies: Bodies, seen: Sightings, rows: Ints, poses: Ints
    ) -> None:
        steady = bodies.hits[rows] >= 3
        if not steady.any():
            return
        now = float(np.median(seen.quality[poses[steady]]))
        share = min(0.02 * float(steady.sum()), 0.3)
        self._usual += (now - self._usual) * (share if self._usual > 0 else 1.0)

    def _pairs(
        self, bodies: Bodies, seen: Sightings, relative: Floats, double: Bools
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
        self, bodies: Bodies, seen: Sightings, pairs: Pairs
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

    def _follow(
        self,
        bodies: Bodies,
        seen: Sightings,
        poses: Poses,
        pairs: Pairs,
        which: Ints,
        relative: Floats,
        frame: int,
    ) -> None:
        """Take the matched poses into their bodies."""
        rows, people = pairs.body[which], pairs.pose[which]
        if not len(rows):
            return
        options = self.options
        offset, residual = pairs.offsets.offset[which], pairs.offsets.residual[which]
        self._learn_motion(bodies, pairs, which)
        gain, turn, after = gains(bodies.variance[rows], pairs.noise[which])
        bodies.variance[rows] = after
        bodies.velocity[rows] += turn[:, None] * offset
        moved = bodies.points[rows] + gain[:, None, None] * offset[:, None]

        present, known = seen.present[people], bodies.known[rows]
        sizes = bodies.sizes[rows]
        # A joint that stands far off is believed slowly, one unseen for long at once.
        stray = residual / (0.15 * sizes[:, None])
        trust = np.where(
            known, options.joint_gain / (1 + np.square(np.square(stray))), 1.0
        )
        trust = np.maximum(trust, np.minimum(bodies.age[rows] / 10, 1))
        trust = np.where(present, trust, 0)[..., None]
        bodies.points[rows] = moved + trust * (seen.points[people] - moved)
        bodies.known[rows] = known | present
        bodies.age[rows] = np.where(present, 0, bodies.age[rows])
        boxes = bodies.boxes()[rows]
        now = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        bodies.sizes[rows] = np.where(now > 0, sizes + 0.2 * (now - sizes), sizes)
        bodies.place[rows] = bodies.points[rows, -1]
        bodies.gap[rows] = 0
        bodies.hits[rows] += 1
        bodies.last[rows] = frame
        bodies.score[rows] += poses.scores[people]
        bodies.trust[rows] += self._trust(relative[people])

    def _learn_motion(self, bodies: Bodies, pairs: Pairs, which: Ints) -> None:
        """Learn from steady bodies how fast people are, and how erratic."""
        rows = pairs.body[which]
        steady = (bodies.hits[rows] >= 4) & (bodies.gap[rows] < 3)
        if not steady.any():
            return
        rows, which = rows[steady], which[steady]
        size = np.square(bodies.sizes[rows])
        share = min(0.02 * len(rows), 0.2)
        speed = float(np.square(bodies.velocity[rows]).sum(axis=1) @ (1 / size))
        speed = np.sqrt(speed / len(rows) / 2) * 1.5 + 0.01
        self._pace += share * (speed - self._pace)
        expected = bodies.variance[rows, 0] + pairs.noise[which]
        square = np.square(pairs.offsets.offset[which]).sum(axis=1) / size / 2
        surprise = float(np.minimum(square / expected, 6).mean())
        change = self.options.restless * min(len(rows), 10) / 10 * (surprise - 1)
        low, high = self.options.acceleration / 4, self.options.acceleration * 16
        self._acceleration = float(
            np.clip(self._acceleration * np.exp(change), low, high)
        )

    def _begin_looks(self, features: int) -> None:
        """The first frame that shows what people look like."""
        self._looks = Looks(features)
        if self._bodies is not None:
            none = np.zeros((len(self._bodies), features))
            self._bodies.colours, self._bodies.looks = none, none.copy()

    def _look(
        self,
        bodies: Bodies,
        seen: Sightings,
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

    def _doubles(
        self, bodies: Bodies, match: Ints, lesser: Ints, greater: Ints
    ) -> Bools:
        """People who are somebody else's double, `(P,)`; ends ids that are."""
        hidden = np.zeros(len(match), np.bool_)
        bodies.shadow[match[match >= 0]] -= 0.5
        for a, b in zip(greater.tolist(), lesser.tolist(), strict=True):
            i, j = match[a], match[b]
            if i >= 0 and j >= 0:
                # Both continue somebody: the younger may be nobody.
                young = i if bodies.hits[i] < bodies.hits[j] else j
                bodies.shadow[young] += 1.5
                if bodies.ids[young] == 0 or (
                    bodies.shadow[young] > self.options.shadow_frames
                ):
                    # Whoever was there for long is hidden, not gone.
                    long = bodies.hits[young] >= self.options.settled
                    bodies.gap[young] = 1 if long else np.inf
                    pose = a if young == i else b
                    match[pose] = -1
                    hidden[pose] = True
            elif i >= 0 or j >= 0:
                hidden[b if i >= 0 else a] = True
            else:
                hidden[b] = True
        np.maximum(bodies.shadow, 0, out=bodies.shadow)
        return hidden

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
