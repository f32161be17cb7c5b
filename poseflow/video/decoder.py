"""Video files and network streams, decoded by FFmpeg through PyAV.

PyAV rather than OpenCV: it gives exact timestamps, rotation and the errors of single
packets, and with the colour conversion of `pixels` it is also faster (docs/video.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poseflow.errors import SourceError
from poseflow.safety.redaction import redact, url_name
from poseflow.video.decoding import DamagedError, DecodingPass, Stated
from poseflow.video.opening import (
    is_live,
    no_frames,
    open_file,
    open_url,
    stated_rate,
    stated_seconds,
    video_stream,
)
from poseflow.video.pixels import frame_to_bgr
from poseflow.video.source import Source, SourceFrame, number_name
from poseflow.video.timing import FrameClock

_UNTIMED = frozenset(["mpjpeg", "mjpeg", "h264", "hevc", "m4v", "image2pipe"])
"""Formats without timestamps: FFmpeg makes them up for 25 frames a second."""


class VideoStream(Source):
    """A video file, or a url that FFmpeg reads.

    A damaged packet loses its frame only: the frames after it are delivered, with the
    numbers they would have had. Frames that the decoder itself calls corrupt (it filled
    them in from their neighbours) count as lost in a file, and are delivered from a
    live stream.

    Raises:
        SourceError: At construction if there is no video in it; the message tells what
            was found instead.
    """

    def __init__(self, url: str, *, fps: float | None = None) -> None:
        self._url = url
        self._is_file = "://" not in url
        self._label = redact(url)
        name = Path(url).stem or "video" if self._is_file else url_name(url)
        super().__init__(name)
        self.origin = Path(url) if self._is_file else None
        container = self._open()
        try:
            stream = video_stream(container, url)
            self.is_live = not self._is_file and is_live(container, url)
            self.is_timed = container.format.name not in _UNTIMED
            if self.is_live:
                self._ahead = 1
            self._given_fps = fps
            self.fps = fps or (stated_rate(stream) if self.is_timed else None)
            self._seconds = stated_seconds(container, stream)
            self.frame_count = self._count(stream)
            # The first frame gives the upright size, and proves that there is one.
            first = next(self._pass(container, careful=True).frames(), None)
            if first is None:
                raise SourceError(f"{self._label}: {no_frames(stream)}")
            image = frame_to_bgr(first[1])
            self.size = (image.shape[1], image.shape[0])
        except BaseException:
            container.close()
            raise
        # A live stream continues from here; a file is opened again for each reading.
        self._opened: Any = None
        if self.is_live:
            self._opened = container
        else:
            container.close()

    def close(self) -> None:
        """End decoding and close the file or connection."""
        super().close()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _open(self) -> Any:
        return open_file(self._url) if self._is_file else open_url(self._url)

    def _count(self, stream: Any) -> int | None:
        if self.is_live:
            return None
        if stream.frames:
            return int(stream.frames)
        if self._seconds is not None and self.fps:
            return round(self._seconds * self.fps)
        return None

    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        clock = FrameClock(self._given_fps, self.fps)
        if self.is_live:
            container, self._opened = self._opened or self._open(), None
            yield from self._deliver(container, troubles, clock)
            return
        # Frame threads are fast but lose good frames around a damaged packet, and the
        # last ones of a damaged file. So at the first damage start over with slice
        # threads, which lose nothing, and skip what has been delivered.
        given = 0
        try:
            for frame in self._deliver(self._open(), None, clock):
                given = frame.index + 1
                yield frame
        except DamagedError:
            yield from self._deliver(self._open(), troubles, clock, given)

    def _deliver(
        self,
        container: Any,
        troubles: list[str] | None,
        clock: FrameClock,
        first: int = 0,
    ) -> Iterator[SourceFrame]:
        """Frames of a container just opened, converted; closes it at the end.

        Args:
            container: The file or stream.
            troubles: Receives one line on the frames lost; None ends the delivery with
                `DamagedError` at the first damage.
            clock: Gives the frames' times.
            first: Number of the first frame to deliver.
        """
        decoding = self._pass(container, careful=troubles is not None)
        try:
            for index, frame in decoding.frames():
                if index >= first:
                    seconds = clock.seconds(index, frame.time)
                    image = frame_to_bgr(frame)
                    yield SourceFrame(index, seconds, number_name(index), image)
            if not decoding.decoded and not self.is_live:
                stream = video_stream(container, self._url)
                raise SourceError(f"{self._label}: {no_frames(stream)}")
            note = decoding.note()
            if note and troubles is not None:
                troubles.append(note)
        finally:
            container.close()

    def _pass(self, container: Any, *, careful: bool) -> DecodingPass:
        return DecodingPass(
            container,
            video_stream(container, self._url),
            Stated(self._label, self.is_live, self.fps, self._seconds),
            careful=careful,
            is_closed=lambda: self._closed,
        )
