"""Numbers and times of decoded frames, through damage and reordering."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any


class FrameCounter:
    """Numbers decoded frames so that lost frames leave a gap.

    One packet holds one frame, so a frame's number is the rank of its timestamp among
    those of all packets; that holds at a variable rate and with reordered frames too.
    While nothing is damaged, frames are simply counted: some intact streams have
    packets without a frame.

    Attributes:
        index: The number that the next frame gets.
        damaged: Set once the decoder has met damage.
        lost: Frames known to be lost so far.

    Examples:
        >>> counter = FrameCounter()
        >>> for pts in (0, 2, 1, 3):
        ...     counter.packet(pts)
        >>> first = counter.frame(0)
        >>> counter.damaged = True  # the packet of 1 was broken
        >>> first, counter.frame(2), counter.frame(3), counter.lost
        (0, 2, 3, 1)
    """

    _LONGEST = 4096

    def __init__(self) -> None:
        self.index = 0
        self.damaged = False
        self.lost = 0
        self._waiting: list[int] = []
        self._ranked = True

    def packet(self, pts: int | None) -> None:
        """Note that a packet with this timestamp goes into the decoder."""
        # Without timestamps, or where packets give no frames, ranks mean nothing.
        if pts is None or len(self._waiting) > self._LONGEST:
            self._ranked = False
            self._waiting.clear()
        if self._ranked and pts is not None:
            heapq.heappush(self._waiting, pts)

    def frame(self, pts: int | None, gap: int = 0) -> int:
        """The number of a frame that comes out of the decoder.

        Args:
            pts: Its timestamp.
            gap: Number of frames missing before it by their times; used after damage,
                for packets that were lost before they were read.
        """
        if self._ranked and pts is not None:
            passed = 0
            while self._waiting and self._waiting[0] < pts:
                heapq.heappop(self._waiting)
                passed += 1
            if self._waiting and self._waiting[0] == pts:
                heapq.heappop(self._waiting)
            if self.damaged:
                self.index += max(passed, gap)
                self.lost += max(passed, gap)
        number = self.index
        self.index += 1
        return number

    def skip(self) -> None:
        """Leave out a frame that is damaged.

        Its timestamp may be as wrong as its pixels, so it takes no place here: the
        packet's place is counted as lost when a later frame comes out.
        """
        if not self._ranked:
            self.index += 1
            self.lost += 1

    def finish(self) -> None:
        """Count packets without a frame at the end as lost, after damage."""
        if self.damaged:
            self.lost += len(self._waiting)
            self.index += len(self._waiting)
        self._waiting.clear()


class JoinedTime:
    """Timestamps of packets that continue where recordings were joined.

    Transport streams are joined by appending them; the second one starts its time
    again. A key frame is shown later than every packet before it, so one with an
    earlier timestamp begins another recording; so does any packet that lies back
    farther than frames are reordered. A single packet that lies far ahead, of those
    before and after it alike, has a wrong timestamp and is put behind the one before.

    Attributes:
        wrong: Whether a timestamp was wrong: the stated duration may be, too.

    Args:
        step: Timestamp units from frame to frame.
        longest: Units by which a packet may lie back because frames are reordered.

    Examples:
        >>> time = JoinedTime(step=10, longest=160)
        >>> [time.of(pts, key) for pts, key in [(0, True), (20, False), (10, False)]]
        [0, 20, 10]
        >>> [time.of(pts, key) for pts, key in [(0, True), (10, False)]]
        [30, 40]
        >>> time.of(90_000, False, 60), time.of(60, False)
        (50, 90)
    """

    def __init__(self, step: int, longest: int) -> None:
        self._step = step
        self._longest = longest
        self._offset = 0
        self._latest: int | None = None
        self._before: tuple[int, int] | None = None
        self.wrong = False

    def of(self, pts: int, key_frame: bool, following: int | None = None) -> int:
        """The timestamp of a packet in a time that does not begin again.

        Args:
            pts: Its own timestamp.
            key_frame: Whether it can be decoded alone.
            following: The timestamp of the next packet, if known.
        """
        latest = self._latest
        before, self._before = self._before, None
        if (
            latest is not None
            and following is not None
            and pts - latest > self._longest < pts - following
            and abs(following - latest) <= self._longest
        ):
            pts = latest + self._step
            self.wrong = True
        if (
            before is not None
            and latest is not None
            and 0 < pts - before[1] <= self._longest < pts - latest
        ):
            # The packet that seemed to begin a recording had a damaged timestamp.
            self._offset, latest = before
        elif latest is not None and (
            pts < latest - self._longest or (key_frame and pts < latest)
        ):
            self._before = self._offset, latest
            self._offset += latest + self._step - pts
            latest = None
        self._latest = pts if latest is None else max(latest, pts)
        return pts + self._offset


def with_next(items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Each item with the one after it; None follows the last.

    Examples:
        >>> list(with_next("ab"))
        [('a', 'b'), ('b', None)]
    """
    ahead = iter(items)
    for item in ahead:
        for following in ahead:
            yield item, following
            item = following
        yield item, None


