"""Images to poses.

Names are imported on first use, so that nobody pays for torch who only wants pose NMS.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from poseflow.estimator.topdown.crop import as_bgr as as_bgr
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
    "Detections": "protocols",
    "Detector": "protocols",
    "Estimator": "estimator",
    "EstimatorBackend": "protocols",
    "FastPose": "networks.fastpose",
    "FastPoseDUC": "networks.fastpose",
    "PoseNMSParameters": "topdown.pose_nms",
    "PoseNetwork": "protocols",
    "RcnnDetector": "adapters.torchvision",
    "RcnnPoses": "adapters.torchvision",
    "SmallPose": "networks.smallpose",
    "TopDown": "topdown.topdown",
    "TorchPoseNetwork": "torch_network",
    "UltralyticsDetector": "adapters.ultralytics",
    "UltralyticsPoses": "adapters.ultralytics",
    "as_bgr": "topdown.crop",
    "detector_names": "detectors.registry",
    "estimator_names": "estimator",
    "load_network": "weights",
    "load_nms_parameters": "training.tune_nms",
    "oks_nms": "topdown.pose_nms",
    "pose_nms": "topdown.pose_nms",
    "register_detector": "detectors.registry",
    "register_estimator": "estimator",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'poseflow.estimator' has no attribute {name!r}")
    module = importlib.import_module(f"poseflow.estimator.{home}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
