"""torchvision's region networks as detector and estimator: Faster and Keypoint R-CNN.

Both look at whole images, scale them themselves and answer in the image's pixels.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.adapters.torchvision_weights import KEYPOINTS, load_rcnn
from poseflow.estimator.batches import Batches
from poseflow.estimator.devices import choose_device
from poseflow.estimator.protocols import Detections, Detector
from poseflow.poses import Poses
from poseflow.skeleton import Skeleton
from poseflow.skeletons import fitting_skeleton

PERSON = 1
"""The label of people in COCO, and in weights that know people alone; 0 is none."""

LONGEST_ASPECT = 64
"""Images with longer sides than so many times the other are filled up with black.

Torchvision would shrink the short side to nothing.
"""


class _Rcnn:
    """A region network and the people in its answers."""

    def __init__(
        self,
        model: nn.Module,
        device: str,
        *,
        person: int,
        batch_size: int,
        least_score: float,
    ) -> None:
        if not 0 <= least_score <= 1:
            raise PoseFlowError(f"least_score: expected 0 to 1, got {least_score}")
        self.batches = Batches(batch_size)
        self.device = choose_device(device)
        self.model = model.eval().to(self.device)
        self.person = person
        self.least_score = least_score

    def answers(self, images: Sequence[Image]) -> list[dict[str, Floats]]:
        """Boxes, scores and whatever else of the people in each image."""
        return self.batches.map(images, self._batch)

    @torch.inference_mode()
    def _batch(self, images: Sequence[Image]) -> list[dict[str, Floats]]:
        found = self.model([_planes(image, self.device) for image in images])
        return [self._people(answer) for answer in found]

    def _people(self, answer: Mapping[str, Tensor]) -> dict[str, Floats]:
        arrays = {name: value.cpu().numpy() for name, value in answer.items()}
        boxes, scores = arrays["boxes"], arrays["scores"]
        with np.errstate(invalid="ignore"):
            kept = (arrays["labels"] == self.person) & (scores >= self.least_score)
        kept &= np.isfinite(boxes).all(axis=1)
        return {name: value[kept] for name, value in arrays.items()}


class RcnnDetector:
    """Faster R-CNN, or any torchvision detector; a `Detector`.

    Args:
        model: Takes a list of `(3, H, W)` RGB images in [0, 1] and answers a list of
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
            Detections(answer["boxes"], answer["scores"])
            for answer in self._network.answers(images)
        ]


class RcnnPoses:
    """Keypoint R-CNN; an `EstimatorBackend` that finds people by itself.

    A joint's score is the logistic function of torchvision's, which is the highest
    logit of a heatmap and may be below 0.

    Args:
        model: As for `RcnnDetector`, with `keypoints` `(P, K, 3)` and
            `keypoints_scores` `(P, K)` in the answers.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        skeleton: What the K joints are.
        person: The label of people.
        batch_size: Images at once; halved when the device runs out of memory.
        least_score: People below this score are left out.

    Raises:
        PoseFlowError: If an option is out of its range, the joints do not fit the
            skeleton, or there is no such device.
    """

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

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """The people of each image; see `EstimatorBackend`.

        Raises:
            PoseFlowError: If boxes are given: this model finds people by itself.
        """
        if boxes is not None:
            raise PoseFlowError(
                "estimator 'torchvision' finds people by itself and takes no boxes"
            )
        return [self._poses(answer) for answer in self._network.answers(images)]

    def _poses(self, answer: Mapping[str, Floats]) -> Poses:
        logits = np.clip(answer["keypoints_scores"], -80, 80)
        return Poses(
            answer["keypoints"][..., :2],
            1 / (1 + np.exp(-logits)),
            answer["boxes"],
            answer["scores"],
            skeleton=self.skeleton,
        )


def _planes(image: Image, device: torch.device) -> Tensor:
    """A BGR image as `(3, H, W)` RGB in [0, 1]; the bytes travel, not the floats."""
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
    """The estimator `torchvision`.

    Args:
        weights: Weights of Keypoint R-CNN, see `load_rcnn`.
        device: As for `RcnnPoses`.
        detector: None: it finds people by itself.
        **options: Those of `RcnnPoses`.

    Raises:
        PoseFlowError: If there are no weights or a detector, or they cannot be used.
    """
    if detector is not None:
        raise PoseFlowError(
            "estimator 'torchvision' finds people by itself and takes no detector"
        )
    if weights is None:
        raise PoseFlowError(
            "estimator 'torchvision' needs weights=... (--weights): a file of "
            "torchvision's Keypoint R-CNN; nothing is downloaded unasked"
        )
    return RcnnPoses(load_rcnn(Path(weights), poses=True), device, **options)


def rcnn_detector(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    *,
    model: str | None = None,
    **options: Any,
) -> RcnnDetector:
    """The detector `torchvision`.

    Args:
        weights: Weights of Faster R-CNN, see `load_rcnn`.
        device: As for `RcnnDetector`.
        model: As for `load_rcnn`: MobileNet's two cannot be told apart.
        **options: Those of `RcnnDetector`.

    Raises:
        PoseFlowError: If there are no weights, or they cannot be used.
    """
    if weights is None:
        raise PoseFlowError(
            "detector 'torchvision' needs detector_weights=... (--detector-weights): a "
            "file of torchvision's Faster R-CNN; nothing is downloaded unasked"
        )
    return RcnnDetector(
        load_rcnn(Path(weights), poses=False, model=model), device, **options
    )
