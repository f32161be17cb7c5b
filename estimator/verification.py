"""Whether a box holds a person, by the joints that are found in it.

A small detector takes lamp posts for people, and legs for people of their own. The pose
network finds no joint with confidence where there is nobody, and joints that reach out
of the box where it holds a part. A logistic regression weighs what speaks for a box.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

CANDIDATE_SCORE = 0.15
"""Detections from this score on are looked at where joints decide in the end."""

FOUND_SCORE = 0.3
"""Joints from this score on count as found."""

EDGE_PX = 2.0
"""A box that ends so close to the picture's edge is cut there."""

ALIKE = 0.08
"""Standard deviation of a joint between two readings of one pose, in body sizes."""

FEATURES = (
    "log of the detector's score",
    "log of the joints' mean score",
    "share of joints found",
    "log of height over the picture's longer side",
    "log of width over height",
    "room left of the joints",
    "room above them",
    "room right of them",
    "room below them",
    "IoU with the joints' extent",
    "cut at the left",
    "cut above",
    "cut at the right",
    "cut below",
    "IoU with a better box",
    "share inside a better box",
    "share of a better box inside",
    "likeness to a better box's pose",
)
"""What `features` measures, in its order; room in shares of the box, from -1 to 1."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What the evidence for a person is worth; learned beside a detector.

    Attributes:
        weights: Log odds for one of each of `FEATURES`.
        bias: Log odds for nothing.
        least: Probability from which on a box holds a person.
    """

    weights: tuple[float, ...]
    bias: float
    least: float = 0.0

    def __post_init__(self) -> None:
        """Check how many weights there are."""
        if len(self.weights) != len(FEATURES):
            raise ValueError(
                f"weights: expected {len(FEATURES)}, got {len(self.weights)}"
            )


UNLEARNED = Verification(weights=(1.0, 2.0) + 16 * (0.0,), bias=0.0)
"""The detector's score times the squared mean of the joints', as odds."""


def features(
    boxes: Floats,
    box_scores: Floats,
    keypoints: Floats,
    keypoint_scores: Floats,
    size: tuple[int, int],
) -> Floats:
    """What is known of each box of a picture, `(P, F)`; see `FEATURES`.

    Args:
        boxes: `(P, 4)` xyxy pixels.
        box_scores: `(P,)` in [0, 1].
        keypoints: `(P, K, 2)` pixels.
        keypoint_scores: `(P, K)`, calibrated.
        size: Width and height of the picture, pixels.

    Examples:
        >>> import numpy as np
        >>> box, joints = np.array([[0.0, 0, 10, 20]]), np.array([[[1.0, 1], [9, 15]]])
        >>> found = features(box, np.ones(1), joints, np.ones((1, 2)), (40, 20))
        >>> dict(zip(FEATURES, found[0].round(2).tolist()))["room below them"]
        0.25
    """
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    sides = np.maximum(high - low, 1e-6)
    found = keypoint_scores >= FOUND_SCORE
    nobody = ~found.any(axis=1)[:, None]
    first = np.where(found[..., None], keypoints, np.inf).min(axis=1, initial=np.inf)
    last = np.where(found[..., None], keypoints, -np.inf).max(axis=1, initial=-np.inf)
    # Where no joint is found, the middle of the box stands for them.
    first = np.where(nobody, (low + high) / 2, first)
    last = np.where(nobody, (low + high) / 2, last)
    room = np.clip(np.hstack([first - low, high - last]) / np.tile(sides, 2), -1, 1)

    area = sides.prod(axis=1)
    shared = _shared(low, high, first, last)
    extent = shared / (area + (last - first).prod(axis=1) - shared)
    cut = np.hstack([low < EDGE_PX, high > np.array(size) - EDGE_PX])

    better = box_scores[None] > box_scores[:, None]
    inside = _shared(low[:, None], high[:, None], low[None], high[None]) * better
    union = area[:, None] + area[None] - inside
    step = np.linalg.norm(keypoints[:, None] - keypoints[None], axis=-1)
    near = np.exp(-np.square(step / (ALIKE * sides.max(axis=1))[:, None, None]) / 2)
    weight = keypoint_scores[:, None] * keypoint_scores[None]
    alike = (weight * near).sum(axis=2) / np.maximum(weight.sum(axis=2), 1e-6)
    return np.column_stack(
        [
            np.log(np.maximum(box_scores, 1e-6)),
            np.log(keypoint_scores.mean(axis=1) + 1e-3),
            found.mean(axis=1),
            np.log(sides[:, 1] / max(size)),
            np.log(sides[:, 0] / sides[:, 1]),
            room,
            extent,
            cut,
            (inside / union).max(axis=1, initial=0),
            (inside / area[:, None]).max(axis=1, initial=0),
            (inside / area[None]).max(axis=1, initial=0),
            (alike * better).max(axis=1, initial=0),
        ]
    )


def _shared(low: Floats, high: Floats, first: Floats, last: Floats) -> Floats:
    """Area that boxes share, by their corners."""
    sides = np.minimum(high, last) - np.maximum(low, first)
    area: Floats = np.maximum(sides, 0).prod(axis=-1)
    return area


def person_scores(verification: Verification, evidence: Floats) -> Floats:
    """How likely each box holds a person.

    Args:
        verification: What the evidence is worth.
        evidence: `(P, F)`, of `features`.

    Returns:
        `(P,)` in [0, 1].
    """
    odds = evidence @ np.array(verification.weights) + verification.bias
    scores: Floats = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return scores