class PlayOrder:
    """Detects frames that are out of order, or not decodable, after damage.

    Attributes:
        last: Time of the last frame that fitted, in seconds; None before the first.

    Args:
        step: Seconds from frame to frame at a constant rate, or None if unknown.
    """

    _MOST_REFUSED = 16

    def __init__(self, step: float | None) -> None:
        self.last: float | None = None
        self._refused = 0
        self._step = step
        self._even = step is not None
        self._broken_key: int | None = None

    def lost_key_frame(self, pts: int | None) -> None:
        """Note that a key frame is lost: frames that depend on it are not reliable."""
        self._broken_key = pts

    def gap(self, frame: Any) -> int:
        """Whole frames missing between the last one and this, at a constant rate."""
        if not self._even or not self._step or self.last is None or frame.time is None:
            return 0
        steps = (frame.time - self.last) / self._step
        whole = round(steps)
        return max(whole - 1, 0) if abs(steps - whole) < 0.2 else 0

    def fits(self, frame: Any, damaged: bool) -> bool:
        """Whether a decoded frame is intact and later than those before it."""
        if damaged and frame.pts is not None:
            if self._broken_key is not None and frame.pts >= self._broken_key:
                if not frame.key_frame or frame.pts == self._broken_key:
                    return False
                self._broken_key = None
            if self.last is not None and frame.time <= self.last:
                self._refused += 1
                # So many in a row: the time of the frame before them was wrong.
                if self._refused <= self._MOST_REFUSED:
                    return False
        if frame.time is not None:
            if self.last is not None and not damaged:
                self._even &= self._is_one_step(frame.time - self.last)
            self.last = frame.time
            self._refused = 0
        return True

    def steady(self, frames: list[Any]) -> list[Any]:
        """Frames up to a gap, if there has been none at all before."""
        kept: list[Any] = []
        last = self.last
        for frame in frames:
            known = last is not None and frame.time is not None
            if self._even and known and not self._is_one_step(frame.time - last):
                break
            last = frame.time
            kept.append(frame)
        return kept

    def _is_one_step(self, seconds: float) -> bool:
        # Matroska rounds to milliseconds, twice per difference.
        return abs(seconds - (self._step or 0)) <= 0.1 * (self._step or 0) + 0.002


class FrameClock:
    """Seconds since the first frame, strictly increasing.

    Args:
        given: A rate that overrides the stream's timestamps, or None.
        stated: The stream's own rate, for frames without a usable timestamp.
    """

    def __init__(self, given: float | None, stated: float | None) -> None:
        self._given = given
        self._step = 1 / (stated or 25.0)
        self._start: float | None = None
        self._last = -1.0

    def seconds(self, index: int, stamp: float | None) -> float:
        """The time of frame `index`, whose own timestamp is `stamp` seconds."""
        if self._given:
            return index / self._given
        if self._start is None:
            self._start = (stamp or 0.0) - index * self._step
        now = -1.0 if stamp is None else round(stamp - self._start, 9)
        if now <= self._last:  # missing, or a jump back in a spliced stream
            now = round(self._last + self._step, 9) if self._last >= 0 else 0.0
        self._last = now
        return now
