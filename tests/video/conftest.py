"""Tiny clips whose frames show their number in pixels."""

import threading
from fractions import Fraction

import av
import numpy as np
import pytest

BITS = 8


def numbered(index, size=(64, 48)):
    """An image that shows `index` as a row of black and white fields."""
    width, height = size
    image = np.full((height, width, 3), 90, np.uint8)
    field = width // BITS
    for bit in range(BITS):
        level = 235 if index >> bit & 1 else 20
        image[: height // 2, bit * field : (bit + 1) * field] = level
    image[height // 2 :, : width // 2] = (200, 40, 30)  # blue-ish, bottom left
    return image


def number_of(image):
    """The index that an image made by `numbered` shows."""
    height, width = image.shape[:2]
    field = width // BITS
    row = image[height // 4, field // 2 :: field, 1][:BITS]
    return int(sum(1 << bit for bit, level in enumerate(row) if level > 127))


@pytest.fixture
def make_clip(tmp_path):
    """`make_clip(name, frames=..., ...)` writes a clip and returns its path."""

    def make(
        name="clip.mp4",
        frames=30,
        size=(64, 48),
        rate=25,
        codec="libx264",
        rotation=None,
        pts=None,
        options=None,
        pix_fmt="yuv420p",
        images=None,
    ):
        path = tmp_path / name
        flags = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
        with av.open(str(path), "w", options=flags) as container:
            chosen = {"g": "5", **(options or {})}
            stream = container.add_stream(codec, rate=Fraction(rate), options=chosen)
            stream.width, stream.height = size
            stream.pix_fmt = pix_fmt
            if rotation is not None:
                stream.set_display_rotation(rotation)
            if pts is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for index in range(frames):
                image = numbered(index, size) if images is None else images[index]
                frame = av.VideoFrame.from_ndarray(image, "bgr24")
                if pts is not None:
                    frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


@pytest.fixture(autouse=True)
def no_thread_left_behind():
    yield
    names = [t.name for t in threading.enumerate() if t.name == "poseflow-ahead"]
    assert not names
