"""Open a video, folder, camera, stream or arrays as a source: `open_source`."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from poseflow.errors import SourceError
from poseflow.frame_names import natural_key
from poseflow.safety.redaction import redact
from poseflow.video.arrays import Arrays
from poseflow.video.camera import Camera
from poseflow.video.decoder import VideoStream
from poseflow.video.images import ImageFiles, is_image
from poseflow.video.source import Source
from poseflow.video.stream import RECONNECT_SECONDS, LiveStream, PlayedLive

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_KINDS = (
    "a video file, a folder or glob of images, a camera index, an rtsp or http url, "
    "or an iterable of images"
)


def open_source(
    source: str | os.PathLike[str] | int | Iterable[Any] | Source,
    *,
    fps: float | None = None,
    reconnect_seconds: float = RECONNECT_SECONDS,
    live: bool = False,
) -> Source:
    """Open a video, a folder of images, a camera, a stream, or arrays.

    Args:
        source: A video file; an image file, or a folder or glob of them (natural
            order); a camera index (0 or "0"); an rtsp, http or other url that FFmpeg
            reads; an iterable of `(H, W, 3)` BGR arrays; or a `Source`, returned as it
            is.
        fps: Frame rate of images and arrays, or instead of the one a video states.
        reconnect_seconds: How long to try to connect a live stream again that was lost;
            0 to end with it.
        live: Play files and folders at their own speed, and drop the frames for which
            there is no time, as of cameras and streams.

    Returns:
        A `Source`: use it in a `with` statement and iterate it.

    Raises:
        SourceError: If `source` does not exist or has no readable frame.
    """
    if fps is not None and not 0 < fps < float("inf"):
        raise SourceError(f"fps: expected a rate above 0, got {fps}")
    if not 0 <= reconnect_seconds < float("inf"):
        raise SourceError(
            f"reconnect_seconds: expected a time of at least 0, got {reconnect_seconds}"
        )
    if isinstance(source, Source):
        return source
    opened = _opened(source, fps, reconnect_seconds)
    return PlayedLive(opened) if live and not opened.is_live else opened


def _opened(source: Any, fps: float | None, reconnect_seconds: float) -> Source:
    if isinstance(source, int) and not isinstance(source, bool):
        return _camera(source, reconnect_seconds)
    if isinstance(source, str | os.PathLike):
        return _named(os.fspath(source), fps, reconnect_seconds)
    if isinstance(source, Iterable) and not isinstance(source, bytes | dict):
        return Arrays(source, fps)
    raise SourceError(f"source: expected {_KINDS}, got {type(source).__name__}")


def _camera(device: int, reconnect_seconds: float) -> Source:
    if device < 0:
        raise SourceError(f"camera {device}: expected a camera index from 0")
    return LiveStream(
        Camera(device),
        lambda: Camera(device),
        f"camera {device}",
        reconnect_seconds=reconnect_seconds,
    )


def _named(text: str, fps: float | None, reconnect_seconds: float) -> Source:
    if not text:
        raise SourceError(f"source: expected {_KINDS}, got an empty name")
    if "\0" in text:
        raise SourceError(f"source: expected {_KINDS}, got a name with a null byte")
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    elif _URL.match(text):
        stream = VideoStream(text, fps=fps)
        if not stream.is_live:
            return stream
        return LiveStream(
            stream,
            lambda: VideoStream(text, fps=fps),
            redact(text),
            reconnect_seconds=reconnect_seconds,
        )
    path = Path(text)
    if path.is_dir():
        return ImageFiles.in_folder(path, fps)
    if path.exists():
        if is_image(path):
            return ImageFiles([path], path.stem, text, fps)
        if path.is_fifo() or path.is_socket():
            raise SourceError(
                f"{text}: it is a pipe, expected a file, which is read more than once"
            )
        return VideoStream(text, fps=fps)
    if text.isascii() and text.isdigit():
        return _camera(int(text), reconnect_seconds)
    if glob.has_magic(text):
        return _globbed(text, fps)
    raise SourceError(f"{text}: no such file or folder{_guess(path)}")


def _globbed(pattern: str, fps: float | None) -> Source:
    found = sorted(
        # Not Path.glob: the pattern may be absolute.
        glob.glob(pattern, recursive=True),  # noqa: PTH207
        key=natural_key,
    )
    paths = [path for path in map(Path, found) if path.is_file()]
    images = [path for path in paths if is_image(path)]
    if images:
        stem = Path(pattern).parent.name
        name = stem if stem and not glob.has_magic(stem) else "images"
        return ImageFiles(images, name, pattern, fps)
    if len(paths) == 1:
        return VideoStream(str(paths[0]), fps=fps)
    if paths:
        raise SourceError(
            f"{pattern}: expected images, or one video, found {len(paths)} other files "
            f"({paths[0]}, ...); track videos one at a time"
        )
    raise SourceError(
        f"{pattern}: no file matches; in a shell, quote the pattern so that it "
        "arrives whole"
    )


def _guess(path: Path) -> str:
    """A hint: the most similar name in the folder of the missing path."""
    try:
        # Not the path itself, which may be a broken link.
        beside = [o.name for o in path.parent.iterdir() if o.name != path.name]
    except OSError:
        return f"; the folder {path.parent} does not exist either"
    close = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.75)
    return f"; did you mean {path.parent / close[0]}?" if close else ""
