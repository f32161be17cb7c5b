"""Person detectors in ONNX: YOLO, YOLOX, RTMDet."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator.adapters.onnx.recognise import (
    END_TO_END_COLUMNS,
    DetectorKind,
    detector_kind,
)
from poseflow.estimator.adapters.onnx.session import OnnxModel
from poseflow.estimator.batches import Batches
from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.detectors.letterbox import Letterbox, letterbox
from poseflow.estimator.protocols import Detections

# Blue, green, red: RTMDet takes images in OpenCV's order.
RTMDET_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
RTMDET_STD = np.array([57.375, 57.12, 58.395], np.float32)

DEFAULT_SIDE = 640


class OnnxDetector:
    """A person `Detector` in onnxruntime.

    Args:
        weights: `.onnx` file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        kind: `yolo`, `yolox` or `rtmdet`; None to recognise it. mmdeploy's exports of
            YOLOX and RTMDet have the same outputs but need different input: for
            these, the kind must be named.
        person: Number of the class "person"; default the metadata's, else 0.
        batch_size: Images at once; halved when the device runs out of memory.
        least_score: Boxes below this score are left out.
        overlap: IoU above which the lower-scored box is left out.

    Raises:
        PoseFlowError: If it is no such model, or its kind must be named.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] | None,
        device: str = "auto",
        *,
        kind: DetectorKind | None = None,
        person: int | None = None,
        batch_size: int = 8,
        least_score: float = 0.3,
        overlap: float = 0.65,
    ) -> None:
        if weights is None:
            raise PoseFlowError(
                "this detector needs detector_weights=... (--detector-weights): an "
                ".onnx file"
            )
        self.model = OnnxModel(weights, device)
        layout = detector_kind(self.model)
        if layout == "dets_labels" and kind not in ("yolox", "rtmdet"):
            raise PoseFlowError(
                f"{self.model.path}: RTMDet and YOLOX have the same outputs; name "
                "the detector: yolox or rtmdet"
            )
        if layout != "dets_labels" and kind not in (None, layout):
            raise FormatError(f"{self.model.path}: holds a {layout} model, not {kind}")
        self._layout = layout
        self.kind: DetectorKind = kind or layout
        self.person = _person(self.model) if person is None else person
        self.batches = Batches(batch_size)
        self.least_score = least_score
        self.overlap = overlap
        size = self.model.signature.size(DEFAULT_SIDE)
        assert size is not None
        self.width, self.height = size

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Detect the people of each image, best first; see `Detector`."""
        return self.batches.map(images, self._batch)

    def _batch(self, images: Sequence[Image]) -> list[Detections]:
        frames = [
            letterbox(i, self.width, self.height, centred=self.kind == "yolo")
            for i in images
        ]
        planes: Floats = np.stack([f.image for f in frames]).astype(np.float32)
        if self.kind == "yolo":
            planes = planes[..., ::-1] / 255
        elif self.kind == "rtmdet":
            planes = (planes - RTMDET_MEAN) / RTMDET_STD
        boxes, scores = self._candidates(self.model.run(planes.transpose(0, 3, 1, 2)))
        return [
            self._people(*candidates)
            for candidates in zip(boxes, scores, frames, strict=True)
        ]

    def _candidates(self, outputs: list[Floats]) -> tuple[Floats, Floats]:
        """Boxes `(N, P, 4)` xyxy in frame pixels and person scores `(N, P)`."""
        if self._layout == "dets_labels":
            dets, labels = sorted(outputs, key=lambda out: -out.ndim)
            scores = np.where(labels == self.person, dets[..., 4], 0)
            return dets[..., :4], scores
        out = outputs[0]
        if self._layout == "yolox":
            grid, stride = _grid(self.width, self.height)
            centre = (out[..., :2] + grid) * stride
            with np.errstate(over="ignore"):
                half = np.exp(out[..., 2:4]) * stride / 2
            scores = out[..., 4] * out[..., 5 + self.person]
            return np.concatenate([centre - half, centre + half], axis=2), scores
        if out.shape[2] == END_TO_END_COLUMNS:
            return out[..., :4], np.where(out[..., 5] == self.person, out[..., 4], 0)
        rows = out.transpose(0, 2, 1)
        sides = rows[..., 2:4]
        low, high = rows[..., :2] - sides / 2, rows[..., :2] + sides / 2
        return np.concatenate([low, high], axis=2), rows[..., 4 + self.person]

    def _people(self, boxes: Floats, scores: Floats, frame: Letterbox) -> Detections:
        with np.errstate(invalid="ignore"):
            likely = (scores >= self.least_score) & np.isfinite(boxes).all(axis=1)
        boxes, scores = boxes[likely], scores[likely]
        kept = box_nms(boxes, scores, self.overlap)
        return Detections(
            frame.boxes_to_image(boxes[kept]).astype(np.float32),
            scores[kept].astype(np.float32),
        )


def _person(model: OnnxModel) -> int:
    """Number of the class "person"; 0 if the metadata has no class names."""
    stated = model.signature.literal("names")
    if isinstance(stated, dict) and stated:
        for number, name in stated.items():
            if name == "person" and isinstance(number, int):
                return number
        raise FormatError(
            f"{model.path}: has no class 'person'; its classes are "
            f"{', '.join(map(str, list(stated.values())[:5]))}…; give the number of "
            "one with person="
        )
    return 0


def _grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Cells `(A, 2)` and strides `(A, 1)` of YOLOX's grids, one after another."""
    cells, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    return (
        np.concatenate(cells).astype(np.float32),
        np.concatenate(strides).astype(np.float32),
    )
