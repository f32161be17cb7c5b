"""`MoveNetPoses`: MultiPose finds people, Thunder refines their joints; presets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from poseflow.arrays import Floats, Image
from poseflow.boxes import box_area
from poseflow.errors import PoseFlowError
from poseflow.estimator.batches import Batches
from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.detectors.letterbox import Letterbox, letterbox
from poseflow.estimator.devices import choose_device, to_device
from poseflow.estimator.movenet.decode import (
    decode_people,
    decode_person,
    decode_seeded,
)
from poseflow.estimator.movenet.files import weights_file
from poseflow.estimator.networks.movenet import (
    INPUT_MULTIPLE,
    MoveNet,
    movenet,
    normalise,
)
from poseflow.estimator.protocols import Detections, Detector
from poseflow.estimator.topdown.crop import crop_people, grow_to_aspect
from poseflow.estimator.topdown.heatmap import heatmap_to_image
from poseflow.estimator.topdown.pose_nms import oks_nms
from poseflow.poses import Poses
from poseflow.skeletons import get
from poseflow.validation import require

CROP_SIDE = {"thunder": 256, "lightning": 192}
"""Of the crops, pixels."""

CROP_MARGIN = 1.25
"""Factor by which a crop is larger than the square around a person."""

SEED_SIGMA = 0.1
"""Standard deviation about a joint's first position, as a share of the square's side,
within which Thunder searches it."""

SAME_PERSON_IOU = 0.5
"""Of two boxes that overlap by a larger IoU, the lower-scored one is dropped."""

SAME_POSE_OKS = 0.4
"""The same for two poses. Two sizes of the image give boxes of one person that overlap
less than their joints."""

BODY_AREA = 0.53
"""A body's area as a share of its box's, which OKS needs (COCO's mean)."""


@dataclass(frozen=True)
class Preset:
    """What a quality stands for.

    Attributes:
        sizes: MultiPose's inputs: the longer side of the scaled image, pixels.
        refine: Whether Thunder estimates the joints of each person again.
        least_score: People with lower scores are left out.
    """

    sizes: tuple[int, ...]
    refine: bool
    least_score: float


PRESETS: Mapping[str, Preset] = {
    "fast": Preset((384,), refine=False, least_score=0.15),
    "balanced": Preset((256, 512), refine=False, least_score=0.15),
    "best": Preset((256, 512), refine=True, least_score=0.2),
}
"""By the name of the quality."""

SKELETON = get("coco17")

LEAST_CENTRE = 0.1
"""Least centre score of people that are decoded."""


def load_movenet(name: str) -> MoveNet:
    """One of the networks with its weights, in eval mode on the CPU.

    Args:
        name: `multipose`, `thunder` or `lightning`.
    """
    network = movenet(name)
    state = load_file(weights_file(name))
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return network.eval()


class LoadedMoveNet:
    """A network on a device, loaded on first use.

    Args:
        name: `multipose`, `thunder` or `lightning`.
        device: Where it runs.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        self.device = device
        self._network: nn.Module | None = None

    @torch.inference_mode()
    def outputs(self, images: Sequence[Image]) -> dict[str, Tensor]:
        """Outputs of all heads for `(H, W, 3)` uint8 BGR images of one size."""
        if self._network is None:
            self._network = to_device(load_movenet(self.name), self.device)
        planes = torch.from_numpy(np.stack(images)).to(self.device, non_blocking=True)
        outputs: dict[str, Tensor] = self._network(normalise(planes))
        return outputs


@dataclass(frozen=True)
class DetectedPoses(Detections):
    """Detected people with the joints that MultiPose found.

    Attributes:
        poses: The same people, with joints.
    """

    poses: Poses


class MultiPose:
    """MultiPose at one or several sizes of the image; a `Detector`.

    Args:
        sizes: As in `Preset`.
        least_score: People with lower scores are left out.
        device: Where it runs.
        batch_size: Images at once; halved when the device runs out of memory.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        least_score: float,
        device: torch.device,
        batch_size: int = 8,
    ) -> None:
        self.sizes = tuple(sizes)
        self.least_score = least_score
        self.batches = Batches(batch_size)
        self._network = LoadedMoveNet("multipose", device)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The people of each image, `DetectedPoses`, best first."""
        found = self.estimate(images)
        return [DetectedPoses(poses.boxes, poses.scores, poses) for poses in found]

    def estimate(self, images: Sequence[Image]) -> list[Poses]:
        """The poses of the people in each image, best first."""
        by_size = [self._people_at(images, size) for size in self.sizes]
        return [
            self._merged(image, found)
            for image, *found in zip(images, *by_size, strict=True)
        ]

    def _people_at(self, images: Sequence[Image], size: int) -> list[Poses]:
        """The people of each image at one size, in image pixels."""
        frames = [_scaled(image, size) for image in images]
        results = [Poses.empty(SKELETON)] * len(images)
        for shape in {frame.image.shape for frame in frames}:
            mine = [k for k, frame in enumerate(frames) if frame.image.shape == shape]
            found = self.batches.map([frames[k] for k in mine], self._decoded)
            for k, poses in zip(mine, found, strict=True):
                results[k] = poses
        return results

    def _decoded(self, frames: Sequence[Letterbox]) -> list[Poses]:
        """The people in letterboxes of one size, in image pixels."""
        out = self._network.outputs([frame.image for frame in frames])
        people = decode_people(out, LEAST_CENTRE)
        image, keypoints, keypoint_scores, boxes, scores = (
            value.cpu().numpy()
            for value in (
                people.image,
                people.keypoints,
                people.keypoint_scores,
                people.boxes,
                people.scores,
            )
        )
        return [
            Poses(
                frame.to_image(keypoints[image == k]),
                keypoint_scores[image == k],
                frame.boxes_to_image(boxes[image == k]),
                scores[image == k],
                skeleton=SKELETON,
            )
            for k, frame in enumerate(frames)
        ]

    def _merged(self, image: Image, found: Sequence[Poses]) -> Poses:
        """People of all sizes, with boxes within the image, without duplicates."""
        keypoints, keypoint_scores, boxes, scores = (
            np.concatenate([getattr(poses, name) for poses in found])
            for name in ("keypoints", "keypoint_scores", "boxes", "scores")
        )
        boxes = np.clip(boxes, 0, [image.shape[1], image.shape[0]] * 2)
        real = (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (scores >= self.least_score)
        kept = np.flatnonzero(real)
        kept = kept[box_nms(boxes[kept], scores[kept], SAME_PERSON_IOU)]
        areas = BODY_AREA * box_area(boxes[kept])
        sigmas = np.asarray(SKELETON.sigmas)
        kept = kept[
            oks_nms(keypoints[kept], scores[kept], areas, sigmas, SAME_POSE_OKS)
        ]
        return Poses(
            keypoints[kept],
            keypoint_scores[kept],
            boxes[kept],
            scores[kept],
            skeleton=SKELETON,
        )


class MoveNetPoses:
    """MoveNet; a `TwoStageBackend` that detects people itself or takes boxes.

    MultiPose finds people and joints, at one or several sizes of the image; with
    quality `best`, Thunder estimates the joints again, in a crop around each person,
    near the first ones. In given boxes, and in those of another detector, Thunder
    (`fast`: Lightning) estimates the joints of the person in the middle of each crop.

    Args:
        quality: `fast`, `balanced` or `best`; see `PRESETS`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        detector: Detects people instead of MultiPose.
        least_score: People with lower scores are left out, except in given boxes;
            default the preset's.
        batch_size: Images or crops at once; halved when the device runs out of memory.

    Attributes:
        detector: MultiPose, or the given one.

    Raises:
        PoseFlowError: If an option is out of its range, or there is no such device.
    """

    detector: Detector
    skeleton = SKELETON

    def __init__(
        self,
        quality: str = "balanced",
        device: str = "auto",
        detector: Detector | None = None,
        *,
        least_score: float | None = None,
        batch_size: int = 8,
    ) -> None:
        preset = _preset(quality)
        self.least_score = preset.least_score if least_score is None else least_score
        require("least_score", self.least_score, 0, 1)
        self.refine = preset.refine
        self.device = choose_device(device)
        # A refined score is at most the root of the first one.
        first = self.least_score**2 if self.refine else self.least_score
        self.detector = detector or MultiPose(
            preset.sizes, first, self.device, batch_size
        )
        self.batches = Batches(batch_size, "crops")
        self._single = LoadedMoveNet(
            "lightning" if quality == "fast" else "thunder", self.device
        )

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """Estimate the people of each image; see `EstimatorBackend`."""
        if boxes is None:
            return self.estimate_detected(images, self.detector.detect(images))
        return self._in_boxes(images, boxes)

    def estimate_detected(
        self, images: Sequence[Image], detected: Sequence[Detections]
    ) -> list[Poses]:
        """Estimate the joints of detected people; see `TwoStageBackend`."""
        found = [each.poses for each in detected if isinstance(each, DetectedPoses)]
        if len(found) == len(detected):
            return self._refined(images, found)
        return [
            poses.replace(scores=np.sqrt(poses.scores * each.scores))
            for poses, each in zip(
                self._in_boxes(images, [each.boxes for each in detected]),
                detected,
                strict=True,
            )
        ]

    def _in_boxes(
        self, images: Sequence[Image], boxes: Sequence[npt.NDArray[np.float32]]
    ) -> list[Poses]:
        """The person in the middle of each box."""
        given = [
            Poses(np.zeros((len(each), len(SKELETON), 2)), boxes=each) for each in boxes
        ]
        return [
            poses.replace(scores=poses.keypoint_scores.mean(axis=1))
            for poses in self._joints(images, given, seeded=False)
        ]

    def _refined(self, images: Sequence[Image], found: Sequence[Poses]) -> list[Poses]:
        """People with Thunder's joints, and scores of both networks."""
        if not self.refine:
            return list(found)
        results = []
        for before, poses in zip(
            found, self._joints(images, found, seeded=True), strict=True
        ):
            scores = np.sqrt(before.scores * poses.keypoint_scores.mean(axis=1))
            results.append(poses.replace(scores=scores)[scores >= self.least_score])
        return results

    def _joints(
        self, images: Sequence[Image], people: Sequence[Poses], *, seeded: bool
    ) -> list[Poses]:
        """People with joints that the single-person network finds in their crops."""
        side = CROP_SIDE[self._single.name]
        crops: list[Image] = []
        seeds: list[Floats] = []
        squares = []
        for image, poses in zip(images, people, strict=True):
            extent = _with_joints(poses) if seeded else poses.boxes
            square = grow_to_aspect(extent, side, side, CROP_MARGIN)
            scale = side / (square[:, 2] - square[:, 0])
            crops += list(crop_people(image, square, side, side))
            seeds += list(
                (poses.keypoints - square[:, None, :2]) * scale[:, None, None]
            )
            squares.append(square)
        predict = partial(self._predicted, seeded=seeded)
        found = self.batches.map(list(zip(crops, seeds, strict=True)), predict)
        joints = np.zeros((len(found), len(SKELETON), 3), np.float32)
        joints[:] = found if found else joints
        results, start = [], 0
        for poses, square in zip(people, squares, strict=True):
            mine = joints[start : start + len(poses)]
            start += len(poses)
            keypoints = heatmap_to_image(mine[..., :2], (side, side), square)
            results.append(
                poses.replace(keypoints=keypoints, keypoint_scores=mine[..., 2])
            )
        return results

    def _predicted(
        self, items: Sequence[tuple[Image, Floats]], *, seeded: bool
    ) -> list[Floats]:
        """Joints of each crop with its seeds: `(17, 3)` x, y in crop pixels, score."""
        out = self._single.outputs([crop for crop, _ in items])
        if seeded:
            seeds = torch.from_numpy(np.stack([s for _, s in items])).to(self.device)
            sigma_px = SEED_SIGMA * CROP_SIDE[self._single.name] / CROP_MARGIN
            keypoints, scores = decode_seeded(out, seeds, sigma_px)
        else:
            keypoints, scores = decode_person(out)
        return list(torch.cat([keypoints, scores[..., None]], 2).cpu().numpy())


