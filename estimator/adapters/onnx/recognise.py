"""Recognise the kind of model in an ONNX file by its outputs and metadata."""

from __future__ import annotations

from typing import Literal

from poseflow.errors import FormatError
from poseflow.estimator.adapters.onnx.session import OnnxModel, Shape, Signature
from poseflow.skeletons import get, names

PoseKind = Literal["simcc", "heatmap", "rtmo", "yolo_pose"]
DetectorKind = Literal["yolo", "yolox", "rtmdet", "dets_labels"]

END_TO_END_COLUMNS = 6
"""x1, y1, x2, y2, score, class: output columns of YOLO exports with NMS built in."""


def pose_kind(model: OnnxModel) -> PoseKind:
    """Recognise the kind of a pose model.

    * `simcc`: two outputs `(N, K, x bins)`, `(N, K, y bins)` (RTMPose).
    * `heatmap`: one output `(N, K, h, w)`.
    * `rtmo`: outputs `dets (N, P, 5)` and `keypoints (N, P, K, 3)`.
    * `yolo_pose`: one output `(N, 5 + 2K or 3K, anchors)`, or with NMS built in
      `(N, P, 6 + 3K)`.

    Raises:
        FormatError: If it is none of these; the message lists the outputs.
    """
    signature = model.signature
    shapes = dict(signature.outputs)
    ranks = sorted(len(shape) for shape in shapes.values())
    if signature.metadata.get("task") == "pose":
        return "yolo_pose"
    if ranks == [3, 3]:
        return "simcc"
    if ranks == [4]:
        return "heatmap"
    if ranks == [3, 4] and any(shape[-1] == 3 for shape in shapes.values()):
        return "rtmo"
    if ranks == [3] and "task" not in signature.metadata:
        (shape,) = shapes.values()
        if yolo_joints(signature) is not None or shape[1:] == (None, None):
            return "yolo_pose"
    raise FormatError(
        f"{model.path}: no known pose model: its outputs are {_listed(signature)}; "
        "expected RTMPose (two of rank 3), heatmaps (one of rank 4), RTMO (dets, "
        "keypoints) or YOLO-pose"
    )


def detector_kind(model: OnnxModel) -> DetectorKind:
    """Recognise the kind of a detector.

    * `yolo`: one output `(N, 4 + classes, anchors)`, or `(N, P, 6)`.
    * `yolox`: one output `(N, anchors, 5 + classes)` on the grids of strides 8, 16, 32.
    * `dets_labels`: outputs `dets (N, P, 5)` and `labels (N, P)`: RTMDet or YOLOX as
      exported by mmdeploy, which need different input and must be named.

    Raises:
        FormatError: If it is none of these; the message lists the outputs.
    """
    signature = model.signature
    shapes = [shape for _, shape in signature.outputs]
    ranks = sorted(len(shape) for shape in shapes)
    if ranks == [2, 3] and any(shape[-1] == 5 for shape in shapes):
        return "dets_labels"
    if signature.metadata.get("task") == "detect":
        return "yolo"
    if ranks == [3] and "task" not in signature.metadata:
        rows, columns = shapes[0][1:]
        if rows is not None and rows == grid_anchors(signature):
            return "yolox"
        if columns == END_TO_END_COLUMNS or (
            rows is not None and (columns is None or rows < columns)
        ):
            return "yolo"
    raise FormatError(
        f"{model.path}: no known detector: its outputs are {_listed(signature)}; "
        "expected YOLO, YOLOX, or dets and labels (RTMDet)"
    )


def yolo_joints(signature: Signature) -> tuple[int, int] | None:
    """Joints of a YOLO-pose model and values of each; None if they are unknown."""
    stated = signature.literal("kpt_shape")
    if (
        isinstance(stated, list | tuple)
        and len(stated) == 2
        and all(isinstance(n, int) for n in stated)
    ):
        return int(stated[0]), int(stated[1])
    shape: Shape = signature.outputs[0][1]
    known = {len(get(name)) for name in names()}
    # The channel axis comes first in raw outputs, last where NMS is built in.
    for channels, fixed in ((shape[1], 5), (shape[2], END_TO_END_COLUMNS)):
        if channels is not None and (channels - fixed) % 3 == 0:
            joints = (channels - fixed) // 3
            if joints in known:
                return joints, 3
    return None


def grid_anchors(signature: Signature) -> int | None:
    """Cells of the grids of strides 8, 16 and 32 together."""
    size = signature.size()
    if size is None:
        return None
    return sum((size[0] // s) * (size[1] // s) for s in (8, 16, 32))


def _listed(signature: Signature) -> str:
    return ", ".join(
        f"{name} ({', '.join('?' if s is None else str(s) for s in shape)})"
        for name, shape in signature.outputs
    )
