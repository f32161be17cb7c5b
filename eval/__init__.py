"""Evaluation: AP, MOTA, HOTA and IDF1 of tracked poses against ground truth.

Public names are imported on first use, as in `poseflow`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poseflow.lazy import lazy_names

if TYPE_CHECKING:
    from poseflow.eval.coco.errors import CocoErrors as CocoErrors
    from poseflow.eval.coco.evaluate import evaluate_coco as evaluate_coco
    from poseflow.eval.coco.report import CocoReport as CocoReport
    from poseflow.eval.comparison.compare import Comparison as Comparison
    from poseflow.eval.comparison.compare import compare as compare
    from poseflow.eval.diagnosis.diagnosis import Diagnosis as Diagnosis
    from poseflow.eval.evaluation import check as check
    from poseflow.eval.evaluation import evaluate as evaluate
    from poseflow.eval.metric import Section as Section
    from poseflow.eval.mot.scoring import diagnose_mot as diagnose_mot
    from poseflow.eval.mot.scoring import mot_events as mot_events
    from poseflow.eval.mot.scoring import motmetrics_fields as motmetrics_fields
    from poseflow.eval.mot.scoring import score_mot as score_mot
    from poseflow.eval.mot.scoring import trackeval_fields as trackeval_fields
    from poseflow.eval.plots import write_coco_plots as write_coco_plots
    from poseflow.eval.plots import write_plots as write_plots
    from poseflow.eval.posetrack.rules import RULES as RULES
    from poseflow.eval.posetrack.rules import RuleSet as RuleSet
    from poseflow.eval.report import Report as Report
    from poseflow.eval.tracking import TrackingScores as TrackingScores
    from poseflow.eval.tracking import score_tracking as score_tracking
    from poseflow.eval.tracking import tracking_table as tracking_table
    from poseflow.eval.tracks import TrackScores as TrackScores
    from poseflow.eval.tracks import score_tracks as score_tracks

# Public name -> the module that defines it.
_HOMES = {
    "CocoErrors": "poseflow.eval.coco.errors",
    "CocoReport": "poseflow.eval.coco.report",
    "Comparison": "poseflow.eval.comparison.compare",
    "Diagnosis": "poseflow.eval.diagnosis.diagnosis",
    "RULES": "poseflow.eval.posetrack.rules",
    "Report": "poseflow.eval.report",
    "RuleSet": "poseflow.eval.posetrack.rules",
    "Section": "poseflow.eval.metric",
    "TrackScores": "poseflow.eval.tracks",
    "TrackingScores": "poseflow.eval.tracking",
    "check": "poseflow.eval.evaluation",
    "compare": "poseflow.eval.comparison.compare",
    "diagnose_mot": "poseflow.eval.mot.scoring",
    "evaluate": "poseflow.eval.evaluation",
    "evaluate_coco": "poseflow.eval.coco.evaluate",
    "mot_events": "poseflow.eval.mot.scoring",
    "motmetrics_fields": "poseflow.eval.mot.scoring",
    "score_mot": "poseflow.eval.mot.scoring",
    "score_tracking": "poseflow.eval.tracking",
    "score_tracks": "poseflow.eval.tracks",
    "trackeval_fields": "poseflow.eval.mot.scoring",
    "tracking_table": "poseflow.eval.tracking",
    "write_coco_plots": "poseflow.eval.plots",
    "write_plots": "poseflow.eval.plots",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
