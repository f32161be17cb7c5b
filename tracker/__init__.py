"""Online multi-person pose tracking: trackers, matchers and post-processing."""

from __future__ import annotations

from poseflow.tracker.appearance.track_means import TrackAppearances
from poseflow.tracker.base import FrameContext, TrackerBackend
from poseflow.tracker.baselines import IouOptions, OksOptions
from poseflow.tracker.default.options import DefaultOptions, DefaultWeights
from poseflow.tracker.matchers.base import FileMatcher, Matcher, NoMatcher
from poseflow.tracker.matchers.correspondences import Correspondences
from poseflow.tracker.matchers.optical_flow import (
    OpticalFlowMatcher,
    OpticalFlowOptions,
)
from poseflow.tracker.matchers.orb import OrbMatcher, OrbOptions
from poseflow.tracker.pose_flow.options import PoseFlowOptions
from poseflow.tracker.postprocess.options import RefineOptions
from poseflow.tracker.postprocess.smoothing import Smoother, SmoothingOptions
from poseflow.tracker.postprocess.stitching import refine
from poseflow.tracker.postprocess.zero_lag import ZeroLagOptions, smooth
from poseflow.tracker.released.tracker import ReleasedOptions
from poseflow.tracker.track_store import Track
from poseflow.tracker.tracker import Tracker, names, register

__all__ = [
    "Correspondences",
    "DefaultOptions",
    "DefaultWeights",
    "FileMatcher",
    "FrameContext",
    "IouOptions",
    "Matcher",
    "NoMatcher",
    "OksOptions",
    "OpticalFlowMatcher",
    "OpticalFlowOptions",
    "OrbMatcher",
    "OrbOptions",
    "PoseFlowOptions",
    "RefineOptions",
    "ReleasedOptions",
    "Smoother",
    "SmoothingOptions",
    "Track",
    "TrackAppearances",
    "Tracker",
    "TrackerBackend",
    "ZeroLagOptions",
    "names",
    "refine",
    "register",
    "smooth",
]
