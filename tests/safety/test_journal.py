"""Results of runs that are killed, and of two runs at once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, ResultWriter, Skeleton
from poseflow.cli.app import app
from poseflow.errors import FormatError
from poseflow.formats import Hints, Journal
from poseflow.formats.run_journal import FRAMES
from poseflow.storage.atomic import write_atomically
from poseflow.video import ImageWriter, VideoWriter

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def frame(index, people=2, joints=17, skeleton=None, dtype=np.float32):
    rng = np.random.default_rng(index)
    return Frame(
        index,
        index / 10,
        Poses(
            rng.uniform(0, 640, (people, joints, 2)),
            rng.uniform(0, 1, (people, joints)),
            track_ids=np.arange(people) + 1,
            skeleton=skeleton,
            dtype=dtype,
        ),
        name=f"{index:06d}.jpg",
    )


def filled(path, count=FRAMES + 5, **options):
    """A writer in the middle of its work, with a journal."""
    writer = ResultWriter(path, hints=Hints(size=(640, 480), fps=10.0, name="walk"))
    for index in range(count):
        writer.write(frame(index, **options))
    return writer


ENDLESS = """
import sys, time
import numpy as np
from poseflow import Frame, Poses, ResultWriter
poses = Poses(np.full((3, 17, 2), 50.0), track_ids=[1, 2, 3])
with ResultWriter(sys.argv[1], sys.argv[2]) as writer:
    for index in range(100_000):
        writer.write(Frame(index, 0.0, poses, name=f"{index:06d}.jpg"))
        print(index, flush=True)
