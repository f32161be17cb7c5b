"""Opening of videos and streams with FFmpeg, and what their containers state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av

from poseflow.errors import SourceError
from poseflow.safety.redaction import redact

_LIVE = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "udp", "tcp")

TIMEOUTS = (10.0, 10.0)
"""Seconds to wait for a network stream: to open, and for each read."""


def open_url(url: str) -> Any:
    """Open a network stream or a file on a server.

    Raises:
        SourceError: If it cannot be opened; the message has no credentials.
    """
    options = {"rtsp_transport": "tcp"} if url.startswith("rtsp") else {}
    try:
        return av.open(url, timeout=TIMEOUTS, options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(
            f"{redact(url)}: the stream cannot be opened ({reason(error)}); check "
            "the address, the network and the user name and password"
        ) from error


def open_file(path: str) -> Any:
    """Open a video file.

    Raises:
        SourceError: If FFmpeg cannot; the message tells what was found instead.
    """
    try:
        return av.open(path)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{path}: {_diagnosis(path, error)}") from error


def is_live(container: Any, url: str) -> bool:
    """Whether a url is that of an endless stream, not of a file on a server."""
    if url.partition("://")[0].lower() in _LIVE:
        return True
    if container.duration is not None:
        return False
    return bool(container.format.name == "hls" or container.size <= 0)


def video_stream(container: Any, url: str) -> Any:
    """The first video stream that is not an attached cover image.

    Raises:
        SourceError: If there is none, or its codec is unknown.
    """
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


def stated_rate(stream: Any) -> float | None:
    """Frames per second that the container states, or FFmpeg's guess."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return float(rate)
    return None


def stated_seconds(container: Any, stream: Any) -> float | None:
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


def no_frames(stream: Any) -> str:
    """Message about a stream of which no frame can be decoded."""
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
    return f"expected a video, found data that FFmpeg does not know ({reason(error)})"


def reason(error: Exception) -> str:
    """Why FFmpeg failed, in a few words."""
    if isinstance(error, av.ExitError):  # raised by PyAV's own time limit
        return f"no answer for {TIMEOUTS[1]:g} s"
    return str(getattr(error, "strerror", None) or error)
