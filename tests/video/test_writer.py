"""Writers of videos and image folders."""

import itertools
import os
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from poseflow.errors import FormatError
from poseflow.video import ImageWriter, VideoWriter, open_source, open_writer
from poseflow.video.writer import _AvSink

from .conftest import number_of, numbered


def atoms(path):
    """Names of an mp4's top-level boxes, in order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at : at + 4], "big")
    return names


def write(path, frames=20, size=(64, 48), **options):
    with VideoWriter(path, **options) as writer:
        for index in range(frames):
            writer.write(numbered(index, size))
    return writer


@pytest.mark.parametrize(
    ("name", "codec", "inside"),
    [
        ("a.mp4", "libx264", "h264"),
        ("a.m4v", "libx264", "h264"),
        ("a.mov", "libx264", "h264"),
        ("a.mkv", "libx264", "h264"),
        ("a.webm", "libvpx-vp9", "vp9"),
        ("a.avi", "mpeg4", "mpeg4"),
        ("A.MP4", "libx264", "h264"),
    ],
)
def test_what_is_written_can_be_read(tmp_path, name, codec, inside):
    writer = write(tmp_path / name, fps=12.5)
    assert (writer.codec, writer.frames) == (codec, 20)
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == inside
        assert stream.codec_context.pix_fmt == "yuv420p"
    source = open_source(tmp_path / name)
    assert source.fps == pytest.approx(12.5)
    assert [number_of(f.image) for f in source] == list(range(20))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_browsers_can_start_at_once_and_know_the_colours(tmp_path):
    write(tmp_path / "a.mp4")
    names = atoms(tmp_path / "a.mp4")
    assert names.index("moov") < names.index("mdat")
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (int(frame.colorspace), int(frame.color_range)) == (6, 1)


@pytest.mark.parametrize("rate", [30000 / 1001, 24000 / 1001, 10, 59.94, 0.5])
def test_the_rate_is_kept(tmp_path, rate):
    write(tmp_path / "a.mp4", fps=rate)
    source = open_source(tmp_path / "a.mp4")
    assert source.fps == pytest.approx(rate, rel=1e-4)
    times = [f.time for f in source]
    assert times == pytest.approx([k / rate for k in range(20)], rel=1e-3, abs=1e-3)


def test_colours_survive(tmp_path):
    sent = np.empty((48, 64, 3), np.uint8)
    sent[:, :32], sent[:, 32:] = (200, 40, 30), (20, 90, 220)
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(sent)
    (got,) = open_source(tmp_path / "a.mp4")
    assert np.abs(got.image[4:-4, [5, -6]].astype(int) - sent[4:-4, [5, -6]]).max() < 9


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (33, 21)])
def test_odd_sides_are_made_even_by_a_copy_of_the_edge(tmp_path, size):
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(image)
    (frame,) = open_source(tmp_path / "a.mp4")
    assert frame.image.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert frame.image.min() > 190


def test_frames_of_other_sizes_are_fitted_in(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", size=(64, 48)) as writer:
        writer.write(np.full((48, 64, 3), 200, np.uint8))
        writer.write(np.full((96, 32, 3), 200, np.uint8))
    _, tall = open_source(tmp_path / "a.mp4")
    assert tall.image.shape == (48, 64, 3)
    assert tall.image[:, 28:36].min() > 150 > 60 > tall.image[:, :16].max()


def test_same_frames_give_the_same_bytes(tmp_path):
    write(tmp_path / "a.mp4")
    write(tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


# ---- all or nothing -------------------------------------------------------------


def test_nothing_is_seen_before_the_end(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("previous")
    with VideoWriter(path) as writer:
        for index in range(60):
            writer.write(numbered(index))
        assert path.read_text() == "previous"
    assert len(list(open_source(path))) == 60
    with pytest.raises(FormatError, match="finished"):
        writer.write(numbered(0))
    writer.close()


def test_ctrl_c_keeps_what_was_done(tmp_path):
    path = tmp_path / "a.mp4"

    def interrupted():
        with VideoWriter(path) as writer:
            for index in itertools.count():
                if index == 7:
                    raise KeyboardInterrupt
                writer.write(numbered(index))

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [number_of(f.image) for f in open_source(path)] == list(range(7))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_ctrl_c_within_the_first_frame_leaves_the_previous_file(tmp_path, monkeypatch):
    """The encoder has begun a file, which holds no frame that could be decoded."""
    path = tmp_path / "a.mp4"
    path.write_text("previous")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_AvSink, "write", interrupted)
    with pytest.raises(KeyboardInterrupt), VideoWriter(path) as video:
        video.write(numbered(0))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert path.read_text() == "previous"


@pytest.mark.parametrize("frames", [0, 7])
def test_an_error_leaves_the_previous_file(tmp_path, frames):
    path = tmp_path / "a.mp4"
    path.write_text("previous")

    def failing():
        with VideoWriter(path) as writer:
            for index in range(frames):
                writer.write(numbered(index))
            raise OSError("elsewhere")

    with pytest.raises(OSError, match="elsewhere"):
        failing()
    assert path.read_text() == "previous"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_no_frames_no_file(tmp_path):
    with VideoWriter(tmp_path / "a.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_keeps_pointing(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "a.mp4").symlink_to(tmp_path / "there" / "b.mp4")
    write(tmp_path / "a.mp4", 3)
    assert (tmp_path / "a.mp4").is_symlink()
    assert len(list(open_source(tmp_path / "there" / "b.mp4"))) == 3


@pytest.mark.skipif(os.name != "posix", reason="needs a file size limit")
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize("limit", [0, 10_000, 200_000])
def test_a_full_disk_is_an_error_and_leaves_the_previous_file(tmp_path, name, limit):
    """A limit on file sizes refuses writes just as a full disk does."""
    path = tmp_path / name
    path.write_text("previous")
    code = f"""
