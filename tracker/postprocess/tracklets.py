"""Tracklets of a sequence: where and when the poses of each id begin and end."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.sequence import PoseSequence
from poseflow.tracker.people_count import SHORT_POSES

VELOCITY_FRAMES, LEAST_VELOCITY_FRAMES = 12, 4
"""Poses at the end of a tracklet that give its velocity; with fewer it is 0."""

WIDE_SIZES = 4
"""Where the size of the images is not known, people who cross so many sizes tell where
the borders are."""


class TrackletEnds(NamedTuple):
    """One end of each of N tracklets.

    Attributes:
        places: `(N, 2)` centres, pixels.
        velocities: `(N, 2)` pixels per frame.
        sizes: `(N,)` longer side of the box, pixels.
    """

    places: Floats
    velocities: Floats
    sizes: Floats

    @classmethod
    def of_each(cls, ends: list[tuple[Floats, Floats, float]]) -> TrackletEnds:
        """From place, velocity and size of each."""
        places, velocities, sizes = zip(*ends, strict=True) if ends else ((), (), ())
        return cls(
            np.array(places, np.float64).reshape(-1, 2),
            np.array(velocities, np.float64).reshape(-1, 2),
            np.array(sizes, np.float64),
        )

    def of(self, which: Ints) -> TrackletEnds:
        """Those of some tracklets, by index."""
        return TrackletEnds(*(values[which] for values in self))


class Tracklets(NamedTuple):
    """N tracklets: all poses of one id each.

    Attributes:
        ids: `(N,)` track ids, ascending.
        first: `(N,)` index of the first frame.
        last: `(N,)` index of the last frame.
        lengths: `(N,)` number of poses.
        begins: First ends.
        ends: Last ends.
        centres: `(M, 2)` box centres of all their poses, pixels.
        sizes: `(M,)` longer sides of these boxes, pixels.
    """

    ids: Ints
    first: Ints
    last: Ints
    lengths: Ints
    begins: TrackletEnds
    ends: TrackletEnds
    centres: Floats
    sizes: Floats

    @classmethod
    def of(cls, sequence: PoseSequence) -> Tracklets:
        """The tracklets of a sequence."""
        columns = sequence.columns
        poses, frames = columns.poses, columns.indices[columns.rows]
        rows = np.flatnonzero(poses.track_ids >= 0)
        rows = rows[np.lexsort((frames[rows], poses.track_ids[rows]))]
        ids, start = np.unique(poses.track_ids[rows], return_index=True)
        stop = np.append(start, len(rows))[1:]
        frames, boxes = frames[rows], poses.boxes[rows].astype(np.float64)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        sizes = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0), 1.0)
        parts = [slice(*part) for part in zip(start, stop, strict=True)]
        sides = [
            [_end(frames[part], centres[part], sizes[part], last) for part in parts]
            for last in (False, True)
        ]
        begins, ends = (TrackletEnds.of_each(side) for side in sides)
        first, last = frames[start], frames[stop - 1]
        return cls(ids, first, last, stop - start, begins, ends, centres, sizes)


def _end(
    frames: Ints, centres: Floats, sizes: Floats, last: bool
) -> tuple[Floats, Floats, float]:
    """Place, velocity and size at one end of a tracklet, by regression.

    Args:
        frames: `(T,)` its frames.
        centres: `(T, 2)` its box centres.
        sizes: `(T,)` its sizes.
        last: Its last end, rather than its first.
    """
    part = slice(-VELOCITY_FRAMES, None) if last else slice(0, VELOCITY_FRAMES)
    t, xy = frames[part].astype(np.float64), centres[part]
    at = t[-1] if last else t[0]
    size = float(np.median(sizes[part]))
    if len(t) < LEAST_VELOCITY_FRAMES:
        return xy[-1 if last else 0], np.zeros(2), size
    line = np.polynomial.polynomial.polyfit(t - at, xy, 1)
    return line[0], line[1], size


def image_bounds(tracklets: Tracklets, size: tuple[int, int] | None) -> Floats:
    """Borders of the images, `(2, 2)` pixels.

    If their size is not known: what people reach who come from all sides; infinite
    where they cross no more than a few sizes.
    """
    if size is not None:
        return np.array([[0, 0], size], np.float64)
    if not len(tracklets.centres):
        return np.array([[-np.inf] * 2, [np.inf] * 2])
    centres = tracklets.centres
    reach = np.stack([centres.min(axis=0), centres.max(axis=0)])
    wide = reach[1] - reach[0] > WIDE_SIZES * float(np.median(tracklets.sizes))
    return np.where(wide, reach, [[-np.inf] * 2, [np.inf] * 2])


def people_counts(tracklets: Tracklets) -> Counter[int]:
    """Number of frames by the number of people in them, gaps of tracklets included."""
    long = tracklets.lengths >= SHORT_POSES
    if not long.any():
        return Counter()
    first, last = tracklets.first[long], tracklets.last[long]
    first, last = first - first.min(), last - first.min()
    changes = np.zeros(last.max() + 2, np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, last + 1, -1)
    return Counter(np.cumsum(changes)[:-1].tolist())
