"""Live streams from real servers on loopback: losses, faults, delay, credentials."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses
from poseflow.batch import run_batch
from poseflow.batch.worker import Worker
from poseflow.cli.app import app
from poseflow.errors import PoseFlowError, SourceError, StreamLostError
from poseflow.pipeline.live import DelayMeter
from poseflow.safety.redaction import redact
from poseflow.storage.segments import SegmentLength
from poseflow.video import open_source

from .conftest import number_of
from .servers import MjpegServer, RtspServer

KINDS = [MjpegServer, RtspServer]
SECRET = "s3cr:t!word"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("poseflow.video.opening.TIMEOUTS", (2.0, 0.4))
    monkeypatch.setattr("poseflow.video.stream._FIRST_WAIT_SECONDS", 0.05)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def drop(server):
    server.drop()


def drop_for_a_while(server):
    server.refusing = True
    server.drop()
    threading.Timer(0.5, setattr, (server, "refusing", False)).start()


def other_size(server):
    server.size = (96, 64)
    server.drop()


def stall(server):
    server.stalled = True
    threading.Timer(0.9, setattr, (server, "stalled", False)).start()


def garbage(server):
    server.garbage = True

    def heal():
        server.garbage = False
        server.drop()  # garbage in the middle of a stream is no reason to end it

    threading.Timer(0.9, heal).start()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [drop, drop_for_a_while, other_size, stall, garbage])
def test_a_stream_goes_on_after_a_fault(kind, fault, caplog):
    with kind() as server, open_source(server.url(), reconnect_seconds=20) as source:
        assert source.is_live
        frames, faulty_at = [], None
        for frame in source:
            frames.append((frame.index, frame.time, number_of(frame.image)))
            if len(frames) == 10:
                faulty_at = time.monotonic()
                fault(server)
            if source.losses and "back after" in caplog.text:
                after = frame
                break
            assert faulty_at is None or time.monotonic() - faulty_at < 30
    messages = [record.getMessage() for record in caplog.records]
    assert len([m for m in messages if "lost after" in m]) == source.losses == 1
    assert len([m for m in messages if "back after" in m]) == 1
    indices, times, _ = zip(*frames, strict=True)
    assert list(indices) == sorted(set(indices))
    assert list(times) == sorted(times)
    # Time goes on in between, and with it the numbers.
    gap = times[-1] - times[-2]
    missed = indices[-1] - indices[-2] - 1
    assert missed >= 0.4 * gap * server.rate - 2
    assert source.take_gap(after.index) <= missed
    if fault is other_size:
        assert after.image.shape[:2] == (64, 96)
        assert source.size == (96, 64)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [3, 30])
def test_a_stream_that_stays_away_for_long(kind, seconds, monkeypatch, caplog):
    """With the limits that users have."""
    monkeypatch.undo()
    with kind() as server, open_source(server.url()) as source:
        times, indices = [], []
        for frame in source:
            times.append(frame.time)
            indices.append(frame.index)
            if len(times) == 50:
                server.refusing = True
                server.drop()
                threading.Timer(seconds, setattr, (server, "refusing", False)).start()
            if "back after" in caplog.text:
                break
    gap = times[-1] - times[-2]
    assert seconds <= gap <= seconds + 12
    assert indices[-1] - indices[-2] >= 0.5 * gap * server.rate
    assert source.losses == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_memory_stays_flat_through_many_losses(kind):
    psutil = pytest.importorskip("psutil")
    with kind(rate=200) as server, open_source(server.url()) as source:
        readings = []
        for seen, _ in enumerate(source, 1):
            if seen % 40 == 0:
                server.drop()
                readings.append(psutil.Process().memory_info().rss)
            if len(readings) == 60:
                break
    assert source.losses >= 50
    assert max(readings[30:]) - max(readings[10:20]) < 20e6


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_does_not_come_back(kind, caplog):
    with kind() as server:
        source = open_source(server.url(f"me:{SECRET}"), reconnect_seconds=0.3)
        seen = []

        def watch():
            for frame in source:
                seen.append(frame.index)
                if len(seen) == 5:
                    server.refusing = True
                    server.drop()

        with (
            source,
            pytest.raises(StreamLostError, match=r"did not come back in 0\.3 s"),
        ):
            watch()
    assert len(seen) >= 5
    assert SECRET not in caplog.text
    assert len(caplog.records) == 1


def test_without_reconnecting_the_first_loss_ends_it(caplog):
    with (
        MjpegServer() as server,
        open_source(server.url(), reconnect_seconds=0) as source,
    ):
        threading.Timer(0.3, server.drop).start()
        with pytest.raises(StreamLostError, match=r"was lost after \d+ frames"):
            list(source)
    assert server.connections == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_is_told_without_the_password(kind):
    with kind(password=f"me:{SECRET}") as server:
        with pytest.raises(SourceError, match="401") as caught:
            open_source(server.url("me:wr0ng"))
        assert "wr0ng" not in str(caught.value)
        assert "***@127.0.0.1" in str(caught.value)
        with open_source(server.url("me:s3cr%3At!word")) as source:
            assert source.name == "1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_consumer_drops_frames_and_does_not_lag(kind):
    with kind() as server, open_source(server.url()) as source:
        seen = []
        for frame in source:
            seen.append(frame.index)
            time.sleep(0.1)
            if len(seen) == 8:
                break
        assert source.dropped >= 8
        assert seen[-1] >= 20


def test_stopping_ends_a_stream_even_while_it_is_lost():
    with MjpegServer() as server, open_source(server.url()) as source:
        frames = iter(source)
        next(frames)
        server.refusing = True
        server.drop()
        threading.Timer(0.2, source.stop).start()
        start = time.monotonic()
        list(frames)
        assert time.monotonic() - start < 10


def test_memory_of_arrivals_and_gaps_is_bounded():
    images = np.zeros((5000, 4, 4, 3), np.uint8)
    with open_source(images, fps=1e6, live=True) as source:
        last = [frame.index for frame in source][-1]
        assert len(source._arrivals) <= 4096
        assert source.arrival(last) is not None
        assert len(source._arrivals) == 1


def test_a_file_played_live_takes_its_time(make_clip):
    path = make_clip(frames=12, rate=25)
    start = time.monotonic()
    with open_source(path, live=True) as source:
        assert source.is_live
        frames = [frame.index for frame in source]
    assert time.monotonic() - start >= 11 / 25
    assert frames == sorted(set(frames))
    assert frames[-1] >= 10
    with open_source(path, live=True) as source:
        slow = []
        for frame in source:
            slow.append(frame.index)
            time.sleep(0.15)
    assert len(slow) < 8


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_times_to_reconnect(value):
    with pytest.raises(SourceError, match="reconnect_seconds"):
        open_source([np.zeros((4, 4, 3), np.uint8)], reconnect_seconds=value)


class FakeCamera:
    """As `cv2.VideoCapture`: five images, then none; the second opening fails."""

    opened = 0

    def __init__(self, device):
        FakeCamera.opened += 1
        self.works = FakeCamera.opened != 2
        self.left = 5

    def read(self):
        time.sleep(0.01)
        self.left -= 1
        if not self.works or self.left < 0:
            return False, None
        return True, np.zeros((48, 64, 3), np.uint8)

    def get(self, field):
        return 30.0

    def release(self):
        pass


def test_a_camera_that_is_plugged_in_again_goes_on(monkeypatch, caplog):
    monkeypatch.setattr("poseflow.video.camera.cv2.VideoCapture", FakeCamera)
    FakeCamera.opened = 0
    with open_source(0) as source:
        assert source.is_live
        times = []
        for frame in source:
            times.append(frame.time)
            if "back after" in caplog.text:
                break
    assert FakeCamera.opened == 3
    assert times == sorted(times)
    assert "camera 0: lost after" in caplog.text
    assert "it stopped delivering images" in caplog.text


# ---- identities over gaps ------------------------------------------------------


class Gappy:
    """A live source of ten frames, a gap, and ten more."""

    runs_ahead, is_live, frame_count, origin = False, True, None, None
    size, fps, name, losses, dropped = (640, 480), 10.0, "gappy", 1, 0

    def __init__(self, missed):
        self.missed = missed

    def take_gap(self, index):
        missed, self.missed = (self.missed, 0) if index >= 10 else (0, self.missed)
        return missed


@pytest.mark.parametrize("tracker", ["default", "iou", "oks", "poseflow"])
@pytest.mark.parametrize("final", [True, False])
def test_identities_outlast_gaps_up_to_the_age_limit(tracker, final):
    from poseflow.pipeline.track import _tracked
    from poseflow.tracker import Tracker

    cloud = np.random.default_rng(0).uniform(200, 300, (1, 17, 2))

    def ids(missed):
        gap = Gappy(missed)
        indices = [*range(10), *range(10 + missed, 20 + missed)]
        frames = (Frame(k, k / 10, Poses(cloud), name=str(k)) for k in indices)
        tracked = _tracked(frames, Tracker(tracker), final, False, gap.take_gap, None)
        given = list(tracked)
        assert [frame.index for frame in given] == indices
        return [set(frame.poses.track_ids.tolist()) - {-1} for frame in given]

    assert ids(0)[-1] == ids(5)[-1] == {1}
    assert ids(1600)[-1] == {2}


# ---- the command ---------------------------------------------------------------


@pytest.fixture
def poses(tmp_path):
    """Poses for the first frames of any stream."""
    cloud = np.random.default_rng(1).uniform(0, 40, (1, 17, 2))
    frames = [Frame(k, k, Poses(cloud), name=f"{k:06d}.jpg") for k in range(400)]
    poseflow.write(frames, tmp_path / "poses.json")
    return tmp_path / "poses.json"


def test_a_run_ends_after_its_duration(poses, tmp_path, caplog):
    out = tmp_path / "out.json"
    with MjpegServer() as server:
        given = ["track", server.url(), "--poses", poses, "-o", out, "--live"]
        done = run(*given, "--tracker", "iou", "--duration", 0.6)
        assert done.exit_code == 0, done.output
        assert re.search(r"delay p50 \d+ ms, p95 \d+ ms", done.stderr)
    frames = poseflow.read(out)
    assert 3 <= len(frames) <= 60


def test_a_run_whose_stream_is_lost_keeps_its_result_and_fails(poses, tmp_path):
    out, overlay = tmp_path / "out.json", tmp_path / "out.mp4"
    with MjpegServer() as server:
        threading.Timer(0.8, server.close).start()
        done = run(
            *("track", server.url("me:" + SECRET), "--poses", poses, "-o", out),
            *("--tracker", "iou", "--reconnect", 0.3, "--render", overlay),
        )
    assert done.exit_code == 1
    assert "did not come back in 0.3 s" in done.stderr
    assert done.stderr.count("lost after") == 1
    assert SECRET not in done.output
    assert len(poseflow.read(out)) > 5
    with open_source(overlay) as video:
        assert sum(1 for _ in video) == len(poseflow.read(out))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    "number", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_stream_in_order(poses, tmp_path, number):
    out = tmp_path / "out.json"
    with MjpegServer() as server:
        command = [sys.executable, "-P", "-m", "poseflow", "track", server.url()]
        command += ["--poses", poses, "-o", out, "--segment", "20f"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            end = time.monotonic() + 60
            while not (tmp_path / "out-0002.json").exists():
                assert time.monotonic() < end
                time.sleep(0.05)
            process.send_signal(getattr(signal, number))
            errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    parts = sorted(tmp_path.glob("out-*.json"))
    names = [e["image_id"] for part in parts for e in json.loads(part.read_text())]
    assert names == sorted(set(names))
    assert not list(tmp_path.glob(".*"))
    assert not list(tmp_path.glob("*.partial"))


# ---- segments ------------------------------------------------------------------


def test_a_result_in_segments(poses, tmp_path):
    given = ["track", poses, "--tracker", "iou", "-o", tmp_path / "out.json"]
    assert run(*given, "--segment", "150f").exit_code == 0
    parts = [poseflow.read(tmp_path / f"out-000{k}.json") for k in (1, 2, 3)]
    assert [len(part) for part in parts] == [150, 150, 100]
    assert [part[0].index for part in parts] == [0, 150, 300]
    assert {i for part in parts for i in part.track_ids.tolist()} == {1}
    # A second run goes on behind, and replaces nothing.
    assert run(*given, "--segment", "200f").exit_code == 0
    assert len(poseflow.read(tmp_path / "out-0005.json")) == 200
    assert len(poseflow.read(tmp_path / "out-0001.json")) == 150
    done = run("track", poses, "-o", "-", "--segment", "5f")
    assert (done.exit_code, "standard output" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90", SegmentLength(90.0)),
        ("90s", SegmentLength(90.0)),
        ("1.5m", SegmentLength(90.0)),
        ("2h", SegmentLength(7200.0)),
        ("1d", SegmentLength(86400.0)),
        ("100f", SegmentLength(frames=100)),
    ],
)
def test_lengths_of_segments(text, length):
    assert SegmentLength.parse(text) == length


@pytest.mark.parametrize(
    "text", ["", "0", "0f", "-1", "1.5f", "1e9", "10 minutes", "s"]
)
def test_lengths_that_are_none(text):
    with pytest.raises(PoseFlowError, match="segment: expected"):
        SegmentLength.parse(text)


def test_segments_by_time_follow_the_time_of_the_source(make_clip, tmp_path):
    clip = make_clip(frames=30, rate=10)
    cloud = np.random.default_rng(1).uniform(0, 40, (1, 17, 2))
    frames = [Frame(k, k, Poses(cloud), name=f"{k:06d}.jpg") for k in range(30)]
    poseflow.write(frames, tmp_path / "poses.json")
    out, overlay = tmp_path / "out.json", tmp_path / "o.mp4"
    done = run(
        *("track", clip, "--poses", tmp_path / "poses.json", "--tracker", "iou"),
        *("-o", out, "--render", overlay, "--segment", "1s"),
    )
    assert done.exit_code == 0, done.stderr
    counts = [len(poseflow.read(tmp_path / f"out-000{k}.json")) for k in (1, 2, 3)]
    assert counts == [10, 10, 10]
    for k in (1, 2, 3):
        with open_source(tmp_path / f"o-000{k}.mp4") as video:
            assert sum(1 for _ in video) == 10


# ---- credentials ---------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:hunter2@cam:554/live",
        "rtsp://hunter2@cam",
        "http://cam/v.cgi?user=hunter2&pwd=hunter2&fps=5",
        "http://cam/v?PASSWORD=hunter2",
        "https://cam/v.mp4?X-Amz-Signature=hunter2&X-Amz-Credential=hunter2",
        "https://cam/v.m3u8?access_token=hunter2#x",
        "rtsp://cam/user=a&password=hunter2&channel=1",
        "rtsp://cam/user=hunter2_password=hunter2_channel=1_stream=0.sdp",
        "rtsp://admin:a/hunter2@cam/live",
        "rtsp://admin:a@b:hunter2@cam/live",
        "http://cam/v?auth=hunter2,x",
        "http://cam/v?token%3Dhunter2",
    ],
)
def test_credentials_are_redacted(url):
    for text in (url, f"cannot open {url}: refused", f"'{url}'", f"{url} {url}"):
        assert "hunter2" not in redact(text), redact(text)
    assert "cam" in redact(url)


@pytest.mark.parametrize(
    "text",
    ["a.mp4", "mail me@home.org", "http://cam:80/a@2x.png", "s3://bucket/a b.mp4", ""],
)
def test_other_texts_stay(text):
    assert redact(text) == text


def in_this_process(todo, device, workers, on_frame):
    while todo:
        item = todo.popleft()
        yield item, Worker("cpu").do(item)


def test_no_output_has_the_credentials(poses, tmp_path, caplog, monkeypatch):
    """Everything that is printed, logged or written, of good runs and bad ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(run_batch.ENGINES, "local", in_this_process)
    caplog.set_level(logging.DEBUG)
    told = []
    with MjpegServer(password=f"me:{SECRET}") as server:
        good = server.url("me:s3cr%3At!word", "live?token=s3cr-token")
        bad = server.url("me:s3cr-wrong", "live?token=s3cr-token")
        gone = f"rtsp://me:{SECRET}@127.0.0.1:1"
        for url in (good, bad, gone):
            given = ["track", url, "--poses", poses, "-o", "out.json"]
            told.append(run(*given, "--duration", 0.3, "--tracker", "iou"))
            told.append(run("info", url))
            told.append(run("estimate", url, "-o", "no/out.json"))
            told.append(run("render", url, "none.json", "out.mp4"))
        told.append(
            run("batch", bad, gone, "--out", "out", "--retries", 0, "--workers", 1)
        )
        with open_source(good) as source:
            told_of_source = repr(source) + source.name
    assert [done.exit_code for done in told].count(0) >= 2
    everything = "".join(done.output for done in told) + caplog.text + told_of_source
    everything += "".join(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*"))
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != poses:
            everything += path.read_bytes().decode("utf-8", "replace")
    assert "***@127.0.0.1" in everything
    assert "s3cr" not in everything


def test_the_delay_of_what_is_no_live_source(make_clip):
    meter = DelayMeter()
    with open_source(make_clip(frames=2)) as source:
        meter.attach(source)
    meter.write(Frame(0, 0.0, Poses.empty()))
    assert (str(meter), meter.percentiles()) == ("", (0.0, 0.0))
