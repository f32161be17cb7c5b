"""The video of a page: linked or embedded, and whether browsers play it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import av

from poseflow.arrays import Image
from poseflow.storage.atomic import PathLike
from poseflow.video import Source, open_writer

PLAYED_CODECS = ("h264", "vp8", "vp9", "av1")
PLAYED_PIXELS = ("yuv420p", "yuvj420p")
PLAYED_SUFFIXES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/webm",
}
"""What current browsers play, and the type of data to tell them."""


@dataclass(frozen=True)
class Media:
    """What the page shows below the poses.

    Attributes:
        kind: `"video"`, `"images"` or `"none"`.
        sources: Links relative to the page: one video, or an image for each frame.
        type: MIME type of a video.
        embedded: Bytes of an embedded video; None for links.
        note: Shown on the page and by the command; empty if all is well.
        constant_fps: Frame rate of a video that was encoded for the page, which
            replaces the times of the source.
    """

    kind: str
    sources: tuple[str, ...] = ()
    type: str = ""
    embedded: bytes | None = None
    note: str = ""
    constant_fps: float | None = None


def why_not_played(path: Path) -> str:
    """Why browsers do not play a video file; empty if they do."""
    if path.suffix.lower() not in PLAYED_SUFFIXES:
        return f"browsers do not play {path.suffix or 'files without a suffix'}"
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            codec, pixels = stream.codec_context.name, stream.codec_context.pix_fmt
            displayed = _rotation(stream)
    except (av.FFmpegError, OSError, IndexError) as error:
        return f"its codec cannot be read ({error})"
    if codec.removeprefix("lib") not in PLAYED_CODECS and codec != "libdav1d":
        return f"browsers do not play its codec, {codec}"
    if pixels not in PLAYED_PIXELS:
        return f"most browsers do not play its pixels, {pixels}"
    return displayed


def _rotation(stream: Any) -> str:
    """Whether pixels are not square, which browsers stretch and poses do not."""
    ratio = stream.sample_aspect_ratio
    if ratio and ratio != 1:
        return f"its pixels are not square ({ratio}), and browsers stretch them"
    return ""


def linked(source: Source, out: PathLike, names: list[str]) -> Media:
    """Links from the page to the video or to the images of a folder.

    Args:
        source: The open source.
        out: The page.
        names: Name of each frame.
    """
    origin = source.origin
    if origin is None:
        return Media(
            "none", note="the source is no file; write the page with --embed instead"
        )
    folder = Path(out).resolve().parent
    if origin.is_dir():
        return Media("images", tuple(_link(origin / name, folder) for name in names))
    reason = why_not_played(origin)
    if reason:
        return Media(
            "none",
            note=f"{origin.name} is not shown: {reason}. Write the page with --embed "
            "to encode the video for browsers",
        )
    kind = PLAYED_SUFFIXES[origin.suffix.lower()]
    return Media("video", (_link(origin, folder),), kind)


def _link(path: Path, folder: Path) -> str:
    try:
        relative = os.path.relpath(path.resolve(), folder)
    except ValueError:  # another drive
        return path.resolve().as_uri()
    return quote(relative.replace(os.sep, "/"))


def embedded(source: Source) -> Media | None:
    """The bytes of a file that browsers play; None if it must be encoded."""
    origin = source.origin
    if origin is None or not origin.is_file() or why_not_played(origin):
        return None
    kind = PLAYED_SUFFIXES[origin.suffix.lower()]
    return Media("video", (), kind, origin.read_bytes())


class Encoding:
    """Encodes frames for browsers: H.264, or VP9 where PyAV has no encoder of it.

    Args:
        size: Width and height in pixels.
        fps: Frames per second.
    """

    def __init__(self, size: tuple[int, int] | None, fps: float) -> None:
        self._folder = TemporaryDirectory()
        have = av.codec.codecs_available
        suffix = ".mp4" if "libx264" in have else ".webm"
        self._path = Path(self._folder.name) / f"video{suffix}"
        self._fps = fps
        self._writer: Any = open_writer(self._path, size, fps)

    def write(self, image: Image) -> None:
        """Append a frame."""
        self._writer.write(image)

    def finish(self) -> Media:
        """The encoded video; removes the temporary file."""
        self._writer.close()
        data = self._path.read_bytes()
        kind = PLAYED_SUFFIXES[self._path.suffix]
        self._folder.cleanup()
        return Media("video", (), kind, data, constant_fps=self._fps)

    def discard(self) -> None:
        """Remove the temporary file."""
        self._writer.discard()
        self._folder.cleanup()
