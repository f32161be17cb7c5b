"""YOLO models of ultralytics: objects made by the caller, and ONNX exports by name.

A `.pt` file of ultralytics is a pickle of the whole model: reading it runs code in it,
so it is not read here. Its export to ONNX holds the same network as plain data.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poseflow.arrays import Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.adapters.one_stage import OneStagePoses
from poseflow.estimator.batches import Batches
from poseflow.estimator.protocols import Detections, Detector, EstimatorBackend
from poseflow.other_poses import as_array
from poseflow.poses import Poses
from poseflow.skeletons import get
from poseflow.skeletons.skeleton import Skeleton
from poseflow.validation import require


class _Yolo:
    """A model that is asked for people alone."""

    def __init__(
        self, model: Any, *, batch_size: int, least_score: float, **predict: Any
    ) -> None:
        require("least_score", least_score, 0, 1)
        self.model = model
        self.batches = Batches(batch_size)
        self._predict = {
            "verbose": False,
            "conf": least_score,
            "classes": [_person(model)],
            **predict,
        }

    def predict(self, images: Sequence[Image]) -> list[Any]:
        """The model's results for each image."""
        return self.batches.map(
            images, lambda part: list(self.model.predict(list(part), **self._predict))
        )


class UltralyticsDetector:
    """An ultralytics detection model; a `Detector`.

    Args:
        model: As `ultralytics.YOLO(...)` or `RTDETR(...)` make it.
        batch_size: Images at once; halved when the device runs out of memory.
        least_score: Boxes below this score are left out.
        **predict: Passed on to `model.predict`: `device`, `imgsz`, `half`, ….

    Raises:
        PoseFlowError: If it has no class "person", or an option is out of its range.
    """

    def __init__(
        self,
        model: Any,
        *,
        batch_size: int = 8,
        least_score: float = 0.3,
        **predict: Any,
    ) -> None:
        self._yolo = _Yolo(
            model, batch_size=batch_size, least_score=least_score, **predict
        )

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The people of each `(H, W, 3)` uint8 BGR image; see `Detector`."""
        return [
            Detections(as_array(result.boxes.xyxy), as_array(result.boxes.conf))
            for result in self._yolo.predict(images)
        ]


class UltralyticsPoses(OneStagePoses):
    """An ultralytics pose model; a one-stage `EstimatorBackend`.

    Args:
        model: As `ultralytics.YOLO(...)` makes it of pose weights.
        skeleton: Its joints.
        batch_size: Images at once; halved when the device runs out of memory.
        least_score: People below this score are left out.
        keep_origin: Keep joints at exactly (0, 0), where ultralytics puts joints below
            its threshold without changing their score; otherwise they are missing.
        **predict: Passed on to `model.predict`: `device`, `imgsz`, `half`, ….

    Raises:
        PoseFlowError: If it has no class "person", or an option is out of its range.
    """

    title = "YOLO-pose"
    _keep_origin = False

    def __init__(
        self,
        model: Any,
        skeleton: Skeleton | str = "coco17",
        *,
        batch_size: int = 8,
        least_score: float = 0.25,
        keep_origin: bool = False,
        **predict: Any,
    ) -> None:
        self._keep_origin = keep_origin
        self.skeleton = get(skeleton) if isinstance(skeleton, str) else skeleton
        self._yolo = _Yolo(
            model, batch_size=batch_size, least_score=least_score, **predict
        )

    def _predict(self, images: Sequence[Image]) -> list[Poses]:
        return [self._poses(result) for result in self._yolo.predict(images)]

    def _poses(self, result: Any) -> Poses:
        return Poses.from_ultralytics(
            result, self.skeleton, keep_origin=self._keep_origin
        )


def _person(model: Any) -> int:
    """The number of the class called "person"."""
    for number, name in dict(model.names).items():
        if name == "person":
            return int(number)
    raise PoseFlowError(
        "the ultralytics model has no class 'person'; its classes are "
        f"{', '.join(list(dict(model.names).values())[:5])}"
    )


def ultralytics_estimator(
    weights: str | os.PathLike[str] | None,
    device: str = "auto",
    detector: Detector | None = None,
    **options: Any,
) -> EstimatorBackend:
    """Make the estimator `ultralytics`: YOLO-pose exported to ONNX.

    Args:
        weights: `.onnx` file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        detector: Must be None: the model detects people itself.
        **options: Those of `poseflow.estimator.adapters.onnx.backend.onnx_estimator`.

    Raises:
        PoseFlowError: If it is another file; the message says how to export it.
    """
    from poseflow.estimator.adapters.onnx.backend import onnx_estimator

    path = _exported(weights, "estimator")
    return onnx_estimator(path, device, detector, **options)


def ultralytics_detector(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    **options: Any,
) -> Detector:
    """Make the detector `ultralytics`: YOLO exported to ONNX.

    Args:
        weights: `.onnx` file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        **options: Those of `poseflow.estimator.adapters.onnx.detector.OnnxDetector`.

    Raises:
        PoseFlowError: If it is another file; the message says how to export it.
    """
    from poseflow.estimator.adapters.onnx.detector import OnnxDetector

    path = _exported(weights, "detector")
    return OnnxDetector(path, device, kind="yolo", **options)


def _exported(weights: str | os.PathLike[str] | None, role: str) -> Path:
    """Path of the weights, if they are an ONNX export."""
    if weights is None:
        came, model = "none", "MODEL"
    else:
        path = Path(weights)
        if path.suffix == ".onnx":
            return path
        came, model = str(path), path.stem
        if path.suffix == ".pt":
            came += ", a pickle that could run code"
    option = "--weights" if role == "estimator" else "--detector-weights"
    raise PoseFlowError(
        f"{role} 'ultralytics' needs an .onnx file ({option}), got {came}; if you "
        f"trust the model, export it: yolo export model={model}.pt format=onnx"
    )
