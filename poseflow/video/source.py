"""The base class of all sources of frames: `Source`, and `SourceFrame`."""

from __future__ import annotations

import threading
import time
import warnings
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from poseflow.arrays import Image
from poseflow.errors import SourceError, SourceWarning
from poseflow.frame_names import text_of
from poseflow.video.frame_range import FrameRange
from poseflow.video.prefetch import Prefetcher

DEFAULT_FPS = 25.0
"""Frames per second where a source does not say (image folders, arrays)."""

AHEAD = 4
"""Frames decoded ahead: enough to even out jitter, 11 MB at 720p."""


_MOST_ARRIVALS = 4096
_LIVE_WAIT_SECONDS = 1.0
"""How long to wait for a read that hangs; its thread ends by itself."""


@dataclass(frozen=True, eq=False, slots=True)
class SourceFrame:
    """One frame of a source.

    Attributes:
        index: Position in the source, from 0. Frames that could not be read leave a
            gap: the others keep their numbers.
        time: Seconds since the start of the source, from its own timestamps where it
            has any.
        name: The frame's `image_id` in results: the file's name in a folder, the
            zero-padded index with `.jpg` otherwise.
        image: `(H, W, 3)` uint8 in BGR order.
    """

    index: int
    time: float
    name: str
    image: Image = field(repr=False)


def number_name(index: int) -> str:
    """The name of frame `index` of a video: `000041.jpg`."""
    return f"{index:06d}.jpg"


class Source(ABC):
    """Frames of a video, folder, camera or stream, in order.

    Iterate it for `SourceFrame`s; iterate it again to start over (live sources continue
    with their current frame). Decoding runs a few frames ahead in a thread. Parts that
    cannot be read are left out, and one `SourceWarning` at the end tells which.

    Attributes:
        name: Short name for the sequence: a file's stem, a folder's name.
        size: Width and height in pixels as delivered (rotation applied); None before
            the first frame of an iterator of arrays.
        fps: Frames per second; None where the source has no rate (image folders), and
            then `time` counts `DEFAULT_FPS`.
        frame_count: Number of frames by the header or folder; None if unknown.
        runs_ahead: Whether its frames may be taken in another thread, before they are
            asked for; not so where that runs the caller's own code.
        is_live: A camera or an endless stream: the oldest waiting frame is dropped
            when the consumer is slower than the source.
        origin: The file or folder behind it, if there is one.
        is_timed: Whether the frames' times are those of their making; a live source
            without times gives those of their arrival.
        losses: How often the connection to it was lost.
        seconds: Iteration ends before the first frame at this time or later, and of a
            live source this long after the first one; None for no limit.
        part: Frames outside it are read but not delivered; those inside keep their
            numbers and times.
    """

    name: str
    size: tuple[int, int] | None = None
    fps: float | None = None
    frame_count: int | None = None
    runs_ahead: bool = True
    is_live: bool = False
    origin: Path | None = None
    is_timed: bool = True
    losses: int = 0
    seconds: float | None = None
    part: FrameRange = FrameRange()
    _ahead: int = AHEAD

    def __init__(self, name: str) -> None:
        self.name = text_of(name)
        self._closed = False
        self._stopped = threading.Event()
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=_MOST_ARRIVALS)
        self._dropped = 0
        self._running: weakref.WeakSet[Prefetcher[SourceFrame]] = weakref.WeakSet()

    @abstractmethod
    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        """The frames, from the start; problems are appended to `troubles`."""

    def __iter__(self) -> Iterator[SourceFrame]:
        """The frames in order.

        Raises:
            SourceError: If the source is closed or yields no frame at all, or none in
                `part`.
            StreamLostError: At the end, if that of a live stream was not asked for.

        Warns:
            SourceWarning: Once, at the end, if some frames could not be read.
        """
        if self._closed:
            raise SourceError(f"{self.name}: the source is closed; open it again")
        # A list that the worker fills, and that is read only when it has ended.
        troubles: list[str] = []
        frames = self._limited(self._frames(troubles))
        if not self._ahead:
            yield from frames
        else:
            ahead = Prefetcher(frames, self._ahead, newest=self.is_live)
            self._running.add(ahead)
            if self._closed:  # by another thread, just now
                ahead.close()
            try:
                yield from ahead
            finally:
                self._dropped += ahead.dropped
                self._running.discard(ahead)
                ahead.close(_LIVE_WAIT_SECONDS if self.is_live else 10.0)
        if troubles and not self._closed:
            warnings.warn("; ".join(troubles), SourceWarning, stacklevel=2)

    def _limited(self, frames: Iterator[SourceFrame]) -> Iterator[SourceFrame]:
        """The frames up to the limit or `stop`; notes when live ones come in."""
        timer: threading.Timer | None = None
        last: SourceFrame | None = None
        begun = False
        try:
            for frame in frames:
                if self._stopped.is_set():
                    return
                if self.part.ended(frame.index, frame.time):
                    break
                last = frame
                if not self.part.begun(frame.index, frame.time):
                    continue
                begun = True
                if self.seconds is not None and frame.time >= self.seconds:
                    return
                if self.is_live:
                    if timer is None and self.seconds is not None:
                        # No frame may come to tell the time.
                        timer = threading.Timer(self.seconds, self.stop)
                        timer.daemon = True
                        timer.start()
                    self._arrivals.append((frame.index, time.monotonic()))
                yield frame
            if last is not None and not begun:
                raise SourceError(
                    f"{self.name}: its last frame is {last.index}, at "
                    f"{last.time:.2f} s; expected a start before"
                )
        finally:
            if timer is not None:
                timer.cancel()

    def stop(self) -> None:
        """End the frames at once, as at the end of a file; from any thread.

        Frames that wait already are still delivered.
        """
        self._stopped.set()
        for running in list(self._running):
            running.stop()

    @property
    def dropped(self) -> int:
        """Frames of a live source dropped because the consumer was too slow."""
        return self._dropped + sum(ahead.dropped for ahead in list(self._running))

    def arrival(self, index: int) -> float | None:
        """When frame `index` of a live source came in, by `time.monotonic`.

        Frames are to be asked for in order; None if it is not known any more.
        """
        while self._arrivals and self._arrivals[0][0] < index:
            self._arrivals.popleft()
        if self._arrivals and self._arrivals[0][0] == index:
            return self._arrivals[0][1]
        return None

    def take_gap(self, index: int) -> int:
        """Frames missed before frame `index` because a connection was lost."""
        return 0

    def close(self) -> None:
        """End decoding and close files and devices; safe to call twice."""
        self._closed = True
        self._stopped.set()
        for running in list(self._running):
            running.close(_LIVE_WAIT_SECONDS if self.is_live else 10.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        size = "size unknown" if self.size is None else "{}x{}".format(*self.size)
        count = "" if self.frame_count is None else f", {self.frame_count} frames"
        rate = "" if self.fps is None else f", {self.fps:g} fps"
        live = ", live" if self.is_live else ""
        return f"<{type(self).__name__} {self.name!r}: {size}{count}{rate}{live}>"
