"""Letterbox: fit an image into a network's input size, keeping the aspect ratio."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from poseflow.arrays import Floats, Image

GREY = 114
"""Grey value around the image, as YOLO, YOLOX and the mm detectors pad."""

AREA_SCALES = 1 / 3, 1 / 2
"""Scales from and to which area interpolation finds more people (docs/models.md).
Below, bilinear does, as the networks were trained, in a tenth of the time."""

MOST_SHRUNK = 4
"""How many times an image is made smaller in one step."""


@dataclass(frozen=True)
class Letterbox:
    """An image scaled and padded to a frame, and the transform back.

    Attributes:
        image: `(height, width, 3)` uint8.
        scale: Frame pixels per image pixel; `(2,)` along x and y if they differ.
        offset: `(2,)` position of the image's top left corner in the frame.
    """

    image: Image
    scale: float | Floats
    offset: Floats

    def to_image(self, points: Floats) -> Floats:
        """Points `(..., 2)` of the frame in pixels of the image."""
        back: Floats = (points - self.offset) / self.scale
        return back

    def boxes_to_image(self, boxes: Floats) -> Floats:
        """Boxes `(N, 4)` of the frame in pixels of the image."""
        return self.to_image(boxes.reshape(-1, 2, 2)).reshape(-1, 4)


def letterbox(
    image: Image,
    width: int,
    height: int,
    *,
    centred: bool = False,
    mirrored: bool = False,
    pad: int = GREY,
) -> Letterbox:
    """Letterbox an image: scale it to fit into a frame and pad the rest.

    Args:
        image: `(H, W, 3)` uint8.
        width: Of the frame.
        height: Of the frame.
        centred: Put it in the middle (YOLO) instead of the top left corner (YOLOX, mm).
        mirrored: Exchange its left and right.
        pad: Grey value of the rest.
    """
    rows, columns = image.shape[:2]
    scale = min(width / columns, height / rows)
    w, h = max(round(columns * scale), 1), max(round(rows * scale), 1)
    frame = np.full((height, width, 3), pad, np.uint8)
    x, y = ((width - w) // 2, (height - h) // 2) if centred else (0, 0)
    place = frame[y : y + h, x : x + w]
    low, high = AREA_SCALES
    way = cv2.INTER_AREA if low <= scale < high else cv2.INTER_LINEAR
    cv2.resize(_halved(image, w, h), (w, h), place, interpolation=way)
    if mirrored:
        cv2.flip(place, 1, place)
    return Letterbox(frame, scale, np.array([x, y], float))


def stretched(image: Image, width: int, height: int) -> Letterbox:
    """An image scaled to a frame without keeping the aspect ratio (DETR)."""
    rows, columns = image.shape[:2]
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    scale = np.array([width / columns, height / rows])
    return Letterbox(np.asarray(small, np.uint8), scale, np.zeros(2))


def _halved(image: Image, width: int, height: int) -> Image:
    """The image, halved until it is at most `MOST_SHRUNK` times as large as asked for.

    Bilinear interpolation alone would skip most pixels of larger images. From twice the
    size on means of 2 x 2 pixels would cost accuracy: MoveNet finds fewer people in
    images that were blurred (docs/models.md).
    """
    rows, columns = image.shape[:2]
    while rows > MOST_SHRUNK * height or columns > MOST_SHRUNK * width:
        rows = -(-rows // 2) if rows > MOST_SHRUNK * height else rows
        columns = -(-columns // 2) if columns > MOST_SHRUNK * width else columns
        small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        image = np.asarray(small, np.uint8)
    return image
