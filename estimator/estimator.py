"""`Estimator`: multi-person pose estimation with a model chosen by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.errors import PoseFlowError
from poseflow.estimator.adapters.ultralytics import ultralytics_estimator
from poseflow.estimator.detectors.registry import make_detector
from poseflow.estimator.downloads import locate
from poseflow.estimator.protocols import (
    Detections,
    Detector,
    EstimatorBackend,
    TwoStageBackend,
)
from poseflow.estimator.topdown.crop import check_boxes
from poseflow.estimator.topdown.pose_nms import PoseNMSParameters
from poseflow.poses import Poses
from poseflow.registry import Registry
from poseflow.skeletons.skeleton import Skeleton
from poseflow.video.pixels import to_bgr

EstimatorFactory = Callable[..., EstimatorBackend]


def _torch(
    weights: str | os.PathLike[str] | None,
    device: str,
    detector: Detector | None = None,
    *,
    batch_size: int = 64,
    nms: PoseNMSParameters | None = PoseNMSParameters(),  # noqa: B008 (frozen)
    **options: Any,
) -> EstimatorBackend:
    from poseflow.estimator.topdown.topdown import TopDown
    from poseflow.estimator.torch_network import TorchPoseNetwork

    if weights is None:
        raise PoseFlowError(
            "estimator 'torch' needs weights=... (--weights): a safetensors file made "
            "by poseflow train, or one of AlphaPose's FastPose checkpoints"
        )
    network = TorchPoseNetwork.from_file(weights, device, **options)
    return TopDown(network, detector, batch_size=batch_size, nms=nms)


def _onnx(**arguments: Any) -> EstimatorBackend:
    from poseflow.estimator.adapters.onnx.backend import onnx_estimator

    return onnx_estimator(**arguments)


def _torchvision(**arguments: Any) -> EstimatorBackend:
    from poseflow.estimator.adapters.torchvision import rcnn_estimator

    return rcnn_estimator(**arguments)


def _mediapipe(**arguments: Any) -> EstimatorBackend:
    from poseflow.estimator.adapters.mediapipe import mediapipe_estimator

    return mediapipe_estimator(**arguments)


def _movenet(**arguments: Any) -> EstimatorBackend:
    from poseflow.estimator.movenet.poses import movenet_estimator

    return movenet_estimator(**arguments)


DEFAULT = "embedded"

ESTIMATORS: Registry[EstimatorFactory] = Registry(
    "estimator",
    {
        DEFAULT: _movenet,
        "movenet": _movenet,
        "torch": _torch,
        "onnx": _onnx,
        "torchvision": _torchvision,
        "ultralytics": ultralytics_estimator,
        "mediapipe": _mediapipe,
    },
    group="poseflow.estimators",
)
"""Estimators by name; other packages offer theirs as entry points of the group.

