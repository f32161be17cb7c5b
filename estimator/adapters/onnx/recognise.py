"""Recognise the kind of model in an ONNX file by its outputs and metadata."""

from __future__ import annotations

from typing import Literal

from poseflow.errors import FormatError
from poseflow.estimator.adapters.onnx.session import OnnxModel, Shape, Signature
from poseflow.skeletons import get, names

PoseKind = Literal["simcc", "heatmap", "rtmo", "yolo_pose"]
DetectorKind = Literal["yolo", "yolox", "rtmdet", "dets_labels", "rtdetr", "detr"]

END_TO_END_COLUMNS = 6
"""x1, y1, x2, y2, score, class: output columns of YOLO exports with NMS built in."""

MOST_END_TO_END = 1000
"""Rows of such an output at most (300 unless the exporter was told otherwise). More are
anchors in the layout of YOLOv5 and YOLOv7, whose columns mean something else."""

DETR_BOXES = ("dets", "pred_boxes")
DETR_CLASSES = ("labels", "pred_logits", "logits")
"""Names of DETR's outputs. By shape they cannot be told: with three classes, both have
four columns."""


def pose_kind(model: OnnxModel) -> PoseKind:
    """Recognise the kind of a pose model.

    * `simcc`: two outputs `(N, K, x bins)`, `(N, K, y bins)` (RTMPose).
    * `heatmap`: one output `(N, K, h, w)`.
    * `rtmo`: outputs `dets (N, P, 5)` and `keypoints (N, P, K, 3)`.
    * `yolo_pose`: one output `(N, 5 + 2K or 3K, anchors)` (YOLOv8-pose, YOLO11-pose),
      or with NMS built in, and of YOLO26, `(N, P, 6 + 3K)`.

    Raises:
        FormatError: If it is none of these; the message lists the outputs.
    """
    signature = model.signature
    shapes = dict(signature.outputs)
    ranks = sorted(len(shape) for shape in shapes.values())
    if signature.metadata.get("task") == "pose":
        return "yolo_pose"
    if ranks == [3, 3] and _is_simcc(signature):
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

    * `yolo`: one output `(N, 4 + classes, anchors)`, or with NMS built in, and of
      YOLO26, `(N, P, 6)`.
    * `rtdetr`: ultralytics' RT-DETR, one output `(N, queries, 4 + classes)`.
    * `detr`: RF-DETR, `dets (N, queries, 4)` and `labels (N, queries, classes)`.
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
    if detr_outputs(signature) is not None and ranks == [3, 3]:
        return "detr"
    if signature.metadata.get("task") == "detect" and ranks == [3]:
        names = signature.literal("names")
        classes = len(names) if isinstance(names, dict | list) else None
        rows, columns = shapes[0][1:]
        if classes and columns == 4 + classes != END_TO_END_COLUMNS:
            return "rtdetr"
        return "yolo"
    if ranks == [3] and "task" not in signature.metadata:
        rows, columns = shapes[0][1:]
        if rows is not None and rows == grid_anchors(signature):
            return "yolox"
        end_to_end = columns == END_TO_END_COLUMNS and (rows or 0) <= MOST_END_TO_END
        if end_to_end or (rows is not None and (columns is None or rows < columns)):
            return "yolo"
    raise FormatError(
        f"{model.path}: no known detector: its outputs are {_listed(signature)}; "
        "expected YOLO, YOLOX, RT-DETR, or dets and labels (RTMDet, RF-DETR)"
    )


def _is_simcc(signature: Signature) -> bool:
    """Whether two outputs are distributions over multiples of the input's sides."""
    (_, x), (_, y) = simcc_outputs(signature)
    size = signature.size()
    if x[1] != y[1] or size is None:
        return x[1] == y[1]
    bins = zip((x[2], y[2]), size, strict=True)
    return all(n is None or (n >= side and n % side == 0) for n, side in bins)


def simcc_outputs(signature: Signature) -> list[tuple[str, Shape]]:
    """SimCC's outputs, x first: by name where they say so, else in the file's order."""
    return sorted(signature.outputs, key=lambda output: output[0] == "simcc_y")


def detr_outputs(signature: Signature) -> tuple[int, int] | None:
    """Positions of DETR's boxes and class scores among the outputs; None without."""
    names = [name for name, _ in signature.outputs]
    found = [
        [names.index(name) for name in choice if name in names]
        for choice in (DETR_BOXES, DETR_CLASSES)
    ]
    return (found[0][0], found[1][0]) if all(found) else None


def require_end_to_end(path: object, rows: int) -> None:
    """Check the number of rows of an output with NMS built in.

    Raises:
        FormatError: If these are anchors, as in exports of YOLOv5 and YOLOv7.
    """
    if rows > MOST_END_TO_END:
        raise FormatError(
            f"{path}: its output has {rows} rows: anchors in the layout of YOLOv5 or "
            "YOLOv7, which is not supported; export it with NMS built in"
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
