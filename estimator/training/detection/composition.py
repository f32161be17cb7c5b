"""Composition of training images: single images, mosaics, and copy-paste of people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.errors import PoseFlowError
from poseflow.estimator.detectors.letterbox import GREY
from poseflow.estimator.training.augment import vary_colours
from poseflow.estimator.training.config import AugmentConfig
from poseflow.estimator.training.detection.config import ComposeConfig
from poseflow.estimator.training.detection.dataset import BoxedImages
from poseflow.similarity.boxes import box_area

NEAR = 0.15
"""Background within this share of the box around a single person counts."""

COVERED = 0.6
"""People with a greater share covered by a pasted patch are ignored."""

FEATHER = 0.12
"""Width of a patch's soft edge as a share of its shorter side."""


@dataclass
class ComposedImage:
    """A training image that is being composed.

    Attributes:
        image: `(H, W, 3)` uint8 BGR.
        counted: `(H, W)` uint8, 1 where background counts in the loss.
        boxes: Arrays `(4,)` xyxy of the people.
        ignored: Arrays `(4,)` of regions that are neither people nor background.
    """

    image: Image
    counted: Image
    boxes: list[Floats] = field(default_factory=list)
    ignored: list[Floats] = field(default_factory=list)


class Composer:
    """Composes training images from a table of images.

    Args:
        table: The images and their boxes.
        config: Of the composition.
        size: Width and height of the composed images.

    Raises:
        PoseFlowError: If the table has no images for any kind with a positive share.
    """

    def __init__(
        self, table: BoxedImages, config: ComposeConfig, size: tuple[int, int]
    ) -> None:
        self.table = table
        self.config = config
        self.width, self.height = size
        places = np.arange(len(table))
        self._complete = np.repeat(
            places[table.complete], table.repeats[table.complete]
        )
        shows = np.isin(self._complete, table.image_of[~table.ignored])
        self._peopled, self._vacant = self._complete[shows], self._complete[~shows]
        self._single = np.repeat(
            places[~table.complete], table.repeats[~table.complete]
        )
        self._empty = np.repeat(places[table.empty], table.repeats[table.empty])
        shares = np.array([config.whole, config.mosaic, config.paste])
        # Kinds without images get no share.
        shares[0] *= len(self._complete) > 0
        shares[1] *= len(self._single) > 0
        shares[2] *= len(self._single) > 0 and len(self._complete) > 0
        if not shares.sum() > 0:
            raise PoseFlowError(
                "data.train: no images for these shares of compose: whole needs images "
                "with all boxes, mosaic needs single people, paste needs both"
            )
        self._shares = shares / shares.sum()

    def compose(self, rng: np.random.Generator) -> ComposedImage:
        """Compose one image; it depends on the random generator alone."""
        kind = rng.choice(3, p=self._shares)
        if kind == 1:
            scene = self._mosaic(rng)
        else:
            scene = self._whole(rng)
            if kind == 2:
                self._paste(scene, rng)
        config = self.config
        colours = AugmentConfig(brightness=config.brightness, grey=config.grey)
        scene.image = vary_colours(scene.image, colours, rng)
        if rng.random() < config.blur:
            sigma = rng.uniform(0.5, 1.5)
            scene.image = np.asarray(cv2.GaussianBlur(scene.image, (0, 0), sigma))
        return scene

    def _whole(self, rng: np.random.Generator) -> ComposedImage:
        """One image, zoomed, shifted and possibly mirrored."""
        peopled = rng.random() < self.config.peopled
        first, second = self._peopled, self._vacant
        if not peopled:
            first, second = second, first
        choice = rng.choice(first if len(first) else second)
        image, boxes, ignored = self._read(int(choice), rng)
        height, width = image.shape[:2]
        zoom = self.config.zoom ** rng.uniform(-0.5, 1)
        scale = zoom * min(self.width / width, self.height / height)
        room = np.array([self.width, self.height]) - scale * np.array([width, height])
        # Inside the frame if the image is smaller, else any part of the image.
        shift = np.minimum(room, 0) + rng.random(2) * np.abs(room)
        people = boxes[~ignored]
        if len(people) and (room < 0).any() and rng.random() < 0.5:
            # Around a person, as large zooms would often show background alone.
            x0, y0, x1, y1 = scale * people[rng.integers(len(people))]
            middle = np.array([self.width, self.height]) * rng.uniform(0.3, 0.7, 2)
            wanted = middle - [(x0 + x1) / 2, (y0 + y1) / 2]
            shift = np.where(room < 0, np.clip(wanted, room, 0), shift)
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        size = (self.width, self.height)
        scene = ComposedImage(
            _warp(image, matrix, size), np.ones((self.height, self.width), np.uint8)
        )
        self._add(scene, scale * boxes + np.tile(shift, 2), ignored)
        return scene

    def _mosaic(self, rng: np.random.Generator) -> ComposedImage:
        """Mosaic of images of single people; only background near them counts."""
        rows = int(rng.integers(1, 3))
        columns = int(rng.integers(2, 4)) * rows
        scene = ComposedImage(
            np.full((self.height, self.width, 3), GREY, np.uint8),
            np.zeros((self.height, self.width), np.uint8),
        )
        edges = [_edges(self.width, columns, rng), _edges(self.height, rows, rng)]
        for row in range(rows):
            for column in range(columns):
                x0, x1 = edges[0][column : column + 2]
                y0, y1 = edges[1][row : row + 2]
                self._tile(scene, (int(x0), int(y0), int(x1), int(y1)), rng)
        return scene

    def _tile(
        self,
        scene: ComposedImage,
        cell: tuple[int, int, int, int],
        rng: np.random.Generator,
    ) -> None:
        image, boxes, ignored = self._read(int(rng.choice(self._single)), rng)
        x0, y0, x1, y1 = cell
        room = np.array([x1 - x0, y1 - y0])
        chosen = rng.choice(np.flatnonzero(~ignored))
        person = boxes[chosen]
        sides = person[2:] - person[:2]
        scale = min(self._size(rng) / sides.max(), float((room / sides).min()))
        corner = rng.random(2) * (room - scale * sides)
        shift = corner - scale * person[:2]
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        scene.image[y0:y1, x0:x1] = _warp(image, matrix, (x1 - x0, y1 - y0))
        offset = np.tile([x0 + shift[0], y0 + shift[1]], 2)
        limits = np.array([x0, y0, x1, y1], float)
        whole = scale * boxes + offset
        moved = np.clip(whole, limits[[0, 1, 0, 1]], limits[[2, 3, 2, 3]])
        cut = box_area(moved) < self.config.least_seen * box_area(whole)
        pad = NEAR * scale * sides.max()
        near = moved[chosen] + pad * np.array([-1, -1, 1, 1])
        near = np.clip(near, limits[[0, 1, 0, 1]], limits[[2, 3, 2, 3]])
        _fill(scene.counted, near, 1)
        self._add(scene, moved, ignored | cut)

    def _paste(self, scene: ComposedImage, rng: np.random.Generator) -> None:
        """Copy-paste of single people, and at times of patches without people."""
        for _ in range(int(rng.integers(1, self.config.most_pasted + 1))):
            if len(self._empty) and rng.random() < 0.25:
                # Otherwise, soft edges would reveal people.
                image, _, _ = self._read(int(rng.choice(self._empty)), rng)
                size = np.array(image.shape[1::-1])
                sides = rng.uniform(0.2, 0.6, 2) * size
                corner = rng.random(2) * (size - sides)
                box = np.concatenate([corner, corner + sides])
                self._paste_one(scene, image, box, None, rng)
            else:
                image, boxes, ignored = self._read(int(rng.choice(self._single)), rng)
                chosen = rng.choice(np.flatnonzero(~ignored))
                others = np.delete(boxes, chosen, axis=0)
                self._paste_one(scene, image, boxes[chosen], others, rng)

    def _paste_one(
        self,
        scene: ComposedImage,
        image: Image,
        box: Floats,
        others: Floats | None,
        rng: np.random.Generator,
    ) -> None:
        """Paste the content of `box`: a person, unless `others` is None."""
        sides = box[2:] - box[:2]
        frame = np.array([self.width, self.height])
        scale = min(self._size(rng) / sides.max(), float((frame / sides).min()))
        goal = rng.random(2) * (frame - scale * sides)
        pad = NEAR / 2 * scale * sides.max()
        low = np.floor(np.maximum(goal - pad, 0)).astype(int)
        high = np.ceil(np.minimum(goal + scale * sides + pad, frame)).astype(int)
        w, h = high - low
        if min(w, h) < 4:
            return
        shift = goal - low - scale * box[:2]
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        patch = _warp(image, matrix, (int(w), int(h)))
        # Nothing is pasted where the patch reaches beyond the image.
        known = np.full(image.shape[:2], 255, np.uint8)
        inside = cv2.warpAffine(known, matrix, (int(w), int(h)))
        alpha = _soft(int(w), int(h), inside)[..., None]
        part = scene.image[low[1] : high[1], low[0] : high[0]]
        part[:] = (part + alpha * (patch.astype(np.float32) - part)).astype(np.uint8)
        scene.counted[low[1] : high[1], low[0] : high[0]] = 1
        placed = np.concatenate([goal, goal + scale * sides])
        self._hide(scene, placed)
        if others is not None:
            self._add(scene, placed[None], np.zeros(1, bool))
            moved = scale * others + np.tile(goal - scale * box[:2], 2)
            limits = np.concatenate([low, high]).astype(float)
            cut = np.clip(moved, limits[[0, 1, 0, 1]], limits[[2, 3, 2, 3]])
            scene.ignored += list(cut[box_area(cut) > 0])

    def _hide(self, scene: ComposedImage, patch: Floats) -> None:
        """Ignore people who are mostly covered by a patch."""
        if not scene.boxes:
            return
        boxes = np.stack(scene.boxes)
        low, high = np.maximum(boxes, patch)[:, :2], np.minimum(boxes, patch)[:, 2:]
        shared = box_area(np.concatenate([low, high], axis=1))
        gone = shared > COVERED * box_area(boxes)
        scene.ignored += [box for box, hide in zip(boxes, gone, strict=True) if hide]
        scene.boxes = [b for b, hide in zip(boxes, gone, strict=True) if not hide]

    def _add(self, scene: ComposedImage, boxes: Floats, ignored: Bools) -> None:
        """Add boxes, clipped to the frame; too small or truncated ones are ignored."""
        limits = np.array([self.width, self.height] * 2, float)
        cut = np.clip(boxes, 0, limits)
        area = box_area(cut)
        seen = area / np.maximum(box_area(boxes), 1e-6)
        unsure = ignored | (seen < self.config.least_seen)
        unsure |= cut[:, 3] - cut[:, 1] < self.config.least_px
        present = area > 0
        scene.boxes += list(cut[present & ~unsure])
        scene.ignored += list(cut[present & unsure])

    def _read(
        self, index: int, rng: np.random.Generator
    ) -> tuple[Image, Floats, Bools]:
        """An image, its boxes `(N, 4)` and which to ignore; possibly mirrored."""
        table = self.table
        image = table.image_files.read(index)
        where = table.of(index)
        boxes = table.boxes[where].astype(float)
        if rng.random() < self.config.flip:
            image = np.ascontiguousarray(image[:, ::-1])
            boxes[:, [0, 2]] = image.shape[1] - boxes[:, [2, 0]]
        return image, boxes, table.ignored[where]

    def _size(self, rng: np.random.Generator) -> float:
        low, high = np.log(self.config.people_px)
        return float(np.exp(rng.uniform(low, high)))


