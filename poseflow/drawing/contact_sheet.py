"""Contact sheets: many images side by side on one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.drawing.text import paste, text_mask
from poseflow.errors import PoseFlowError

SHEET_FRAMES = 12
SHEET_CELL_PIXELS = 640
"""Frames of a video on a sheet, and the longer side at which they are kept for it."""

_PAPER = (250, 250, 250)
_INK = (50, 50, 50)


def contact_sheet(
    images: Sequence[Image],
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    *,
    width: int = 1600,
) -> Image:
    """Images in reading order on one light sheet, each fitted into an equal cell.

    Args:
        images: `(H, W, 3)` uint8 BGR each; sizes may differ.
        columns: Cells per row; default about as many as rows.
        labels: A short text below each image.
        width: Width of the sheet in pixels.

    Returns:
        `(height, width, 3)` uint8 BGR.

    Raises:
        PoseFlowError: If there is no image, labels do not match, or cells would be
            smaller than 16 pixels.

    Examples:
        >>> import numpy as np
        >>> contact_sheet([np.zeros((30, 40, 3), np.uint8)] * 5, 3, width=400).shape
        (204, 400, 3)
    """
    if not images:
        raise PoseFlowError("contact_sheet needs at least one image, got none")
    if labels is not None and len(labels) != len(images):
        raise PoseFlowError(
            f"labels: expected {len(images)}, one for each image, got {len(labels)}"
        )
    if columns is None:
        columns = math.ceil(math.sqrt(len(images)))
    gap = max(width // 100, 4)
    cell = (width - gap) // max(columns, 1) - gap
    if columns < 1 or cell < 16:
        raise PoseFlowError(
            f"columns: expected 1 or more that leave 16 pixels each, got {columns} on "
            f"a sheet {width} pixels wide"
        )
    # The median shape, so that one odd image does not waste space in all cells.
    ratio = float(np.median([image.shape[0] / image.shape[1] for image in images]))
    tall = max(round(cell * ratio), 1)
    letter = max(min(cell // 24, 14), 7)
    strip = 0 if labels is None else letter * 2 + gap // 2
    rows = math.ceil(len(images) / columns)
    sheet = np.full((rows * (tall + strip + gap) + gap, width, 3), _PAPER, np.uint8)
    for k, image in enumerate(images):
        row, column = divmod(k, columns)
        y, x = gap + row * (tall + strip + gap), gap + column * (cell + gap)
        scale = min(cell / image.shape[1], tall / image.shape[0])
        size = (
            max(round(image.shape[1] * scale), 1),
            max(round(image.shape[0] * scale), 1),
        )
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        small = cv2.resize(image, size, interpolation=way)
        top, left = y + (tall - size[1]) // 2, x + (cell - size[0]) // 2
        sheet[top : top + size[1], left : left + size[0]] = small
        if labels is not None and labels[k]:
            mask = text_mask(labels[k], letter)[:, :cell]
            ink = np.full((*mask.shape, 3), _INK, np.uint8)
            paste(sheet, ink, mask, x, y + tall + letter // 2)
    return sheet


class SheetSamples:
    """Keeps frames of a video of unknown length at equal distances, for a sheet."""

    def __init__(self) -> None:
        self._kept: list[tuple[Image, str]] = []
        self._stride, self._seen = 1, 0

    def add(self, image: Image, label: str) -> None:
        """Take the next frame."""
        if self._seen % self._stride == 0:
            scale = min(SHEET_CELL_PIXELS / max(image.shape[:2]), 1.0)
            small = cv2.resize(
                image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
            self._kept.append((np.asarray(small, np.uint8), label))
            if len(self._kept) > 4 * SHEET_FRAMES:
                self._kept, self._stride = self._kept[::2], 2 * self._stride
        self._seen += 1

    def sheet(self) -> Image:
        """The sheet, with up to twelve of the frames.

        Raises:
            PoseFlowError: If there was no frame.
        """
        last = len(self._kept) - 1
        places = np.linspace(0, last, min(SHEET_FRAMES, last + 1)).round().astype(int)
        chosen = [self._kept[k] for k in places.tolist()]
        return contact_sheet([i for i, _ in chosen], labels=[t for _, t in chosen])
