"""Writers of frames: a video file that browsers play, or a folder of images."""

from __future__ import annotations

import errno
import logging
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Protocol, Self, cast

import av
import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.errors import FormatError, StreamLostError
from poseflow.frame_names import IMAGE_SUFFIXES, file_name
from poseflow.safety.interrupts import interrupts_deferred
from poseflow.storage.atomic import check_writable, explain
from poseflow.storage.inputs import refuse_inputs
from poseflow.storage.locking import beside, open_locked, release
from poseflow.storage.made_files import MARK, KeptFiles
from poseflow.video.image_file import quiet_opencv
from poseflow.video.pixels import to_bgr
from poseflow.video.source import DEFAULT_FPS, number_name

_LOG = logging.getLogger(__name__)

ENCODERS = {
    ".mp4": ("libx264", "mp4v"),
    ".m4v": ("libx264", "mp4v"),
    ".mov": ("libx264", "mp4v"),
    ".mkv": ("libx264", "mp4v"),
    ".webm": ("libvpx-vp9", "VP80"),
    ".avi": ("mpeg4", "MJPG"),
}
"""File suffix -> FFmpeg's encoder, and OpenCV's four letters where that is missing."""

_OPTIONS = {
    "libx264": {"preset": "veryfast", "crf": "21"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "32", "b": "0"},
    "mpeg4": {"qmin": "3", "qmax": "3", "flags": "+qscale", "b": "8000000"},
}

_LEAST_FPS = 0.001
"""Encoders refuse less, which headers with a wrong rate state."""

# FFmpeg's numbers for BT.601 as OpenCV converts: players assume BT.709 for HD unless
# the stream says otherwise.
_SMPTE170M, _LIMITED = 6, 1


