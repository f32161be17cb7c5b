"""Live streams that outlast their connection: reconnecting, and playing files live."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator

from poseflow.errors import SourceError, StreamLostError
from poseflow.video.source import Source, SourceFrame, number_name

_LOG = logging.getLogger(__name__)

RECONNECT_SECONDS = 60.0
"""How long a live stream is tried again by default."""

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.5, 8.0
"""Between attempts to connect; each wait is twice the one before."""


class LiveStream(Source):
    """An endless stream, or a camera, that is connected again when it breaks off.

    A connection that is closed, stalls, or sends what cannot be decoded is given up for
    a new one. Time goes on meanwhile: `time` is that of the clock, and `index` jumps by
    the frames that were missed. The size of the images may change with a connection.

    Args:
        first: The first connection, a live source.
        connect: Makes another one, or raises `SourceError`.
        label: Name for messages, without credentials.
        reconnect_seconds: How long to try after a loss; 0 to end with the first one.

    Raises:
        StreamLostError: When iterated, at the end, if it could not be connected again.
    """

    is_live = True
    _ahead = 1

    def __init__(
        self,
        first: Source,
        connect: Callable[[], Source],
        label: str,
        *,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        super().__init__(first.name)
        self._connection: Source | None = first
        self._connect_again, self._label = connect, label
        self._patience = reconnect_seconds
        self.size, self.fps = first.size, first.fps
        self._start: float | None = None
        self._index, self._time = -1, 0.0
        self._gaps: deque[tuple[int, int]] = deque()

    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        delivered = 0
        lost_at: float | None = None
        while not self._stopped.is_set():
            stream, self._connection = self._connection, None
            if stream is None:
                assert lost_at is not None
                stream = self._connect(lost_at)
                if stream is None:
                    return
                if not stream.is_live:  # a playlist that has come to its end
                    stream.close()
                    return
            reasons: list[str] = []
            with stream:
                for frame in self._numbered(stream, reasons):
                    if lost_at is not None:
                        gap = time.monotonic() - lost_at
                        _LOG.warning("%s: back after %.1f s", self._label, gap)
                        lost_at = None
                    delivered += 1
                    yield frame
            if self._stopped.is_set():
                return
            if lost_at is None:
                lost_at = time.monotonic()
                self.losses += 1
                self._tell_loss(delivered, reasons)
            if self._patience <= 0:
                raise StreamLostError(
                    f"{self._label}: the stream was lost after {delivered} frames"
                )

    def _numbered(self, stream: Source, reasons: list[str]) -> Iterator[SourceFrame]:
        """Frames of one connection, in the time and numbers of the whole stream."""
        first: float | None = None
        offset, base = 0.0, 0
        for frame in stream._frames(reasons):
            if self._stopped.is_set():
                return
            now = time.monotonic()
            if self._start is None:
                self._start = now
            if first is None:
                first = frame.time
                offset = now - self._start
                base = -frame.index
                if self._index >= 0:
                    rate = stream.fps or self._index / max(self._time, 1e-3)
                    offset = max(offset, self._time + 1 / max(rate, 1e-3))
                    steps = max(round((offset - self._time) * rate), 1)
                    base += self._index + steps
                    self._gaps.append((self._index + steps, steps - 1))
            seconds = offset + frame.time - first
            if not stream.is_timed:
                seconds = max(now - self._start, self._time)
            self._index, self._time = frame.index + base, seconds
            self.size = (frame.image.shape[1], frame.image.shape[0])
            name = number_name(self._index)
            yield SourceFrame(self._index, seconds, name, frame.image)

    def take_gap(self, index: int) -> int:
        """Frames missed while the connection was lost, between the last call and this.

        Args:
            index: Of the frame that is used next.
        """
        missed = 0
        while self._gaps and self._gaps[0][0] <= index:
            missed += self._gaps.popleft()[1]
        return missed

    def _tell_loss(self, delivered: int, reasons: list[str]) -> None:
        reason = "the connection was closed"
        if reasons:
            reason = reasons[-1].removeprefix(f"{self._label}: ")
        again = f"; trying again for {self._patience:g} s" if self._patience else ""
        _LOG.warning(
            "%s: lost after %d frames (%s)%s", self._label, delivered, reason, again
        )

    def _connect(self, lost_at: float) -> Source | None:
        """A new connection; None if frames are no longer wanted.

        Raises:
            StreamLostError: If there is none in time.
        """
        wait = _FIRST_WAIT_SECONDS
        while not self._stopped.is_set():
            try:
                return self._connect_again()
            except SourceError as error:
                left = lost_at + self._patience - time.monotonic()
                if left <= 0:
                    raise StreamLostError(
                        f"{self._label}: the stream was lost and did not come back in "
                        f"{self._patience:g} s; the last attempt: "
                        f"{_without_label(error, self._label)}"
                    ) from error
            self._stopped.wait(min(wait, max(left, 0.05)))
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        return None

    def close(self) -> None:
        """End decoding and close the connection."""
        super().close()
        stream, self._connection = self._connection, None
        if stream is not None:
            stream.close()


def _without_label(error: SourceError, label: str) -> str:
    return str(error).removeprefix(f"{label}: ")


class PlayedLive(Source):
    """A file or folder played at its own speed: what comes too late is dropped.

    Args:
        source: The source; closed with this one.
    """

    is_live = True
    _ahead = 1

    def __init__(self, source: Source) -> None:
        super().__init__(source.name)
        self._source = source
        self.size, self.fps = source.size, source.fps
        self.frame_count, self.origin = source.frame_count, source.origin

    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        start: float | None = None
        for frame in self._source:
            now = time.monotonic()
            if start is None:
                start = now - frame.time
            if self._stopped.wait(max(start + frame.time - now, 0.0)):
                return
            self.size = self._source.size
            yield frame

    def close(self) -> None:
        """End playing and close the source."""
        super().close()
        self._source.close()
