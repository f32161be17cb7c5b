"""Crops of people: aspect ratio and margin of boxes, affine warp, normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

BOX_MARGIN = 1.25
"""Factor by which a crop is larger than the person's box (RMPE, AlphaPose)."""

WARP_LIMIT_PX = 32767

LEAST_SIDE_PX = 1e-3
"""Boxes are enlarged to this side, so that a box without size has a crop."""


def grow_to_aspect(
    boxes: Floats, width: int, height: int, margin: float = BOX_MARGIN
) -> Floats:
    """Grow boxes about their centres to an aspect ratio, then by a margin.

    The shorter side grows; nothing is clipped to the image.

    Args:
        boxes: `(N, 4)` xyxy pixels, finite; an inverted box counts as one of no size.
        width: Of the network's input; with `height`, the aspect ratio.
        height: Of the network's input.
        margin: Factor on both sides afterwards.

    Returns:
        `(N, 4)` xyxy, in the dtype of `boxes`.

    Examples:
        >>> import numpy as np
        >>> grow_to_aspect(np.array([[0, 0, 10, 40.0]]), 192, 256)
        array([[-13.75,  -5.  ,  23.75,  45.  ]])
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], LEAST_SIDE_PX)
    aspect = width / height
    wide = np.maximum(sides[:, 0], sides[:, 1] * aspect)
    half = np.stack([wide, wide / aspect], axis=1) * (margin / 2)
    grown: Floats = np.concatenate([centre - half, centre + half], axis=1)
    return grown.astype(boxes.dtype, copy=False)


def crop_affine(boxes: Floats, width: int, height: int) -> Floats:
    """Affine transforms from image to crop pixels for boxes of the crop's aspect ratio.

    The width's scale serves both axes; the box's centre goes to the crop's.

    Args:
        boxes: `(N, 4)` xyxy image pixels.
        width: Of the crops.
        height: Of the crops.

    Returns:
        `(N, 2, 3)` affine matrices, float64.
    """
    boxes = boxes.astype(np.float64)
    scale = width / np.maximum(boxes[:, 2] - boxes[:, 0], LEAST_SIDE_PX)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    matrices = np.zeros((len(boxes), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale
    matrices[:, :, 2] = np.array([width, height]) / 2 - scale[:, None] * centre
    return matrices


def crop_people(image: Image, boxes: Floats, width: int, height: int) -> Image:
    """Crop every box out of an image by affine warp, bilinear, black outside.

    Args:
        image: `(H, W, 3)` uint8.
        boxes: `(N, 4)` xyxy pixels with the crop's aspect ratio (`grow_to_aspect`);
            may lie partly or fully outside the image.
        width: Of the crops in pixels.
        height: Of the crops in pixels.

    Returns:
        `(N, height, width, 3)` uint8, channels as in the image.
    """
    crops = np.zeros((len(boxes), height, width, 3), np.uint8)
    rows, columns = image.shape[:2]
    for crop, box, matrix in zip(
        crops, boxes, crop_affine(boxes, width, height), strict=True
    ):
        if _outside(box, columns, rows):
            continue
        part, offset, step = _readable(image, box)
        matrix[:, 2] += matrix[:, :2] @ offset
        matrix[:, :2] *= step
        cv2.warpAffine(part, matrix, (width, height), dst=crop, flags=cv2.INTER_LINEAR)
    return crops


def _outside(box: Floats, columns: int, rows: int) -> bool:
    """Whether a box lies outside of the image."""
    x1, y1, x2, y2 = box
    return bool(x2 <= -1 or y2 <= -1 or x1 >= columns or y1 >= rows)


def _readable(image: Image, box: Floats) -> tuple[Image, Floats, int]:
    """The part of an image that a warp needs, its offset, and its sampling step.

    OpenCV's warp takes images of at most 32767 pixels a side.
    """
    if max(image.shape[:2]) < WARP_LIMIT_PX:
        return image, np.zeros(2), 1
    rows, columns = image.shape[:2]
    x1, y1 = np.clip(np.floor(box[:2]).astype(int) - 2, 0, [columns - 1, rows - 1])
    x2, y2 = np.clip(
        np.ceil(box[2:]).astype(int) + 2, [x1 + 1, y1 + 1], [columns, rows]
    )
    step = -(-max(x2 - x1, y2 - y1) // (WARP_LIMIT_PX - 1))
    part = np.ascontiguousarray(image[y1:y2:step, x1:x2:step])
    return part, np.array([x1, y1], float), int(step)


def check_boxes(boxes: npt.ArrayLike, name: str = "boxes") -> npt.NDArray[np.float32]:
    """Check boxes and convert them to `(N, 4)` float32; an empty list is accepted.

    Raises:
        PoseFlowError: If the shape differs or a coordinate is not finite.
    """
    array = np.asarray(boxes, np.float32)
    if array.size == 0:
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise PoseFlowError(
            f"{name}: expected (people, 4) as x1, y1, x2, y2, got {array.shape}"
        )
    broken = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(broken):
        raise PoseFlowError(
            f"{name}: box {broken[0]} is {array[broken[0]].tolist()}; coordinates must "
            "be finite"
        )
    return array


def network_input(
    crops: Tensor,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device | str = "cpu",
) -> Tensor:
    """Normalise BGR crops for a network: RGB, channels first, in [0, 1], standardised.

    The bytes are sent to the device and converted there: a quarter of the traffic of
    floats.

    Args:
        crops: `(N, H, W, 3)` uint8 BGR.
        mean: Per channel R, G, B in [0, 1], subtracted.
        std: Per channel R, G, B, divided by.
        device: Where the network is.

    Returns:
        `(N, 3, H, W)` float32 RGB, channels-last in memory.
    """
    import torch  # here, so that choosing an estimator by name does not load it

    planes = crops.to(device, non_blocking=True).flip(3).float() / 255
    planes -= torch.tensor(mean, device=device)
    planes /= torch.tensor(std, device=device)
    return planes.permute(0, 3, 1, 2)
