"""Multi-person pose estimation: images to poses.

Public names are imported on first use, so that pose NMS alone does not load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poseflow.lazy import lazy_names

if TYPE_CHECKING:
    from poseflow.estimator.adapters.mediapipe import MediapipePoses as MediapipePoses
    from poseflow.estimator.adapters.torchvision import RcnnDetector as RcnnDetector
    from poseflow.estimator.adapters.torchvision import RcnnPoses as RcnnPoses
    from poseflow.estimator.adapters.ultralytics import (
        UltralyticsDetector as UltralyticsDetector,
    )
    from poseflow.estimator.adapters.ultralytics import (
        UltralyticsPoses as UltralyticsPoses,
    )
    from poseflow.estimator.detectors.registry import detector_names as detector_names
    from poseflow.estimator.detectors.registry import (
        register_detector as register_detector,
    )
    from poseflow.estimator.estimator import Estimator as Estimator
    from poseflow.estimator.estimator import estimator_names as estimator_names
    from poseflow.estimator.estimator import register_estimator as register_estimator
    from poseflow.estimator.networks.fastpose import FastPose as FastPose
    from poseflow.estimator.networks.fastpose import FastPoseDUC as FastPoseDUC
    from poseflow.estimator.networks.smallpose import SmallPose as SmallPose
    from poseflow.estimator.protocols import Detections as Detections
    from poseflow.estimator.protocols import Detector as Detector
    from poseflow.estimator.protocols import EstimatorBackend as EstimatorBackend
    from poseflow.estimator.protocols import PoseNetwork as PoseNetwork
    from poseflow.estimator.topdown.pose_nms import (
        PoseNMSParameters as PoseNMSParameters,
    )
    from poseflow.estimator.topdown.pose_nms import oks_nms as oks_nms
    from poseflow.estimator.topdown.pose_nms import pose_nms as pose_nms
    from poseflow.estimator.topdown.topdown import TopDown as TopDown
    from poseflow.estimator.torch_network import TorchPoseNetwork as TorchPoseNetwork
    from poseflow.estimator.training.tune_nms import (
        load_nms_parameters as load_nms_parameters,
    )
    from poseflow.estimator.weights import load_network as load_network

_HOMES = {
    "Detections": "poseflow.estimator.protocols",
    "Detector": "poseflow.estimator.protocols",
    "Estimator": "poseflow.estimator.estimator",
    "EstimatorBackend": "poseflow.estimator.protocols",
    "FastPose": "poseflow.estimator.networks.fastpose",
    "FastPoseDUC": "poseflow.estimator.networks.fastpose",
    "MediapipePoses": "poseflow.estimator.adapters.mediapipe",
    "PoseNMSParameters": "poseflow.estimator.topdown.pose_nms",
    "PoseNetwork": "poseflow.estimator.protocols",
    "RcnnDetector": "poseflow.estimator.adapters.torchvision",
    "RcnnPoses": "poseflow.estimator.adapters.torchvision",
    "SmallPose": "poseflow.estimator.networks.smallpose",
    "TopDown": "poseflow.estimator.topdown.topdown",
    "TorchPoseNetwork": "poseflow.estimator.torch_network",
    "UltralyticsDetector": "poseflow.estimator.adapters.ultralytics",
    "UltralyticsPoses": "poseflow.estimator.adapters.ultralytics",
    "detector_names": "poseflow.estimator.detectors.registry",
    "estimator_names": "poseflow.estimator.estimator",
    "load_network": "poseflow.estimator.weights",
    "load_nms_parameters": "poseflow.estimator.training.tune_nms",
    "oks_nms": "poseflow.estimator.topdown.pose_nms",
    "pose_nms": "poseflow.estimator.topdown.pose_nms",
    "register_detector": "poseflow.estimator.detectors.registry",
    "register_estimator": "poseflow.estimator.estimator",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
