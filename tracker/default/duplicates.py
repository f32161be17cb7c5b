"""Duplicate poses of one frame: detections of a person who is detected twice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poseflow.arrays import Bools, Ints
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.observations import Observations

CLOSE = 0.35
"""Distance of the keypoints' means, in sizes, up to which poses are compared."""

COMMON = 0.25
"""Share of the smaller number of keypoints that two poses have to have in common."""


class Duplicates(NamedTuple):
    """n pairs of poses of one frame that are similar.

    Attributes:
        stronger: `(n,)` indices of the poses of better quality.
        weaker: `(n,)` indices of the others.
    """

    stronger: Ints
    weaker: Ints


def find_duplicates(people: Observations, options: DefaultOptions) -> Duplicates:
    """Poses whose OKS over common keypoints is above `duplicate_similarity`.

    OKS is taken at the larger size of both.
    """
    # From strong to weak; ties by position, so that the order of the input is the same.
    order = np.lexsort((*people.centres.T[::-1], -people.quality))
    points, present = people.points[order, :-1], people.present[order, :-1]
    sizes, count = people.sizes[order], present.sum(axis=1)
    mean = np.where(present[..., None], points, 0).sum(axis=1)
    mean /= np.maximum(count, 1)[:, None]
    apart = np.square(mean[:, None] - mean[None]).sum(axis=-1)
    close = apart < np.square(CLOSE * np.maximum(sizes[:, None], sizes[None]))
    first, second = np.nonzero(np.triu(close, 1))
    both = present[first] & present[second]
    deviation = options.weights.keypoint_deviation(people.sigmas)
    scale = np.maximum(sizes[first], sizes[second])[:, None] * deviation
    distance = np.square(points[first] - points[second]).sum(axis=-1)
    near = np.where(both, np.exp(-distance / (2 * np.square(scale))), 0)
    common = both.sum(axis=1)
    similar = near.sum(axis=1) > options.duplicate_similarity * common
    similar &= common >= COMMON * np.minimum(count[first], count[second])
    return Duplicates(order[first[similar]], order[second[similar]])


def suppress_duplicates(
    tracks: TrackStates, track_of: Ints, duplicates: Duplicates
) -> tuple[Bools, Ints]:
    """People who get no id because they are duplicates.

    Of two similar poses the one that continues a track stays. If both do, the one whose
    track has fewer hits is suppressed if that track is tentative; else both stay.
    Without tracks the stronger one stays.

    Args:
        tracks: Tracks after the update by the matches.
        track_of: `(P,)` track of each person, -1 for none.
        duplicates: Pairs of similar poses.

    Returns:
        `(P,)` mask of suppressed people, and the tentative tracks that they matched.
    """
    suppressed = np.zeros(len(track_of), np.bool_)
    missed = []
    for stronger, weaker in zip(*map(np.ndarray.tolist, duplicates), strict=True):
        one, other = track_of[stronger], track_of[weaker]
        if suppressed[stronger] or suppressed[weaker]:
            continue
        if one >= 0 and other >= 0:
            younger = stronger if tracks.hits[one] < tracks.hits[other] else weaker
            if not tracks.confirmed[track_of[younger]]:
                suppressed[younger] = True
                missed.append(track_of[younger])
        else:
            suppressed[weaker if one >= 0 or other < 0 else stronger] = True
    return suppressed, np.array(missed, np.int64)
