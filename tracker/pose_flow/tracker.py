"""`poseflow`: PF-Builder and PF-NMS over a sliding window, the paper's algorithm.

`builder` extends pose flows frame by frame; `nms` merges pose flows of one person by
their distance over common frames; pose flows without a common frame are re-linked
across the gap by motion. `update` gives ids at once. A frame that leaves the window is
final: its ids and joints, with what the window added since, never change again.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking" (BMVC 2018);
docs/paper.md lists the differences and their reasons.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.poses import NO_TRACK, Poses
from poseflow.similarity.boxes import keypoint_extent
from poseflow.skeletons.skeleton import Skeleton
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.matchers.base import make_matcher
from poseflow.tracker.matchers.correspondences import Correspondences
from poseflow.tracker.motion.camera_motion import CameraOptions, camera_motion
from poseflow.tracker.observations import Observations
from poseflow.tracker.pose_flow.builder import (
    JUMP_FRAMES,
    JUMP_SIZES,
    correspondence_factor,
    correspondence_similarity,
    extend,
    joint_boxes,
    joint_sigmas,
    motion_similarity,
    pose_confidence,
)
from poseflow.tracker.pose_flow.nms import (
    FlowNMS,
    duplicate_poses,
    final_poses,
    intra_frame_similarity,
)
from poseflow.tracker.pose_flow.options import PoseFlowOptions
from poseflow.tracker.pose_flow.pose_flow import (
    NO_ID,
    PoseFlow,
    WindowFrame,
    track_ids,
)
from poseflow.tracker.track_store import Track

DUPLICATE_PENALTY = 0.2
"""Taken from the inter-frame similarity of a duplicate, so that of two poses of one
person the better one continues the pose flow."""

RELINK_LENGTH = 3
"""Pose flows with fewer poses are not re-linked: they are mostly false positives."""


class _LastPose(NamedTuple):
    """Where a track id was seen last: frame, centre, size and pose flow."""

    frame: int
    centre: Floats
    size: float
    flow: PoseFlow


@dataclass
class PoseFlowTracker(TrackerBackend):
    """The `poseflow` tracker; made by `poseflow.Tracker("poseflow", ...)`."""

    options: PoseFlowOptions = field(default_factory=PoseFlowOptions)

    def __post_init__(self) -> None:
        """Make the matcher and start empty."""
        self._matcher = make_matcher(self.options.matcher)
        self.reset()

    def reset(self) -> None:
        """Start a new sequence; ids start at 1 again."""
        self._matcher.reset()
        self._flows: list[PoseFlow] = []
        self._nms = FlowNMS(self.options)
        self._window: deque[WindowFrame] = deque()
        self._before: tuple[Observations, list[PoseFlow]] | None = None
        self._last_poses: dict[int, _LastPose] = {}
        self._next_id = 1
        self._skeleton: Skeleton | None = None
        self.final_frames = ()

    @property
    def delay_frames(self) -> int:
        """Length of the sliding window."""
        return self.options.window_frames

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Extend the pose flows to this frame; see `TrackerBackend`."""
        options = self.options
        self._skeleton = poses.skeleton

        observations = Observations.of(poses, frame.boxes)
        matches = self._correspondences(poses, frame)
        self._compensate_camera(matches, poses)

        confidence = pose_confidence(
            np.where(poses.present, poses.keypoint_scores, 0).astype(np.float64),
            poses.scores.astype(np.float64),
        )
        intra = intra_frame_similarity(
            observations.points[:, :-1],
            observations.present[:, :-1],
            observations.weight[:, :-1],
            observations.sizes,
        )
        duplicates = duplicate_poses(intra, confidence, options.merge_similarity)
        sigmas = joint_sigmas(poses.skeleton.sigmas, options.sigma_factor)
        inter = self._inter_frame_similarity(observations, frame.index, sigmas, matches)
        inter -= DUPLICATE_PENALTY * duplicates[None]
        pairs = extend(
            inter, confidence, options.candidate_similarity, options.similarity_weight
        )
        flows = self._build(observations, pairs.tolist(), duplicates, frame.index)
        for p, flow in enumerate(flows):
            flow.add_confidence(float(confidence[p]), float(poses.scores[p]))
        for flow in self._flows:
            if flow.last_frame != frame.index:
                flow.miss()

        self._nms.add_frame(flows, intra)
        self._nms.merge(self._flows, self._new_id)
        self._gate_ids(flows, observations, confidence, frame.index)

        self._before = (observations, flows)
        self._window.append(WindowFrame(frame.index, poses, flows))
        self._finalise(options.window_frames)
        self._drop_flows(frame.index)
        return poses.replace(track_ids=track_ids(flows, confidence))

    def _correspondences(
        self, poses: Poses, frame: FrameContext
    ) -> Correspondences | None:
        """Given correspondences, or the matcher's."""
        if frame.correspondences is not None:
            return frame.correspondences
        return self._matcher.match(frame, poses)

    def _compensate_camera(self, matches: Correspondences | None, poses: Poses) -> None:
        """Move the pose flows with the camera, if correspondences tell its motion."""
        if not isinstance(matches, np.ndarray) or not len(matches) or not self._flows:
            return
        boxes = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
        motion = camera_motion(matches, boxes, CameraOptions())
        if motion is None:
            return
        for flow in self._flows:
            flow.move_with_camera(motion)
        turn, shift = motion[:, :2].T, motion[:, 2]
        self._last_poses = {
            track_id: last._replace(centre=last.centre @ turn + shift)
            for track_id, last in self._last_poses.items()
        }

    def _inter_frame_similarity(
        self,
        observations: Observations,
        frame: int,
        sigmas: Floats,
        matches: Correspondences | None,
    ) -> Floats:
        """Similarity `(F, P)` of all pose flows and this frame's poses."""
        similarity = motion_similarity(
            self._flows, observations, frame, sigmas, self.options
        )
        if (
            matches is None
            or not len(matches)
            or self._before is None
            or not similarity.size
        ):
            return similarity
        before, flows = self._before
        shared, joints = correspondence_similarity(
            matches, self._joint_boxes(before), self._joint_boxes(observations)
        )
        factor = correspondence_factor(shared, joints)
        row = {id(flow): k for k, flow in enumerate(self._flows)}
        for k, flow in enumerate(flows):
            if id(flow) in row:
                similarity[row[id(flow)]] *= factor[k]
        return similarity

    def _joint_boxes(self, observations: Observations) -> Floats:
        return joint_boxes(
            observations.points[:, :-1],
            observations.present[:, :-1],
            observations.sizes,
            self.options.joint_box_fraction,
        )

    def _build(
        self,
        observations: Observations,
        pairs: Sequence[tuple[int, int]],
        duplicates: Bools,
        frame: int,
    ) -> list[PoseFlow]:
        """Extend pose flows by pairs, begin new ones; return the flow of each pose."""
        flows: dict[int, PoseFlow] = {}
        for f, p in pairs:
            flows[p] = self._flows[f]
            flows[p].add_pose(observations, p, frame)
        # From left to right, so that ids do not depend on the order of the poses.
        free = [p for p in range(len(observations)) if p not in flows]
        for p in sorted(free, key=lambda p: tuple(observations.points[p, -1])):
            flow = PoseFlow.begin(observations, p, frame, self.options.stop_frames)
            flow.duplicate = bool(duplicates[p])
            if not flow.duplicate:
                flow.track_id = self._new_id()
            self._flows.append(flow)
            flows[p] = flow
        return [flows[p] for p in range(len(observations))]

    def _new_id(self) -> int:
        track_id = self._next_id
        self._next_id += 1
        return track_id

    def _gate_ids(
        self,
        flows: list[PoseFlow],
        observations: Observations,
        confidence: Floats,
        frame: int,
    ) -> None:
        """Gate by distance: no id passes from one pose flow to another far away."""
        ids = track_ids(flows, confidence)
        for p in np.flatnonzero(ids != NO_TRACK).tolist():
            flow, centre = flows[p], observations.points[p, -1]
            size = float(observations.sizes[p])
            last = self._last_poses.get(flow.track_id)
            # The distance within a pose flow was gated when it was extended.
            if (
                last is not None
                and last.flow is not flow
                and frame - last.frame <= JUMP_FRAMES
            ):
                distance = float(np.hypot(*(centre - last.centre)))
                if distance > JUMP_SIZES * min(last.size, size):
                    flow.track_id, flow.duplicate = self._new_id(), False
            self._last_poses[flow.track_id] = _LastPose(
                frame, centre.copy(), size, flow
            )
        self._last_poses = {
            track_id: last
            for track_id, last in self._last_poses.items()
            if frame - last.frame <= JUMP_FRAMES
        }

    def _finalise(self, window_frames: int) -> None:
        """Put the frames that leave the window into `final_frames`."""
        final = []
        while len(self._window) > window_frames:
            frame = self._window.popleft()
            final.append((frame.index, final_poses(frame, self.options)))
        self.final_frames = tuple(final)

    def _drop_flows(self, frame: int) -> None:
        """Drop pose flows that have stopped and can no longer be re-linked."""
        options = self.options
        keep = []
        for flow in self._flows:
            short = flow.length < RELINK_LENGTH
            patience = options.stop_frames if short else options.relink_frames
            stopped = flow.stopped(options.stop_frames, options.stop_fraction)
            if not stopped or frame - flow.last_frame <= patience:
                keep.append(flow)
        if len(keep) < len(self._flows):
            self._flows = keep
            self._nms.keep(keep)

    def finish(self) -> tuple[Track, ...]:
        """Tracks that are still held; `final_frames` has the rest of the window."""
        self._finalise(0)
        flows = {
            flow.track_id: flow
            for flow in self._flows
            if flow.track_id != NO_ID and not flow.duplicate
        }
        if self._skeleton is None:
            return ()
        return tuple(
            Track(
                track_id,
                flow.first_frame,
                flow.last_frame,
                flow.length,
                flow.total_score / flow.length,
                Poses(
                    flow.points[None, :-1],
                    flow.known[None, :-1].astype(np.float64),
                    track_ids=[track_id],
                    skeleton=self._skeleton,
                ),
            )
            for track_id, flow in sorted(flows.items())
        )
