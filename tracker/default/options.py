"""Options of `default`, and the table of its tuned weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Floats
from poseflow.validation import check_options, option

FEW_KEYPOINTS = 4
"""Common keypoints with which an offset is measured half as well as with many."""


@dataclass(frozen=True)
class DefaultWeights:
    """Weights of `default`, tuned together on the development seeds.

    `benchmarks/tune_tracking.py` chose them, one value for all suites; users change the
    options of `DefaultOptions` instead. Rules that were not tuned are constants of
    their modules. Lengths are in person sizes (the longer side), times in frames.

    Attributes:
        match_bias: Log odds of a person exactly at a prediction that is as certain as a
            measured offset; higher values start fewer new tracks.
        degrees_of_freedom: Of the Student t of the offset; fewer forgive more.
        lost: Log odds added where a new track may continue a lost one.
        stayed: Prior probability that a lost track stayed where it was seen last.
        offset_deviation: Standard deviation of an offset measured by many keypoints.
        reach: Distance from the prediction up to which pairs are candidates.
        outlier_residual: Residual at which a keypoint's vote for the offset halves.
        pose: Log odds of equal poses over those of unlike ones.
        pose_neutral: Pose similarity that counts neither for nor against.
        keypoint_spread: Factor on the OKS sigmas of the keypoints.
        keypoint_spread_least: Added to each.
        size_deviation: Standard deviation of the log ratio of sizes.
        low_score: Log odds that a relative detection score of 0 costs.
        duplicate: Log odds that the weaker of two similar poses loses.
        appearance_frames: The appearance counts from 0.2 times so many frames since the
            update on, rising linearly to its full weight at 1.2 times.
        acceleration: Standard deviation of the change of velocity per frame, at first.
        acceleration_rate: How fast it adapts to the motion of the stream.
        speed: Standard deviation of the velocity of a new track, at first.
        doubtful_score: Relative score that adds nothing to the existence score.
        reid: Log odds that re-identification by appearance must exceed.
        reid_position: Weight of the distance from where a track was lost, or would be.
    """

    match_bias: float = option(7.0)
    degrees_of_freedom: float = option(4.0, low=1e-6)
    lost: float = option(4.0)
    stayed: float = option(0.3, low=1e-9, high=1)
    offset_deviation: float = option(0.03, low=1e-6)
    reach: float = option(0.9, low=0)
    outlier_residual: float = option(0.1, low=1e-6)
    pose: float = option(4.0, low=0)
    pose_neutral: float = option(0.4, low=0, high=1)
    keypoint_spread: float = option(1.2, low=0)
    keypoint_spread_least: float = option(0.02, low=1e-6)
    size_deviation: float = option(0.2, low=1e-6)
    low_score: float = option(1.6, low=0)
    duplicate: float = option(4.0, low=0)
    appearance_frames: float = option(90.0, low=1e-6)
    acceleration: float = option(0.01, low=1e-9)
    acceleration_rate: float = option(6.5, low=0)
    speed: float = option(0.25, low=0)
    doubtful_score: float = option(0.45, low=0)
    reid: float = option(2.0)
    reid_position: float = option(1.0, low=0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_options(self)

    def offset_noise(self, keypoints: Floats) -> Floats:
        """Variance of an offset measured with some number of common keypoints."""
        few = FEW_KEYPOINTS / np.maximum(keypoints, 1)
        noise: Floats = np.square(self.offset_deviation) * (1 + few)
        return noise

    def keypoint_deviation(self, sigmas: Floats) -> Floats:
        """Standard deviation of keypoints after the offset, in person sizes."""
        deviation: Floats = self.keypoint_spread * sigmas + self.keypoint_spread_least
        return deviation


@dataclass(frozen=True)
class DefaultOptions:
    """Options of the tracker `default`.

    Attributes:
        max_age_frames: Frames that a track is kept without an update. Higher bridges
            longer occlusions, and confuses people more often after them.
        confirmation_score: Existence score from which on a tentative track gets its id.
            0 gives ids to false positives; 2 takes several good observations.
        gate_body_lengths: Largest distance between a track's last position and a pose
            that continues it, in person sizes, for 10 frames after its update. It
            limits jumps of fast tracks; the distance from the Kalman prediction is
            limited by `weights.reach` and the log odds, which follow a new track up to
            about half a size per frame.
        duplicate_similarity: OKS above which two poses of a frame are one person. 1
            keeps all of them.
        max_tracks: Known number of people in the video; no more ids are given.
        appearance: Re-identify people by the colours along their limbs, if images are
            given.
        reid_frames: Frames that a track with a known appearance is remembered.
        matcher: Camera motion compensation in images: `"flow"` (background corners by
            sparse optical flow, which also detects scene cuts), `"orb"` (ORB features),
            or `"none"`. Correspondences given to `update` come before either.
        delay_frames: Frames after which ids are final; tracks confirmed by then have
            their id from their first observation on.
        fill_frames: Longest gap between two sightings of a track that is filled in
            final frames by interpolation, `delay_frames` at most; 0 fills none.
        wrap_width_px: Width of the images, in pixels, if they are panoramas of 360
            degrees: people who leave on the right appear on the left.
        weights: Tuned weights; see `DefaultWeights`.
    """

    max_age_frames: int = option(150, low=1)
    confirmation_score: float = option(0.5)
    gate_body_lengths: float = option(1.2, low=0)
    duplicate_similarity: float = option(0.65, low=0, high=1)
    max_tracks: int | None = option(None, low=1)
    appearance: bool = True
    reid_frames: int = option(1500, low=1)
    matcher: str = option("flow", choices=("flow", "orb", "none"))
    delay_frames: int = option(20, low=0)
    fill_frames: int = option(15, low=0)
    wrap_width_px: float | None = option(None, low=1)
    weights: DefaultWeights = DefaultWeights()

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_options(self)
