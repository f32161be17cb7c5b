"""Poses to poses with identities."""

from __future__ import annotations

from poseflow.tracker.backend import TrackerBackend, View
from poseflow.tracker.baselines import IouOptions, OksOptions
from poseflow.tracker.correspondences import Correspondences, PixelIdentity
from poseflow.tracker.default_options import DefaultOptions
from poseflow.tracker.evidence import EvidenceOptions
from poseflow.tracker.flows import PoseFlowOptions
from poseflow.tracker.matching import Matcher
from poseflow.tracker.memory import Track
from poseflow.tracker.refine import RefineOptions, refine
from poseflow.tracker.released import ReleasedOptions, Step
from poseflow.tracker.smoothing import Smoother, SmoothingOptions
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
