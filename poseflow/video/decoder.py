"""Video files and network streams, decoded by FFmpeg through PyAV.

PyAV rather than OpenCV: it gives exact timestamps, rotation and the errors of single
packets, and with the colour conversion of `pixels` it is also faster (docs/video.md).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from poseflow.errors import SourceError
from poseflow.safety.redaction import redact, url_name
from poseflow.video.pixels import frame_to_bgr
from poseflow.video.source import Source, SourceFrame, number_name
from poseflow.video.timing import (
    FrameClock,
    FrameCounter,
    JoinedTime,
    PlayOrder,
    with_next,
)

_LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "udp", "tcp")
_UNTIMED = frozenset(["mpjpeg", "mjpeg", "h264", "hevc", "m4v", "image2pipe"])
"""Formats without timestamps: FFmpeg makes them up for 25 frames a second."""

_TIMEOUTS = (10.0, 10.0)
"""Seconds to wait for a network stream: to open, and for each read."""

_READ_RETRIES = 10
"""Damaged spots in a row after which the rest of a file counts as unreadable."""

_THREADS = min(os.cpu_count() or 1, 4)
"""FFmpeg's threads; each holds a frame, so more would cost memory on big machines."""


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
            stream = _video(container, url)
            self.is_live = not self._is_file and _is_live(container, url)
            self.is_timed = container.format.name not in _UNTIMED
            if self.is_live:
                self._ahead = 1
            self._given_fps = fps
            self.fps = fps or (_rate(stream) if self.is_timed else None)
            self._seconds = _seconds(container, stream)
            self.frame_count = self._count(stream)
            # The first frame gives the upright size, and proves that there is one.
            first = next(self._pass(container, careful=True, troubles=[]), None)
            if first is None:
                raise SourceError(f"{self._label}: {_no_frames(stream)}")
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
        if self._is_file:
            return _open_file(self._url)
        options = {"rtsp_transport": "tcp"} if self._url.startswith("rtsp") else {}
        try:
            return av.open(self._url, timeout=_TIMEOUTS, options=options)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SourceError(
                f"{self._label}: the stream cannot be opened ({_reason(error)}); check "
                "the address, the network and the user name and password"
            ) from error

    def _count(self, stream: Any) -> int | None:
        if self.is_live:
            return None
        if stream.frames:
            return int(stream.frames)
        if self._seconds is not None and self.fps:
            return round(self._seconds * self.fps)
        return None

    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        if self.is_live:
            container, self._opened = self._opened or self._open(), None
            clock = FrameClock(self._given_fps, self.fps)
            yield from self._deliver(container, True, troubles, clock, 0)
            return
        # Frame threads are fast but lose good frames around a damaged packet, and the
        # last ones of a damaged file. So at the first damage start over with slice
        # threads, which lose nothing, and skip what has been delivered.
        clock = FrameClock(self._given_fps, self.fps)
        given = 0
        try:
            for frame in self._deliver(self._open(), False, [], clock, 0):
                given = frame.index + 1
                yield frame
        except _DamagedError:
            yield from self._deliver(self._open(), True, troubles, clock, given)

    def _deliver(
        self,
        container: Any,
        careful: bool,
        troubles: list[str],
        clock: FrameClock,
        first: int,
    ) -> Iterator[SourceFrame]:
        """Frames from number `first` on, converted; closes the container."""
        try:
            for index, frame in self._pass(container, careful, troubles):
                if index >= first:
                    seconds = clock.seconds(index, frame.time)
                    image = frame_to_bgr(frame)
                    yield SourceFrame(index, seconds, number_name(index), image)
        finally:
            container.close()

    def _pass(
        self, container: Any, careful: bool, troubles: list[str]
    ) -> Iterator[tuple[int, Any]]:
        """Numbered frames as FFmpeg's, in order of presentation.

        Args:
            container: Just opened.
            careful: Decode through damage, one frame at a time; otherwise raise
                `_DamagedError` at the first damage.
            troubles: Receives one line on the frames lost.
        """
        stream = _video(container, self._url)
        if not stream.codec_context.is_open:  # open already: live, after the probe
            stream.thread_type = "SLICE" if careful else "AUTO"
            stream.codec_context.thread_count = _THREADS
        counter = FrameCounter()
        order = PlayOrder(1 / self.fps if self.fps else None)
        joined = _joined_time(stream, self.fps or 25.0)
        dropped = 0
        read_error: Exception | None = None
        latest = time.monotonic()
        packets = self._packets(container, stream)
        # A live frame must not wait for the packet after it.
        pairs = ((p, None) for p in packets) if self.is_live else with_next(packets)
        for packet, following in pairs:
            frames: list[Any] = []
            if isinstance(packet, Exception):
                read_error = packet
                damaged = True
            else:
                damaged = packet.is_corrupt
                if packet.pts is not None:
                    after = getattr(following, "pts", None)
                    packet.pts = joined.of(packet.pts, packet.is_keyframe, after)
                if packet.size and not packet.is_discard:
                    counter.packet(packet.pts)
                dropped += bool(packet.is_discard)
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    damaged = True
                    if packet.is_keyframe:
                        order.lost_key_frame(packet.pts)
                if not packet.size and not self._whole(
                    stream, counter, dropped, frames
                ):
                    # Truncated: frames may be missing before the last ones.
                    steady = order.steady(frames)
                    damaged |= len(steady) < len(frames)
                    frames = steady
            if self.is_live:
                if frames:
                    latest = time.monotonic()
                elif time.monotonic() - latest > _TIMEOUTS[1]:
                    read_error = TimeoutError(
                        f"no frame that can be decoded for {_TIMEOUTS[1]:g} s"
                    )
                    break
            for frame in frames:
                gap = order.gap(frame)
                corrupt = frame.is_corrupt and not self.is_live
                if corrupt or not order.fits(frame, counter.damaged):
                    self._note_damage(counter, careful)
                    counter.skip()
                    continue
                yield counter.frame(frame.pts, gap), frame
            if damaged:
                self._note_damage(counter, careful)
        counter.finish()
        if counter.index == counter.lost and self.size is not None and not self.is_live:
            raise SourceError(f"{self._label}: {_no_frames(stream)}")
        end = order.last
        note = self._verdict(
            stream, counter, dropped, None if joined.wrong else end or 0.0, read_error
        )
        if note and not careful:
            raise _DamagedError
        if note:
            troubles.append(note)

    def _whole(
        self, stream: Any, counter: FrameCounter, dropped: int, rest: list[Any]
    ) -> bool:
        """Whether the file is complete with the `rest`, as far as it says."""
        if stream.frames:
            return counter.index + len(rest) >= int(stream.frames) - dropped
        if self._seconds is None or not rest or rest[-1].time is None:
            return False
        # In other containers the duration is FFmpeg's estimate from the packets.
        stated = "matroska" in stream.container.format.name
        return stated and self._missing(stream, rest[-1].time) < 0.5 / (self.fps or 1)

    def _missing(self, stream: Any, last: float) -> float:
        """Seconds of the stated duration that are missing after a frame at `last`."""
        start = float((stream.start_time or 0) * stream.time_base)
        return (self._seconds or 0.0) - (last - start + 1 / (self.fps or 1))

    @staticmethod
    def _note_damage(counter: FrameCounter, careful: bool) -> None:
        if not careful:
            raise _DamagedError
        counter.damaged = True

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        """Packets, and the exceptions met while reading them; then a flush packet."""
        failures = 0
        while not self._closed:
            try:
                for packet in container.demux(stream):
                    yield packet
                    failures = 0
                    if self._closed:
                        return
                return
            except (av.FFmpegError, OSError) as error:
                yield error
                failures += 1
                if self.is_live or failures > _READ_RETRIES:
                    return

    def _verdict(
        self,
        stream: Any,
        counter: FrameCounter,
        dropped: int,
        last: float | None,
        read_error: Exception | None,
    ) -> str:
        """One line on the frames missing from the pass that just ended, or nothing.

        Args:
            stream: The video.
            counter: Its frames.
            dropped: Number of frames that are not to be shown.
            last: Time of the last frame; None if the stated duration means nothing.
            read_error: What ended the reading.
        """
        good = counter.index - counter.lost
        if self.is_live:
            if read_error is None:
                return ""
            return f"{self._label}: {_reason(read_error)}"
        decoded, short = f"{good} frames", False
        if stream.frames:
            expected = stream.frames - dropped
            decoded, short = f"{good} of {expected} frames", counter.index < expected
        elif self._seconds is not None and last is not None:
            missing = self._missing(stream, last)
            if missing > max(0.25, 2 / (self.fps or 1)):
                decoded += f", the last {missing:.1f} of {self._seconds:.1f} s missing,"
                short = True
        if not short and not counter.damaged:
            return ""
        fault = "truncated or damaged" if short else "damaged"
        return f"{self._label}: the file is {fault}: {decoded} could be decoded"


