"""Which poses of one frame show somebody who is there already."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.tracker.default.tracks import Bodies


def twins(
    points: Floats,
    present: Bools,
    sizes: Floats,
    spread: Floats,
    same: float,
) -> tuple[Ints, Ints, Floats]:
    """Pairs of poses of one frame that are as alike as two looks at one person.

    Alike is the object keypoint similarity over the joints that both have, over the
    larger size: a quarter of the smaller number of joints at least must be common.

    Args:
        points: `(P, K, 2)` pixels.
        present: `(P, K)`.
        sizes: `(P,)` pixels.
        spread: `(K,)` standard deviation of a joint, in sizes.
        same: Similarity above which two are one, in [0, 1].

    Returns:
        First and second pose of each pair, `first < second`, and their similarity.
    """
    count = present.sum(axis=1)
    shown = np.maximum(count, 1)
    middle = np.where(present[..., None], points, 0).sum(axis=1) / shown[:, None]
    apart = np.square(middle[:, None] - middle[None]).sum(axis=-1)
    close = apart < np.square(0.35 * np.maximum(sizes[:, None], sizes[None]))
    close &= (count[:, None] > 0) & (count[None] > 0)
    first, second = np.nonzero(np.triu(close, 1))
    if not len(first):
        return first, second, np.zeros(0)
    both = present[first] & present[second]
    scale = np.maximum(sizes[first], sizes[second])
    step = np.square(points[first] - points[second]).sum(axis=-1)
    near = np.exp(-step / (2 * np.square(scale[:, None] * spread)))
    common = both.sum(axis=1)
    alike = np.where(both, near, 0).sum(axis=1) / np.maximum(common, 1)
    enough = common >= np.maximum(np.minimum(count[first], count[second]) / 4, 1)
    keep = (alike > same) & enough
    return first[keep], second[keep], alike[keep]


def hide_doubles(
    bodies: Bodies,
    match: Ints,
    lesser: Ints,
    greater: Ints,
    shadow_frames: float,
    settled: int,
) -> Bools:
    """People who are somebody else's double, `(P,)`; ends ids that are.

    Of two alike, the one that continues somebody known stays.

    Args:
        bodies: Identities that took the frame in; changed.
        match: `(P,)` number of the body of each pose, -1 for none; changed.
        lesser: `(n,)` of each pair that are alike, the pose of less quality.
        greater: `(n,)` the other.
        shadow_frames: Frames as a double after which an id ends.
        settled: Frames seen after which an id outlives being a double.
    """
    hidden = np.zeros(len(match), np.bool_)
    bodies.shadow[match[match >= 0]] -= 0.5
    for a, b in zip(greater.tolist(), lesser.tolist(), strict=True):
        i, j = match[a], match[b]
        if i >= 0 and j >= 0:
            # Both continue somebody: the younger may be nobody.
            young = i if bodies.hits[i] < bodies.hits[j] else j
            bodies.shadow[young] += 1.5
            if bodies.ids[young] == 0 or bodies.shadow[young] > shadow_frames:
                # Whoever was there for long is hidden, not gone.
                bodies.gap[young] = 1 if bodies.hits[young] >= settled else np.inf
                pose = a if young == i else b
                match[pose] = -1
                hidden[pose] = True
        elif i >= 0 or j >= 0:
            hidden[b if i >= 0 else a] = True
        else:
            hidden[b] = True
    np.maximum(bodies.shadow, 0, out=bodies.shadow)
    return hidden
