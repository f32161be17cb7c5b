"""Recordings for Rerun; what needs rerun-sdk is skipped without it."""

import builtins

import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses
from poseflow.errors import FormatError, MissingExtraError
from poseflow.pipeline.rerun_log import RerunSink


def frames(count=4):
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (120, 160, 3), np.uint8)
    for t in range(count):
        ids = [1, -1] if t < 2 else [1]
        points = random.uniform(20, 100, (len(ids), 17, 2))
        yield Frame(t, t / 25, Poses(points, track_ids=ids), image)


def test_without_rerun_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name == "rerun":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'poseflow\[rerun\]'"):
        RerunSink(tmp_path / "out.rrd")


@pytest.mark.parametrize("name", ["out.json", "no/out.rrd"])
def test_names_that_are_refused(tmp_path, name):
    with pytest.raises(FormatError, match="out"):
        RerunSink(tmp_path / name)


class Black:
    """Hides everything, and counts how often."""

    calls = 0

    def apply(self, image, poses):
        self.calls += 1
        return np.zeros_like(image)


def test_a_recording(tmp_path):
    pytest.importorskip("rerun")
    black = Black()
    for privacy in (None, black):
        path = tmp_path / f"{privacy is None}.rrd"
        with RerunSink(path, privacy) as sink:
            for frame in frames():
                sink.write(frame)
        content = path.read_bytes()
        assert content.startswith(b"RRF2") or content[:3] == b"RRF"
        assert b"track_1" in content
    assert black.calls == 4


def test_an_error_leaves_the_previous_recording(tmp_path):
    pytest.importorskip("rerun")
    path = tmp_path / "out.rrd"
    path.write_bytes(b"before")

    def run():
        with RerunSink(path) as sink:
            sink.write(next(frames()))
            raise PoseFlowError("later")

    with pytest.raises(PoseFlowError, match="later"):
        run()
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["out.rrd"]
