"""`MultiPose`: the people of an image, and their joints, in one or several views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.estimator.batches import Batches
from poseflow.estimator.detectors.letterbox import Letterbox, letterbox
from poseflow.estimator.movenet.decode import decode_people
from poseflow.estimator.movenet.layout import INPUT_MULTIPLE
from poseflow.estimator.movenet.loaded import LoadedMoveNet
from poseflow.estimator.movenet.merging import distinct, joined, merged
from poseflow.estimator.movenet.presets import LEAST_SCORE, SKELETON, View, growth
from poseflow.estimator.movenet.scores import person_scores
from poseflow.estimator.movenet.tiles import Tile, tile_of_small_people
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
        tiles: Whether the part of a large image where people are small is searched
            again, enlarged.
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

    def input_pixels(self, image: Image, boxes: Floats) -> int:
        """Pixels of all inputs of the network: what its time is for.

        Args:
            image: To be searched.
            boxes: `(P, 4)` of the people who are expected in it, xyxy pixels.
        """
        height, width = image.shape[:2]
        sizes = [view.size for view in self._views_of(image)]
        share = min(height, width) / max(height, width)
        pixels = int(share * sum(size * size for size in sizes))
        tile = self._tile(image, boxes, np.ones(len(boxes)))
        return pixels + (tile.input_pixels if tile is not None else 0)

    def people(self, images: Sequence[Image]) -> list[Poses]:
        """The people of each image with raw scores, best first."""
        views = [self._views_of(image) for image in images]
        by_view = [
            self._people_in(images, of_images) for of_images in zip(*views, strict=True)
        ]
        in_views = list(zip(*by_view, strict=True))
        scales = [
            [view.size / max(image.shape[:2]) for view in of_image]
            for image, of_image in zip(images, views, strict=True)
        ]
        people = list(map(merged, in_views, scales))
        if self.tiles:
            self._search_tiles(images, in_views, scales, people)
        return people

    def _search_tiles(
        self,
        images: Sequence[Image],
        in_views: Sequence[Sequence[Poses]],
        scales: Sequence[Sequence[float]],
        people: list[Poses],
    ) -> None:
        """Add to the people of each image those found in its tile.

        Args:
            images: The images.
            in_views: People of each image in each of its views, in image pixels.
            scales: Of the same views, their pixels per image pixel.
            people: Of each image, merged from its views; changed.
        """
        tiles: dict[int, Tile] = {}
        for k, (image, found) in enumerate(zip(images, people, strict=True)):
            scores = person_scores(found, image.shape[1::-1])
            tile = self._tile(image, found.boxes, scores)
            if tile is not None:
                tiles[k] = tile
        crops = [tile.crop(images[k]) for k, tile in tiles.items()]
        inputs = [View(tile.input_px) for tile in tiles.values()]
        in_tiles = self._people_in(crops, inputs)
        for (k, tile), found in zip(tiles.items(), in_tiles, strict=True):
            near = tile.to_image(found, images[k])
            if tile.shows_more:
                everyone = joined([people[k], near])
                people[k] = everyone[distinct(everyone)]
            else:
                all_views, all_scales = [*in_views[k], near], [*scales[k], tile.scale]
                people[k] = merged(all_views, all_scales, tile.box)

    def _views_of(self, image: Image) -> list[View]:
        scale = growth(max(image.shape[:2])) if self.grows else 1.0
        return [view.scaled(scale) for view in self.views]

    def _tile(self, image: Image, boxes: Floats, scores: Floats) -> Tile | None:
        if not self.tiles:
            return None
        height, width = image.shape[:2]
        sizes = [view.size for view in self._views_of(image)]
        view_scale = sum(sizes) / len(sizes) / max(height, width)
        return tile_of_small_people(boxes, scores, width, height, view_scale)

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
