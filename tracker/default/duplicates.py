"""Duplicate poses of one frame: detections of a person who is detected twice."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.tracker.default.tracks import TrackStates
from poseflow.tracker.observations import Observations

CLOSE = 0.35
"""Distance of the keypoints' means, in sizes, up to which poses are compared."""

COMMON = 0.25
"""Share of the smaller number of keypoints that two poses have to have in common."""


def find_duplicates(
    people: Observations, deviation: Floats, similarity: float
) -> tuple[Ints, Ints]:
    """Pairs of poses whose OKS over common keypoints is above `similarity`.

    Args:
        people: The P people of a frame.
        deviation: `(K,)` standard deviation of the keypoints, in sizes.
        similarity: In [0, 1]; OKS is taken at the larger size of both.

    Returns:
        `(n,)` indices of the poses of better quality, and `(n,)` of the weaker ones.
    """
    points, present = people.points[:, :-1], people.present[:, :-1]
    sizes = people.sizes
    count = present.sum(axis=1)
    mean = np.where(present[..., None], points, 0).sum(axis=1)
    mean /= np.maximum(count, 1)[:, None]
    apart = np.square(mean[:, None] - mean[None]).sum(axis=-1)
    close = apart < np.square(CLOSE * np.maximum(sizes[:, None], sizes[None]))
    close &= (count[:, None] > 0) & (count[None] > 0)
    first, second = np.nonzero(np.triu(close, 1))
    both = present[first] & present[second]
    scale = np.maximum(sizes[first], sizes[second])[:, None] * deviation
    distance = np.square(points[first] - points[second]).sum(axis=-1)
    near = np.where(both, np.exp(-distance / (2 * np.square(scale))), 0)
    common = both.sum(axis=1)
    oks = near.sum(axis=1) / np.maximum(common, 1)
    least = np.maximum(COMMON * np.minimum(count[first], count[second]), 1)
    keep = (oks > similarity) & (common >= least)
    first, second = first[keep], second[keep]
    # Ties by position, so that ids do not depend on the order of the input.
    rank = np.argsort(np.lexsort((*people.centres.T[::-1], -people.quality)))
    swap = rank[first] > rank[second]
    return np.where(swap, second, first), np.where(swap, first, second)


def suppress_duplicates(
    tracks: TrackStates, track_of: Ints, duplicates: tuple[Ints, Ints]
) -> tuple[Bools, Ints]:
    """People who get no id because they are duplicates.

    Of two similar poses the one that continues a track stays. If both do, the one whose
    track has fewer hits is suppressed if that track is tentative; else both stay.
    Without tracks the stronger one stays.

    Args:
        tracks: Tracks after the update by the matches.
        track_of: `(P,)` track of each person, -1 for none.
        duplicates: Pairs of similar poses, the stronger ones first.

    Returns:
        `(P,)` mask of suppressed people, and the tentative tracks that they matched.
    """
    suppressed = np.zeros(len(track_of), np.bool_)
    missed = []
    for stronger, weaker in zip(*(d.tolist() for d in duplicates), strict=True):
        one, other = track_of[stronger], track_of[weaker]
        if suppressed[stronger] or suppressed[weaker]:
            continue
        if one >= 0 and other >= 0:
            younger = stronger if tracks.hits[one] < tracks.hits[other] else weaker
            if tracks.ids[track_of[younger]] == 0:
                suppressed[younger] = True
                missed.append(track_of[younger])
        else:
            suppressed[weaker if one >= 0 or other < 0 else stronger] = True
    return suppressed, np.array(missed, np.int64)
