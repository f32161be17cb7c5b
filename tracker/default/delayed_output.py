"""Delayed output of `default`: final ids from before confirmation, and gaps filled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from poseflow.arrays import Ints
from poseflow.poses import NO_TRACK, Poses
from poseflow.tracker.postprocess.gap_filling import interpolate, stayed_near

FinalFrames: TypeAlias = tuple[tuple[int, Poses], ...]


@dataclass
class _HeldFrame:
    """A frame of the window; ids are set later for tracks confirmed within it."""

    number: int
    poses: Poses
    serials: Ints
    ids: Ints
    filled: list[Poses] = field(default_factory=list)

    def person(self, track_id: int) -> Poses:
        """The person who has an id in this frame, with that id."""
        here: Poses = self.poses[self.ids == track_id]
        return here.replace(track_ids=[track_id])

    def final(self) -> tuple[int, Poses]:
        """Number and people of the frame; the interpolated ones come last."""
        poses = self.poses.replace(track_ids=self.ids)
        filled = [p for p in self.filled if p.track_ids[0] not in self.ids]
        return self.number, Poses.concatenate([poses, *filled]) if filled else poses


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
        self._delay_frames = delay_frames
        self._fill_frames = fill_frames
        self._window: list[_HeldFrame] = []
        self._latest: _HeldFrame | None = None  # of the final frames

    def add(self, number: int, poses: Poses, serials: Ints, ids: Ints) -> FinalFrames:
        """Add a frame; return those that became final.

        Args:
            number: Number of the frame.
            poses: Its P people.
            serials: `(P,)` tentative track of each person, -1 for none or a confirmed
                one.
            ids: `(P,)` ids given at once, -1 for none.
        """
        for person in np.flatnonzero((serials >= 0) & (ids != NO_TRACK)):
            for held in self._window:
                # A re-identified track may have had another person in this frame.
                if ids[person] not in held.ids:
                    held.ids[held.serials == serials[person]] = ids[person]
        self._window.append(_HeldFrame(number, poses, serials, ids.copy()))
        return self._release(self._delay_frames)

    def flush(self) -> FinalFrames:
        """The frames still held, at the end of the stream."""
        return self._release(0)

    def _release(self, held_frames: int) -> FinalFrames:
        """All but the latest frames, which became final."""
        final = []
        while len(self._window) > held_frames:
            self._fill_gaps()
            self._latest = self._window.pop(0)
            final.append(self._latest.final())
        return tuple(final)

    def _fill_gaps(self) -> None:
        """Fill the gaps that begin with the first frame of the window."""
        if self._latest is None:
            return
        missed = set(self._latest.ids.tolist()) - {*self._window[0].ids.tolist()}
        for track_id in sorted(missed - {NO_TRACK}):
            for gap, held in enumerate(self._window[: self._fill_frames + 1]):
                if track_id in held.ids:
                    before, after = (f.person(track_id) for f in (self._latest, held))
                    if stayed_near(before, after):
                        between = interpolate(before, after, gap)
                        for k, missing in enumerate(self._window[:gap]):
                            missing.filled.append(between[k : k + 1])
                    break
