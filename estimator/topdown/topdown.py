"""RMPE's pipeline: boxes, crops, joints, pose NMS, over people and frames at once.

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
from poseflow.estimator.box_refinement import BoxRefinement, refine_boxes
from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.protocols import Detections, Detector, PoseNetwork
from poseflow.estimator.topdown.crop import crop_people, grow_to_aspect
from poseflow.estimator.topdown.heatmap import heatmap_to_image
from poseflow.estimator.topdown.pose_nms import PoseNMSParameters, suppress
from poseflow.estimator.topdown.rescoring import SAME_PERSON_IOU, person_scores
from poseflow.poses import Poses
from poseflow.skeleton import Skeleton


class TopDown:
    """Detector, crops, pose network and pose NMS as one estimator.

    Args:
        network: Finds joints in crops.
        detector: Finds people; None if boxes are always given.
        batch_size: Crops that the network sees at once, from any of the images.
            Halved, for good, whenever the device runs out of memory.
        nms: Constants of pose NMS; None to leave duplicates in.
        least_person_score: Detections are people only if their `person_scores` are at
            least this; None to believe the detector. Boxes that are given always are.
        refinement: Moves the boxes of such people to where their joints are.

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
        least_person_score: float | None = None,
        refinement: BoxRefinement | None = None,
    ) -> None:
        self.network = network
        self.detector = detector
        self.batches = Batches(batch_size, "crops")
        self.nms = nms
        self.least_person_score = least_person_score
        self.refinement = refinement
        self._told_of_broken_outputs = False

    @property
    def skeleton(self) -> Skeleton:
        """What the joints are."""
        return self.network.skeleton

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """The people of each image; see `EstimatorBackend`."""
        if boxes is None:
            if self.detector is None:
                raise PoseFlowError(
                    "this estimator has no detector: pass boxes=..., or make it with "
                    "detector=..."
                )
            return self.estimate_detected(images, self.detector.detect(images))
        given = [Detections(b, np.ones(len(b), np.float32)) for b in boxes]
        return self._estimate(images, given)

    def estimate_detected(
        self, images: Sequence[Image], found: Sequence[Detections]
    ) -> list[Poses]:
        """The joints of people who were detected; see `TwoStageBackend`."""
        return self._estimate(images, found, self.least_person_score)

    def _estimate(
        self,
        images: Sequence[Image],
        found: Sequence[Detections],
        least_person_score: float | None = None,
    ) -> list[Poses]:
        everybody = np.concatenate([np.zeros((0, 4)), *(d.boxes for d in found)])
        frame_of = np.repeat(np.arange(len(found)), [len(d) for d in found])
        keypoints, scores = self._joints(images, frame_of, everybody)
        results = []
        for frame, detections in enumerate(found):
            mine = frame_of == frame
            poses = Poses(
                keypoints[mine],
                scores[mine],
                detections.boxes,
                detections.scores,
                skeleton=self.skeleton,
            )
            if least_person_score is not None:
                height, width = images[frame].shape[:2]
                poses = self._verified(poses, least_person_score, (width, height))
            results.append(poses if self.nms is None else suppress(poses, self.nms))
        return results

    def _verified(self, poses: Poses, least: float, size: tuple[int, int]) -> Poses:
        """Those in whose boxes there is somebody, each once."""
        people = person_scores(poses.scores, poses.keypoint_scores)
        poses = poses.replace(scores=people)[people >= least]
        if self.refinement is None:
            return poses
        boxes = refine_boxes(
            poses.boxes, poses.keypoints, poses.keypoint_scores, self.refinement, size
        )
        # A person and a part of them, or a person twice: only now can that be seen.
        kept = np.sort(box_nms(boxes, poses.scores, SAME_PERSON_IOU))
        return poses.replace(boxes=boxes)[kept]

    def _joints(
        self,
        images: Sequence[Image],
        frame_of: Ints,
        boxes: Floats,
    ) -> tuple[Floats, Floats]:
        """Joints in image pixels `(N, K, 2)` and scores `(N, K)` of all boxes."""
        net = self.network
        grown = grow_to_aspect(boxes, net.width, net.height, net.margin)
        keypoints = np.zeros((len(boxes), len(self.skeleton), 2), np.float32)
        scores = np.zeros(keypoints.shape[:2], np.float32)

        def find(people: Sequence[int]) -> Sequence[int]:
            part = slice(people[0], people[-1] + 1)
            joints, marks = net.predict(
                self._crops(images, frame_of[part], grown[part])
            )
            keypoints[part] = heatmap_to_image(
                joints, (net.width, net.height), grown[part]
            )
            scores[part] = self._checked(joints, marks)
            return people

        self.batches.map(range(len(boxes)), find)
        return keypoints, scores

    def _crops(
        self,
        images: Sequence[Image],
        frame_of: Ints,
        boxes: Floats,
    ) -> Image:
        width, height = self.network.width, self.network.height
        crops = np.empty((len(boxes), height, width, 3), np.uint8)
        for frame in np.unique(frame_of):
            mine = frame_of == frame
            crops[mine] = crop_people(images[frame], boxes[mine], width, height)
        return crops

    def _checked(self, joints: Floats, scores: Floats) -> Floats:
        """Scores, 0 where anything is not finite or below 0."""
        broken = ~np.isfinite(joints).all(axis=2) | ~np.isfinite(scores)
        # Heatmap decoding has put joints of broken maps to score 0 already.
        if (
            not self._told_of_broken_outputs
            and (broken | (scores == 0)).all(axis=1).any()
        ):
            self._told_of_broken_outputs = True
            warnings.warn(
                "the pose network found not one joint of a person: its output was not "
                "finite or nowhere above 0; that person is left out",
                stacklevel=2,
            )
        return np.where(broken, 0, np.maximum(scores, 0))
