"""Box refinement: boxes of detected people, moved to the extent of their joints.

A small detector finds people better than their edges, which the joints show. After the
idea of refining boxes in a second stage (Cai and Vasconcelos, "Cascade R-CNN", CVPR
2018), but without another network.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6)
"""Score levels: the extent of the joints is taken at each of them."""

FARTHEST = 1.2
"""Joints farther from a box's middle, in sides, are taken to be that far."""

DEFAULT_EXTENT = 0.5
"""Where no joint has the score, the box's own edge stands in."""

OUTWARDS = np.array([-1, -1, 1, 1])
"""The direction in which the left, upper, right and lower edge lie from the middle."""

Weights = Annotated[
    tuple[float, ...],
    msgspec.Meta(min_length=len(LEVELS) + 3, max_length=len(LEVELS) + 3),
]


class BoxRefinement(msgspec.Struct, frozen=True, kw_only=True):
    """Linear rules for where the edges of a person's box are.

    Each holds a weight for every level of `LEVELS`, for 1, for the logarithm of the
    box's aspect ratio and for the mean joint score; see `edge_features`.

    Attributes:
        side: For the left and the right edge.
        top: For the upper edge.
        bottom: For the lower edge.
    """

    side: Weights
    top: Weights
    bottom: Weights


def edge_features(boxes: Floats, keypoints: Floats, scores: Floats) -> Floats:
    """Features of the left, upper, right and lower edge of every box.

    How far out the joints reach, measured from the box's middle in sides, for each
    level of score: 0.5 is the box's own edge.

    Args:
        boxes: `(P, 4)` xyxy pixels, of positive size.
        keypoints: `(P, K, 2)` pixels.
        scores: `(P, K)`, calibrated.

    Returns:
        `(4, P, F)`, float64; F as `BoxRefinement` has weights.
    """
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    sides = high - low
    places = (keypoints - ((low + high) / 2)[:, None]) / sides[:, None]
    outwards = np.concatenate([-places, places], axis=2)  # left, up, right, down
    seen = scores[..., None] >= np.array(LEVELS)
    reach = np.where(seen[:, :, None], outwards[..., None], -np.inf)
    reach = reach.max(axis=1, initial=-np.inf)
    reach[~np.isfinite(reach)] = DEFAULT_EXTENT
    aspect = np.log(sides[:, 0] / sides[:, 1])
    others = np.stack([np.ones(len(boxes)), aspect, scores.mean(axis=1)], axis=1)
    table = [np.clip(reach, -FARTHEST, FARTHEST), np.repeat(others[:, None], 4, axis=1)]
    return np.concatenate(table, axis=2).transpose(1, 0, 2)


def refine_boxes(
    boxes: Floats,
    keypoints: Floats,
    scores: Floats,
    rules: BoxRefinement,
    size: tuple[int, int],
) -> npt.NDArray[np.float32]:
    """Box refinement: move the edges of people's boxes to their joints.

    Args:
        boxes: `(P, 4)` xyxy pixels, of positive size.
        keypoints: `(P, K, 2)` pixels, of the crops of these boxes.
        scores: `(P, K)`, calibrated.
        rules: See `BoxRefinement`.
        size: Width and height of the image, at which boxes end.

    Returns:
        `(P, 4)`. A box that would have no size stays as it was.
    """
    left, top, right, bottom = edge_features(boxes, keypoints, scores)
    out = [
        left @ rules.side,
        top @ rules.top,
        right @ rules.side,
        bottom @ rules.bottom,
    ]
    sides, middle = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    moved = np.tile(middle, 2) + np.stack(out, 1) * np.tile(sides, 2) * OUTWARDS
    moved = np.clip(moved, 0, [*size, *size])
    real = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    return np.where(real[:, None], moved, boxes).astype(np.float32)
