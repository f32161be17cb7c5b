"""Decoding of video files and streams, damaged ones included."""

import functools
import gc
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from poseflow.errors import SourceError, SourceWarning, StreamLostError
from poseflow.video import open_source
from poseflow.video.decoder import VideoStream

from .conftest import number_of, numbered

CONTAINERS = [
    pytest.param("clip.mp4", "libx264", id="mp4"),
    pytest.param("clip.mkv", "libx264", id="mkv"),
    pytest.param("clip.ts", "libx264", id="ts"),
    pytest.param("clip.avi", "mpeg4", id="avi"),
    pytest.param("clip.webm", "libvpx-vp9", id="webm"),
]


def ahead_threads():
    return [t for t in threading.enumerate() if t.name == "poseflow-ahead"]


@pytest.fixture
def strict():
    """Any warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
def test_every_frame_comes_once_in_order(make_clip, name, codec):
    path = make_clip(name, frames=40, codec=codec)
    with open_source(path) as source:
        assert (source.name, source.size, source.is_live) == ("clip", (64, 48), False)
        assert source.fps == pytest.approx(25)
        assert source.frame_count == 40
        for _ in range(2):
            frames = list(source)
            assert [f.index for f in frames] == list(range(40))
            assert [number_of(f.image) for f in frames] == list(range(40))
            assert [f.time for f in frames] == pytest.approx(
                [k / 25 for k in range(40)], abs=2e-3
            )
            assert [f.name for f in frames][:2] == ["000000.jpg", "000001.jpg"]
            assert frames[0].image.dtype == np.uint8
            assert frames[0].image.flags.c_contiguous


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_videos(make_clip, codec, frames):
    source = open_source(make_clip(frames=frames, codec=codec))
    assert [number_of(f.image) for f in source] == list(range(frames))


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_applied_as_opencv_applies_it(make_clip, degrees):
    path = make_clip(frames=3, rotation=degrees)
    source = open_source(path)
    frames = list(source)
    expected = cv2.VideoCapture(str(path)).read()[1]
    assert source.size == expected.shape[1::-1]
    assert source.size == ((48, 64) if degrees in (90, 270) else (64, 48))
    difference = np.abs(frames[0].image.astype(int) - expected)
    assert difference.mean() < 3


@pytest.mark.parametrize(
    ("pix_fmt", "size"),
    [
        pytest.param("yuv420p", (64, 48), id="fast path"),
        pytest.param("yuvj420p", (64, 48), id="full range"),
        pytest.param("yuv444p", (64, 48), id="4:4:4"),
        pytest.param("yuv444p", (63, 47), id="odd"),
        pytest.param("yuv420p10le", (64, 48), id="10 bit"),
    ],
)
def test_colours_come_out_as_they_went_in(make_clip, pix_fmt, size):
    sent = np.empty((size[1], size[0], 3), np.uint8)
    sent[:, : size[0] // 2], sent[:, size[0] // 2 :] = (200, 40, 30), (20, 90, 220)
    path = make_clip(
        frames=2, size=size, pix_fmt=pix_fmt, images=[sent] * 2, options={"crf": "1"}
    )
    (got, _) = open_source(path)
    assert got.image.shape == sent.shape
    inner = np.s_[4:-4, [5, -6]]
    assert np.abs(got.image[inner].astype(int) - sent[inner]).max() <= 6


def test_variable_rate_keeps_its_own_times(make_clip):
    stamps = [0, 40, 50, 200, 210, 500, 1000, 1010, 1020, 1500]
    path = make_clip(frames=10, pts=stamps)
    frames = list(open_source(path))
    assert [number_of(f.image) for f in frames] == list(range(10))
    assert [f.time for f in frames] == pytest.approx([s / 1000 for s in stamps])
    assert [f.time for f in open_source(path, fps=2)][:3] == [0, 0.5, 1.0]


@pytest.mark.usefixtures("strict")
def test_time_starts_at_the_first_frame(make_clip):
    path = make_clip("clip.mkv", frames=4, pts=[5000, 5040, 5080, 5120])
    assert [f.time for f in open_source(path)] == pytest.approx([0, 0.04, 0.08, 0.12])


# ---- damage ---------------------------------------------------------------------


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.999])
def test_a_truncated_file_yields_its_good_frames(make_clip, name, codec, share, capfd):
    path = make_clip(name, frames=100, codec=codec, size=(160, 96))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frames = list(open_source(path))
        except SourceError as error:
            message = str(error)
        else:
            message = ""
    if message:
        assert message.startswith(f"{path}: ")
        assert share < 0.7, "most of the frames are there"
        return
    numbers = [f.index for f in frames]
    assert numbers == list(range(len(frames)))
    assert [number_of(f.image) for f in frames] == numbers
    assert len(frames) > 100 * share - 45
    # A transport stream does not say how long it should be.
    if len(frames) < 90 and name != "clip.ts":
        (warning,) = caught
        assert issubclass(warning.category, SourceWarning)
        assert f"{len(frames)} " in str(warning.message)
        assert "truncated" in str(warning.message)
    assert capfd.readouterr().err == ""


def packets_of(path):
    """(position, size, timestamp) of every packet, in file order."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size, p.pts) for p in container.demux() if p.size]


