"""Track many videos and folders, each in a worker process: `poseflow batch`.

from poseflow.batch import TrackOptions, track_all
report = track_all(["a.mp4", "b.mp4"], "results", TrackOptions(tracker="default"))
"""

from __future__ import annotations

from poseflow.batch.run_batch import BatchReport, track_all
from poseflow.batch.worker import BatchItem, Outcome
from poseflow.pipeline.options import TrackOptions

__all__ = ["BatchItem", "BatchReport", "Outcome", "TrackOptions", "track_all"]
