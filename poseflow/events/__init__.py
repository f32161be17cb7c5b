"""Events of a tracking result: births, deaths, re-identifications, possible switches.

With ground truth also the real errors: switches, missed people and false positives.

Examples:
    >>> import numpy as np
    >>> from poseflow import Frame, PoseSequence, Poses
    >>> from poseflow.events import find_events
    >>> pose = np.random.default_rng(0).uniform(0, 90, (1, 17, 2))
    >>> frames = [Frame(t, t / 25, Poses(pose, track_ids=[1])) for t in (0, 1, 2, 90)]
    >>> for event in find_events(PoseSequence.collect(frames, fps=25)):
    ...     print(event.frame, event.kind, event.tracks)
    0 birth (1,)
    90 re-identification (1,)
    90 death (1,)
"""

from __future__ import annotations

from poseflow.events.event import Event, events_as_csv, events_as_json
from poseflow.events.recall import found_switches, places
from poseflow.events.result import find_events
from poseflow.events.truth import TruthEvents, find_errors

__all__ = [
    "Event",
    "TruthEvents",
    "events_as_csv",
    "events_as_json",
    "find_errors",
    "find_events",
    "found_switches",
    "places",
]
