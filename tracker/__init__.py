"""Poses to poses with identities."""

from __future__ import annotations

from poseflow.tracker.base import TrackerBackend, View
from poseflow.tracker.baselines import IouOptions, OksOptions
from poseflow.tracker.default.likelihood import EvidenceOptions
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.matchers.base import Matcher
from poseflow.tracker.matchers.correspondences import Correspondences, PixelIdentity
from poseflow.tracker.pose_flow.pose_flow import PoseFlowOptions
from poseflow.tracker.postprocess.smoothing import Smoother, SmoothingOptions
from poseflow.tracker.postprocess.stitching import RefineOptions, refine
from poseflow.tracker.released.tracker import ReleasedOptions, Step
from poseflow.tracker.track_store import Track
from poseflow.tracker.tracker import Tracker, names, register

__all__ = [
    "Correspondences",
    "DefaultOptions",
    "EvidenceOptions",
    "IouOptions",
    "Matcher",
    "OksOptions",
    "PixelIdentity",
    "PoseFlowOptions",
    "RefineOptions",
    "ReleasedOptions",
    "Smoother",
    "SmoothingOptions",
    "Step",
    "Track",
    "Tracker",
    "TrackerBackend",
    "View",
    "names",
    "refine",
    "register",
]