def _warp(image: Image, matrix: Floats, size: tuple[int, int]) -> Image:
    """Warp an image by scale and shift, grey outside."""
    scale = matrix[0, 0]
    if scale < 0.5:
        # Shrunk in two steps: bilinear sampling would skip pixels.
        sides = [max(round(2 * scale * side), 1) for side in image.shape[1::-1]]
        small = cv2.resize(image, sides, interpolation=cv2.INTER_AREA)
        ratio = np.array(image.shape[1::-1]) / np.array(small.shape[1::-1])
        matrix = matrix.copy()
        matrix[0, 0] *= ratio[0]
        matrix[1, 1] *= ratio[1]
        image = np.asarray(small, np.uint8)
    warped = cv2.warpAffine(image, matrix, size, borderValue=(GREY,) * 3)
    return np.asarray(warped, np.uint8)


def _edges(length: int, parts: int, rng: np.random.Generator) -> Ints:
    """Borders of unequal parts, `(parts + 1,)`."""
    inner = (np.arange(1, parts) + rng.uniform(-0.25, 0.25, parts - 1)) / parts
    return np.round(np.concatenate([[0], inner, [1]]) * length).astype(np.int64)


def _fill(mask: Image, box: Floats, value: int) -> None:
    x0, y0 = np.floor(box[:2]).astype(int)
    x1, y1 = np.ceil(box[2:]).astype(int)
    mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = value


def _soft(width: int, height: int, inside: Any) -> npt.NDArray[np.float32]:
    """Opacity `(height, width)` that falls to 0 at the edges of the image content."""
    padded = np.pad(np.asarray(inside) > 254, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    feather = max(FEATHER * min(width, height), 1.5)
    return np.asarray(np.clip(np.asarray(distance) / feather, 0, 1), np.float32)
