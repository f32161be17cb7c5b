"""Online multi-person pose tracking: estimate, track and score poses in video.

Everything public is reachable from here and imported on first use, so that
`import poseflow` stays quick and loads neither torch nor OpenCV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poseflow.checkout import find_siblings
from poseflow.lazy import lazy_names

if TYPE_CHECKING:
    from poseflow import batch as batch
    from poseflow import edit as edit
    from poseflow import formats as formats
    from poseflow import skeletons as skeletons
    from poseflow import synthetic as synthetic
    from poseflow.errors import PoseFlowError as PoseFlowError
    from poseflow.estimator.estimator import Estimator as Estimator
    from poseflow.eval.comparison.compare import compare as compare
    from poseflow.eval.evaluation import evaluate as evaluate
    from poseflow.eval.report import Report as Report
    from poseflow.eval.tracking import score_tracking as score_tracking
    from poseflow.formats import ResultWriter as ResultWriter
    from poseflow.formats import read as read
    from poseflow.formats import write as write
    from poseflow.pipeline.appearances import track_appearances as track_appearances
    from poseflow.pipeline.render import render as render
    from poseflow.pipeline.track import track as track
    from poseflow.poses import Poses as Poses
    from poseflow.sequence import Frame as Frame
    from poseflow.sequence import PoseSequence as PoseSequence
    from poseflow.skeletons.conversion import JointMap as JointMap
    from poseflow.skeletons.conversion import convert as convert
    from poseflow.skeletons.conversion import joint_map as joint_map
    from poseflow.skeletons.skeleton import Skeleton as Skeleton
    from poseflow.tracker import Tracker as Tracker
    from poseflow.video import open_source as open_source

__version__ = "0.2.0"

find_siblings(__path__)

# Public name -> the module that defines it; for a module, its own name.
_HOMES = {
    "Estimator": "poseflow.estimator.estimator",
    "Frame": "poseflow.sequence",
    "JointMap": "poseflow.skeletons.conversion",
    "PoseFlowError": "poseflow.errors",
    "PoseSequence": "poseflow.sequence",
    "Poses": "poseflow.poses",
    "Report": "poseflow.eval.report",
    "ResultWriter": "poseflow.formats",
    "Skeleton": "poseflow.skeletons.skeleton",
    "Tracker": "poseflow.tracker",
    "batch": "poseflow.batch",
    "convert": "poseflow.skeletons.conversion",
    "edit": "poseflow.edit",
    "compare": "poseflow.eval.comparison.compare",
    "evaluate": "poseflow.eval.evaluation",
    "formats": "poseflow.formats",
    "joint_map": "poseflow.skeletons.conversion",
    "open_source": "poseflow.video",
    "read": "poseflow.formats",
    "render": "poseflow.pipeline.render",
    "score_tracking": "poseflow.eval.tracking",
    "skeletons": "poseflow.skeletons",
    "synthetic": "poseflow.synthetic",
    "track": "poseflow.pipeline.track",
    "track_appearances": "poseflow.pipeline.appearances",
    "write": "poseflow.formats",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
