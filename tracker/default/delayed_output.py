"""Delayed output of `default`: final ids, from before tracks were confirmed."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, TypeAlias

import numpy as np

from poseflow.arrays import Ints
from poseflow.poses import NO_TRACK, Poses

FinalFrames: TypeAlias = tuple[tuple[int, Poses], ...]


class _HeldFrame(NamedTuple):
    """A frame of the window, with the track and the id that each person had then."""

    frame: int
    poses: Poses
    serials: Ints
    ids: Ints


class DelayedOutput:
    """Holds the latest frames until their tentative tracks are confirmed, or not.

    Most tentative tracks are false positives, so they have no id at once. Those that
    are confirmed within the window have it, in final frames, from their first
    observation on. Ids that were given at once stay.

    Args:
        delay_frames: How many frames are held, at least 0.
    """

    def __init__(self, delay_frames: int) -> None:
        self._length = delay_frames
        self._window: deque[_HeldFrame] = deque()
        self._ids: dict[int, int] = {}  # by serial, of the tracks in the window

    def add(self, frame: int, poses: Poses, serials: Ints, ids: Ints) -> FinalFrames:
        """Add a frame; return those that became final.

        Args:
            frame: Number of the frame.
            poses: Its P people.
            serials: `(P,)` track of each person before re-identification; -1 for none.
            ids: `(P,)` ids given at once, -1 for none.
        """
        known = (ids != NO_TRACK) & (serials >= 0)
        self._ids.update(zip(serials[known].tolist(), ids[known].tolist(), strict=True))
        self._window.append(_HeldFrame(frame, poses, serials, ids))
        final = []
        while len(self._window) > self._length:
            final.append(self._finalize(self._window.popleft()))
        if len(self._ids) > 1000 + 10 * self._length:
            held = np.concatenate([serials, *(f.serials for f in self._window)])
            self._ids = {s: self._ids[s] for s in held.tolist() if s in self._ids}
        return tuple(final)

    def flush(self) -> FinalFrames:
        """The frames still held, at the end of the stream."""
        final = tuple(self._finalize(frame) for frame in self._window)
        self._window.clear()
        return final

    def _finalize(self, held: _HeldFrame) -> tuple[int, Poses]:
        ids = held.ids.copy()
        taken = set(ids.tolist())
        for p in np.flatnonzero(ids == NO_TRACK).tolist():
            later = self._ids.get(int(held.serials[p]), NO_TRACK)
            # A re-identified track may have had another person in this frame.
            if later not in taken:
                ids[p] = later
                taken.add(later)
        return held.frame, held.poses.replace(track_ids=ids)
