"""Whether a box holds a person, by the joints that are found in it.

A small detector takes lamp posts for people; where there is nobody, the pose network
finds no joint with confidence.
"""

from __future__ import annotations

from poseflow.arrays import Floats

CANDIDATE_SCORE = 0.18
"""Detections from this score on are looked at where joints decide in the end."""

SAME_PERSON_IOU = 0.4
"""Two people whose boxes, moved to their joints, overlap more than this are one."""


def person_scores(box_scores: Floats, keypoint_scores: Floats) -> Floats:
    """The detector's score times the squared mean of the joints'.

    Chosen among powers 1/4 to 2 by recall on the embedded detector's validation split.

    Args:
        box_scores: `(P,)` in [0, 1].
        keypoint_scores: `(P, K)`, calibrated.

    Returns:
        `(P,)`.

    Examples:
        >>> import numpy as np
        >>> person_scores(np.array([0.5]), np.array([[0.9, 0.7]])).round(2)
        array([0.32])
    """
    if not len(box_scores):
        return box_scores
    scores: Floats = box_scores * keypoint_scores.mean(axis=1) ** 2
    return scores
