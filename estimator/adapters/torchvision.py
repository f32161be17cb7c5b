"""torchvision's Faster R-CNN as detector and Keypoint R-CNN as estimator.

Both take whole images, scale them themselves and return pixels of the image.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.adapters.one_stage import OneStagePoses, refuse_detector
from poseflow.estimator.adapters.torchvision_weights import KEYPOINTS, load_rcnn
from poseflow.estimator.batches import Batches
from poseflow.estimator.devices import choose_device
from poseflow.estimator.protocols import Detections, Detector
from poseflow.poses import Poses
from poseflow.skeletons import fitting_skeleton
from poseflow.skeletons.skeleton import Skeleton
from poseflow.validation import require

PERSON = 1
"""Label of people in COCO and in weights for people alone; 0 is background."""

LONGEST_ASPECT = 64
"""Images with a larger aspect ratio are padded with black.

torchvision would scale the short side to 0.
"""


class _Rcnn:
    """A region network and the people in its outputs."""

    def __init__(
        self,
        model: nn.Module,
        device: str,
        *,
        person: int,
        batch_size: int,
        least_score: float,
    ) -> None:
        require("least_score", least_score, 0, 1)
        self.batches = Batches(batch_size)
        self.device = choose_device(device)
        self.model = model.eval().to(self.device)
        self.person = person
        self.least_score = least_score

    def predict(self, images: Sequence[Image]) -> list[dict[str, Floats]]:
        """Boxes, scores and all other outputs for the people in each image."""
        return self.batches.map(images, self._batch)

    @torch.inference_mode()
    def _batch(self, images: Sequence[Image]) -> list[dict[str, Floats]]:
        outputs = self.model([_planes(image, self.device) for image in images])
        return [self._people(output) for output in outputs]

    def _people(self, output: Mapping[str, Tensor]) -> dict[str, Floats]:
        arrays = {name: value.cpu().numpy() for name, value in output.items()}
        boxes, scores = arrays["boxes"], arrays["scores"]
        with np.errstate(invalid="ignore"):
            kept = (arrays["labels"] == self.person) & (scores >= self.least_score)
        kept &= np.isfinite(boxes).all(axis=1)
        return {name: value[kept] for name, value in arrays.items()}


class RcnnDetector:
    """Faster R-CNN, or any torchvision detector; a `Detector`.

    Args:
        model: Takes a list of `(3, H, W)` RGB images in [0, 1] and returns a list of
            dicts with `boxes` `(P, 4)`, `labels` `(P,)` and `scores` `(P,)`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        person: The label of people.
        batch_size: Images at once; halved when the device runs out of memory.
        least_score: Boxes below this score are left out.

    Raises:
        PoseFlowError: If an option is out of its range, or there is no such device.
    """

    def __init__(
        self,
        model: nn.Module,
        device: str = "auto",
        *,
        person: int = PERSON,
        batch_size: int = 4,
        least_score: float = 0.3,
    ) -> None:
        self._network = _Rcnn(
            model,
            device,
            person=person,
            batch_size=batch_size,
            least_score=least_score,
        )

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The people of each `(H, W, 3)` uint8 BGR image, best first."""
        return [
            Detections(output["boxes"], output["scores"])
            for output in self._network.predict(images)
        ]


class RcnnPoses(OneStagePoses):
    """Keypoint R-CNN; a one-stage `EstimatorBackend`.

    A joint's score is the logistic function of torchvision's, which is the highest
    logit of a heatmap and may be below 0.

    Args:
        model: As for `RcnnDetector`, with `keypoints` `(P, K, 3)` and
            `keypoints_scores` `(P, K)` in the outputs.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        skeleton: The K joints.
        person: The label of people.
        batch_size: Images at once; halved when the device runs out of memory.
        least_score: People below this score are left out.

    Raises:
        PoseFlowError: If an option is out of its range, the joints do not fit the
            skeleton, or there is no such device.
    """

    title = "estimator 'torchvision'"

    def __init__(
        self,
        model: nn.Module,
        device: str = "auto",
        *,
        skeleton: Skeleton | str | None = None,
        person: int = PERSON,
        batch_size: int = 4,
        least_score: float = 0.3,
    ) -> None:
        weight = model.state_dict().get(KEYPOINTS)
        joints = 17 if weight is None else weight.shape[1]
        self.skeleton = fitting_skeleton(type(model).__name__, joints, skeleton)
        self._network = _Rcnn(
            model,
            device,
            person=person,
            batch_size=batch_size,
            least_score=least_score,
        )

    def _predict(self, images: Sequence[Image]) -> list[Poses]:
        return [self._poses(output) for output in self._network.predict(images)]

    def _poses(self, output: Mapping[str, Floats]) -> Poses:
        logits = np.clip(output["keypoints_scores"], -80, 80)
        return Poses(
            output["keypoints"][..., :2],
            1 / (1 + np.exp(-logits)),
            output["boxes"],
            output["scores"],
            skeleton=self.skeleton,
        )


def _planes(image: Image, device: torch.device) -> Tensor:
    """A BGR image as `(3, H, W)` RGB in [0, 1]; bytes are sent to the device."""
    rows, columns = image.shape[:2]
    least = -(-max(rows, columns) // LONGEST_ASPECT)
    if min(rows, columns) < least:
        below, right = max(least - rows, 0), max(least - columns, 0)
        image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT)  # type: ignore[assignment]
    planes = torch.from_numpy(image).to(device).permute(2, 0, 1).flip(0)
    return planes.float() / 255


def rcnn_estimator(
    weights: str | os.PathLike[str] | None,
    device: str = "auto",
    detector: Detector | None = None,
    **options: Any,
) -> RcnnPoses:
    """Make the estimator `torchvision`.

    Args:
        weights: Weights of Keypoint R-CNN, see `load_rcnn`.
        device: As for `RcnnPoses`.
        detector: Must be None: the model detects people itself.
        **options: Those of `RcnnPoses`.

    Raises:
        PoseFlowError: If there are no weights, a detector is passed, or the weights
            cannot be used.
    """
    refuse_detector(RcnnPoses.title, detector)
    if weights is None:
        raise PoseFlowError(
            "estimator 'torchvision' needs weights=... (--weights): a file of "
            "torchvision's Keypoint R-CNN; nothing is downloaded automatically"
        )
    return RcnnPoses(load_rcnn(Path(weights), poses=True), device, **options)


def rcnn_detector(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    *,
    model: str | None = None,
    **options: Any,
) -> RcnnDetector:
    """Make the detector `torchvision`.

    Args:
        weights: Weights of Faster R-CNN, see `load_rcnn`.
        device: As for `RcnnDetector`.
        model: As for `load_rcnn`: MobileNet's two have the same tensors.
        **options: Those of `RcnnDetector`.

    Raises:
        PoseFlowError: If there are no weights, or they cannot be used.
    """
    if weights is None:
        raise PoseFlowError(
            "detector 'torchvision' needs detector_weights=... (--detector-weights): a "
            "file of torchvision's Faster R-CNN; nothing is downloaded automatically"
        )
    return RcnnDetector(
        load_rcnn(Path(weights), poses=False, model=model), device, **options
    )