"""


@posix
@pytest.mark.parametrize("format", ["alphapose", "forvis"])
def test_a_killed_run_is_recovered(tmp_path, format):
    path = tmp_path / "out.json"
    path.write_text("[]")
    with subprocess.Popen(
        [sys.executable, "-P", "-c", ENDLESS, path, "alphapose"],
        stdout=subprocess.PIPE,
    ) as process:
        for line in process.stdout:
            if int(line) >= 3 * FRAMES:
                process.kill()
                break
        told = [int(line), *map(int, process.stdout.read().split())][-1]
    assert path.read_text() == "[]"
    journal = tmp_path / "out.json.partial"
    done = run("recover", journal, "-o", path, "--format", format)
    assert done.exit_code == 0, done.output
    # Not one frame less than the run had told of.
    assert told + 1 <= len(poseflow.read(path)) <= told + 2
    assert f"{len(poseflow.read(path))} frames" in done.stderr


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_journal_is_read_while_it_is_written(tmp_path, dtype):
    fish = Skeleton("fish", ("mouth", "fin", "tail"), (("mouth", "tail"),), (0.1,) * 3)
    path = tmp_path / "out.json"
    writer = filled(path, joints=3, skeleton=fish, dtype=dtype)
    found = poseflow.read(f"{path}.partial")
    made = {"joints": 3, "skeleton": fish, "dtype": dtype}
    expected = [frame(k, **made) for k in range(len(found))]
    assert list(found) == expected
    assert len(found) == FRAMES + 5
    assert (found.skeleton, found.size, found.fps) == (fish, (640, 480), 10.0)
    assert found.name == "walk"
    writer.commit()
    assert list(tmp_path.iterdir()) == [path]


def test_the_recovered_result_is_that_of_the_run(tmp_path):
    filled(tmp_path / "whole.json").commit()
    writer = filled(tmp_path / "out.json")
    done = run("recover", tmp_path / "out.json.partial", "-o", tmp_path / "found.json")
    assert done.exit_code == 0
    whole = (tmp_path / "whole.json").read_bytes()
    assert (tmp_path / "found.json").read_bytes() == whole
    writer.discard()


def frames_or_error(path):
    """Number of frames in a journal, or the message that tells why there are none."""
    try:
        return len(list(Journal(path)))
    except FormatError as error:
        return str(error)


def test_every_cut_of_a_journal_gives_its_whole_frames(tmp_path):
    writer = filled(tmp_path / "out.json", FRAMES, people=1)
    data = (tmp_path / "out.json.partial").read_bytes()
    writer.discard()
    cut = tmp_path / "cut"
    counts = []
    for size in range(0, len(data) + 1, 23):
        cut.write_bytes(data[:size])
        found = frames_or_error(cut)
        assert isinstance(found, int) or "journal" in found
        counts.append(found if isinstance(found, int) else 0)
    cut.write_bytes(data)
    assert len(list(Journal(cut))) == FRAMES
    assert counts == sorted(counts)
    assert set(range(FRAMES)) <= set(counts)


def test_damage_within_a_journal_ends_it_without_a_foreign_exception(tmp_path):
    writer = filled(tmp_path / "out.json", FRAMES, people=1)
    data = bytearray((tmp_path / "out.json.partial").read_bytes())
    writer.discard()
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            broken[place] = rng.integers(256)
        (tmp_path / "broken").write_bytes(broken)
        found = frames_or_error(tmp_path / "broken")
        assert found <= FRAMES if isinstance(found, int) else "broken" in found


def test_a_run_that_fails_keeps_its_journal_and_says_so(tmp_path):
    path = tmp_path / "out.json"

    def work():
        with ResultWriter(path) as writer:
            for index in range(FRAMES + 5):
                writer.write(frame(index))
            raise RuntimeError

    with (
        pytest.warns(UserWarning, match="poseflow recover"),
        pytest.raises(RuntimeError),
    ):
        work()
    assert [p.name for p in tmp_path.iterdir()] == ["out.json.partial"]
    assert len(poseflow.read(tmp_path / "out.json.partial")) == FRAMES + 5


def test_the_next_run_keeps_the_journal_of_a_killed_one(tmp_path):
    path = tmp_path / "out.json"
    left = tmp_path / "out.json.partial"
    for count in (1, 2):
        left.write_bytes(b"of a killed run")
        with pytest.warns(UserWarning, match=rf"partial\.{count} -o"):
            filled(path).commit()
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["out.json", "out.json.partial.1", "out.json.partial.2"]


def test_short_runs_and_standard_output_have_no_journal(tmp_path):
    writer = filled(tmp_path / "out.json", FRAMES - 1)
    assert not list(tmp_path.glob("*.partial*"))
    writer.commit()


def test_a_slow_run_has_a_journal_after_a_second(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("poseflow.formats.run_journal.time.monotonic", lambda: now[0])
    writer = ResultWriter(tmp_path / "out.json")
    writer.write(frame(0))
    assert not list(tmp_path.glob("*.partial"))
    now[0] = 1.0
    writer.write(frame(1))
    assert len(poseflow.read(tmp_path / "out.json.partial")) == 2
    writer.discard()
    assert not list(tmp_path.iterdir())


def test_recovering_is_refused_for_other_files(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    for name in ("a.json", "none.partial"):
        done = run("recover", tmp_path / name, "-o", tmp_path / "b.json")
        assert done.exit_code == 1
        assert "Traceback" not in done.output
        assert name in done.stderr


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda p: ResultWriter(p / "out.json"), id="result"),
        pytest.param(lambda p: VideoWriter(p / "out.mp4"), id="video"),
        pytest.param(lambda p: ImageWriter(p / "out"), id="images"),
    ],
)
def test_the_second_writer_of_an_output_says_so(tmp_path, make):
    first = make(tmp_path)
    with pytest.raises(FormatError, match="another run is writing it now"):
        make(tmp_path)
    first.discard()
    make(tmp_path).discard()
    assert not list(tmp_path.rglob(".*"))


@posix
def test_a_second_run_says_so_and_leaves_the_first_alone(tmp_path):
    path = tmp_path / "out.json"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", ENDLESS, path, "alphapose"],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline()
        poseflow.write([frame(0)], tmp_path / "in.json")
        done = run("track", tmp_path / "in.json", "-o", path)
        assert done.exit_code == 1
        assert "another run is writing it now" in done.stderr
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    # A dead run's lock is none, and its temporary file is used up.
    assert run("track", tmp_path / "in.json", "-o", path).exit_code == 0
    assert len(json.loads(path.read_text())) == 2
    assert not list(tmp_path.glob(".*"))


def test_short_writes_of_one_file_wait_for_each_other(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "a.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: write_atomically(path, b"%d" % k * 1000), range(40)))
    assert len(set(path.read_bytes())) <= 2
    assert list(tmp_path.iterdir()) == [path]


def test_long_names_have_a_temporary_file(tmp_path):
    path = tmp_path / ("\u00e9" * 124 + ".json")
    poseflow.write([frame(0)], path)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FormatError, match="too long"):
        ResultWriter(tmp_path / ("x" * 300 + ".json"))


def test_images_that_a_killed_run_left_are_swept(tmp_path):
    Path(tmp_path, ".a.jpg.poseflow.jpg").write_bytes(b"half")
    with ImageWriter(tmp_path) as writer:
        writer.write(np.zeros((4, 4, 3), np.uint8), "b.jpg")
    assert [p.name for p in tmp_path.iterdir()] == ["b.jpg"]
