"""Delayed output of `default`: final ids from before confirmation, and gaps filled."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np

from poseflow.arrays import Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.tracker.postprocess.gap_filling import interpolate, stayed_near

FinalFrames: TypeAlias = tuple[tuple[int, Poses], ...]


@dataclass
class _HeldFrame:
    """A frame of the window, with the track and the id that each person had then."""

    frame: int
    poses: Poses
    serials: Ints
    ids: Ints
    filled: list[Poses] = field(default_factory=list)


class _Sighting(NamedTuple):
    """One person of a held frame."""

    held: _HeldFrame
    person: int


class DelayedOutput:
    """Holds the latest frames until their tentative tracks are confirmed, or not.

    Most tentative tracks are false positives, so they have no id at once. Those that
    are confirmed within the window have it, in final frames, from their first
    observation on. Ids that were given at once stay. Short gaps between two sightings
    of an id are filled by interpolated people, who come last in their frames.

    Args:
        delay_frames: How many frames are held, at least 0.
        fill_frames: Longest gap that is filled, at least 0; only frames still held are.
    """

    def __init__(self, delay_frames: int, fill_frames: int = 0) -> None:
        self._length = delay_frames
        self._fill_frames = fill_frames
        self._window: deque[_HeldFrame] = deque()
        self._ids: dict[int, int] = {}  # by serial, of the tracks in the window
        self._latest: dict[int, _Sighting] = {}  # by id

    def add(self, frame: int, poses: Poses, serials: Ints, ids: Ints) -> FinalFrames:
        """Add a frame; return those that became final.

        Args:
            frame: Number of the frame.
            poses: Its P people.
            serials: `(P,)` track of each person before re-identification; -1 for none.
            ids: `(P,)` ids given at once, -1 for none.
        """
        held = _HeldFrame(frame, poses, serials, ids)
        self._window.append(held)
        for person in np.flatnonzero((ids != NO_TRACK) & (serials >= 0)).tolist():
            serial, track_id = int(serials[person]), int(ids[person])
            if serial not in self._ids:
                self._ids[serial] = track_id
                for earlier in self._window:
                    for k in np.flatnonzero(earlier.serials == serial).tolist():
                        self._see(track_id, _Sighting(earlier, k))
            else:
                self._see(track_id, _Sighting(held, person))
        final = []
        while len(self._window) > self._length:
            final.append(self._finalize(self._window.popleft()))
        if len(self._ids) > 1000 + 10 * self._length:
            held_now = np.concatenate([serials, *(f.serials for f in self._window)])
            self._ids = {s: self._ids[s] for s in held_now.tolist() if s in self._ids}
        if len(self._latest) > 1000:
            oldest = frame - self._fill_frames - 1
            self._latest = {
                k: seen for k, seen in self._latest.items() if seen.held.frame >= oldest
            }
        return tuple(final)

    def flush(self) -> FinalFrames:
        """The frames still held, at the end of the stream."""
        final = tuple(self._finalize(frame) for frame in self._window)
        self._window.clear()
        return final

    def _see(self, track_id: int, seen: _Sighting) -> None:
        """Note a sighting of an id, and fill the gap before it."""
        if not self._fill_frames:
            return
        before = self._latest.get(track_id)
        if before is not None and before.held.frame >= seen.held.frame:
            return
        self._latest[track_id] = seen
        if before is None:
            return
        missed = seen.held.frame - before.held.frame - 1
        if not 0 < missed <= self._fill_frames:
            return
        gap = [
            held
            for held in self._window
            if before.held.frame < held.frame < seen.held.frame
        ]
        if len(gap) < missed:
            return
        ends = [s.held.poses[s.person] for s in (before, seen)]
        if not stayed_near(*ends):
            return
        known = ends[0].replace(track_ids=[track_id])
        for held, pose in zip(gap, interpolate(known, ends[1], missed), strict=True):
            held.filled.append(pose)

    def _finalize(self, held: _HeldFrame) -> tuple[int, Poses]:
        ids = held.ids.copy()
        taken = set(ids.tolist())
        for p in np.flatnonzero(ids == NO_TRACK).tolist():
            later = self._ids.get(int(held.serials[p]), NO_TRACK)
            # A re-identified track may have had another person in this frame.
            if later not in taken:
                ids[p] = later
                taken.add(later)
        poses = held.poses.replace(track_ids=ids)
        filled = [pose for pose in held.filled if int(pose.track_ids[0]) not in taken]
        return held.frame, Poses.concatenate([poses, *filled]) if filled else poses
