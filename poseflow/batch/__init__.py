"""Track many videos and folders, each in a worker process: `poseflow batch`.

from poseflow.batch import TrackOptions, track_all
report = track_all(["a.mp4", "b.mp4"], "results", TrackOptions(tracker="default"))
"""

from __future__ import annotations

from poseflow.batch.item import BatchItem, Outcome
from poseflow.batch.manifest import read_manifest
from poseflow.batch.progress import BatchProgress
from poseflow.batch.run_batch import BatchReport, track_all
from poseflow.pipeline.options import TrackOptions

__all__ = [
    "BatchItem",
    "BatchProgress",
    "BatchReport",
    "Outcome",
    "TrackOptions",
    "read_manifest",
    "track_all",
]
