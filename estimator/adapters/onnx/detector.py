"""Person detectors in ONNX: YOLO, YOLOX, RTMDet, RT-DETR, RF-DETR."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator.adapters.onnx.recognise import (
    END_TO_END_COLUMNS,
    DetectorKind,
    detector_kind,
    detr_outputs,
    require_end_to_end,
)
from poseflow.estimator.adapters.onnx.session import OnnxModel
from poseflow.estimator.batches import Batches
from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.detectors.letterbox import (
    GREY,
    Letterbox,
    letterbox,
    stretched,
)
from poseflow.estimator.protocols import Detections

# Blue, green, red: RTMDet takes images in OpenCV's order.
RTMDET_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
RTMDET_STD = np.array([57.375, 57.12, 58.395], np.float32)

# Red, green, blue in [0, 1]: RF-DETR.
DETR_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DETR_STD = np.array([0.229, 0.224, 0.225], np.float32)

SPARSE_COCO_CLASSES = 91
"""Classes of detectors that keep COCO's own numbers, in which people are 1."""

DEFAULT_SIDE = 640


class OnnxDetector:
    """A person `Detector` in onnxruntime.

    Args:
        weights: `.onnx` file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        kind: `yolo`, `yolox`, `rtmdet`, `rtdetr` or `detr`; None to recognise it.
            mmdeploy's exports of YOLOX and RTMDet have the same outputs but need
            different input: for these, the kind must be named.
        person: Number of the class "person"; default the metadata's, else 0, or 1 of
            91 classes.
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
        self.person = _person(self.model, layout) if person is None else person
        self.batches = Batches(batch_size)
        self.least_score = least_score
        self.overlap = overlap
        size = self.model.signature.size(DEFAULT_SIDE)
        assert size is not None
        self.width, self.height = size
        self._decoded = layout == "yolox" and self._gives_pixels()

    def _gives_pixels(self) -> bool:
        """Whether a YOLOX model was exported with its boxes decoded.

        The shape is the same. Offsets within cells are small, pixels are spread over
        the image.
        """
        blank = np.full((1, 3, self.height, self.width), GREY, np.float32)
        x = self.model.run(blank)[0][0, :, 0]
        return bool(np.median(np.abs(x)) > self.width / 8)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Detect the people of each image, best first; see `Detector`."""
        return self.batches.map(images, self._batch)

    def _batch(self, images: Sequence[Image]) -> list[Detections]:
        fit: Callable[[Image, int, int], Letterbox] = letterbox
        if self.kind in ("rtdetr", "detr"):
            fit = stretched
        elif self.kind == "yolo":
            fit = partial(letterbox, centred=True)
        frames = [fit(i, self.width, self.height) for i in images]
        planes: Floats = np.stack([f.image for f in frames]).astype(np.float32)
        if self.kind in ("yolo", "rtdetr", "detr"):
            planes = planes[..., ::-1] / 255
        if self.kind == "rtmdet":
            planes = (planes - RTMDET_MEAN) / RTMDET_STD
        elif self.kind == "detr":
            planes = (planes - DETR_MEAN) / DETR_STD
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
        if self._layout == "detr":
            places = detr_outputs(self.model.signature)
            assert places is not None
            sides, logits = (outputs[place] for place in places)
            person = self._class_of(logits.shape[2])
            with np.errstate(over="ignore"):
                scores = 1 / (1 + np.exp(-logits[..., person]))
            return self._corners(sides * self._scale), scores
        out = outputs[0]
        if self._layout == "rtdetr":
            person = self._class_of(out.shape[2] - 4)
            return self._corners(out[..., :4] * self._scale), out[..., 4 + person]
        if self._decoded:
            person = self._class_of(out.shape[2] - 5)
            return self._corners(out), out[..., 4] * out[..., 5 + person]
        if self._layout == "yolox":
            grid, stride = _grid(self.width, self.height)
            centre = (out[..., :2] + grid) * stride
            with np.errstate(over="ignore"):
                half = np.exp(out[..., 2:4]) * stride / 2
            scores = out[..., 4] * out[..., 5 + self._class_of(out.shape[2] - 5)]
            return np.concatenate([centre - half, centre + half], axis=2), scores
        if out.shape[2] == END_TO_END_COLUMNS and out.shape[1] != END_TO_END_COLUMNS:
            require_end_to_end(self.model.path, out.shape[1])
            return out[..., :4], np.where(out[..., 5] == self.person, out[..., 4], 0)
        rows = out.transpose(0, 2, 1)
        person = self._class_of(rows.shape[2] - 4)
        return self._corners(rows), rows[..., 4 + person]

    def _class_of(self, count: int) -> int:
        """The number of the class "person", of so many."""
        if not 0 <= self.person < count:
            raise PoseFlowError(
                f"{self.model.path}: person: expected a class from 0 to {count - 1}, "
                f"got {self.person}"
            )
        return self.person

    @property
    def _scale(self) -> Floats:
        """Sides of the frame, for boxes in [0, 1]."""
        return np.array([self.width, self.height] * 2, np.float32)

    def _corners(self, boxes: Floats) -> Floats:
        """Corners `(..., 4)` of boxes given by centre and sides."""
        half = boxes[..., 2:4] / 2
        low, high = boxes[..., :2] - half, boxes[..., :2] + half
        corners: Floats = np.concatenate([low, high], axis=-1)
        return corners

    def _people(self, boxes: Floats, scores: Floats, frame: Letterbox) -> Detections:
        with np.errstate(invalid="ignore"):
            likely = (scores >= self.least_score) & np.isfinite(boxes).all(axis=1)
        boxes, scores = boxes[likely], scores[likely]
        kept = box_nms(boxes, scores, self.overlap)
        return Detections(
            frame.boxes_to_image(boxes[kept]).astype(np.float32),
            scores[kept].astype(np.float32),
        )


def _person(model: OnnxModel, layout: DetectorKind) -> int:
    """Number of the class "person" by the metadata, or by the number of classes."""
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
    if layout == "detr":
        places = detr_outputs(model.signature)
        if places and model.signature.outputs[places[1]][1][2] == SPARSE_COCO_CLASSES:
            return 1
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
