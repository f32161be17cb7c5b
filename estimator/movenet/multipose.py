"""`MultiPose`: the people of an image, and their joints, in one or several views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Image
from poseflow.estimator.batches import Batches
from poseflow.estimator.detectors.letterbox import Letterbox, letterbox
from poseflow.estimator.movenet.decode import decode_people
from poseflow.estimator.movenet.layout import INPUT_MULTIPLE
from poseflow.estimator.movenet.loaded import LoadedMoveNet
from poseflow.estimator.movenet.merging import distinct, joined, merged
from poseflow.estimator.movenet.presets import LEAST_SCORE, SKELETON, View, growth
from poseflow.estimator.movenet.scores import person_scores
from poseflow.estimator.movenet.tiles import TILE_PX, from_tiles, tile_boxes
from poseflow.estimator.protocols import Detections
from poseflow.poses import Poses

LEAST_CENTRE = 0.1
"""Least centre score of people that are decoded."""

LEAST_RAW_SCORE = 0.02
"""People with lower raw scores are left out of each view."""


@dataclass(frozen=True)
class DetectedPoses(Detections):
    """Detected people with the joints that MultiPose found.

    Attributes:
        poses: The same people, with joints and raw scores.
    """

    poses: Poses


class MultiPose:
    """MultiPose in one or several views of the image; a `Detector`.

    Args:
        views: As in `Preset`.
        device: Where it runs.
        least_score: People with lower scores are left out.
        batch_size: Images at once; halved when the device runs out of memory.
        grows: Whether views grow with the image.
        tiles: Whether large images are searched in tiles, too, for small people.
    """

    def __init__(
        self,
        views: Sequence[View],
        device: str,
        least_score: float = LEAST_SCORE,
        batch_size: int = 8,
        *,
        grows: bool = True,
        tiles: bool = False,
    ) -> None:
        self.views = tuple(views)
        self.grows = grows
        self.tiles = tiles
        self.least_score = least_score
        self.batches = Batches(batch_size)
        self._network = LoadedMoveNet("multipose", device)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The people of each image, `DetectedPoses`, best first."""
        detected: list[Detections] = []
        for image, people in zip(images, self.people(images), strict=True):
            scores = person_scores(people, image.shape[1::-1]).astype(np.float32)
            kept = scores >= self.least_score
            some = people[kept]
            detected.append(DetectedPoses(some.boxes, scores[kept], some))
        return detected

    def input_pixels(self, image: Image) -> int:
        """Pixels of all inputs of the network for an image: what its time is for."""
        height, width = image.shape[:2]
        scale = growth(max(height, width)) if self.grows else 1.0
        sizes = [view.scaled(scale).size for view in self.views]
        pixels = sum(size * size for size in sizes)
        tiles = len(tile_boxes(width, height, max(sizes))) if self.tiles else 0
        share = min(height, width) / max(height, width)
        return int(pixels * share) + tiles * TILE_PX * TILE_PX

    def people(self, images: Sequence[Image]) -> list[Poses]:
        """The people of each image with raw scores, best first."""
        scales = [
            growth(max(image.shape[:2])) if self.grows else 1.0 for image in images
        ]
        views = [[view.scaled(scale) for view in self.views] for scale in scales]
        by_view = [
            self._people_in(images, of_images) for of_images in zip(*views, strict=True)
        ]
        people = [
            merged(found, [view.size / max(image.shape[:2]) for view in of_image])
            for image, of_image, found in zip(
                images, views, zip(*by_view, strict=True), strict=True
            )
        ]
        if self.tiles:
            people = list(map(self._with_tiles, images, scales, people))
        return people

    def _with_tiles(self, image: Image, scale: float, people: Poses) -> Poses:
        """The people with those found in tiles, each once."""
        height, width = image.shape[:2]
        largest = max(view.scaled(scale).size for view in self.views)
        boxes = tile_boxes(width, height, largest)
        if not len(boxes):
            return people
        crops = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in boxes]
        found = self._people_in(crops, [View(TILE_PX)] * len(crops))
        everyone = joined([people, *from_tiles(boxes, found, width, height)])
        return everyone[distinct(everyone)]

    def _people_in(self, images: Sequence[Image], views: Sequence[View]) -> list[Poses]:
        """The people of each image in its view, in image pixels."""
        frames = list(map(_input, images, views))
        results = [Poses.empty(SKELETON)] * len(images)
        for shape in {frame.image.shape for frame in frames}:
            mine = [k for k, frame in enumerate(frames) if frame.image.shape == shape]
            found = self.batches.map([frames[k] for k in mine], self._decoded)
            for k, poses in zip(mine, found, strict=True):
                height, width = images[k].shape[:2]
                poses = mirrored(poses, width) if views[k].mirrored else poses
                results[k] = _within(poses, width, height)
        return results

    def _decoded(self, frames: Sequence[Letterbox]) -> list[Poses]:
        """The people in letterboxes of one size, in image pixels."""
        out = self._network.outputs([frame.image for frame in frames])
        people = decode_people(out, LEAST_CENTRE)
        return [
            Poses(
                frame.to_image(people.keypoints[mine]),
                people.keypoint_scores[mine],
                frame.boxes_to_image(people.boxes[mine]),
                people.scores[mine],
                skeleton=SKELETON,
            )
            for frame, mine in (
                (frame, people.image == k) for k, frame in enumerate(frames)
            )
        ]


def mirrored(people: Poses, width: int) -> Poses:
    """The people as they are in the mirrored image, left and right exchanged."""
    other = SKELETON.flip_indices
    keypoints = people.keypoints[:, other].copy()
    keypoints[..., 0] = width - 1 - keypoints[..., 0]
    boxes = people.boxes[:, [2, 1, 0, 3]].copy()
    boxes[:, [0, 2]] = width - boxes[:, [0, 2]]
    return people.replace(
        keypoints=keypoints,
        keypoint_scores=people.keypoint_scores[:, other],
        boxes=boxes,
    )


def _within(people: Poses, width: int, height: int) -> Poses:
    """People with boxes clipped to the image; without those outside, or too weak."""
    boxes = np.clip(people.boxes, 0, [width, height] * 2)
    real = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    real &= people.scores >= LEAST_RAW_SCORE
    return people.replace(boxes=boxes)[real]


def _input(image: Image, view: View) -> Letterbox:
    """The image scaled to a longer side, padded with 0 to sides the network takes."""
    rows, columns = image.shape[:2]
    scale = view.size / max(rows, columns)
    height, width = (
        -(-max(round(side * scale), 1) // INPUT_MULTIPLE) * INPUT_MULTIPLE
        for side in (rows, columns)
    )
    # Only the part with the image, so that nothing empty is computed.
    return letterbox(image, width, height, mirrored=view.mirrored, pad=0)
