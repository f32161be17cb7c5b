"""Labels of people: ids or names on plates that do not cover each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.drawing.text import paste, plate
from poseflow.poses import NO_TRACK, Poses

Color = tuple[int, int, int]

_FAR = 16384
_TRIES = 12
_LONGEST = 24


def draw_labels(
    canvas: Image,
    poses: Poses,
    extents: Floats,
    colors: Sequence[Color],
    names: Mapping[int, str],
) -> None:
    """Draw every id, or the person's name, on a plate above the head.

    Plates stay inside the image. The nearest person's is placed first; one that would
    cover another moves above it, or below it at the top of the image.

    Args:
        canvas: `(H, W, 3)` uint8 BGR, changed.
        poses: P people.
        extents: `(P, 4)` boxes around what is seen of them.
        colors: P colours of plates.
        names: Names by id.
    """
    rows, columns = canvas.shape[:2]
    placed: list[tuple[int, int, int, int]] = []
    patches: list[tuple[Any, Any, int, int]] = []
    for person in np.argsort(-extents[:, 3], kind="stable").tolist():
        track = int(poses.track_ids[person])
        x1, y1, x2, y2 = extents[person].tolist()
        outside = x2 < 0 or y2 < 0 or x1 >= columns or y1 >= rows
        if track == NO_TRACK or outside:
            continue
        tallest = max(8, max(rows, columns) / 70)
        height = int(np.clip(max(y2 - y1, x2 - x1) / 16, 8, tallest))
        text = _printable(names.get(track, "")) or str(track)
        patch, cover = plate(text, height, colors[person])
        tall, wide = patch.shape[:2]
        left = round(np.clip((x1 + x2) / 2, -_FAR, _FAR) - wide / 2)
        top = round(np.clip(y1, -_FAR, _FAR) - height * 0.9 - tall)
        left = min(max(left, 0), max(columns - wide, 0))
        top = min(max(top, 0), max(rows - tall, 0))
        top = _free(placed, left, top, wide, tall, rows)
        placed.append((left, top, left + wide, top + tall))
        patches.append((patch, cover, left, top))
    for patch, cover, left, top in reversed(patches):
        paste(canvas, patch, cover, left, top)


def _free(
    placed: list[tuple[int, int, int, int]],
    left: int,
    top: int,
    wide: int,
    tall: int,
    rows: int,
) -> int:
    """The nearest top at which a plate covers none that is placed already."""
    start, below = top, False
    for _ in range(_TRIES):
        hit = next(
            (
                other
                for other in placed
                if left < other[2]
                and other[0] < left + wide
                and top < other[3]
                and other[1] < top + tall
            ),
            None,
        )
        if hit is None:
            return top
        below = below or hit[1] - tall < 0
        top = hit[3] if below else hit[1] - tall
        if top + tall > rows:
            return start
    return start


def _printable(name: str) -> str:
    """A name as OpenCV's fonts have it: ASCII, others without their accents or as ?."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    text = plain.encode("ascii", "replace").decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