class Writer(Protocol):
    """A writer of frames: `VideoWriter` or `ImageWriter`."""

    def write(self, image: Image, name: str | None = None) -> None:
        """Append a frame."""

    def close(self) -> None:
        """Finish: the frames written appear under the path."""

    def discard(self) -> None:
        """Drop what was written: the previous file stays."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


def is_image_folder(path: str | os.PathLike[str]) -> bool:
    """Whether an output of that name is a folder of images.

    It is, if it ends in a slash, is a folder already, or has no suffix.
    """
    text = os.fspath(path)
    return text.endswith(("/", os.sep)) or Path(text).is_dir() or not Path(text).suffix


def open_writer(
    path: str | os.PathLike[str],
    size: tuple[int, int] | None = None,
    fps: float | None = None,
) -> VideoWriter | ImageWriter:
    """A writer for `path`: images if it names a folder, a video otherwise.

    Args:
        path: `out.mp4` (also .m4v .mov .mkv .webm .avi), or a folder: an existing one,
            or any name that ends in `/` or has no suffix.
        size: Width and height of a video; default the first frame's.
        fps: Frames per second of a video; default 25.

    Raises:
        FormatError: If the suffix is unknown, or the place cannot be written.
    """
    if os.fspath(path) in ("", "-"):
        raise FormatError(
            f"cannot write frames to {os.fspath(path)!r}: expected the name of a video "
            "or of a folder"
        )
    if is_image_folder(path):
        return ImageWriter(path)
    return VideoWriter(path, size, fps)


class VideoWriter:
    """Writes a video of constant frame rate, atomically.

    The file appears under its name on `close`; until then frames go into a hidden
    file beside it, which has one writer at a time. In a `with` statement, a normal end
    and Ctrl-C keep what was written, and so does a live stream that is lost; any other
    exception leaves the previous file as it was.

    Args:
        path: The file; its suffix chooses the format.
        size: Width and height in pixels; default those of the first frame. Odd sides
            are made even by repeating the last row or column, which H.264's 4:2:0
            pixels need. Frames of another size are fitted in, with black bars.
        fps: Frames per second; default 25.

    Attributes:
        codec: The encoder in use: `libx264` (H.264), or for example `mp4v (OpenCV)`
            where PyAV has no libx264.
        frames: Frames written so far.

    Raises:
        FormatError: If the suffix is unknown or the file cannot be written; at any
            write, and at the end, if the disk is full.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int] | None = None,
        fps: float | None = None,
    ) -> None:
        self.path = Path(path)
        suffix = self.path.suffix.lower()
        if suffix not in ENCODERS:
            raise FormatError(
                f"{path}: expected a video name ending in {', '.join(ENCODERS)}, or a "
                f"folder for images (ending in /), got {suffix or 'no suffix'}"
            )
        if fps is not None and not 0 < fps <= 1000:
            raise FormatError(f"{path}: expected a frame rate in (0, 1000], got {fps}")
        encoder, self._letters = ENCODERS[suffix]
        self._encoder = encoder if encoder in av.codec.codecs_available else None
        self.codec = self._encoder or f"{self._letters} (OpenCV)"
        if self._encoder is None:
            _LOG.warning(
                "PyAV has no %s; %s is written as %s", encoder, path, self.codec
            )
        self.fps = fps or DEFAULT_FPS
        self.frames = 0
        self._size = size
        self._sink: _AvSink | _OpenCvSink | None = None
        # An output that cannot be written is an error now, not after the work.
        check_writable(self.path)
        # The file behind a link is replaced, not the link.
        self._target = Path(os.path.realpath(self.path))
        if self._target.exists() and not self._target.is_file():
            raise FormatError(
                f"cannot write {path}: it is a pipe or device, not a file"
            )
        self._partial: Path | None = None
        partial = beside(self._target, suffix)
        refuse_inputs(partial)
        with _naming(self.path):
            self._lock = open_locked(partial)
        self._partial = partial

    def write(self, image: Image, name: str | None = None) -> None:
        """Append a frame, `(H, W, 3)` uint8 BGR; `name` is for image folders.

        Raises:
            FormatError: If the writer is closed, or the disk is full.
        """
        if self._partial is None:
            raise FormatError(f"{self.path}: the video is finished; nothing was added")
        image = to_bgr(image, f"{self.path}, frame {self.frames}")
        with interrupts_deferred():
            try:
                with _naming(self.path):
                    self._append(image)
            except FormatError:
                self.discard()  # the file cannot be continued
                raise
            self.frames += 1

    def _append(self, image: Image) -> None:
        if self._sink is None:
            width, height = self._size or (image.shape[1], image.shape[0])
            self._even = (width + width % 2, height + height % 2)
            self._size = (width, height)
            self._sink = self._start(self._even)
        self._sink.write(_fit(image, self._size or self._even, self._even))

    def _start(self, size: tuple[int, int]) -> _AvSink | _OpenCvSink:
        partial = self._partial
        assert partial is not None
        if self._encoder is None:
            return _OpenCvSink(partial, self._letters, size, self.fps)
        return _AvSink(partial, self._encoder, size, self.fps)

    def close(self) -> None:
        """Finish the file and put it in place; without frames, nothing appears.

        Raises:
            FormatError: If the last bytes cannot be written.
        """
        if not self.frames:  # perhaps interrupted within the first one
            self.discard()
            return
        partial, self._partial = self._partial, None
        if partial is None:
            return
        try:
            with interrupts_deferred(), _naming(self.path):
                if self._sink is not None:
                    self._sink.close()
                    if os.name == "nt":  # which moves no open files
                        self._lock.close()
                    partial.replace(self._target)
        finally:
            self._sink = None
            release(partial, self._lock)

    def discard(self) -> None:
        """Drop what was written; the previous file stays."""
        partial, self._partial = self._partial, None
        sink, self._sink = self._sink, None
        if partial is not None:
            if sink is not None:
                sink.abort()
            release(partial, self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, KeyboardInterrupt | StreamLostError):
            self.close()
        else:
            self.discard()


