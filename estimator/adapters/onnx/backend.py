"""The estimator `onnx`: pose models of several kinds in ONNX files."""

from __future__ import annotations

import os
from typing import Any

from poseflow.errors import PoseFlowError
from poseflow.estimator.adapters.one_stage import refuse_detector
from poseflow.estimator.adapters.onnx.crops import OnnxPoseNetwork
from poseflow.estimator.adapters.onnx.recognise import pose_kind
from poseflow.estimator.adapters.onnx.session import OnnxModel
from poseflow.estimator.adapters.onnx.whole_images import OnnxWholeImagePoses
from poseflow.estimator.protocols import Detector, EstimatorBackend
from poseflow.estimator.topdown.topdown import TopDown
from poseflow.skeletons.skeleton import Skeleton


def onnx_estimator(
    weights: str | os.PathLike[str] | None,
    device: str = "auto",
    detector: Detector | None = None,
    *,
    skeleton: Skeleton | str | None = None,
    **options: Any,
) -> EstimatorBackend:
    """Make an estimator from an ONNX pose model.

    Args:
        weights: `.onnx` file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        detector: Detects people, for models on crops.
        skeleton: The joints; default the built-in one with as many joints.
        **options: Those of `TopDown` for models on crops, of `OnnxWholeImagePoses` for
            models on whole images.

    Raises:
        PoseFlowError: If the file holds no such model, or a detector is passed with a
            one-stage model.
    """
    if weights is None:
        raise PoseFlowError(
            "estimator 'onnx' needs weights=... (--weights): an .onnx file"
        )
    model = OnnxModel(weights, device)
    kind = pose_kind(model)
    if kind in ("simcc", "heatmap"):
        return TopDown(OnnxPoseNetwork(model, kind, skeleton), detector, **options)
    refuse_detector(f"{model.path}: this model", detector)
    return OnnxWholeImagePoses(model, kind, skeleton, **options)
