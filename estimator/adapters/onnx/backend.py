"""The estimator `onnx`: whatever pose model the file holds."""

from __future__ import annotations

import os
from typing import Any

from poseflow.errors import PoseFlowError
from poseflow.estimator.adapters.onnx.crops import OnnxPoseNetwork
from poseflow.estimator.adapters.onnx.recognise import pose_kind
from poseflow.estimator.adapters.onnx.session import OnnxModel
from poseflow.estimator.adapters.onnx.whole_images import OnnxWholeImagePoses
from poseflow.estimator.protocols import Detector, EstimatorBackend
from poseflow.estimator.topdown.topdown import TopDown
from poseflow.skeleton import Skeleton


def onnx_estimator(
    weights: str | os.PathLike[str] | None,
    device: str = "auto",
    detector: Detector | None = None,
    *,
    skeleton: Skeleton | str | None = None,
    **options: Any,
) -> EstimatorBackend:
    """Make an estimator of an ONNX pose model.

    Args:
        weights: `.onnx` file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        detector: Finds people, for models that look at crops.
        skeleton: What the joints are; default the built-in one with so many.
        **options: Those of `TopDown` for models on crops, of `OnnxWholeImagePoses` for
            models on whole images.

    Raises:
        PoseFlowError: If it is no such model, or a detector goes with one that finds
            people by itself.
    """
    if weights is None:
        raise PoseFlowError(
            "estimator 'onnx' needs weights=... (--weights): an .onnx file"
        )
    model = OnnxModel(weights, device)
    kind = pose_kind(model)
    if kind in ("simcc", "heatmap"):
        return TopDown(OnnxPoseNetwork(model, kind, skeleton), detector, **options)
    if detector is not None:
        raise PoseFlowError(
            f"{model.path}: this model finds people by itself and takes no detector"
        )
    return OnnxWholeImagePoses(model, kind, skeleton, **options)
