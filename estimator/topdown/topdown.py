"""Top-down pose estimation (RMPE): boxes, crops, joints, pose NMS.

Source: Fang et al., "RMPE" (ICCV 2017) and "AlphaPose" (TPAMI 2022).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image, Ints
from poseflow.errors import PoseFlowError
from poseflow.estimator.batches import Batches
from poseflow.estimator.protocols import Detections, Detector, PoseNetwork
from poseflow.estimator.topdown.crop import crop_people, grow_to_aspect
from poseflow.estimator.topdown.heatmap import heatmap_to_image
from poseflow.estimator.topdown.pose_nms import PoseNMSParameters, suppress
from poseflow.poses import Poses
from poseflow.skeletons.skeleton import Skeleton


class TopDown:
    """Top-down estimator: detector, crops, pose network and pose NMS.

    The crops of all people of all images form batches.

    Args:
        network: Finds the joints in crops.
        detector: Detects people; None if boxes are always given.
        batch_size: Crops in a batch, from any of the images. Halved for good whenever
            the device runs out of memory.
        nms: Parameters of pose NMS; None to keep duplicates.

    Raises:
        PoseFlowError: If the batch size is below 1.
    """

    def __init__(
        self,
        network: PoseNetwork,
        detector: Detector | None = None,
        *,
        batch_size: int = 64,
        nms: PoseNMSParameters | None = PoseNMSParameters(),  # noqa: B008 (frozen)
    ) -> None:
        self.network = network
        self.detector = detector
        self.batches = Batches(batch_size, "crops")
        self.nms = nms
        self._warned_of_broken_output = False

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the estimated joints."""
        return self.network.skeleton

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """Estimate the people of each image; see `EstimatorBackend`."""
        if boxes is None:
            if self.detector is None:
                raise PoseFlowError(
                    "this estimator has no detector: pass boxes=..., or make it with "
                    "detector=..."
                )
            return self.estimate_detected(images, self.detector.detect(images))
        given = [Detections(b, np.ones(len(b), np.float32)) for b in boxes]
        return self.estimate_detected(images, given)

    def estimate_detected(
        self, images: Sequence[Image], detected: Sequence[Detections]
    ) -> list[Poses]:
        """Estimate the joints of detected people; see `TwoStageBackend`."""
        boxes = np.concatenate([np.zeros((0, 4)), *(d.boxes for d in detected)])
        image_of = np.repeat(np.arange(len(detected)), [len(d) for d in detected])
        keypoints, scores = self._joints(images, image_of, boxes)
        results = []
        for index, detections in enumerate(detected):
            mine = image_of == index
            poses = Poses(
                keypoints[mine],
                scores[mine],
                detections.boxes,
                detections.scores,
                skeleton=self.skeleton,
            )
            results.append(poses if self.nms is None else suppress(poses, self.nms))
        return results

    def _joints(
        self,
        images: Sequence[Image],
        image_of: Ints,
        boxes: Floats,
    ) -> tuple[Floats, Floats]:
        """Joints in image pixels `(N, K, 2)` and scores `(N, K)` of all boxes."""
        net = self.network
        grown = grow_to_aspect(boxes, net.width, net.height, net.margin)
        keypoints = np.zeros((len(boxes), len(self.skeleton), 2), np.float32)
        scores = np.zeros(keypoints.shape[:2], np.float32)

        def find(people: Sequence[int]) -> Sequence[int]:
            part = slice(people[0], people[-1] + 1)
            joints, joint_scores = net.predict(
                self._crops(images, image_of[part], grown[part])
            )
            keypoints[part] = heatmap_to_image(
                joints, (net.width, net.height), grown[part]
            )
            scores[part] = self._checked(joints, joint_scores)
            return people

        self.batches.map(range(len(boxes)), find)
        return keypoints, scores

    def _crops(
        self,
        images: Sequence[Image],
        image_of: Ints,
        boxes: Floats,
    ) -> Image:
        width, height = self.network.width, self.network.height
        crops = np.empty((len(boxes), height, width, 3), np.uint8)
        for index in np.unique(image_of):
            mine = image_of == index
            crops[mine] = crop_people(images[index], boxes[mine], width, height)
        return crops

    def _checked(self, joints: Floats, scores: Floats) -> Floats:
        """Scores; 0 where a coordinate or score is not finite, or a score below 0."""
        broken = ~np.isfinite(joints).all(axis=2) | ~np.isfinite(scores)
        # Heatmap decoding has set the scores of maps that are not finite to 0 already.
        if (
            not self._warned_of_broken_output
            and (broken | (scores == 0)).all(axis=1).any()
        ):
            self._warned_of_broken_output = True
            warnings.warn(
                "the pose network found no joint of a person: its output was not "
                "finite or nowhere above 0; that person is left out",
                stacklevel=2,
            )
        return np.where(broken, 0, np.maximum(scores, 0))
