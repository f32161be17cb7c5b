"""`poseflow`: PF-Builder and PF-NMS over a sliding window, the paper's own algorithm.

Flows are built frame by frame (`flow_builder`); flows that turn out to show one person
are found by their distance over the frames that they share (`flow_nms`); flows with no
frame in common are linked across the gap by motion. `update` answers at once. A frame
that leaves the window is final: its ids, with everything the window taught since, never
change again.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking" (BMVC 2018);
docs/paper.md says what differs and why.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.boxes import keypoint_extent
from poseflow.poses import NO_TRACK, Poses
from poseflow.skeleton import Skeleton
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.matchers.base import make_matcher
from poseflow.tracker.matchers.correspondences import (
    Correspondences,
    as_correspondences,
)
from poseflow.tracker.motion.camera_motion import CameraOptions, camera_motion
from poseflow.tracker.motion.kalman import body_offsets
from poseflow.tracker.observations import Observations
from poseflow.tracker.pose_flow.builder import (
    correspondence_similarity,
    extend,
    joint_boxes,
    pose_confidence,
)
from poseflow.tracker.pose_flow.nms import (
    group_flows,
    lesser_of,
    likeness,
    merge_poses,
    together,
)
from poseflow.tracker.pose_flow.pose_flow import (
    Flow,
    Moment,
    PoseFlowOptions,
    identities,
)
from poseflow.tracker.track_store import Track

JUMP, JUMP_FRAMES = 1.2, 10
"""How far, in sizes, a flow may go from its latest pose within so many frames."""


@dataclass
class PoseFlowTracker(TrackerBackend):
    """See the module; made by `poseflow.Tracker("poseflow", ...)`."""

    options: PoseFlowOptions = field(default_factory=PoseFlowOptions)

    def __post_init__(self) -> None:
        """Make the matcher and start empty."""
        self._matcher = make_matcher(self.options.matcher)
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self._matcher.reset()
        self._window: deque[Moment] = deque()
        self._flows: list[Flow] = []
        self._shared: dict[tuple[Flow, Flow], deque[float]] = {}
        self._before: tuple[Observations, list[Flow]] | None = None
        self._next_id = 1
        self._owners: dict[int, tuple[int, Floats, float, Flow]] = {}
        self._skeleton: Skeleton | None = None
        self.final_frames: tuple[tuple[int, Poses], ...] = ()

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Continue flows into this frame; see `TrackerBackend`."""
        options = self.options
        people = len(poses)
        self._skeleton = poses.skeleton
        none = np.zeros((people, 0))
        seen = Observations.of(poses, none, none)
        spread = np.asarray(poses.skeleton.sigmas) * options.spread
        self._spread = np.append(spread + 0.02, 0.2)
        matches = frame.correspondences
        if matches is None:
            matches = self._matcher.match(frame, poses)
        elif isinstance(matches, np.ndarray | list):
            matches = as_correspondences(matches, f"frame {frame.index}")

        self._pan(matches, poses)
        confidence = pose_confidence(
            np.where(poses.present, poses.keypoint_scores, 0).astype(np.float64),
            poses.scores.astype(np.float64),
        )
        # Only the lesser of two alike yields, so that a copy never takes a flow away.
        alike = likeness(
            seen.points[:, :-1], seen.present[:, :-1], seen.weight[:, :-1], seen.sizes
        )
        lesser = lesser_of(alike, confidence, options.same)
        similarity = self._similarity(seen, frame.index, matches)
        similarity -= 0.2 * lesser[None]
        given: list[Flow | None] = [None] * people
        for f, p in extend(
            similarity, confidence, options.candidate, options.similarity_weight
        ).tolist():
            given[p] = self._flows[f]
            self._continue(self._flows[f], seen, p, frame.index)
        free = [p for p in range(people) if given[p] is None]
        self._begin(seen, free, lesser, given, frame.index)
        flows = [flow for flow in given if flow is not None]
        for p, flow in enumerate(flows):
            flow.frames += 1
            flow.total += float(confidence[p])
            flow.score += float(poses.scores[p])
            flow.recent.append(float(confidence[p]))
        for flow in self._flows:
            if flow.last != frame.index:
                flow.recent.append(0.0)
        self._compare(flows, alike)
        self._suppress()
        self._stay_near(flows, seen, confidence, frame.index)

        self._before = (seen, flows)
        self._window.append(Moment(frame.index, poses, flows))
        self._settle(frame.index)
        return poses.replace(track_ids=identities(flows, confidence))

    def _pan(self, matches: Correspondences | None, poses: Poses) -> None:
        """Take the camera's motion out, as far as the correspondences tell it."""
        if not isinstance(matches, np.ndarray) or not len(matches) or not self._flows:
            return
        boxes = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
        motion = camera_motion(matches, boxes, CameraOptions())
        if motion is None:
            return
        for flow in self._flows:
            flow.pan(motion)
        turn, shift = motion[:, :2].T, motion[:, 2]
        self._owners = {
            identity: (frame, place @ turn + shift, size, flow)
            for identity, (frame, place, size, flow) in self._owners.items()
        }

    def _similarity(
        self, seen: Observations, frame: int, matches: Correspondences | None
    ) -> Floats:
        """Inter-frame similarity of all flows and this frame's poses, `(F, P)`."""
        options, flows = self.options, self._flows
        table = np.zeros((len(flows), len(seen)))
        if not table.size:
            return table
        gap = np.array([frame - flow.last for flow in flows], np.float64)
        points = np.stack([flow.points for flow in flows])
        velocity = np.stack([flow.velocity for flow in flows])
        sizes = np.array([flow.size for flow in flows])
        known = np.stack([flow.known for flow in flows])
        expected = points + (velocity * gap[:, None])[:, None]
        apart = np.square(expected[:, None, -1] - seen.points[None, :, -1]).sum(-1)
        larger = np.maximum(sizes[:, None], seen.sizes[None])
        open_ = apart <= np.square(options.reach * larger)
        # Nobody turns up far from where the flow was a moment ago.
        jump = np.square(points[:, None, -1] - seen.points[None, :, -1]).sum(-1)
        smaller = np.minimum(sizes[:, None], seen.sizes[None])
        open_ &= (jump <= np.square(JUMP * smaller)) | (gap > JUMP_FRAMES)[:, None]
        # A flow that has stopped goes on by re-linking only.
        f, p = np.nonzero(open_ & (gap <= options.relink_frames)[:, None])
        if not len(f):
            return table
        weight = seen.weight[p] * known[f]
        room = self._spread + options.growth * (gap[f, None] - 1)
        step = np.square(seen.points[p] - expected[f]).sum(axis=-1)
        near = np.exp(-step / (2 * np.square(sizes[f, None] * room)))
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        oks = (weight * near).sum(axis=1)
        # A density: who may be anywhere is less likely to be here than who is expected.
        dense = (weight * near * (self._spread / room)).sum(axis=1)
        late = gap[f] > options.patience
        table[f, p] = np.where(late & (oks < options.relink), 0, dense)
        if matches is None or self._before is None or not len(matches):
            return table
        before, owners = self._before
        shared, joints = correspondence_similarity(
            matches,
            joint_boxes(
                before.points[:, :-1], before.present[:, :-1], before.sizes,
                options.joint_side,
            ),
            joint_boxes(
                seen.points[:, :-1], seen.present[:, :-1], seen.sizes,
                options.joint_side,
            ),
        )  # fmt: skip
        row = {id(flow): k for k, flow in enumerate(flows)}
        for k, owner in enumerate(owners):
            at = row.get(id(owner))
            if at is not None and joints[k] >= 3:
                # Less for whoever gets fewer of one's points than another does: flows
                # that were not there to be matched stay comparable.
                table[at] *= 1 - (shared[k].max() - shared[k]) / 2
        return table

    def _continue(self, flow: Flow, seen: Observations, p: int, frame: int) -> None:
        """Take a pose into a flow."""
        gap = frame - flow.last
        weight = (seen.weight[p] * flow.known)[None]
        expected = flow.points + flow.velocity * gap
        step = body_offsets(
            expected[None], seen.points[p][None], weight, np.array([flow.size]), 0.1
        ).offset[0]
        share = min(0.3 + 0.7 / flow.frames, 1.0) if flow.frames < 4 else 0.3
        flow.velocity = flow.velocity + share * step / gap
        present = seen.present[p]
        flow.points = np.where(present[:, None], seen.points[p], expected + step)
        flow.known = flow.known | present
        flow.size += 0.3 * (float(seen.sizes[p]) - flow.size)
        flow.last = frame

    def _begin(
        self,
        seen: Observations,
        free: list[int],
        lesser: Bools,
        given: list[Flow | None],
        frame: int,
    ) -> None:
        """Start a flow at every pose that continues none, from left to right."""
        for p in sorted(free, key=lambda p: tuple(seen.points[p, -1])):
            flow = Flow(
                0, seen.points[p].copy(), seen.present[p].copy(), np.zeros(2),
                float(seen.sizes[p]), frame, frame, 0, 0.0, 0.0,
                deque(maxlen=self.options.patience), bool(lesser[p]),
            )  # fmt: skip
            if not flow.absorbed:
                flow.identity = self._new_id()
            self._flows.append(flow)
            given[p] = flow

    def _new_id(self) -> int:
        identity = self._next_id
        self._next_id += 1
        return identity

    def _compare(self, flows: list[Flow], alike: Floats) -> None:
        """Remember how alike flows are that share this frame."""
        place = {id(flow): p for p, flow in enumerate(flows)}
        for (one, other), history in self._shared.items():
            i, j = place.get(id(one)), place.get(id(other))
            if i is not None and j is not None:
                history.append(float(alike[i, j]))
        for i, j in np.argwhere(np.triu(alike, 1) > 0.05).tolist():
            if (flows[i], flows[j]) not in self._shared and (
                (flows[j], flows[i]) not in self._shared
            ):
                self._shared[flows[i], flows[j]] = deque(
                    [float(alike[i, j])], maxlen=self.options.window_frames
                )

    def _suppress(self) -> None:
        """PF-NMS over the window: flows of one person share the older one's id."""
        options = self.options
        involved = list(
            dict.fromkeys(
                flow
                for pair, history in self._shared.items()
                if len(history) >= options.least_common
                and together(history) >= options.same
                for flow in pair
            )
        )
        joined: set[int] = set()
        if involved:
            at = {id(flow): k for k, flow in enumerate(involved)}
            alike = np.eye(len(involved))
            for (a, b), history in self._shared.items():
                if id(a) in at and id(b) in at and len(history) >= options.least_common:
                    i, j = at[id(a)], at[id(b)]
                    alike[i, j] = alike[j, i] = together(history)
            # A long flow is worth more than a short one of the same confidence.
            worth = np.array([f.confidence * min(f.frames, 20) for f in involved])
            for group in group_flows(worth, alike, options.same):
                members = [involved[k] for k in group.tolist()]
                for other in members[1:]:
                    joined.add(id(other))
                    other.absorbed = True
                    other.identity = members[0].identity
        for flow in self._flows:
            if flow.absorbed and id(flow) not in joined and flow.frames > 1:
                # What looked like a copy goes its own way.
                flow.absorbed = False
                if flow.identity == 0 or any(
                    f is not flow and f.identity == flow.identity for f in self._flows
                ):
                    flow.identity = self._new_id()

    def _stay_near(
        self, flows: list[Flow], seen: Observations, confidence: Floats, frame: int
    ) -> None:
        """No id goes from one flow to another far away, whatever PF-NMS joined."""
        given = identities(flows, confidence)
        for p in np.flatnonzero(given != NO_TRACK).tolist():
            flow, here = flows[p], seen.points[p, -1]
            size = float(seen.sizes[p])
            last = self._owners.get(flow.identity, (0, here, size, flow))
            # How far a flow itself may go was decided when it was continued.
            if last[3] is not flow and frame - last[0] <= JUMP_FRAMES:
                apart = float(np.hypot(*(here - last[1])))
                if apart > JUMP * min(last[2], size):
                    flow.identity, flow.absorbed = self._new_id(), False
            self._owners[flow.identity] = (frame, here.copy(), size, flow)
        self._owners = {
            identity: owner
            for identity, owner in self._owners.items()
            if frame - owner[0] <= JUMP_FRAMES
        }

    def _settle(self, frame: int) -> None:
        """Frames that leave the window become final; flows long gone are dropped."""
        options = self.options
        final = []
        while len(self._window) > options.window_frames:
            final.append(self._finalise(self._window.popleft()))
        self.final_frames = tuple(final)
        keep = []
        for flow in self._flows:
            gained = sum(flow.recent)
            usual = options.patience * flow.confidence
            stopped = len(flow.recent) == options.patience and (
                gained < options.stop_share * usual
            )
            patience = options.relink_frames if flow.frames >= 3 else options.patience
            if not stopped or frame - flow.last <= patience:
                keep.append(flow)
        if len(keep) < len(self._flows):
            alive = {id(flow) for flow in keep}
            self._flows = keep
            self._shared = {
                pair: history
                for pair, history in self._shared.items()
                if id(pair[0]) in alive and id(pair[1]) in alive
            }

    def _finalise(self, moment: Moment) -> tuple[int, Poses]:
        """A frame with the ids, and the merged joints, that stay."""
        poses, flows = moment.poses, moment.flows
        confidence = np.array([flow.confidence for flow in flows])
        ids = identities(flows, confidence)
        for p, flow in enumerate(flows):
            if flow.frames < self.options.least_frames:
                ids[p] = NO_TRACK
        points = poses.keypoints.copy()
        marks = poses.keypoint_scores.copy()
        for p, flow in enumerate(flows):
            mates = [k for k, f in enumerate(flows) if f.identity == flow.identity]
            if ids[p] != NO_TRACK and len(mates) > 1:
                points[p], marks[p] = merge_poses(
                    [poses.keypoints[k] for k in mates],
                    [poses.keypoint_scores[k] for k in mates],
                )
            if self.options.unify:
                marks[p] = np.where(marks[p] > 0, flow.confidence, 0)
        return moment.index, poses.replace(
            keypoints=points, keypoint_scores=marks, track_ids=ids
        )

    @property
    def delay_frames(self) -> int:
        """How many frames later `final_frames` has a frame."""
        return self.options.window_frames

    def finish(self) -> tuple[Track, ...]:
        """The identities still held; `final_frames` then has the rest of the window."""
        self.final_frames = tuple(self._finalise(m) for m in self._window)
        self._window.clear()
        best: dict[int, Flow] = {}
        for flow in self._flows:
            if flow.identity and not flow.absorbed:
                best[flow.identity] = flow
        if not best or self._skeleton is None:
            return ()
        return tuple(
            Track(
                identity,
                flow.first,
                flow.last,
                flow.frames,
                flow.score / flow.frames,
                Poses(
                    flow.points[None, :-1],
                    flow.known[None, :-1].astype(np.float64),
                    track_ids=[identity],
                    skeleton=self._skeleton,
                ),
            )
            for identity, flow in sorted(best.items())
        )
