"""Poses to poses with identities."""

from __future__ import annotations

from poseflow.tracker.backend import TrackerBackend, View
from poseflow.tracker.baselines import IouOptions, OksOptions
from poseflow.tracker.correspondences import Correspondences, PixelIdentity
from poseflow.tracker.matching import Matcher
from poseflow.tracker.memory import Track
from poseflow.tracker.released import ReleasedOptions, Step
from poseflow.tracker.tracker import Tracker, names, register

__all__ = [
    "Correspondences",
    "IouOptions",
    "Matcher",
    "OksOptions",
    "PixelIdentity",
    "ReleasedOptions",
    "Step",
    "Track",
    "Tracker",
    "TrackerBackend",
    "View",
    "names",
    "register",
]