def _with_joints(poses: Poses) -> Floats:
    """Boxes `(P, 4)` that hold the people's boxes and all of their joints."""
    low = poses.keypoints.min(axis=1)
    high = poses.keypoints.max(axis=1)
    return np.concatenate(
        [np.minimum(poses.boxes[:, :2], low), np.maximum(poses.boxes[:, 2:], high)],
        axis=1,
    )


def _scaled(image: Image, size: int) -> Letterbox:
    """The image scaled to a longer side, padded with 0 to sides the network takes."""
    rows, columns = image.shape[:2]
    scale = size / max(rows, columns)
    height, width = (
        -(-max(round(side * scale), 1) // INPUT_MULTIPLE) * INPUT_MULTIPLE
        for side in (rows, columns)
    )
    small = letterbox(image, size, size, pad=0)
    # Of the square only the part with the image, so that nothing empty is computed.
    return replace(small, image=np.ascontiguousarray(small.image[:height, :width]))


def movenet_estimator(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    detector: Detector | None = None,
    *,
    quality: str = "balanced",
    least_score: float | None = None,
    batch_size: int = 8,
) -> MoveNetPoses:
    """Make the estimator `movenet`.

    Args:
        weights: None: it has its own.
        device: As for `MoveNetPoses`.
        detector: As for `MoveNetPoses`.
        quality: As for `MoveNetPoses`.
        least_score: As for `MoveNetPoses`.
        batch_size: As for `MoveNetPoses`.

    Raises:
        PoseFlowError: If weights are given.
    """
    _require_no_weights(weights, "estimator 'movenet'")
    return MoveNetPoses(
        quality, device, detector, least_score=least_score, batch_size=batch_size
    )


def movenet_detector(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    *,
    quality: str = "balanced",
    batch_size: int = 8,
) -> MultiPose:
    """Make the detector `embedded`: MultiPose, with the sizes of a preset.

    Args:
        weights: None: it has its own.
        device: As for `MoveNetPoses`.
        quality: As for `MoveNetPoses`.
        batch_size: As for `MultiPose`.

    Raises:
        PoseFlowError: If weights are given.
    """
    _require_no_weights(weights, "detector 'embedded'")
    preset = _preset(quality)
    return MultiPose(
        preset.sizes, preset.least_score, choose_device(device), batch_size
    )


def _require_no_weights(weights: str | os.PathLike[str] | None, what: str) -> None:
    if weights is not None:
        raise PoseFlowError(
            f"{what} has its own weights; leave out those given, or name the "
            "one that they belong to"
        )


def _preset(quality: str) -> Preset:
    if quality not in PRESETS:
        raise PoseFlowError(f"quality: expected {', '.join(PRESETS)}, got {quality!r}")
    return PRESETS[quality]
