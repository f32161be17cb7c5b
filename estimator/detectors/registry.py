"""Registry of person detectors by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from poseflow.arrays import Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.adapters.ultralytics import ultralytics_detector
from poseflow.estimator.protocols import Detections, Detector
from poseflow.registry import Registry

DetectorFactory = Callable[..., Detector]


class WholeImage:
    """One box per image, the whole image: for crops that show one person each."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The whole of each image, with score 1."""
        return [
            Detections(
                np.array([[0, 0, image.shape[1], image.shape[0]]], np.float32),
                np.ones(1, np.float32),
            )
            for image in images
        ]


def _whole_image(weights: str | None = None, device: str = "auto") -> Detector:
    if weights is not None:
        raise PoseFlowError("detector 'whole' takes no weights")
    return WholeImage()


def _onnx(kind: str | None) -> DetectorFactory:
    def make(**arguments: Any) -> Detector:
        from poseflow.estimator.adapters.onnx.detector import OnnxDetector

        return OnnxDetector(**{"kind": kind} | arguments)

    return make


def _centre(weights: str | None = None, **options: Any) -> Detector:
    from poseflow.estimator.detectors.centernet import CentreDetector

    if weights is None:
        raise PoseFlowError(
            "detector 'centre' needs detector_weights=...: a safetensors file that "
            "poseflow train made of a detection configuration"
        )
    return CentreDetector.from_file(weights, **options)


def _torchvision(weights: str | None = None, **options: Any) -> Detector:
    from poseflow.estimator.adapters.torchvision import rcnn_detector

    return rcnn_detector(weights, **options)


def _embedded(**options: Any) -> Detector:
    from poseflow.estimator.movenet.poses import movenet_detector

    return movenet_detector(**options)


DETECTORS: Registry[DetectorFactory] = Registry(
    "detector",
    {
        "embedded": _embedded,
        "whole": _whole_image,
        "centre": _centre,
        "onnx": _onnx(None),
        "yolo": _onnx("yolo"),
        "yolox": _onnx("yolox"),
        "rtmdet": _onnx("rtmdet"),
        "rtdetr": _onnx("rtdetr"),
        "detr": _onnx("detr"),
        "torchvision": _torchvision,
        "ultralytics": ultralytics_detector,
    },
    group="poseflow.detectors",
)
"""Detectors by name; other packages offer theirs as entry points of the group."""


def register_detector(
    name: str, factory: DetectorFactory, *, replace: bool = False
) -> None:
    """Make a detector known by name.

    Args:
        name: What `Estimator(detector=...)` and the command line call it.
        factory: Called with `weights`, `device` and the options given.
        replace: Replace a detector of that name.

    Raises:
        PoseFlowError: If the name is taken and `replace` is not set.
    """
    DETECTORS.register(name, factory, replace=replace)


def detector_names() -> tuple[str, ...]:
    """Names of all detectors, those of installed packages included."""
    return DETECTORS.names()


def make_detector(name: str, **options: Any) -> Detector:
    """The detector of that name.

    Raises:
        PoseFlowError: If there is none.
    """
    return DETECTORS[name](**options)
