"""Tile: the part of a large image where people are small, searched again enlarged.

Source: detection from coarse to fine, in a region where the first pass finds small
objects, as in ClusDet (Yang et al., ICCV 2019), which takes several regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Floats, Image, Ints
from poseflow.poses import Poses

SMALL_PX, REGION_PX = 40, 72
"""Longer side of a person, in pixels of the mean view, below which there is a tile, and
below which people are in it."""

LEAST_SCORE = 0.12
"""Small people with lower scores ask for no tile."""

ENLARGED, LEAST_ENLARGED = 2.5, 1.75
"""The tile's scale over that of the mean view, unless the next limit is lower; and the
least, for which there is a tile."""

DETAILED, MOST_SCALE = 1.25, 1.6
"""Input pixels per image pixel up to which a tile shows more than the views, and the
most."""

MOST_PX = 2048
"""Longer side at which the tile's scale would show the whole image, at most: a limit on
memory for large views of large images."""

STEP_PX = 128
"""The sides of the tile are multiples, in pixels of the network's input."""

EDGE = 0.01
"""A box that ends within this share of the tile's side from one of its edges, where the
image goes on, is taken for a part of a person."""


@dataclass(frozen=True)
class Tile:
    """A part of an image, and its scale in the network's input.

    Attributes:
        box: `(4,)` xyxy pixels of the image.
        scale: Input pixels per image pixel.
    """

    box: Ints
    scale: float

    @property
    def shows_more(self) -> bool:
        """Whether it may show what the views, which are smaller, do not."""
        return self.scale <= DETAILED

    @property
    def input_px(self) -> int:
        """Longer side of the network's input, pixels."""
        return round(float((self.box[2:] - self.box[:2]).max()) * self.scale)

    @property
    def input_pixels(self) -> int:
        """Pixels of the network's input."""
        return int((self.box[2:] - self.box[:2]).prod() * self.scale**2)

    def crop(self, image: Image) -> Image:
        """The part of the image."""
        x1, y1, x2, y2 = self.box
        return image[y1:y2, x1:x2]

    def to_image(self, people: Poses, image: Image) -> Poses:
        """People found in the tile, in pixels of the image; without those cut by it.

        Args:
            people: In pixels of the tile.
            image: The whole image.
        """
        x1, y1, x2, y2 = self.box
        height, width = image.shape[:2]
        far = np.array([x2 - x1, y2 - y1])
        edge = EDGE * far.max()
        low = np.where([x1 > 0, y1 > 0], edge, -np.inf)
        high = np.where([x2 < width, y2 < height], far - edge, np.inf)
        whole = (people.boxes[:, :2] >= low) & (people.boxes[:, 2:] <= high)
        uncut = people[np.flatnonzero(whole.all(axis=1))]
        return uncut.replace(
            keypoints=uncut.keypoints + self.box[:2],
            boxes=uncut.boxes + np.tile(self.box[:2], 2),
        )


def tile_of_small_people(
    boxes: Floats, scores: Floats, width: int, height: int, view_scale: float
) -> Tile | None:
    """The part of an image where people are small; None where none are.

    Args:
        boxes: `(P, 4)` of the people found in the views, xyxy pixels.
        scores: `(P,)` probabilities that there is a person.
        width: Of the image.
        height: Of the image.
        view_scale: Mean over the views of their pixels per image pixel.
    """
    scale = min(ENLARGED * view_scale, MOST_SCALE, MOST_PX / max(width, height))
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    likely = scores >= LEAST_SCORE
    small = likely & (sides * view_scale < SMALL_PX)
    if scale < LEAST_ENLARGED * view_scale or not small.any():
        return None
    inside = likely & (sides * view_scale < REGION_PX)
    margin = sides[inside].max()
    low = boxes[inside, :2].min(axis=0) - margin
    high = boxes[inside, 2:].max(axis=0) + margin
    whole = np.array([width, height])
    side = np.ceil((high - low) * scale / STEP_PX) * STEP_PX / scale
    side = np.minimum(side, whole)
    start = np.clip((low + high - side) / 2, 0, whole - side)
    return Tile(np.rint([*start, *(start + side)]).astype(np.int64), scale)