import resource, signal
import numpy as np
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from poseflow.errors import FormatError
from poseflow.video import VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
noise = np.random.default_rng(0).integers(0, 256, (5, 144, 176, 3), np.uint8)
try:
    with VideoWriter({str(path)!r}) as writer:
        for k in range(60):
            writer.write(noise[k % 5])
except FormatError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert f"{name}: the file would become larger" in done.stdout
    assert done.stderr == ""
    assert path.read_text() == "previous"
    assert [p.name for p in tmp_path.iterdir()] == [name]


# ---- refusals -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xyz", r"ending in \.mp4, .* got \.xyz"),
        ("gone/a.mp4", "the folder .*gone does not exist"),
        ("file/a.mp4", "cannot write .*file/a.mp4"),
    ],
)
def test_unwritable_places_are_refused_before_the_work(tmp_path, name, message):
    (tmp_path / "file").touch()
    with pytest.raises(FormatError, match=message):
        open_writer(tmp_path / name)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 1e9])
def test_bad_rates(tmp_path, rate):
    with pytest.raises(FormatError, match="frame rate"):
        VideoWriter(tmp_path / "a.mp4", fps=rate)


# ---- without libx264 ------------------------------------------------------------


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mp4v"), ("a.avi", "MJPG")])
def test_opencv_is_the_fallback_and_is_logged(
    tmp_path, monkeypatch, caplog, name, codec
):
    left = av.codec.codecs_available - {"libx264", "mpeg4"}
    monkeypatch.setattr(av.codec, "codecs_available", left)
    writer = write(tmp_path / name, 20, (64, 47))
    assert writer.codec == f"{codec} (OpenCV)"
    assert codec in caplog.text
    monkeypatch.undo()
    frames = list(open_source(tmp_path / name))
    assert [number_of(f.image) for f in frames] == list(range(20))
    assert frames[0].image.shape == (48, 64, 3)
    assert [p.name for p in tmp_path.iterdir()] == [name]


# ---- images ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out", "out/", "out.d/", "a/b/c"])
def test_a_folder_gets_images(tmp_path, name):
    with open_writer(f"{tmp_path}/{name}") as writer:
        assert isinstance(writer, ImageWriter)
        for index in range(3):
            writer.write(numbered(index))
    assert sorted(p.name for p in (tmp_path / name).iterdir()) == [
        f"{k:06d}.jpg" for k in range(3)
    ]
    assert [number_of(f.image) for f in open_source(tmp_path / name)] == [0, 1, 2]


def test_images_keep_their_names_and_kinds(tmp_path):
    (tmp_path / "was.here").mkdir()
    with open_writer(tmp_path / "was.here") as writer:
        for name in ("x.png", "deep/y.JPG", "z", "clip.0001"):
            writer.write(numbered(5), name)
    found = {
        str(p.relative_to(tmp_path / "was.here"))
        for p in (tmp_path / "was.here").rglob("*.*")
    }
    assert found == {"x.png", "deep/y.JPG", "z.jpg", "clip.0001.jpg"}
    exact = cv2.imread(str(tmp_path / "was.here" / "x.png"))
    np.testing.assert_array_equal(exact, numbered(5))


def test_image_names_stay_in_their_folder(tmp_path):
    with (
        open_writer(tmp_path / "out") as writer,
        pytest.raises(FormatError, match="points outside"),
    ):
        writer.write(numbered(0), "../../x.png")
    assert not (tmp_path.parent / "x.png").exists()


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(FormatError, match="cannot write"):
        open_writer(tmp_path / "out")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_video_does_not_replace_a_pipe_or_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out.mp4").symlink_to(tmp_path / "pipe")
    with pytest.raises(FormatError, match="pipe or device"):
        open_writer(tmp_path / "out.mp4")
    assert (tmp_path / "pipe").is_fifo()
