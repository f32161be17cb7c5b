"""The final view of `default`: ids for frames from before they were given."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, TypeAlias

import numpy as np

from poseflow.arrays import Ints
from poseflow.poses import NO_TRACK, Poses

Final: TypeAlias = tuple[tuple[int, Poses], ...]


class _Moment(NamedTuple):
    """A frame of the window: whose sighting each pose was, and the id it had then."""

    frame: int
    poses: Poses
    serials: Ints
    ids: Ints


class Hindsight:
    """Holds the latest frames until those in the making have got their ids, or not.

    Somebody in the making has no id at once, because most of them are false alarms.
    Who gets one within the window has it, in the final view, from the first sighting
    on. Ids that were given at once stay.

    Args:
        window_frames: How many frames are held, at least 0.
    """

    def __init__(self, window_frames: int) -> None:
        self._length = window_frames
        self._window: deque[_Moment] = deque()
        self._ids: dict[int, int] = {}  # of the bodies in the window, by serial

    def add(self, index: int, poses: Poses, serials: Ints, ids: Ints) -> Final:
        """Take a frame; return those that became final.

        Args:
            index: Number of the frame.
            poses: Its P people.
            serials: `(P,)` body that each pose was taken for, before newcomers were
                recognised; -1 for nobody.
            ids: `(P,)` ids given at once, -1 for none.
        """
        known = (ids != NO_TRACK) & (serials >= 0)
        self._ids.update(zip(serials[known].tolist(), ids[known].tolist(), strict=True))
        self._window.append(_Moment(index, poses, serials, ids))
        final = []
        while len(self._window) > self._length:
            final.append(self._settle(self._window.popleft()))
        if len(self._ids) > 1000 + 10 * self._length:
            held = np.concatenate([serials, *(m.serials for m in self._window)])
            self._ids = {s: self._ids[s] for s in held.tolist() if s in self._ids}
        return tuple(final)

    def rest(self) -> Final:
        """The frames still held, at the end of the stream."""
        final = tuple(self._settle(moment) for moment in self._window)
        self._window.clear()
        return final

    def _settle(self, moment: _Moment) -> tuple[int, Poses]:
        ids = moment.ids.copy()
        taken = set(ids.tolist())
        for p in np.flatnonzero(ids == NO_TRACK).tolist():
            later = self._ids.get(int(moment.serials[p]), NO_TRACK)
            # Somebody recognised may have been seen, as themselves, meanwhile.
            if later not in taken:
                ids[p] = later
                taken.add(later)
        return moment.frame, moment.poses.replace(track_ids=ids)