@pytest.mark.parametrize("broken", [0, 1, 20, 33, 99])
@pytest.mark.parametrize("fill", ["zeros", "noise"])
def test_a_corrupt_packet_costs_its_frames_only(make_clip, broken, fill):
    path = make_clip(frames=100, size=(160, 96), options={"g": "10", "bf": "2"})
    position, size, stamp = packets_of(path)[broken]
    stamps = sorted(p[2] for p in packets_of(path))
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(broken).bytes(size)
    data[position : position + size] = bytes(size) if fill == "zeros" else noise
    path.write_bytes(data)
    with pytest.warns(SourceWarning, match="damaged") as caught:
        frames = list(open_source(path))
    assert len(caught) == 1
    numbers = [f.index for f in frames]
    assert numbers == sorted(set(numbers))
    lost = sorted(set(range(100)) - set(numbers))
    assert stamps.index(stamp) in lost
    # Damage lasts to the next key frame at most, ten frames on.
    assert len(lost) <= 20
    assert f"{len(frames)} of 100" in str(caught[0].message)
    sound = [f for f in frames if f.index < broken - 3 or f.index >= broken + 20]
    assert [number_of(f.image) for f in sound] == [f.index for f in sound]
    assert [f.time for f in sound] == pytest.approx([f.index / 25 for f in sound])
    with pytest.warns(SourceWarning):
        assert [f.index for f in open_source(path)] == numbers


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
def test_damaged_files_end_in_order(make_clip, name, codec, capfd):
    path = make_clip(name, frames=40, codec=codec)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(20):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 5)):
            start = int(rng.integers(len(data)))
            end = start + int(rng.choice([1, 4, 60, 600]))
            noise = rng.bytes(end - start)
            changes = [noise[: len(data) - start], b"", noise + data[start:end]]
            data[start:end] = changes[rng.integers(3)]
        path.write_bytes(data)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                frames = list(open_source(path))
            except SourceError:
                continue
        assert len(caught) <= 1
        assert frames
        for kind in ([f.index for f in frames], [f.time for f in frames]):
            assert kind == sorted(set(kind))
    assert capfd.readouterr().err == ""


def test_packets_that_vanish_leave_their_numbers_free(make_clip):
    """A transport stream with a hole: the clock says how many frames are gone."""
    path = make_clip("clip.ts", frames=100, size=(160, 96), options={"bf": "0"})
    data = path.read_bytes()
    hole = len(data) // 188 // 2 * 188
    path.write_bytes(data[:hole] + data[hole + 188 * 12 :])
    with pytest.warns(SourceWarning, match="damaged"):
        frames = list(open_source(path))
    numbers = [f.index for f in frames]
    assert numbers[-1] == 99
    assert 80 < len(numbers) < 100
    assert [number_of(f.image) for f in frames[-20:]] == numbers[-20:]


