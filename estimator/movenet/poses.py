"""`MoveNetPoses`: MultiPose finds people, Thunder refines their joints; presets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor

from poseflow.arrays import Floats, Image
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
from poseflow.estimator.networks.movenet import (
    INPUT_MULTIPLE,
    MoveNet,
    movenet,
    normalise,
)
from poseflow.estimator.protocols import Detector
from poseflow.estimator.topdown.crop import crop_people, grow_to_aspect
from poseflow.estimator.topdown.heatmap import heatmap_to_image
from poseflow.poses import Poses
from poseflow.skeletons import get
from poseflow.validation import require

FOLDER = Path(__file__).parents[1] / "models"
"""Where the weights are, in the wheel too."""

CROP_SIDE = {"thunder": 256, "lightning": 192}
"""Of the crops, pixels."""

CROP_MARGIN = 1.25
"""Factor by which a crop is larger than the square around a person."""

SEED_SIGMA = 0.1
"""Standard deviation about a joint's first position, as a share of the square's side,
within which Thunder looks for it."""

SAME_PERSON_IOU = 0.55
"""Of two boxes that overlap by a larger IoU, the lower-scored one is dropped."""


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
    "fast": Preset((384,), refine=False, least_score=0.2),
    "balanced": Preset((256, 512), refine=False, least_score=0.2),
    "best": Preset((256, 512), refine=True, least_score=0.2),
}
"""By the name of the quality."""

LEAST_CENTRE = 0.1
"""Least centre score of people that are decoded."""


def load_movenet(name: str, folder: Path = FOLDER) -> MoveNet:
    """One of the networks with its weights, in eval mode on the CPU.

    Args:
        name: `multipose`, `thunder` or `lightning`.
        folder: Where `movenet_NAME.safetensors` is.
    """
    network = movenet(name)
    state = load_file(folder / f"movenet_{name}.safetensors")
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return network.eval()


class MoveNetPoses:
    """MoveNet; an `EstimatorBackend` that detects people itself or takes boxes.

    Without boxes, MultiPose finds people and joints, at one or several sizes of the
    image; with quality `best`, Thunder estimates the joints again, in a crop around
    each person, near the first ones. With boxes, Thunder (`fast`: Lightning) estimates
    the joints of the person in the middle of each crop.

    Args:
        quality: `fast`, `balanced` or `best`; see `PRESETS`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        least_score: People with lower scores are left out; default the preset's.
        batch_size: Images or crops at once; halved when the device runs out of memory.

    Raises:
        PoseFlowError: If an option is out of its range, or there is no such device.
    """

    def __init__(
        self,
        quality: str = "balanced",
        device: str = "auto",
        *,
        least_score: float | None = None,
        batch_size: int = 8,
    ) -> None:
        if quality not in PRESETS:
            raise PoseFlowError(
                f"quality: expected {', '.join(PRESETS)}, got {quality!r}"
            )
        self.preset = PRESETS[quality]
        if least_score is not None:
            require("least_score", least_score, 0, 1)
            self.preset = replace(self.preset, least_score=least_score)
        self.skeleton = get("coco17")
        self.device = choose_device(device)
        self.single = "lightning" if quality == "fast" else "thunder"
        self.images = Batches(batch_size)
        self.crops = Batches(batch_size, "crops")
        self._networks: dict[str, MoveNet] = {}

    def estimate_batch(
        self,
        images: Sequence[Image],
        boxes: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> list[Poses]:
        """Estimate the people of each image; see `EstimatorBackend`."""
        if boxes is None:
            found = self._people(images)
            return self._refined(images, found) if self.preset.refine else found
        given = [
            Poses(
                np.zeros((len(each), len(self.skeleton), 2)),
                boxes=each,
                skeleton=self.skeleton,
            )
            for each in boxes
        ]
        return [
            poses.replace(scores=poses.keypoint_scores.mean(axis=1))
            for poses in self._joints(images, given, seeded=False)
        ]

    def _network(self, name: str) -> MoveNet:
        """The network on the device, loaded on first use."""
        if name not in self._networks:
            network = to_device(load_movenet(name), self.device)
            assert isinstance(network, MoveNet)
            self._networks[name] = network
        return self._networks[name]

    @torch.inference_mode()
    def _outputs(self, name: str, images: Sequence[Image]) -> dict[str, Tensor]:
        planes = torch.from_numpy(np.stack(images)).to(self.device, non_blocking=True)
        outputs: dict[str, Tensor] = self._network(name)(normalise(planes))
        return outputs

    # First stage: MultiPose.

    def _people(self, images: Sequence[Image]) -> list[Poses]:
        """The people whom MultiPose finds in each image, at all sizes."""
        by_size = [self._people_at(images, size) for size in self.preset.sizes]
        results = []
        for image, *found in zip(images, *by_size, strict=True):
            keypoints, scores, boxes, people = (
                np.concatenate(parts) for parts in zip(*found, strict=True)
            )
            rows, columns = image.shape[:2]
            boxes = np.clip(boxes, 0, [columns, rows] * 2)
            real = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
            kept = real[box_nms(boxes[real], people[real], SAME_PERSON_IOU)]
            if not self.preset.refine:
                kept = kept[people[kept] >= self.preset.least_score]
            results.append(
                Poses(
                    keypoints[kept],
                    scores[kept],
                    boxes[kept],
                    people[kept],
                    skeleton=self.skeleton,
                )
            )
        return results

    def _people_at(
        self, images: Sequence[Image], size: int
    ) -> list[tuple[Floats, Floats, Floats, Floats]]:
        """Joints, their scores, boxes and scores at one size, in image pixels."""
        frames = [_scaled(image, size) for image in images]
        results: list[tuple[Floats, Floats, Floats, Floats]] = [None] * len(images)  # type: ignore[list-item]
        shapes = {frame.image.shape for frame in frames}
        for shape in shapes:
            mine = [k for k, frame in enumerate(frames) if frame.image.shape == shape]
            found = self.images.map([frames[k] for k in mine], self._decoded)
            for k, people in zip(mine, found, strict=True):
                results[k] = people
        return results

    def _decoded(
        self, frames: Sequence[Letterbox]
    ) -> list[tuple[Floats, Floats, Floats, Floats]]:
        out = self._outputs("multipose", [frame.image for frame in frames])
        people = decode_people(out, LEAST_CENTRE)
        image, keypoints, scores, boxes, person = (
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
            (
                frame.to_image(keypoints[image == k]),
                scores[image == k],
                frame.boxes_to_image(boxes[image == k]),
                person[image == k],
            )
            for k, frame in enumerate(frames)
        ]

    # Second stage: Thunder or Lightning.

    def _refined(self, images: Sequence[Image], found: Sequence[Poses]) -> list[Poses]:
        """People with Thunder's joints, and scores of both networks."""
        results = []
        for before, poses in zip(
            found, self._joints(images, found, seeded=True), strict=True
        ):
            mean = poses.keypoint_scores.mean(axis=1)
            scores = np.sqrt(before.scores * mean)
            results.append(
                poses.replace(scores=scores)[scores >= self.preset.least_score]
            )
        return results

    def _joints(
        self, images: Sequence[Image], people: Sequence[Poses], *, seeded: bool
    ) -> list[Poses]:
        """People with joints that the single-pose network finds in a crop of each."""
        side = CROP_SIDE[self.single]
        crops, seeds, grown = [], [], []
        for image, poses in zip(images, people, strict=True):
            boxes = poses.boxes
            if seeded:
                low = poses.keypoints.min(axis=1, initial=np.inf)
                high = poses.keypoints.max(axis=1, initial=-np.inf)
                boxes = np.concatenate(
                    [np.minimum(boxes[:, :2], low), np.maximum(boxes[:, 2:], high)],
                    axis=1,
                )
            squares = grow_to_aspect(boxes, side, side, CROP_MARGIN)
            scale = side / (squares[:, 2] - squares[:, 0])
            inside = (poses.keypoints - squares[:, None, :2]) * scale[:, None, None]
            crops += list(crop_people(image, squares, side, side))
            seeds += list(inside)
            grown.append(squares)
        predict = partial(self._predicted, seeded=seeded)
        joints = self.crops.map(list(zip(crops, seeds, strict=True)), predict)
        results, start = [], 0
        for poses, squares in zip(people, grown, strict=True):
            mine = joints[start : start + len(poses)]
            start += len(poses)
            if not mine:
                results.append(poses)
                continue
            keypoints = heatmap_to_image(
                np.stack([k for k, _ in mine]), (side, side), squares
            )
            scores = np.stack([s for _, s in mine])
            results.append(poses.replace(keypoints=keypoints, keypoint_scores=scores))
        return results

    def _predicted(
        self, items: Sequence[tuple[Image, Floats]], *, seeded: bool
    ) -> list[tuple[Floats, Floats]]:
        """Joints in crop pixels and scores of each crop with its seeds."""
        out = self._outputs(self.single, [crop for crop, _ in items])
        if seeded:
            seeds = torch.from_numpy(np.stack([s for _, s in items])).to(self.device)
            sigma_px = SEED_SIGMA * CROP_SIDE[self.single] / CROP_MARGIN
            keypoints, scores = decode_seeded(out, seeds, sigma_px)
        else:
            keypoints, scores = decode_person(out)
        return list(zip(keypoints.cpu().numpy(), scores.cpu().numpy(), strict=True))


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
        detector: Must be None: it detects people itself.
        quality: As for `MoveNetPoses`.
        least_score: As for `MoveNetPoses`.
        batch_size: As for `MoveNetPoses`.

    Raises:
        PoseFlowError: If weights or a detector are given.
    """
    if weights is not None or detector is not None:
        what = "weights" if weights is not None else "detector"
        raise PoseFlowError(
            f"estimator 'movenet' has its own {what}; leave out {what}, or choose "
            "another estimator"
        )
    return MoveNetPoses(quality, device, least_score=least_score, batch_size=batch_size)
