"""Batches that must not lose or destroy anything."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, PoseFlowError, Poses
from poseflow.batch import Outcome, TrackOptions, read_manifest, run_batch, track_all
from poseflow.batch.batch_file import BatchFile
from poseflow.batch.folder import LocalFolder
from poseflow.batch.item import BatchItem
from poseflow.batch.manifest import Row
from poseflow.batch.progress import ProgressCounter
from poseflow.batch.worker import Worker
from poseflow.cli.app import app
from poseflow.storage.locking import open_locked
from poseflow.video import VideoWriter

WHOLE = TrackOptions(tracker="iou")


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """A worker without a process of its own, which would take seconds to start."""

    def engine(todo, device, workers, on_frame):
        worker = Worker("cpu")
        while todo:
            item = todo.popleft()
            yield item, worker.do(item, partial(on_frame, item))

    monkeypatch.setitem(run_batch.ENGINES, "local", engine)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def walk(path, frames=4, seed=3):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    cloud = np.random.default_rng(seed).uniform(0, 30, (1, 17, 2))
    poseflow.write(
        [Frame(k, k, Poses(cloud + k), name=f"{k:06d}.jpg") for k in range(frames)],
        path,
    )
    return path


def entries(out):
    found = json.loads((Path(out) / "batch.json").read_text())["sources"]
    return {Path(entry["source"]).name: entry for entry in found}


# ---- inputs and files of others ------------------------------------------------


@pytest.mark.parametrize("order", [("in/a.json", "a.json"), ("a.json", "in/a.json")])
def test_no_result_replaces_a_source(place, order):
    for seed, path in enumerate(order):
        walk(path, frames=3 + seed, seed=seed)
    before = [Path(path).read_bytes() for path in order]
    report = track_all(order, ".", WHOLE)
    assert not report.failed
    assert [Path(path).read_bytes() for path in order] == before
    assert [item.result.name for item, _ in report.done] == ["a_2.json", "a_3.json"]
    assert [len(poseflow.read(item.result)) for item, _ in report.done] == [3, 4]


def test_no_result_takes_the_name_of_a_source_that_is_not_there_yet(place):
    walk("in/a.json")
    report = track_all(["in/a.json", "a.json"], ".", WHOLE)
    assert [item.result.name for item, _ in report.done] == ["a_2.json"]
    assert "no such file" in report.failed[0][1].error
    assert not Path("a.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_no_result_replaces_a_source_through_a_link(place):
    walk("in/a.json")
    os.link("in/a.json", "hard.json")
    Path("link.json").symlink_to("in/a.json")
    Path("same").symlink_to(".")
    before = Path("in/a.json").read_bytes()
    sources = ["in/a.json", "in/../in/a.json", "hard.json", "link.json"]
    for out in (".", "same", "in", "in/../same"):
        report = track_all(sources, out, WHOLE)
        assert not report.failed
        assert Path("in/a.json").read_bytes() == before
        assert Path("hard.json").read_bytes() == before
        assert Path("link.json").is_symlink()


@pytest.mark.parametrize("name", ["a.json", "a.mp4", "failures.jsonl"])
def test_files_that_no_batch_has_made_are_kept(place, name):
    with VideoWriter("in/a.mp4" if Path("in").mkdir() is None else "") as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
    Path("out").mkdir()
    Path("out", name).write_text("precious")
    options = TrackOptions(tracker="iou", render=True)
    with pytest.raises(PoseFlowError, match="no batch of this folder made it"):
        track_all(["in/a.mp4"], "out", options)
    assert [p.name for p in Path("out").iterdir()] == [name]
    assert Path("out", name).read_text() == "precious"


def test_overwrite_replaces_them(place):
    walk("in/a.json")
    Path("out").mkdir()
    Path("out/a.json").write_text("not so precious")
    done = run("batch", "in/a.json", "--out", "out", "--tracker", "iou")
    assert (done.exit_code, "--overwrite" in done.stderr) == (1, True)
    done = run("batch", "in/a.json", "--out", "out", "--tracker", "iou", "--overwrite")
    assert done.exit_code == 0, done.stderr
    assert len(poseflow.read("out/a.json")) == 4
    # Now it is the batch's own.
    assert run("batch", "in/a.json", "--out", "out").exit_code == 0


def test_a_result_that_is_a_link_is_refused_in_any_case(place):
    walk("in/a.json")
    assert not track_all(["in/a.json"], "out", WHOLE).failed
    Path("victim.txt").write_text("precious")
    Path("out/a.json").unlink()
    Path("out/a.json").symlink_to("../victim.txt")
    with pytest.raises(PoseFlowError, match="it is a link"):
        track_all(["in/a.json"], "out", WHOLE, overwrite=True)
    assert Path("victim.txt").read_text() == "precious"


# ---- batch.json ----------------------------------------------------------------


def entry(**changes):
    return {"source": "/a.mp4", "result": "a.json", **changes}


BAD_RECORDS = [
    *({"sources": [entry(result=name)]} for name in ("../victim.txt", "/tmp/x", "")),
    *({"sources": [entry(result=name)]} for name in ("..", "a/b.json", "a\\b.json")),
    *({"sources": [entry(result=name)]} for name in ("C:x", "a\0b", None, 5, ["a"])),
    {"sources": [entry(outputs={"../victim.txt": ""})]},
    {"sources": [entry(outputs=["a.json"])]},
    {"sources": [entry(frames="many")]},
    {"sources": [entry(state="new")]},
    {"sources": [entry(error=3)]},
    {"sources": [entry(), entry(source="/b.mp4")]},
    {"sources": [entry(), entry(source="/b.mp4", result="A.json")]},
    {"sources": [entry(), entry(result="b.json")]},
    *({"sources": value} for value in (None, {}, "x", [None], [[]], [1])),
    *([], 3, None, {}, "text"),
]


@pytest.mark.parametrize("content", BAD_RECORDS, ids=lambda c: str(c)[:50])
def test_a_record_that_is_none_is_refused(place, content):
    walk("in/a.json")
    Path("victim.txt").write_text("precious")
    Path("out").mkdir()
    text = json.dumps(content)
    Path("out/batch.json").write_text(text)
    done = run("batch", "in/a.json", "--out", "out")
    assert done.exit_code == 1
    assert "out/batch.json" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert Path("victim.txt").read_text() == "precious"
    assert Path("out/batch.json").read_text() == text
    assert len(list(Path("out").iterdir())) == 1


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"[" * 100_000, b'{"sources"'])
def test_a_record_that_is_no_json_is_refused(place, data):
    walk("in/a.json")
    Path("out").mkdir()
    Path("out/batch.json").write_bytes(data)
    with pytest.raises(PoseFlowError, match=r"batch\.json: expected the record"):
        track_all(["in/a.json"], "out", WHOLE)


def test_records_of_earlier_versions_are_read(place):
    walk("in/a.json")
    Path("out").mkdir()
    walk("out/a.json")
    old = {"source": str(Path("in/a.json").absolute()), "result": "a.json", "bytes": 9}
    Path("out/batch.json").write_text(json.dumps({"sources": [old]}))
    report = track_all(["in/a.json"], "out", WHOLE, resume=True)
    assert [item.result.name for item, _ in report.done] == ["a.json"]


def test_a_folder_has_one_batch_at_a_time(place):
    walk("in/a.json")
    Path("out").mkdir()
    lock = open_locked(Path("out/.poseflow.lock"))
    with pytest.raises(PoseFlowError, match="another batch is writing there now"):
        track_all(["in/a.json"], "out", WHOLE)
    lock.close()
    # What a killed batch leaves is no lock.
    assert not track_all(["in/a.json"], "out", WHOLE).failed
    assert not list(Path("out").glob(".*"))


def test_every_source_is_in_the_record_before_the_work(place, monkeypatch):
    sources = [walk(f"in/{name}.json") for name in "ab"]
    seen = []
    do = Worker.do

    def spied(self, item, on_frame=None):
        seen.append({name: e["error"] for name, e in entries("out").items()})
        return do(self, item, on_frame)

    monkeypatch.setattr(Worker, "do", spied)
    track_all(sources, "out", WHOLE)
    assert seen[0] == {"a.json": "not finished", "b.json": "not finished"}


# ---- resuming ------------------------------------------------------------------


def test_resume_goes_by_the_content_and_by_every_output(place, monkeypatch):
    class Finder:
        def __init__(self, **options):
            pass

        def estimate(self, image):
            return Poses(np.random.default_rng(0).uniform(5, 40, (1, 17, 2)))

    monkeypatch.setattr("poseflow.estimator.Estimator", Finder)
    Path("in").mkdir()
    for name in "ab":
        with VideoWriter(f"in/{name}.mp4") as video:
            for _ in range(3):
                video.write(np.zeros((48, 64, 3), np.uint8))
    options = TrackOptions(tracker="iou")
    both = TrackOptions(**{**vars(options), "render": True})

    def again(options):
        report = track_all(["in/a.mp4", "in/b.mp4"], "out", options, resume=True)
        assert not report.failed, report.failed
        return [item.result.stem for item, _ in report.done]

    assert again(options) == ["a", "b"]
    assert again(options) == []
    # Of the same size, but not the same.
    result = Path("out/a.json")
    data = result.read_bytes()
    result.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    assert again(options) == ["a"]
    assert again(both) == ["a", "b"]
    assert again(both) == []
    Path("out/b.mp4").unlink()
    assert again(both) == ["b"]
    Path("out/a.mp4").write_bytes(b"cut off")
    assert again(both) == ["a"]
    assert again(both) == []


# ---- retries and failures ------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "retries"), [(0, 2), (1, 2), (2, 2), (3, 2), (1, 0)]
)
def test_sources_that_fail_are_tried_again_after_the_others(
    place, monkeypatch, failures, retries
):
    sources = [walk(f"in/{name}.json") for name in "abc"]
    tried = []
    do = Worker.do

    def moody(self, item, on_frame=None):
        name = item.result.stem
        tried.append(name)
        if name == "a" and tried.count("a") <= failures:
            return Outcome(error="the disk is busy")
        return do(self, item, on_frame)

    monkeypatch.setattr(Worker, "do", moody)
    report = track_all(sources, "out", WHOLE, retries=retries)
    again = min(failures, retries)
    assert tried == ["a", "b", "c", *["a"] * again]
    lost = failures > retries
    assert [item.result.stem for item, _ in report.failed] == ["a"] * lost
    assert entries("out")["a.json"]["attempts"] == again + 1
    path = Path("out/failures.jsonl")
    assert path.exists() == lost
    if lost:
        (line,) = map(json.loads, path.read_text().splitlines())
        assert line["error"] == "the disk is busy"
        assert line["attempts"] == retries + 1
        # The next run that succeeds takes it away.
        failures = 0
        monkeypatch.setattr(Worker, "do", do)
        assert not track_all(sources, "out", WHOLE, resume=True).failed
        assert not path.exists()


# ---- manifests -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "m.csv",
            "source,tracker,name,detect-every\nin/a.json,oks,first,\nin/b.json,,,2\n",
        ),
        (
            "m.jsonl",
            '{"source": "in/a.json", "tracker": "oks", "name": "first"}\n\n'
            '{"source": "in/b.json", "detect_every": 2}\n',
        ),
        ("m.txt", "\ufeffSource , tracker,name\nin/a.json,oks,first\nin/b.json\n"),
    ],
)
def test_a_manifest_has_options_for_each_source(place, name, text):
    for source in "ab":
        walk(f"in/{source}.json")
    Path(name).write_text(text, encoding="utf-8")
    rows = read_manifest(name, WHOLE)
    assert [row.options.tracker for row in rows] == ["oks", "iou"]
    assert [row.name for row in rows] == ["first", None]
    done = run("batch", "--manifest", name, "--out", "out", "--tracker", "iou")
    assert done.exit_code == 0, done.stderr
    assert {p.name for p in Path("out").glob("*.json")} == {
        *("batch.json", "first.json", "b.json")
    }
    assert poseflow.read("out/first.json").tracker == "oks"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a column source"),
        ("source\n", "at least one source"),
        ("file\na.mp4\n", "line 1: expected a column source"),
        ("source,source\na,b\n", "line 1: expected every column once"),
        ("source,speed\na.mp4,3\n", "line 2: .*speed"),
        ("source,tracker\n,iou\n", "line 2: .*source"),
        ("source\na.mp4,iou\n", "line 2: expected 1 cells, found 2"),
        ("source,detect_every\na.mp4,0\n", "line 2: .*detect_every"),
        ("source,detect_every\na.mp4,two\n", "line 2: .*detect_every"),
        ("source,render\na.mp4,perhaps\n", "line 2: .*render"),
        ("source,matcher\na.mp4,glue\n", "line 2: .*matcher"),
        ("source,name\na.mp4,../x\n", "line 2: name: expected the name of a file"),
        ('source\n"a.mp4\n', "not a CSV file"),
        ('{"source": "a.mp4"}\n{"source": 3}\n', "line 2: .*source"),
        ('{"source": "a.mp4"}\n[]\n', "line 2: "),
        ('{"source": "a.mp4"}\n{broken\n', "line 2: "),
    ],
)
def test_faults_of_a_manifest_name_the_line(place, text, message):
    Path("m").write_text(text)
    with pytest.raises(PoseFlowError, match=message):
        read_manifest("m", WHOLE)


def test_unknown_names_in_a_manifest_come_before_the_work(place):
    Path("m.csv").write_text("source,tracker\na.mp4,iou\nb.mp4,best\n")
    with pytest.raises(PoseFlowError, match="unknown tracker 'best'"):
        track_all([], "out", WHOLE, manifest="m.csv")
    assert not Path("out").exists()
    assert run("batch", "--out", "out").exit_code == 2


# ---- files behind urls ---------------------------------------------------------


def test_sources_and_results_behind_urls(place):
    """`local` is a file system of fsspec like `s3`, without a server."""
    pytest.importorskip("fsspec")
    for seed, name in enumerate("ab"):
        walk(f"bucket/in/{name}.json", seed=seed)
    sources = [f"local://{place}/bucket/in/{name}.json" for name in "ab"]
    sources.append(f"local://{place}/bucket/in/none.mp4")
    out = f"local://{place}/bucket/out"
    done = run("batch", *sources, "--out", out, "--tracker", "iou", "--retries", 0)
    assert done.exit_code == 1
    assert f"{out}/a.json: 4 frames" in done.stderr
    assert "none.mp4: cannot be fetched" in done.stderr
    report = track_all([f"bucket/in/{name}.json" for name in "ab"], "here", WHOLE)
    assert not report.failed
    for name in ("a.json", "b.json"):
        assert Path("bucket/out", name).read_bytes() == Path("here", name).read_bytes()
    assert {p.name for p in Path("bucket/out").iterdir()} == {
        *("a.json", "b.json", "batch.json", "failures.jsonl")
    }

    def again():
        return [
            item.result.stem
            for item, _ in track_all(sources[:2], out, WHOLE, resume=True).done
        ]

    assert again() == []
    Path("bucket/out/b.json").write_text("[]")
    assert again() == ["b"]
    walk("bucket/in/a.json", frames=7)
    assert again() == ["a"]
    Path("bucket/other").mkdir()
    Path("bucket/other/a.json").write_text("precious")
    with pytest.raises(PoseFlowError, match="no batch of this folder made it"):
        track_all(sources[:1], f"local://{place}/bucket/other", WHOLE)
    assert Path("bucket/other/a.json").read_text() == "precious"


def test_a_store_without_its_package_is_told(place):
    pytest.importorskip("fsspec")
    walk("a.json")
    done = run("batch", "a.json", "--out", "s3://me:s3cret@bucket/out")
    assert done.exit_code == 1
    assert "s3cret" not in done.output
    assert len(done.stderr.splitlines()) == 1


# ---- progress ------------------------------------------------------------------


def test_the_time_left_counts_sizes_and_frames(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("poseflow.batch.progress.time.monotonic", lambda: now[0])
    small, large, unknown = (BatchItem(name, Path(name)) for name in "slu")
    counter = ProgressCounter({small: [1, 100, 0], large: [1, 300, 0], unknown: None})
    assert counter.now().seconds_left is None
    now[0] = 6.0
    counter.finished(small, Outcome(frames=50))
    counter.frame(large, 30, 60)
    status = counter.now()
    assert (status.done, status.total, status.frames) == (1, 3, 80)
    assert status.share == pytest.approx(250 / 600)
    assert str(status) == "1/3 sources, 80 frames, 13.3/s, 0:00:08 left"


def test_the_progress_is_told(place):
    told = []
    sources = [walk(f"in/{name}.json") for name in "ab"]
    track_all(sources, "out", WHOLE, watch=told.append)
    assert [status.frames for status in told][-1] == 8
    assert (told[-1].done, told[-1].share) == (2, 1.0)


# ---- a batch that is killed ----------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_batch_goes_on_where_it_was(place):
    """By kill -9 of the driver; `make chaos` does so at random moments."""
    sources = [walk(f"in/{k}.json", frames=400 if k else 40, seed=k) for k in range(3)]
    command = [sys.executable, "-P", "-m", "poseflow", "batch", *map(str, sources)]
    command += ["--out", "out", "--tracker", "iou", "--workers", "1", "--resume"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("out/0.json"):
                process.kill()
                break
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    track_all(sources, "undisturbed", WHOLE)
    for k in range(3):
        same = Path(f"undisturbed/{k}.json").read_bytes()
        assert Path(f"out/{k}.json").read_bytes() == same
    assert not list(Path("out").glob(".*"))


def test_writing_the_record_takes_a_small_share_of_the_time(tmp_path, monkeypatch):
    now = [0.0]
    written = []

    def write(path, data):
        now[0] += 0.5
        written.append(path.name)

    monkeypatch.setattr("poseflow.batch.batch_file.time.monotonic", lambda: now[0])
    monkeypatch.setattr("poseflow.batch.folder.write_atomically", write)
    record = BatchFile(LocalFolder(tmp_path))
    items = record.items([Row(f"{k}.mp4", WHOLE) for k in range(100)])
    for item in items:
        now[0] += 1.0
        record.note(item, Outcome(frames=1), "digest", None)
    assert 5 <= len(written) <= 12
