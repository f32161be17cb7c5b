"""One pass over the packets of a video: frames in order, through damage."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import av

from poseflow.video import opening
from poseflow.video.timing import FrameCounter, JoinedTime, PlayOrder, with_next

_READ_RETRIES = 10
"""Damaged spots in a row after which the rest of a file counts as unreadable."""

THREADS = min(os.cpu_count() or 1, 4)
"""FFmpeg's threads; each holds a frame, so more would cost memory on big machines."""


class DamagedError(Exception):
    """A pass that is not careful met damage."""


@dataclass(frozen=True)
class Stated:
    """What is known of a stream before it is decoded.

    Attributes:
        label: The file or url, for messages.
        is_live: Whether it is an endless stream.
        fps: Frames per second; None if unknown.
        seconds: Its duration; None if unknown.
    """

    label: str
    is_live: bool
    fps: float | None
    seconds: float | None


class DecodingPass:
    """Decodes a stream from its start; `frames` gives the numbered frames.

    Args:
        container: Just opened.
        stream: The video stream in it.
        stated: What is known of it.
        careful: Decode through damage, one frame at a time; otherwise raise
            `DamagedError` at the first damage.
        is_closed: Whether the source was closed meanwhile, which ends the pass.
    """

    def __init__(
        self,
        container: Any,
        stream: Any,
        stated: Stated,
        *,
        careful: bool,
        is_closed: Callable[[], bool],
    ) -> None:
        self._container = container
        self._stream = stream
        self._stated = stated
        self._careful = careful
        self._is_closed = is_closed
        self._counter = FrameCounter()
        self._order = PlayOrder(1 / stated.fps if stated.fps else None)
        self._joined = _joined_time(stream, stated.fps or 25.0)
        self._dropped = 0
        self._read_error: Exception | None = None
        self._latest = time.monotonic()
        if not stream.codec_context.is_open:  # open already: live, after the probe
            stream.thread_type = "SLICE" if careful else "AUTO"
            stream.codec_context.thread_count = THREADS

    @property
    def decoded(self) -> int:
        """Frames that came out intact so far."""
        return self._counter.index - self._counter.lost

    def frames(self) -> Iterator[tuple[int, Any]]:
        """Numbers and FFmpeg's frames, in order of presentation.

        Raises:
            DamagedError: At damage, unless the pass is careful.
        """
        packets = self._packets()
        # A live frame must not wait for the packet after it.
        live = self._stated.is_live
        pairs = ((p, None) for p in packets) if live else with_next(packets)
        for packet, following in pairs:
            frames, damaged = self._decode(packet, following)
            if live and self._is_stalled(frames):
                break
            for frame in frames:
                number = self._number(frame)
                if number is not None:
                    yield number, frame
            if damaged:
                self._note_damage()
        self._counter.finish()
        if not self._careful and self.decoded and self.note():
            raise DamagedError

    def note(self) -> str:
        """One line on the frames that were missing, after the pass; or nothing."""
        stated, counter = self._stated, self._counter
        if stated.is_live:
            if self._read_error is None:
                return ""
            return f"{stated.label}: {opening.reason(self._read_error)}"
        decoded, short = f"{self.decoded} frames", False
        if self._stream.frames:
            expected = self._stream.frames - self._dropped
            decoded = f"{self.decoded} of {expected} frames"
            short = counter.index < expected
        elif stated.seconds is not None and not self._joined.wrong:
            missing = self._missing_seconds(self._order.last or 0.0)
            if missing > max(0.25, 2 / (stated.fps or 1)):
                decoded += (
                    f", the last {missing:.1f} of {stated.seconds:.1f} s missing,"
                )
                short = True
        if not short and not counter.damaged:
            return ""
        fault = "truncated or damaged" if short else "damaged"
        return f"{stated.label}: the file is {fault}: {decoded} could be decoded"

    def _packets(self) -> Iterator[Any]:
        """Packets, and the exceptions met while reading them; then a flush packet."""
        failures = 0
        while not self._is_closed():
            try:
                for packet in self._container.demux(self._stream):
                    yield packet
                    failures = 0
                    if self._is_closed():
                        return
                return
            except (av.FFmpegError, OSError) as error:
                yield error
                failures += 1
                if self._stated.is_live or failures > _READ_RETRIES:
                    return

    def _decode(self, packet: Any, following: Any) -> tuple[list[Any], bool]:
        """The frames that a packet gives, and whether there was damage."""
        if isinstance(packet, Exception):
            self._read_error = packet
            return [], True
        if packet.pts is not None:
            after = getattr(following, "pts", None)
            packet.pts = self._joined.of(packet.pts, packet.is_keyframe, after)
        if packet.size and not packet.is_discard:
            self._counter.packet(packet.pts)
        self._dropped += bool(packet.is_discard)
        frames: list[Any] = []
        damaged = bool(packet.is_corrupt)
        try:
            frames = packet.decode()
        except av.FFmpegError:
            damaged = True
            if packet.is_keyframe:
                self._order.lost_key_frame(packet.pts)
        if not packet.size and not self._is_complete(frames):
            # Truncated: frames may be missing before the last ones.
            steady = self._order.steady(frames)
            damaged |= len(steady) < len(frames)
            frames = steady
        return frames, damaged

    def _number(self, frame: Any) -> int | None:
        """The number of a frame; None if it is damaged or out of order."""
        gap = self._order.gap(frame)
        corrupt = frame.is_corrupt and not self._stated.is_live
        if corrupt or not self._order.fits(frame, self._counter.damaged):
            self._note_damage()
            self._counter.skip()
            return None
        return self._counter.frame(frame.pts, gap)

    def _note_damage(self) -> None:
        if not self._careful:
            raise DamagedError
        self._counter.damaged = True

    def _is_stalled(self, frames: list[Any]) -> bool:
        """Whether a live stream has sent nothing that can be decoded for too long."""
        limit = opening.TIMEOUTS[1]
        now = time.monotonic()
        if frames:
            self._latest = now
        elif now - self._latest > limit:
            self._read_error = TimeoutError(
                f"no frame that can be decoded for {limit:g} s"
            )
            return True
        return False

    def _is_complete(self, rest: list[Any]) -> bool:
        """Whether the file is complete with its last frames, as far as it says."""
        stated, stream = self._stated, self._stream
        if stream.frames:
            return bool(
                self._counter.index + len(rest) >= stream.frames - self._dropped
            )
        if stated.seconds is None or not rest or rest[-1].time is None:
            return False
        # In other containers the duration is FFmpeg's estimate from the packets.
        if "matroska" not in stream.container.format.name:
            return False
        return self._missing_seconds(rest[-1].time) < 0.5 / (stated.fps or 1)

    def _missing_seconds(self, last: float) -> float:
        """Seconds of the stated duration that are missing after a frame at `last`."""
        stated, stream = self._stated, self._stream
        start = float((stream.start_time or 0) * stream.time_base)
        return (stated.seconds or 0.0) - (last - start + 1 / (stated.fps or 1))


def _joined_time(stream: Any, fps: float) -> JoinedTime:
    second = 1 / float(stream.time_base)
    # H.264 and HEVC reorder at most 16 frames.
    return JoinedTime(round(second / fps), round(max(second, 16 * second / fps)))
