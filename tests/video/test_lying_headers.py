"""Videos whose headers lie about rate, length, number and size of the frames."""

import struct
from itertools import pairwise

import numpy as np
import pytest

from poseflow.errors import PoseFlowError
from poseflow.video import VideoWriter, open_source, open_writer

FRAMES = 12
LIES = {
    "rate of one unit a second": (b"mdhd", 12, 1),
    "rate of the largest number": (b"mdhd", 12, 2**32 - 1),
    "no rate": (b"mdhd", 12, 0),
    "longest": (b"mdhd", 16, 2**32 - 1),
    "no length": (b"mdhd", 16, 0),
    "longest film": (b"mvhd", 16, 2**32 - 1),
    "no time": (b"mvhd", 12, 0),
    "frames that last for days": (b"stts", 12, 2**31 - 1),
    "frames that last no time": (b"stts", 12, 0),
    "frames that go back": (b"stts", 12, 2**32 - 5),
    "billions of frames": (b"stts", 8, 2**31),
    "billions of sizes": (b"stsz", 12, 2**31 - 1),
    "no sizes": (b"stsz", 12, 0),
    "few sizes": (b"stsz", 12, 5),
    "a huge picture": (b"avc1", 24, 2**32 - 1),
    "a tiny picture": (b"avc1", 24, 2**16 + 1),
}
"""Name of a box, place of a number in it and the number."""


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("lies") / "a.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, (64, 48), 25) as writer:
        if writer.codec != "libx264":
            pytest.skip("needs an H.264 encoder")
        for _ in range(FRAMES):
            writer.write(rng.integers(0, 255, (48, 64, 3), np.uint8))
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lie", LIES)
def test_its_frames_come_or_it_is_refused(video, lie, tmp_path):
    box, offset, number = LIES[lie]
    changed = bytearray(video)
    struct.pack_into(">I", changed, video.index(box) + 4 + offset, number)
    path, out = tmp_path / "a.mp4", tmp_path / "out.mp4"
    path.write_bytes(changed)
    try:
        with open_source(path) as source, open_writer(out, fps=source.fps) as writer:
            assert str(source.frame_count)
            times = []
            for frame in source:
                assert frame.image.shape == (48, 64, 3)
                times.append(frame.time)
                writer.write(frame.image)
            assert writer.fps > 0
    except PoseFlowError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "a.mp4" in refusal
        return
    assert 0 < len(times) <= FRAMES
    assert all(later > time for time, later in pairwise(times))
    assert out.stat().st_size


@pytest.mark.parametrize("fps", [1e-9, 6e-6, 1 / 7, 1000])
def test_overlays_of_odd_rates_are_written(tmp_path, fps):
    with VideoWriter(tmp_path / "a.mp4", (64, 48), fps) as writer:
        for _ in range(3):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    with open_source(tmp_path / "a.mp4") as source:
        assert len(list(source)) == 3
