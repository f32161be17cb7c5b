"""Noise model of a pose detector: detector-like poses from ground truth.

Calibrated on the output of a public OpenPose-style model on real clips;
docs/synthetic.md has the figures side by side. The random numbers of a person depend on
the seed and the person's id alone, so leaving one person out changes no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.sequence import PoseSequence
from poseflow.skeletons.skeleton import Skeleton
from poseflow.synthetic.error_series import bursts, correlated, joint_table
from poseflow.synthetic.trajectories import Trajectory, trajectories_of
from poseflow.validation import check_options, option

_ARMS = ("shoulder", "elbow", "wrist")
_LEGS = ("hip", "knee", "ankle")


@dataclass(frozen=True)
class Corruption:
    """Detector-like poses, and the true identity of each.

    Attributes:
        sequence: The poses, without ids.
        sources: Per frame `(P,)` int64: the true identity, -1 for a false positive.
        duplicates: Per frame `(P,)` bool: a further detection of a person that is
            detected already.
    """

    sequence: PoseSequence
    sources: tuple[Ints, ...]
    duplicates: tuple[Bools, ...]

    def oracle(self) -> PoseSequence:
        """The same poses with true ids, without false positives and duplicates."""
        frames = []
        for frame, source, duplicate in zip(
            self.sequence, self.sources, self.duplicates, strict=True
        ):
            keep = (source >= 0) & ~duplicate
            poses = frame.poses[keep].replace(track_ids=source[keep])
            frames.append(replace(frame, poses=poses))
        return replace(self.sequence, frames=tuple(frames))


@dataclass(frozen=True)
class NoiseModel:
    """Errors of a pose detector; lengths are fractions of a person's height.

    Attributes:
        jitter: Standard deviation of a joint's error per axis.
        persistence: Correlation of that error from one frame to the next, up to 0.99.
        unevenness: Spread (log-normal sigma) of the jitter over people, joints and
            time, which makes its tail.
        stray_rate: Probability per joint and frame of a gross error.
        stray_distance: Mean distance of a gross error.
        miss_rate: Probability that a person in full view is missed.
        occluded_miss_rate: Added for a person wholly occluded, less for partly.
        small_miss_rate: Added for a person of height 0, halved every 80 px.
        miss_frames: Mean number of frames in a row for which a person is missed.
        sticking: Probability that a joint occluded by another person is put on that
            person's joint of the same name.
        swap_rate: Probability that left and right are exchanged, seen from the front.
        swap_rate_behind: The same, seen from behind.
        swap_frames: Mean length of an exchange in frames.
        false_positives: Mean number per frame of false positives that last one frame.
        ghosts: Mean number per frame of false positives that persist.
        ghost_frames: Mean length of a persistent false positive in frames.
        duplicate_rate: Probability that a person is detected twice.
        score_top: Highest joint score of the detector.
        score_level: Logit of the score of a well visible joint below `score_top`.
        score_spread: Standard deviation of that logit.
        score_threshold: Joints with a lower score are not reported.

    Raises:
        PoseFlowError: If a value is out of its range.

    Examples:
        >>> from poseflow.synthetic import make_scene
        >>> scene = make_scene("street", seed=1, frames=20, people=3)
        >>> NoiseModel.preset("detector").apply(scene.truth(), seed=5)
        <PoseSequence 'street-1': 20 frames, ... poses, 0 ids, coco17>
    """

    jitter: float = option(0.0129, low=0)
    persistence: float = option(0.25, low=0, high=0.99)
    unevenness: float = option(0.5, low=0)
    stray_rate: float = option(0.014, low=0, high=1)
    stray_distance: float = option(0.13, low=0)
    miss_rate: float = option(0.03, low=0, high=1)
    occluded_miss_rate: float = option(0.25, low=0, high=1)
    small_miss_rate: float = option(0.07, low=0, high=1)
    miss_frames: float = option(3.0, low=1)
    sticking: float = option(0.5, low=0, high=1)
    swap_rate: float = option(0.003, low=0, high=1)
    swap_rate_behind: float = option(0.02, low=0, high=1)
    swap_frames: float = option(2.5, low=1)
    false_positives: float = option(0.1, low=0)
    ghosts: float = option(0.15, low=0)
    ghost_frames: float = option(12.0, low=1)
    duplicate_rate: float = option(0.02, low=0, high=1)
    score_top: float = option(0.72, low=0)
    score_level: float = 0.75
    score_spread: float = option(1.5, low=0)
    score_threshold: float = option(0.165, low=0)

    def __post_init__(self) -> None:
        """Check ranges."""
        check_options(self)

    @staticmethod
    def preset(name: str) -> NoiseModel:
        """`clean`, `detector` (calibrated) or `noisy`.

        Raises:
            PoseFlowError: If there is no such preset.
        """
        if name not in NOISE_PRESETS:
            raise PoseFlowError(
                f"unknown noise {name!r}; there are {', '.join(NOISE_PRESETS)}"
            )
        return NOISE_PRESETS[name]

    def apply(self, truth: PoseSequence, seed: int = 0) -> PoseSequence:
        """Detector-like poses for a ground truth, without ids.

        Args:
            truth: Poses with ids; a joint with a score below 0.75 counts as occluded.
            seed: Seed of all random numbers.
        """
        return self.corrupt(truth, seed).sequence

    def corrupt(self, truth: PoseSequence, seed: int = 0) -> Corruption:
        """As `apply`, with the true identity of every pose."""
        detections: list[list[_Detection]] = [[] for _ in truth]
        for identity, trajectory in trajectories_of(truth):
            rng = np.random.default_rng((seed, 11, identity))
            self._detect(trajectory, rng, detections, identity)
        self._add_false_positives(truth, np.random.default_rng((seed, 12)), detections)
        frames, sources, duplicates = [], [], []
        for number, (frame, found) in enumerate(zip(truth, detections, strict=True)):
            rng = np.random.default_rng((seed, 13, number))
            found = [found[k] for k in rng.permutation(len(found))]
            frames.append(replace(frame, poses=_poses(found, truth.skeleton)))
            sources.append(np.array([d.source for d in found], np.int64))
            duplicates.append(np.array([d.duplicate for d in found], bool))
        sequence = replace(truth, frames=tuple(frames))
        return Corruption(sequence, tuple(sources), tuple(duplicates))

    def _detect(
        self,
        trajectory: Trajectory,
        rng: np.random.Generator,
        detections: list[list[_Detection]],
        identity: int,
    ) -> None:
        """Add the detections of one person."""
        found = ~self._missed(trajectory, rng)
        points, scores = self._observe(trajectory, rng)
        duplicate = bursts(
            rng, np.full(len(trajectory.frames), self.duplicate_rate), 2.0
        )
        again, again_scores = self._observe(trajectory, rng, scale=1.6)
        for k, frame in enumerate(trajectory.frames):
            if found[k] and (scores[k] > 0).sum() >= 2:
                first = _Detection(points[k], scores[k], identity, False)
                detections[frame].append(first)
                if duplicate[k] and (again_scores[k] > 0).sum() >= 2:
                    weaker = again_scores[k] * 0.85
                    detections[frame].append(
                        _Detection(again[k], weaker, identity, True)
                    )

    def _missed(self, trajectory: Trajectory, rng: np.random.Generator) -> Any:
        """Frames in which a person is missed: `(T,)` bool."""
        visible = (trajectory.seen & trajectory.present).mean(axis=1)
        chance = (
            self.miss_rate
            + self.occluded_miss_rate * (1 - visible) ** 2
            + self.small_miss_rate * 2 ** (-trajectory.heights / 80.0)
        )
        return bursts(rng, np.minimum(chance, 0.97), self.miss_frames)

    def _observe(
        self, trajectory: Trajectory, rng: np.random.Generator, scale: float = 1.0
    ) -> tuple[Floats, Floats]:
        """Joints `(T, K, 2)` and their scores `(T, K)`, 0 where not reported."""
        count, joints = trajectory.present.shape
        factors, losses = joint_table(trajectory.skeleton)
        uneven = np.exp(
            self.unevenness
            * (
                0.5 * rng.normal(size=(1, 1))
                + 0.6 * rng.normal(size=(1, joints))
                + 0.6 * correlated(rng, (count, joints), 0.85)
            )
        )
        hidden = trajectory.present & ~trajectory.seen
        spread = self.jitter * scale * factors * uneven * np.where(hidden, 2.0, 1.0)
        noise = correlated(rng, (count, joints, 2), self.persistence)
        error = noise * spread[..., None]

        stray = bursts(rng, np.full((count, joints), self.stray_rate), 1.3)
        angle = rng.uniform(0, 2 * np.pi, (count, joints))
        far = self.stray_distance * (0.3 + 0.7 * rng.exponential(size=(count, joints)))
        away = np.stack([np.cos(angle), np.sin(angle)], -1) * far[..., None]
        error = error + np.where(stray[..., None], away, 0)
        heights = trajectory.heights[:, None, None]
        points: Floats = trajectory.points + error * heights

        stick = trajectory.covered & bursts(
            rng, np.where(trajectory.covered, self.sticking, 0), 6.0
        )
        points = np.where(
            stick[..., None],
            trajectory.cover + noise * spread[..., None] * heights,
            points,
        )
        points, exchanged = self._swap(trajectory, points, rng)

        wrong = np.linalg.norm(error, axis=2)
        # Some people are detected well, some badly, over their whole trajectory.
        quality = (
            0.75 * rng.normal()
            + 0.55 * correlated(rng, (count, 1), 0.9)
            + 0.75 * correlated(rng, (count, joints), 0.7)
        )
        logit = (
            self.score_level
            - losses
            + self.score_spread * quality
            - 14.0 * np.maximum(wrong - 0.02, 0)
            - np.where(hidden, 1.6, 0.0)
            - np.where(exchanged, 0.3, 0.0)
            + 0.8 * stick
        )
        scores = self.score_top / (1 + np.exp(-logit))
        reported = trajectory.present & (scores >= self.score_threshold)
        return points, np.where(reported, scores, 0)

    def _swap(
        self, trajectory: Trajectory, points: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Bools]:
        """Exchange left and right of arms, legs or both for a while."""
        names = trajectory.skeleton.joints
        chance = np.where(trajectory.behind, self.swap_rate_behind, self.swap_rate)
        exchanged = np.zeros(points.shape[:2], bool)
        for parts, share in ((_LEGS, 0.4), (_ARMS, 0.25), ((), 0.35)):
            when = bursts(rng, chance * share, self.swap_frames)
            which = np.array([not parts or name.endswith(parts) for name in names])
            exchanged ^= when[:, None] & which
        mirrored = points[:, trajectory.skeleton.flip_indices]
        return np.where(exchanged[..., None], mirrored, points), exchanged

    def _add_false_positives(
        self,
        truth: PoseSequence,
        rng: np.random.Generator,
        detections: list[list[_Detection]],
    ) -> None:
        """Add false positives, shaped like the people of the scene."""
        shapes = [
            (frame.poses, k)
            for frame in truth.frames[:: max(1, len(truth) // 50)]
            for k in range(len(frame.poses))
        ]
        if not shapes:
            return
        everything = np.concatenate([p.boxes[k][None] for p, k in shapes])
        low, high = everything[:, :2].min(0), everything[:, 2:].max(0)
        starts = [
            (number, life, partial)
            for rate, mean, partial in (
                (self.false_positives, 1.0, 0.45),
                (self.ghosts / self.ghost_frames, self.ghost_frames, 0.2),
            )
            for number in range(len(truth))
            for life in rng.geometric(1 / mean, rng.poisson(rate)).tolist()
        ]
        for number, life, partial in starts:
            poses, k = shapes[rng.integers(len(shapes))]
            box = poses.boxes[k].astype(np.float64)
            centre = rng.uniform(low, high)
            size = float(rng.uniform(0.6, 1.1))
            shape = poses.keypoints[k].astype(np.float64) - (box[:2] + box[2:]) / 2
            height = float(max(box[3] - box[1], box[2] - box[0], 1.0)) * size
            keep = poses.present[k] & (rng.random(len(shape)) > partial)
            level = rng.normal(-0.8, 0.5)
            noise = correlated(rng, (life, *shape.shape), 0.7)
            drift = np.cumsum(rng.normal(0, 0.004, (life, 1, 2)), axis=0)
            points = centre + shape * size + (0.02 * noise + drift) * height
            quality = level + 0.6 * correlated(rng, (life, len(shape)), 0.6)
            scores = self.score_top / (1 + np.exp(-quality))
            scores[:, ~keep] = 0
            scores[scores < self.score_threshold] = 0
            for step in range(min(life, len(truth) - number)):
                if (scores[step] > 0).sum() >= 2:
                    detections[number + step].append(
                        _Detection(points[step], scores[step], -1, False)
                    )


NOISE_PRESETS = {
    "clean": NoiseModel(
        jitter=0.002,
        unevenness=0.2,
        stray_rate=0,
        miss_rate=0,
        occluded_miss_rate=0,
        small_miss_rate=0,
        sticking=0,
        swap_rate=0,
        swap_rate_behind=0,
        false_positives=0,
        ghosts=0,
        duplicate_rate=0,
        score_top=1.0,
        score_level=4.0,
        score_spread=0.3,
        score_threshold=0.01,
    ),
    "detector": NoiseModel(),
    "noisy": NoiseModel(
        jitter=0.0215,
        unevenness=0.6,
        stray_rate=0.025,
        miss_rate=0.12,
        small_miss_rate=0.2,
        miss_frames=4.0,
        sticking=0.75,
        swap_rate=0.02,
        swap_rate_behind=0.1,
        false_positives=0.4,
        ghosts=0.6,
        duplicate_rate=0.06,
        score_level=0.6,
        score_spread=1.0,
    ),
}
"""Noise models by name."""


@dataclass(frozen=True)
class _Detection:
    """One pose of one frame."""

    points: Floats
    scores: Floats
    source: int
    duplicate: bool


def _poses(found: Iterable[_Detection], skeleton: Skeleton) -> Poses:
    """Detections as `Poses`; scores are means of the joints' scores."""
    found = list(found)
    if not found:
        return Poses.empty(skeleton)
    scores = np.stack([d.scores for d in found])
    points = np.stack([d.points for d in found])
    points[scores == 0] = 0
    return Poses(points, scores, skeleton=skeleton)