class _DamagedError(Exception):
    """The fast pass met damage; caught in this module."""


def _open_file(path: str) -> Any:
    try:
        return av.open(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{path}: {_diagnosis(path, error)}") from error


def _is_live(container: Any, url: str) -> bool:
    """Whether a url is that of an endless stream, not of a file on a server."""
    if url.partition("://")[0].lower() in _LIVE:
        return True
    if container.duration is not None:
        return False
    return bool(container.format.name == "hls" or container.size <= 0)


def _video(container: Any, url: str) -> Any:
    """The first video stream that is not an attached cover image."""
    streams = [
        s for s in container.streams.video if "attached_pic" not in _flags(s)
    ] or container.streams.video
    if not streams:
        kinds = sorted({str(s.type) for s in container.streams})
        found = f"only {' and '.join(kinds)}" if kinds else "no stream at all"
        raise SourceError(f"{redact(url)}: expected a video, found {found} in it")
    if streams[0].codec_context is None:
        raise SourceError(f"{redact(url)}: its video codec is unknown to this FFmpeg")
    return streams[0]


def _flags(stream: Any) -> str:
    return str(getattr(stream, "disposition", ""))


def _joined_time(stream: Any, fps: float) -> JoinedTime:
    second = 1 / float(stream.time_base)
    # H.264 and HEVC reorder at most 16 frames.
    return JoinedTime(round(second / fps), round(max(second, 16 * second / fps)))


def _rate(stream: Any) -> float | None:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return float(rate)
    return None


def _seconds(container: Any, stream: Any) -> float | None:
    """Stated duration of the video stream; None if it may be that of another stream."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska states the time at which a stream ends, not its duration.
    is_matroska = "matroska" in container.format.name
    start = (container.start_time or 0) / 1e6 if is_matroska else 0.0
    stated = stream.metadata.get("DURATION", "")  # 00:00:08.000000000
    try:
        hours, minutes, seconds = stated.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - start
    except ValueError:
        pass
    if container.duration is not None and len(container.streams) == 1:
        return float(container.duration) / 1e6 - start
    return None


def _no_frames(stream: Any) -> str:
    return (
        f"expected a video, found a {stream.codec_context.name} stream without a "
        "single frame that can be decoded; the file is damaged or was never finished"
    )


def _diagnosis(path: str, error: Exception) -> str:
    """Why FFmpeg cannot open a file, in words for the user."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(4096)
    except OSError as cause:
        return f"cannot be read ({cause.strerror})"
    if not head:
        return "expected a video, found an empty file (0 bytes)"
    if head[4:8] == b"ftyp":
        return (
            "its index (moov atom) is missing or cut off, so nothing can be decoded: "
            "the recording or download was not finished; fetch or record it again"
        )
    if b"\0" not in head:
        return "expected a video, found text"
    return f"expected a video, found data that FFmpeg does not know ({_reason(error)})"


def _reason(error: Exception) -> str:
    if isinstance(error, av.ExitError):  # raised by PyAV's own time limit
        return f"no answer for {_TIMEOUTS[1]:g} s"
    return str(getattr(error, "strerror", None) or error)
