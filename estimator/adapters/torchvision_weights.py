"""Recognise and load the weights of torchvision's region networks.

Source: Ren et al., "Faster R-CNN" (NeurIPS 2015); He et al., "Mask R-CNN" (ICCV 2017)
for Keypoint R-CNN; the names are those of `torchvision.models.detection`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poseflow.errors import FormatError, MissingExtraError, PoseFlowError
from poseflow.estimator.weights import fit_weights, read_weights

KEYPOINTS = "roi_heads.keypoint_predictor.kps_score_lowres.weight"
CLASSES = "roi_heads.box_predictor.cls_score.weight"

# A tensor that only one network has, and that network.
_MARKS = {
    KEYPOINTS: "keypointrcnn_resnet50_fpn",
    "backbone.body.0.0.weight": "fasterrcnn_mobilenet_v3_large_fpn",
    "roi_heads.box_head.0.0.weight": "fasterrcnn_resnet50_fpn_v2",
    "backbone.body.layer1.0.conv3.weight": "fasterrcnn_resnet50_fpn",
}
MODELS = (*_MARKS.values(), "fasterrcnn_mobilenet_v3_large_320_fpn")

# Files from before torchvision 0.13 lack one level in the names of these tensors.
_FORMER = (
    (re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)"), ".0."),
    (re.compile(r"(rpn\.head\.conv)\.(weight|bias)"), ".0.0."),
)


def detection_models() -> Any:
    """The module `torchvision.models.detection`.

    Raises:
        MissingExtraError: If torchvision is not installed.
        PoseFlowError: If it is, but does not work with the torch that is there.
    """
    try:
        version = metadata.version("torchvision")
    except metadata.PackageNotFoundError:
        version = None
    try:
        from torchvision.models import detection
    # A torchvision of another torch fails in many ways: OSError, RuntimeError, ...
    except Exception as error:
        if version is None:
            raise MissingExtraError(
                "torchvision", "torchvision", "a model of torchvision"
            ) from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PoseFlowError(
            f"torchvision {version} is installed but does not work with torch "
            f"{torch.__version__} ({reason}): install the version that belongs to this "
            "torch, from the same index as torch; for the CPU: pip install "
            "--force-reinstall --no-deps torchvision --index-url "
            "https://download.pytorch.org/whl/cpu"
        ) from error
    return detection


def load_rcnn(path: Path, *, poses: bool, model: str | None = None) -> nn.Module:
    """Load a torchvision network from a weights file.

    Nothing is downloaded, neither weights of the network nor of its backbone.

    Args:
        path: A state_dict as published, `.pth` (read with `weights_only=True`) or
            `.safetensors`.
        poses: Whether it must be a pose network.
        model: One of `MODELS`; default recognised from the tensors' names.

    Returns:
        The network in eval mode, on the CPU.

    Raises:
        PoseFlowError: If the file is no such weights, or torchvision does not work.
    """
    detection = detection_models()
    state, description = read_weights(path)
    if description is not None:
        raise FormatError(
            f"{path}: weights of a network of poseflow's own, not of torchvision; "
            "they go with estimator 'torch'"
        )
    state = {_present(name): tensor for name, tensor in state.items()}
    name = _recognised(path, state) if model is None else model
    if name not in MODELS:
        raise PoseFlowError(f"model: expected {', '.join(MODELS)}, got {name!r}")
    if poses != name.startswith("keypoint"):
        wanted = "estimator" if poses else "detector"
        raise PoseFlowError(
            f"{path}: {name} is not for {wanted} 'torchvision': its estimator takes "
            "Keypoint R-CNN, its detector Faster R-CNN"
        )
    sizes = {"num_classes": _rows(path, state, CLASSES, 0)}
    if poses:
        sizes["num_keypoints"] = _rows(path, state, KEYPOINTS, 1)
    network: nn.Module = getattr(detection, name)(
        weights=None, weights_backbone=None, **sizes
    )
    if name.endswith("resnet50_fpn") and not any(
        key.endswith("num_batches_tracked") for key in state
    ):
        # Published weights without these counters come from frozen normalisation, in
        # which torchvision adds nothing to the variances.
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eps = 0.0
    fit_weights(network, state, str(path))
    return network.eval()


def _present(name: str) -> str:
    """Present name of a tensor in files of old versions."""
    for pattern, level in _FORMER:
        if match := pattern.fullmatch(name):
            return f"{match[1]}{level}{match[2]}"
    return name


def _recognised(path: Path, state: Mapping[str, Tensor]) -> str:
    if CLASSES in state:
        for mark, name in _MARKS.items():
            if mark in state:
                return name
    raise FormatError(
        f"{path}: not weights of torchvision's Faster R-CNN or Keypoint R-CNN; the "
        f"first tensor is {next(iter(state))!r}"
    )


def _rows(path: Path, state: Mapping[str, Tensor], name: str, axis: int) -> int:
    """The length of a tensor along an axis."""
    tensor = state.get(name)
    if tensor is None or tensor.ndim <= axis:
        raise FormatError(f"{path}: lacks the tensor {name!r}")
    return tensor.shape[axis]
