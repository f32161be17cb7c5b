"""`SecondStage`: joints of each person in a crop, by Thunder or Lightning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.estimator.batches import Batches
from poseflow.estimator.movenet.decode import decode_person, decode_seeded
from poseflow.estimator.movenet.loaded import LoadedMoveNet
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.estimator.topdown.crop import crop_people, grow_to_aspect
from poseflow.estimator.topdown.heatmap import heatmap_to_image
from poseflow.poses import Poses

CROP_SIDE = {"thunder": 256, "lightning": 192}
"""Of the crops, pixels."""

CROP_MARGIN = 1.25
"""Factor by which a crop is larger than the square around a person."""

SEED_SIGMA = 0.1
"""Standard deviation about a joint's first position, as a share of the square's side,
within which the joint is searched."""


class SecondStage:
    """Joints of each person in a crop, by Thunder or Lightning.

    Args:
        name: `thunder` or `lightning`.
        device: Where it runs.
        batch_size: Crops at once; halved when the device runs out of memory.
    """

    def __init__(self, name: str, device: str, batch_size: int) -> None:
        self.name = name
        self.batches = Batches(batch_size, "crops")
        self._network = LoadedMoveNet(name, device)
        self._side = CROP_SIDE[name]

    def in_boxes(self, images: Sequence[Image], boxes: Sequence[Floats]) -> list[Poses]:
        """The person in the middle of each box, with raw joint scores."""
        given = [
            Poses(np.zeros((len(each), len(SKELETON), 2)), boxes=each) for each in boxes
        ]
        return self._joints(images, given, seeded=False)

    def near(self, images: Sequence[Image], people: Sequence[Poses]) -> list[Poses]:
        """The joints near the given ones, with raw joint scores."""
        return self._joints(images, people, seeded=True)

    def _joints(
        self, images: Sequence[Image], people: Sequence[Poses], *, seeded: bool
    ) -> list[Poses]:
        side = self._side
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
        out = self._network.outputs([crop for crop, _ in items])
        if seeded:
            sigma_px = SEED_SIGMA * self._side / CROP_MARGIN
            seeds = np.stack([s for _, s in items])
            keypoints, scores = decode_seeded(out, seeds, sigma_px)
        else:
            keypoints, scores = decode_person(out)
        return list(np.concatenate([keypoints, scores[..., None]], axis=2))


def _with_joints(poses: Poses) -> Floats:
    """Boxes `(P, 4)` that hold the people's boxes and all of their joints."""
    low = poses.keypoints.min(axis=1)
    high = poses.keypoints.max(axis=1)
    return np.concatenate(
        [np.minimum(poses.boxes[:, :2], low), np.maximum(poses.boxes[:, 2:], high)],
        axis=1,
    )
