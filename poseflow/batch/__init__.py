"""Track many videos and folders, each in a worker process: `poseflow batch`.

from poseflow.batch import TrackOptions, track_all
report = track_all(["a.mp4", "b.mp4"], "results", TrackOptions(tracker="default"))
"""

from __future__ import annotations

from poseflow.batch.facade import BatchReport, track_all
from poseflow.batch.work import Job, Outcome, TrackOptions

__all__ = ["BatchReport", "Job", "Outcome", "TrackOptions", "track_all"]
