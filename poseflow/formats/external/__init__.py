"""Formats of other tools: OpenPose, MMPose, ultralytics, COCO, MOTChallenge, SLEAP."""

from __future__ import annotations

from poseflow.formats.base import Format
from poseflow.formats.external.coco_annotations import CocoAnnotationsFormat
from poseflow.formats.external.deeplabcut import DeepLabCutFormat
from poseflow.formats.external.mmpose import MMPoseFormat
from poseflow.formats.external.mot_boxes import MotFormat
from poseflow.formats.external.openpose import OpenPoseFormat
from poseflow.formats.external.sleap import FORMATS as SLEAP_FORMATS
from poseflow.formats.external.ultralytics import UltralyticsFormat
from poseflow.formats.external.ultralytics_labels import UltralyticsLabelsFormat

FORMATS: tuple[Format, ...] = (
    OpenPoseFormat(),
    MMPoseFormat(),
    UltralyticsFormat(),
    UltralyticsLabelsFormat(),
    CocoAnnotationsFormat(),
    MotFormat(),
    DeepLabCutFormat(),
    *SLEAP_FORMATS,
)
"""In the order in which a file is compared with them."""
