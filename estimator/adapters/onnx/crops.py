"""Top-down pose networks in ONNX: RTMPose (SimCC) and heatmap networks.

Source: Jiang et al., "RTMPose" (2023); Li et al., "SimCC" (ECCV 2022).
"""

from __future__ import annotations

import numpy as np
import torch

from poseflow.arrays import Floats, Image
from poseflow.errors import FormatError
from poseflow.estimator.adapters.onnx.recognise import PoseKind, simcc_outputs
from poseflow.estimator.adapters.onnx.session import OnnxModel
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.topdown.heatmap import decode_heatmaps
from poseflow.skeletons import fitting_skeleton
from poseflow.skeletons.skeleton import Skeleton

# Red, green, blue of ImageNet, in [0, 1]: what the mm models are trained with.
MEAN = (123.675 / 255, 116.28 / 255, 103.53 / 255)
STD = (58.395 / 255, 57.12 / 255, 57.375 / 255)

MARGIN = 1.25


class OnnxPoseNetwork:
    """A `PoseNetwork` in onnxruntime.

    Args:
        model: SimCC or heatmap model.
        kind: Which of the two.
        skeleton: The joints; default the built-in one with as many joints.

    Raises:
        PoseFlowError: If the joints do not fit the skeleton, or the model's input size
            is not fixed.
    """

    margin = MARGIN

    def __init__(
        self, model: OnnxModel, kind: PoseKind, skeleton: Skeleton | str | None = None
    ) -> None:
        self.model = model
        self.kind = kind
        size = model.signature.size()
        if size is None:
            raise FormatError(
                f"{model.path}: the input size is free; export the model with a fixed "
                "height and width"
            )
        self.width, self.height = size
        joints = model.signature.outputs[0][1][1]
        if joints is None:
            blank = np.zeros((1, 3, self.height, self.width), np.float32)
            joints = model.run(blank)[0].shape[1]
        self.skeleton = fitting_skeleton(model.path, joints, skeleton)

    def predict(self, crops: Image) -> tuple[Floats, Floats]:
        """Joints `(N, K, 2)` in crop pixels and scores `(N, K)`; see `PoseNetwork`."""
        planes = network_input(torch.from_numpy(crops), MEAN, STD)
        outputs = self.model.run(planes.numpy())
        if self.kind == "heatmap":
            maps = outputs[0]
            joints, scores = decode_heatmaps(maps)
            return joints * np.float32(self.width / maps.shape[3]), scores
        names = [name for name, _ in self.model.signature.outputs]
        x, y = (
            outputs[names.index(name)]
            for name, _ in simcc_outputs(self.model.signature)
        )
        return decode_simcc(x, y, self.width, self.height)


def decode_simcc(
    x: Floats, y: Floats, width: int, height: int
) -> tuple[Floats, Floats]:
    """SimCC decoding: joints from one-dimensional distributions along each axis.

    Args:
        x: `(N, K, X)`, X being a multiple of the crop's width.
        y: `(N, K, Y)`.
        width: Of the crop.
        height: Of the crop.

    Returns:
        Joints `(N, K, 2)` in crop pixels, and the lower one of both peaks `(N, K)`; a
        joint without a positive peak has score 0.
    """
    peaks = np.minimum(x.max(axis=2), y.max(axis=2))
    bins = np.stack([x.argmax(axis=2), y.argmax(axis=2)], axis=2)
    per_bin = np.array([width / x.shape[2], height / y.shape[2]])
    joints = (bins * per_bin).astype(np.float32)
    found = np.isfinite(peaks) & (peaks > 0)
    joints[~found] = 0
    return joints, np.where(found, peaks, 0).astype(np.float32)