@pytest.mark.parametrize("lose", [None, 0, 1, 2], ids=lambda k: f"damage {k}")
@pytest.mark.parametrize(
    ("codec", "options", "pieces"),
    [
        pytest.param("libx264", {"bf": "2"}, (40, 40), id="two"),
        pytest.param("libx264", {"bf": "2", "g": "50"}, (30, 4, 40), id="a short one"),
        pytest.param("libx264", {"bf": "0"}, (20, 20, 20, 20), id="four"),
        pytest.param("mpeg2video", {"bf": "2"}, (40, 40), id="mpeg2"),
    ],
)
def test_joined_recordings_continue(make_clip, codec, options, pieces, lose):
    """Each piece begins its time again; damage in one costs only frames of it."""
    whole = []
    for frames in pieces:
        path = make_clip(
            "clip.ts", frames=frames, size=(160, 96), codec=codec, options=options
        )
        whole.append(path.read_bytes())
    if lose is not None and lose < len(whole):
        hole = len(whole[lose]) // 188 * 3 // 4 * 188
        whole[lose] = whole[lose][:hole] + whole[lose][hole + 188 :]
    path.write_bytes(b"".join(whole))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SourceWarning)
        frames = list(open_source(path))
    starts = np.concatenate([[0], np.cumsum(pieces)])
    expected = [n for count in pieces for n in range(count)]
    for k in range(len(pieces)):
        part = [f for f in frames if starts[k] <= f.index < starts[k + 1]]
        lost = pieces[k] - len(part)
        assert lost <= (pieces[k] if k == lose else 1)
        if k != lose:
            assert [number_of(f.image) for f in part] == [
                expected[f.index] for f in part
            ]
    for kind in ([f.index for f in frames], [f.time for f in frames]):
        assert kind == sorted(set(kind))
    assert [f.time for f in frames] == pytest.approx([f.index / 25 for f in frames])


@pytest.mark.parametrize("shift", [-100, -5, 5, 100], ids="{} s".format)
def test_one_wrong_timestamp_does_not_end_a_damaged_video(make_clip, shift):
    path = make_clip("clip.ts", frames=100, size=(160, 96), options={"bf": "0"})
    data = bytearray(path.read_bytes())
    hole = packets_of(path)[10][0] + 188  # inside a key frame
    position = packets_of(path)[30][0]
    place = data.index(b"\x00\x00\x01\xe0", position) + 9
    stamp = (packets_of(path)[30][2] + shift * 90_000) % (1 << 33)
    data[place : place + 5] = bytes(
        [
            data[place] & 0xF0 | stamp >> 30 << 1 | 1,
            stamp >> 22 & 0xFF,
            stamp >> 14 & 0xFE | 1,
            stamp >> 7 & 0xFF,
            stamp << 1 & 0xFE | 1,
        ]
    )
    path.write_bytes(data[:hole] + data[hole + 188 :])
    with pytest.warns(SourceWarning, match="damaged"):
        frames = list(open_source(path))
    assert len(frames) > 75
    assert number_of(frames[-1].image) == 99


def test_a_damaged_file_is_read_the_same_with_any_number_of_threads(
    make_clip, monkeypatch
):
    path = make_clip(frames=60, size=(160, 96))
    position, size, _ = packets_of(path)[22]
    data = bytearray(path.read_bytes())
    data[position : position + size] = np.random.default_rng(1).bytes(size)
    path.write_bytes(data)
    results = []
    for threads in (1, 2, 8):
        monkeypatch.setattr("poseflow.video.decoding.THREADS", threads)
        with pytest.warns(SourceWarning):
            results.append([(f.index, f.image.tobytes()) for f in open_source(path)])
    assert results[0] == results[1] == results[2]


def test_a_video_without_frames(tmp_path):
    path = tmp_path / "none.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(SourceError, match=r"none\.mp4: expected a video, found"):
        open_source(path)