`embedded` is the one whose weights are in the package."""

# The estimator for a weights file, if none is named.
_BY_SUFFIX = {
    ".pth": "torch",
    ".pt": "torch",
    ".safetensors": "torch",
    ".onnx": "onnx",
    ".task": "mediapipe",
}


def register_estimator(
    name: str, factory: EstimatorFactory, *, replace: bool = False
) -> None:
    """Make an estimator known by name.

    Args:
        name: What `Estimator(name)` and the command line call it.
        factory: Called with `weights`, `device` and `detector`, and the options given.
        replace: Replace an estimator of that name.

    Raises:
        PoseFlowError: If the name is taken and `replace` is not set.
    """
    ESTIMATORS.register(name, factory, replace=replace)


def estimator_names() -> tuple[str, ...]:
    """Names of all estimators, those of installed packages included."""
    return ESTIMATORS.names()


class Estimator:
    """Estimates the poses of all people in an image.

    Args:
        name: Which estimator; see `estimator_names`. With the default name and weights
            given, the file's suffix decides. Or an `EstimatorBackend` such as a
            `TopDown`; then all other arguments are left out.
        weights: File with the pose network's weights; or where to download them, see
            `poseflow.estimator.downloads.locate`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        detector: Detects people where no boxes are given: a name, see
            `poseflow.estimator.detector_names`, or an object with `detect(images)`.
        detector_weights: The same for the detector.
        **options: Passed on to the estimator. `embedded` (the default without weights)
            and `movenet` take `quality` (fast, balanced, best; default balanced),
            `input_size`, `tiles` (auto, none), `least_score` and `batch_size`; `torch`
            takes `batch_size`, `nms` (constants of pose NMS, or None for none),
            `skeleton`, `flip_test`,
            `precision` (float32, bfloat16) and `compile`; `onnx` those of
            `poseflow.estimator.adapters.onnx.backend.onnx_estimator`.

    Raises:
        PoseFlowError: If there is no such estimator, or it cannot be made like that.
    """

    def __init__(
        self,
        name: str | EstimatorBackend = DEFAULT,
        weights: str | os.PathLike[str] | None = None,
        device: str = "auto",
        *,
        detector: str | Detector | None = None,
        detector_weights: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(name, str):
            if weights or detector or detector_weights or options:
                raise PoseFlowError(
                    f"{type(name).__name__} is an estimator already: pass weights, "
                    "detector and options when making it"
                )
            self.backend = name
            self.name = type(name).__name__
            return
        if weights is not None:
            weights = locate(weights)
            if name == DEFAULT:
                name = _kind_of(weights)
        factory = ESTIMATORS[name]
        if detector_weights is not None and not isinstance(detector, str):
            raise PoseFlowError(
                "detector_weights needs the name of a detector: detector=..."
            )
        if isinstance(detector, str):
            if detector_weights is not None:
                detector_weights = locate(detector_weights)
            detector = make_detector(detector, weights=detector_weights, device=device)
        try:
            self.backend = factory(
                weights=weights, device=device, detector=detector, **options
            )
        except TypeError as error:
            if "unexpected keyword" not in str(error):
                raise
            raise PoseFlowError(f"estimator {name!r}: {error}") from error
        self.name = name

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the estimated joints."""
        return self.backend.skeleton

    @property
    def detector(self) -> Detector | None:
        """The person detector of the first stage.

        None if boxes have to be given, or one network finds people and joints.
        """
        backend = self.backend
        return backend.detector if isinstance(backend, TwoStageBackend) else None

    def detect(self, image: npt.NDArray[Any]) -> Detections:
        """Detect the people of one image: the first stage alone.

        `estimate(image, detect(image))` is `estimate(image)`; the two may run in
        different threads.

        Args:
            image: As in `estimate`.

        Raises:
            PoseFlowError: If there is no `detector`.
        """
        if self.detector is None:
            raise PoseFlowError(
                f"estimator {self.name!r} has no separate detector; pass "
                "detector=... (--detector), if it is an estimator that takes boxes"
            )
        return self.detector.detect([to_bgr(image)])[0]

    def detects_faster(self, image: npt.NDArray[Any], boxes: npt.ArrayLike) -> bool:
        """Whether detection takes less time than joints in predicted boxes.

        True only where one network finds people and joints at once, and finds many
        people in little more time than few.

        Args:
            image: As in `estimate`.
            boxes: `(P, 4)` x1, y1, x2, y2 in pixels.
        """
        faster = getattr(self.backend, "detects_faster", None)
        return faster is not None and faster(image, np.asarray(boxes, np.float64))

    def estimate(
        self,
        image: npt.NDArray[Any],
        boxes: npt.ArrayLike | Detections | None = None,
    ) -> Poses:
        """Estimate the poses of the people in one image.

        Args:
            image: `(H, W, 3)` uint8 in OpenCV's BGR order; grey, BGRA, 16-bit and
                floating-point images are converted (`poseflow.video.pixels.to_bgr`).
            boxes: `(P, 4)` xyxy pixels of the people, of any position and size; or the
                result of `detect`, with scores; None to detect them.

        Returns:
            The people, duplicates merged; `boxes` are those given or detected.

        Raises:
            PoseFlowError: If the array is not an image, boxes have another shape, or
                there are neither boxes nor a detector.
        """
        if isinstance(boxes, Detections):
            if isinstance(self.backend, TwoStageBackend):
                return self.backend.estimate_detected([to_bgr(image)], [boxes])[0]
            boxes = boxes.boxes
        return self.estimate_batch([image], None if boxes is None else [boxes])[0]

    def estimate_batch(
        self,
        images: Sequence[npt.NDArray[Any]],
        boxes: Sequence[npt.ArrayLike] | None = None,
    ) -> list[Poses]:
        """Estimate the poses of the people in several images, which may differ in size.

        Faster than one after the other: the people of all images form batches. The
        results are the same.

        Args:
            images: As in `estimate`.
            boxes: As in `estimate`, for each image.
        """
        if boxes is not None and len(boxes) != len(images):
            raise PoseFlowError(
                f"boxes: expected those of {len(images)} images, got {len(boxes)}"
            )
        converted = [to_bgr(image, f"image {k}") for k, image in enumerate(images)]
        if not converted:
            return []
        if boxes is None:
            return self.backend.estimate_batch(converted)
        checked: list[npt.NDArray[np.float32]] = [
            check_boxes(each, f"boxes of image {k}") for k, each in enumerate(boxes)
        ]
        return self.backend.estimate_batch(converted, checked)

    def __repr__(self) -> str:
        return f"<Estimator {self.name!r}, {self.skeleton.name}>"


def _kind_of(weights: Path) -> str:
    if weights.suffix not in _BY_SUFFIX:
        raise PoseFlowError(
            f"{weights}: unknown type of weights {weights.suffix or '(no suffix)'}; "
            f"name the estimator: {', '.join(estimator_names())}"
        )
    return _BY_SUFFIX[weights.suffix]
