"""Tiles of a large image, for people who are small in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.poses import Poses

TILE_PX = 640
"""Side of a tile, and of the network's input for it, in pixels of the scaled image."""

OVERLAP_PX = 128
"""Pixels that neighbouring tiles share: people up to this size are whole in one."""

MOST_PX = 1920
"""Images with a longer side are scaled down to it, which bounds the number of tiles."""

EDGE = 0.01
"""A box that ends within this share of the tile's side from one of its edges, where the
image goes on, is taken for a part of a person."""


def tile_boxes(width: int, height: int, largest_view_px: int) -> Ints:
    """Tiles that cover an image, evenly spread.

    Args:
        width: Of the image.
        height: Of the image.
        largest_view_px: Longer side of the whole image's largest view. Without a tile
            that shows the image larger, there is none.

    Returns:
        `(T, 4)` xyxy pixels.

    Examples:
        >>> tile_boxes(1000, 500, 384).tolist()
        [[0, 0, 640, 500], [360, 0, 1000, 500]]
        >>> len(tile_boxes(1920, 1080, 512)), len(tile_boxes(3840, 2160, 512))
        (8, 8)
        >>> len(tile_boxes(640, 480, 640))
        0
    """
    longer = max(width, height)
    scale = min(1, MOST_PX / longer)
    if largest_view_px >= scale * longer:
        return np.zeros((0, 4), np.int64)
    side, overlap = round(TILE_PX / scale), round(OVERLAP_PX / scale)
    columns = _spans(width, side, overlap)
    rows = _spans(height, side, overlap)
    boxes = [(x1, y1, x2, y2) for y1, y2 in rows for x1, x2 in columns]
    return np.array(boxes, np.int64)


def _spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """Starts and ends of the tiles along one axis."""
    if length <= side:
        return [(0, length)]
    count = math.ceil((length - overlap) / (side - overlap))
    starts = np.linspace(0, length - side, count).round().astype(int)
    return [(int(start), int(start) + side) for start in starts]


def from_tiles(
    boxes: Ints, people: Sequence[Poses], width: int, height: int
) -> list[Poses]:
    """People found in tiles, in pixels of the image; without those cut by a tile.

    Args:
        boxes: `(T, 4)` xyxy.
        people: Of each tile, in pixels of the tile.
        width: Of the image.
        height: Of the image.
    """
    return [
        _moved(poses, box[:2])[_uncut(poses.boxes, box, width, height)]
        for poses, box in zip(people, boxes, strict=True)
    ]


def _moved(poses: Poses, by: Ints) -> Poses:
    return poses.replace(
        keypoints=poses.keypoints + by, boxes=poses.boxes + np.tile(by, 2)
    )


def _uncut(people: Floats, tile: Ints, width: int, height: int) -> Bools:
    """Which boxes, in pixels of a tile, keep away from its edges inside the image."""
    x1, y1, x2, y2 = tile
    side = EDGE * max(x2 - x1, y2 - y1)
    low = np.where([x1 > 0, y1 > 0], side, -np.inf)
    far = np.array([x2 - x1, y2 - y1])
    high = np.where([x2 < width, y2 < height], far - side, np.inf)
    away = np.concatenate([people[:, :2] - low, high - people[:, 2:]], axis=1)
    return np.asarray((away >= 0).all(axis=1))