def test_a_file_that_shrinks_while_it_is_read_ends(make_clip):
    path = make_clip(frames=200, size=(160, 96), options={"crf": "5"})
    frames = iter(open_source(path))
    first = next(frames)
    os.truncate(path, path.stat().st_size // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SourceWarning)
        rest = list(frames)
    assert [f.index for f in (first, *rest)] == list(range(1 + len(rest)))
    path.unlink()


# ---- threads and memory ---------------------------------------------------------


@pytest.mark.parametrize("leave", ["break", "close", "drop", "error", "exhaust"])
def test_the_thread_ends_however_one_leaves(make_clip, leave):
    source = open_source(make_clip(frames=60))
    frames = iter(source)
    next(frames)
    assert ahead_threads()
    if leave == "break":
        frames.close()
    elif leave == "close":
        source.close()
    elif leave == "drop":
        del frames
        gc.collect()
    elif leave == "error":
        with pytest.raises(ZeroDivisionError):
            sum(1 / 0 for _ in frames)
        del frames
    else:
        list(frames)
    end = time.monotonic() + 5
    while ahead_threads() and time.monotonic() < end:
        time.sleep(0.01)
    assert not ahead_threads()


def test_a_closed_source_raises(make_clip):
    source = open_source(make_clip(frames=3))
    source.close()
    source.close()
    with pytest.raises(SourceError, match="closed"):
        list(source)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_a_program_at_once(make_clip):
    path = make_clip(frames=50)
    code = f"""
from poseflow.video import open_source
for _ in range(1000):
    for frame in open_source({str(path)!r}):
        print(frame.index, flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors.splitlines()[-1]


def test_memory_does_not_grow_with_the_video(make_clip):
    psutil = pytest.importorskip("psutil")
    me = psutil.Process()
    path = make_clip(frames=160, size=(1280, 720), options={"preset": "ultrafast"})
    readings = []
    for frame in open_source(path):
        if frame.index >= 50:
            readings.append(me.memory_info().rss)
    # 110 frames of 720p would be 300 MB.
    assert max(readings) - readings[0] < 60e6


# ---- network --------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_file_over_http(make_clip):
    path = make_clip(frames=20)
    handler = functools.partial(Quiet, directory=str(path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/clip.mp4?token=1"
            source = open_source(url)
            assert (source.name, source.is_live) == ("clip", False)
            assert [number_of(f.image) for f in source] == list(range(20))
            with pytest.raises(SourceError, match=r"gone\.mp4.*: the stream cannot be"):
                open_source(url.replace("clip", "gone"))
        finally:
            server.shutdown()


def test_a_live_stream_never_falls_behind(make_clip):
    """Frames go out at 100 a second; the reader takes 10 and stays near the end."""
    data = make_clip("clip.ts", frames=200, options={"tune": "zerolatency"})
    packets = data.read_bytes()
    listener = socket.create_server(("127.0.0.1", 0))

    def send():
        connection, _ = listener.accept()
        with connection:
            for start in range(0, len(packets), len(packets) // 200):
                connection.sendall(packets[start : start + len(packets) // 200])
                time.sleep(0.01)

    sender = threading.Thread(target=send)
    sender.start()
    url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    with listener, open_source(url, reconnect_seconds=0) as live:
        assert live.is_live
        assert live.frame_count is None
        seen = []

        def watch():
            for frame in live:
                seen.append((frame.index, number_of(frame.image)))
                time.sleep(0.1)

        with pytest.raises(StreamLostError, match="lost after"):
            watch()
    sender.join()
    numbers = [number for _, number in seen]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] >= 195
    assert len(numbers) < 100, "frames were dropped, not queued"


@pytest.mark.parametrize("url", ["rtsp://127.0.0.1:1/x", "http://127.0.0.1:1/x.mp4"])
def test_an_unreachable_server(url, capfd):
    with pytest.raises(SourceError, match="cannot be opened"):
        open_source(url)
    assert capfd.readouterr().err == ""


def test_a_silent_server(monkeypatch):
    monkeypatch.setattr("poseflow.video.opening.TIMEOUTS", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.mp4"
        with pytest.raises(SourceError, match=r"no answer for 0\.2 s"):
            open_source(url)


def test_opening_leaves_no_file_open_on_failure(tmp_path):
    psutil = pytest.importorskip("psutil")
    path = tmp_path / "t.mp4"
    path.write_text("text")
    for _ in range(3):
        with pytest.raises(SourceError):
            VideoStream(str(path))
    assert str(path) not in {f.path for f in psutil.Process().open_files()}


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(s, c) for s in (".mp4", ".mkv", ".ts") for c in ("mpeg4", "libx264")]
    + [(".avi", "mpeg4")],
)
def test_a_timestamp_far_ahead_moves_neither_numbers_nor_times(tmp_path, suffix, codec):
    path = tmp_path / f"jump{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        packets = []
        for index in range(60):
            image = numbered(index, (64, 48))
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            packets += stream.encode(frame)
        packets += stream.encode()
        for packet in packets:
            if packet.pts == 30:
                packet.pts += 5000
            container.mux(packet)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frames = list(open_source(str(path)))
    assert [frame.index for frame in frames] == list(range(60))
    times = np.array([frame.time for frame in frames])
    np.testing.assert_allclose(times, np.arange(60) / 25, atol=0.06)