class ImageWriter:
    """Writes each frame as an image file of its own, each atomically.

    The folder has one writer at a time, until `close`. Images of earlier runs, which
    are marked as poseflow's, are replaced, but no others.

    Args:
        folder: Made if it is not there, with its parents.
        suffix: `.jpg` or `.png`, for frames whose name has no image suffix.

    Attributes:
        codec: `images`, for messages.
        frames: Frames written so far.

    Raises:
        FormatError: If the folder cannot be made or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], suffix: str = ".jpg") -> None:
        self.path = Path(folder)
        self.codec = "images"
        self.frames = 0
        self._suffix = suffix
        self._written: set[Path] = set()
        self._kept = KeptFiles(self.path)
        refuse_inputs(self.path)
        with _naming(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._locked = self.path.resolve() / ".poseflow.lock"
            self._lock = open_locked(self._locked)
            for left in self.path.glob(".*.poseflow.*"):  # by a run that was killed
                left.unlink(missing_ok=True)

    def write(self, image: Image, name: str | None = None) -> None:
        """Write a frame as `name`; without one, as its number."""
        name = number_name(self.frames) if name is None else name
        target = self.path / file_name(name)
        if target.suffix.lower() not in IMAGE_SUFFIXES:
            target = target.with_name(target.name + self._suffix)
        if not target.resolve().is_relative_to(self.path.resolve()):
            raise FormatError(
                f"{self.path}: the frame name {name!r} points outside of it"
            )
        where = f"{self.path}, frame {name}"
        settings = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_PNG_COMPRESSION, 3]
        with quiet_opencv():
            done, data = cv2.imencode(target.suffix, to_bgr(image, where), settings)
        if not done:
            raise FormatError(f"{where}: OpenCV cannot write {target.suffix} images")
        refuse_inputs(target)
        if target not in self._written:
            self._kept.keep(target)
            self._written.add(target)
        partial = beside(target, target.suffix)
        with _naming(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(marked(data.tobytes()))
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
        self.frames += 1

    def close(self) -> None:
        """Let others write to the folder; every image is in place already."""
        release(self._locked, self._lock)

    def discard(self) -> None:
        """Keep the images written so far: each is complete."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def marked(image: bytes) -> bytes:
    """An encoded image with poseflow's mark: in JPEG and PNG a comment."""
    if image.startswith(b"\xff\xd8"):
        comment = b"\xff\xfe" + (len(MARK) + 2).to_bytes(2, "big") + MARK
        return image[:2] + comment + image[2:]
    if image.startswith(b"\x89PNG"):
        end = 8 + 25  # the signature and IHDR
        body = b"tEXtSoftware\0" + MARK
        chunk = (len(body) - 4).to_bytes(4, "big") + body
        return image[:end] + chunk + zlib.crc32(body).to_bytes(4, "big") + image[end:]
    return image + MARK  # decoders stop at the length that the header states


class _AvSink:
    """One file being encoded by FFmpeg."""

    def __init__(
        self, path: Path, encoder: str, size: tuple[int, int], fps: float
    ) -> None:
        suffix = path.suffix.lower()
        faststart = {"movflags": "+faststart"} if suffix in (".mp4", ".m4v") else {}
        self._container = av.open(str(path), "w", options=faststart)
        self._container.metadata["comment"] = MARK.decode()
        rate = Fraction(max(fps, _LEAST_FPS)).limit_denominator(1001 * 60)
        stream = self._container.add_stream(
            encoder, rate=rate, options=dict(_OPTIONS.get(encoder, {}))
        )
        self._stream = cast(av.VideoStream, stream)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = 1 / rate
        context.colorspace, context.color_range = _SMPTE170M, _LIMITED
        self._count = 0

    def write(self, image: Image) -> None:
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(np.asarray(planes, np.uint8), "yuv420p")
        frame.colorspace, frame.color_range = _SMPTE170M, _LIMITED
        frame.pts = self._count
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def close(self) -> None:
        try:
            self._container.mux(self._stream.encode())
        finally:
            self._container.close()

    def abort(self) -> None:
        # Nothing more is muxed: FFmpeg may crash on that after a failed write.
        with suppress(OSError, av.FFmpegError):
            self._container.close()


class _OpenCvSink:
    """One file being encoded by OpenCV, where PyAV lacks the encoder."""

    def __init__(
        self, path: Path, letters: str, size: tuple[int, int], fps: float
    ) -> None:
        self._path = path
        with quiet_opencv():
            code = cv2.VideoWriter.fourcc(*letters)
            self._writer = cv2.VideoWriter(str(path), code, fps, size)
        if not self._writer.isOpened():
            raise OSError(errno.EIO, f"OpenCV cannot encode {letters} here")

    def write(self, image: Image) -> None:
        self._writer.write(image)

    def abort(self) -> None:
        self._writer.release()

    def close(self) -> None:
        self._writer.release()
        # OpenCV does not report failed writes; an empty file is the sign.
        if not self._path.stat().st_size:
            raise OSError(errno.EIO, "OpenCV wrote nothing")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn errors of the system or FFmpeg into one line about `path`."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error
    except FormatError as error:
        raise FormatError(f"cannot write {path}: {error}") from error
    except av.FFmpegError as error:
        raise explain(OSError(error.errno, error.strerror), path) from error


def _fit(image: Image, size: tuple[int, int], even: tuple[int, int]) -> Image:
    """The image scaled into `size` with black bars, then padded to `even`."""
    width, height = size
    rows, columns = image.shape[:2]
    if (columns, rows) != size:
        scale = min(width / columns, height / rows)
        inner = (max(round(columns * scale), 1), max(round(rows * scale), 1))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, inner, interpolation=way)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        canvas = np.zeros((height, width, 3), np.uint8)
        canvas[top : top + inner[1], left : left + inner[0]] = small
        image = canvas
    if even != size:
        image = np.pad(
            image, ((0, even[1] - height), (0, even[0] - width), (0, 0)), mode="edge"
        )
    return image
