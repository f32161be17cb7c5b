"""Batch tracking: failures, resuming, names and engines."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, PoseFlowError, Poses
from poseflow.batch import BatchItem, Outcome, TrackOptions, track_all
from poseflow.batch.batch_file import BatchFile
from poseflow.batch.folder import LocalFolder
from poseflow.batch.manifest import Row
from poseflow.batch.worker import Worker
from poseflow.cli.app import app
from poseflow.cli.options import (
    DrawingOptions,
    EstimatorOptions,
    SelectionOptions,
    TrackerOptions,
    track_options,
)

WHOLE = TrackOptions(tracker="iou")


def walk(path, frames=6, people=2):
    """A file of poses: the quickest source there is."""
    rng = np.random.default_rng(3)
    clouds = rng.uniform(0, 30, (people, 17, 2)) + np.arange(people)[:, None, None] * 60
    path.parent.mkdir(parents=True, exist_ok=True)
    poseflow.write(
        [
            Frame(k, k, Poses(clouds + 2 * k), name=f"{k:06d}.jpg")
            for k in range(frames)
        ],
        path,
    )
    return path


def rows(*sources):
    return [Row(str(source), WHOLE) for source in sources]


def record(out):
    entries = json.loads((out / "batch.json").read_text())["sources"]
    return {Path(entry["source"]).name: entry for entry in entries}


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A batch of two good sources and three bad ones, over the command line."""
    folder = tmp_path_factory.mktemp("batch")
    good = [walk(folder / "a" / "one.json"), walk(folder / "a" / "two.json", 3, 1)]
    bad = [folder / "a" / "three.json", folder / "none.mp4", folder / "text.mp4"]
    bad[0].write_text("{")
    bad[2].write_text("no video\n" * 40)
    out = folder / "out"
    sources = [str(path) for path in (bad[0], good[0], bad[1], good[1], bad[2])]
    done = CliRunner().invoke(
        app, ["batch", *sources, "--out", str(out), "--tracker", "iou"]
    )
    return folder, out, done


def test_bad_sources_are_reported_and_good_ones_complete(tracked, tmp_path):
    folder, out, done = tracked
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    *_, first, second, third, last = done.stderr.splitlines()
    told = " ".join(sorted([first, second, third]))
    for name in ("three.json", "none.mp4", "text.mp4"):
        assert told.count(f"poseflow: {folder}") == 3
        assert name in told
    assert last.endswith("2 done, 3 failed")
    assert sorted(p.name for p in out.iterdir()) == [
        *("batch.json", "failures.jsonl", "one.json", "two.json")
    ]
    for name in ("one.json", "two.json"):
        alone = tmp_path / name
        given = ["track", str(folder / "a" / name), "-o", str(alone)]
        assert CliRunner().invoke(app, [*given, "--tracker", "iou"]).exit_code == 0
        assert (out / name).read_bytes() == alone.read_bytes()


def test_batch_record_has_each_outcome(tracked):
    entries = record(tracked[1])
    assert len(entries) == 5
    one, three = entries["one.json"], entries["three.json"]
    assert (one["result"], one["frames"], one["identities"]) == ("one.json", 6, 2)
    assert (one["error"], one["attempts"], three["attempts"]) == (None, 1, 3)
    lines = (tracked[1] / "failures.jsonl").read_text().splitlines()
    failures = {Path(f["source"]).name: f for f in map(json.loads, lines)}
    assert sorted(failures) == ["none.mp4", "text.mp4", "three.json"]
    assert failures["text.mp4"]["attempts"] == 3
    assert "expected a video" in failures["text.mp4"]["error"]
    assert "three.json" in three["error"]


def test_resume_tracks_missing_and_changed_sources(tracked, tmp_path):
    sources = [walk(tmp_path / f"{name}.json") for name in "abc"]
    out = tmp_path / "out"

    def again(options=WHOLE, resume=True):
        report = track_all(sources, out, options, workers=1, resume=resume)
        assert not report.failed
        return sorted(item.result.stem for item, _ in report.done)

    assert again() == ["a", "b", "c"]
    assert again() == []
    walk(sources[0], frames=9)
    (out / "b.json").unlink()
    assert again() == ["a", "b"]
    assert len(poseflow.read(out / "a.json")) == 9
    (out / "c.json").write_text("[]")
    assert again() == ["c"]
    assert again(TrackOptions(tracker="oks")) == ["a", "b", "c"]
    assert again(TrackOptions(tracker="oks"), resume=False) == ["a", "b", "c"]


def test_names_are_never_shared(tmp_path):
    sources = [tmp_path / x for x in ("a/clip.mp4", "b/clip.mp4", "c/CLIP.mov")]
    sources += [tmp_path / "batch.mp4", tmp_path / "a" / "clip.mp4"]
    names = [
        item.result.name
        for item in BatchFile(LocalFolder(tmp_path)).items(rows(*sources))
    ]
    assert names == ["clip.json", "clip_2.json", "CLIP_3.json", "batch_2.json"]


def test_a_later_batch_does_not_take_an_earlier_ones_names(tmp_path):
    first = BatchFile(LocalFolder(tmp_path))
    (a,) = first.items(rows(tmp_path / "a" / "clip.mp4"))
    a.result.write_text("[]")
    first.note(a, Outcome(frames=0), "digest", None)
    clips = rows(*(tmp_path / x / "clip.mp4" for x in "ba"))
    later = BatchFile(LocalFolder(tmp_path)).items(clips)
    assert [item.result.name for item in later] == ["clip_2.json", "clip.json"]


def test_another_file_as_batch_record_is_refused(tmp_path):
    (tmp_path / "batch.json").write_text("[1, 2]")
    with pytest.raises(PoseFlowError, match="expected the record of an earlier batch"):
        track_all([walk(tmp_path / "a.json")], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sources": []}, "at least one source"),
        ({"options": TrackOptions(tracker="best")}, "unknown tracker 'best'"),
        ({"options": TrackOptions(format="best")}, "best"),
        ({"engine": "steam"}, "local or ray"),
        ({"workers": 0}, "workers: expected at least 1"),
    ],
)
def test_errors_common_to_all_sources_come_first(tmp_path, arguments, message):
    with pytest.raises(PoseFlowError, match=message):
        track_all(**{"sources": ["x.mp4"], "out": tmp_path / "out"} | arguments)
    assert not (tmp_path / "out").exists()


def test_images_are_estimated_by_one_estimator_and_drawn(tmp_path, monkeypatch):
    made = []

    class Finder:
        def __init__(self, **options):
            made.append(options)

        def estimate(self, image):
            return Poses(np.random.default_rng(0).uniform(5, 50, (1, 17, 2)))

    monkeypatch.setattr("poseflow.estimator.Estimator", Finder)
    options = TrackOptions(estimator="x", tracker="iou", render=True)
    worker = Worker("cpu")
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        for k in range(3):
            cv2.imwrite(str(folder / f"{k}.png"), np.zeros((64, 64, 3), np.uint8))
        (folder / "3.png").write_bytes(b"broken")
        outcome = worker.do(BatchItem(str(folder), tmp_path / f"{name}.json", options))
        assert (outcome.error, outcome.frames, outcome.identities) == (None, 3, 1)
        assert "3.png" in outcome.warnings[0]
        assert (tmp_path / f"{name}.mp4").stat().st_size > 0
        assert sorted(outcome.digests) == [f"{name}.json", f"{name}.mp4"]
    assert [options["name"] for options in made] == ["x"]
    refused = worker.do(BatchItem("poses.json", tmp_path / "c.json", options))
    assert "no images to draw on" in refused.error


# A program whose tracker holds up, or kills, the worker that meets a source.
PROGRAM = """
import os, signal, sys, time
from poseflow.tracker.tracker import register
from poseflow.tracker.baselines import IouTracker

class Tracker(IouTracker):
    def update(self, poses, view):
        if len(poses) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if len(poses) == 4:
            time.sleep(60)
        return super().update(poses, view)

register("moody", lambda **options: Tracker())

if __name__ == "__main__":
    from poseflow.cli import main
    main()
"""


def moody(tmp_path, sources, **options):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-P", program, "batch", *sources]
    return subprocess.Popen(
        [*command, "--out", tmp_path / "out", "--tracker", "moody", *options["more"]],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_worker_that_is_killed_costs_its_source_only(tmp_path):
    sources = [walk(tmp_path / f"{k}.json", people=k) for k in (3, 1, 2)]
    process = moody(tmp_path, sources, more=["--workers", "1"])
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 1, errors
    assert f"{sources[0]}: its worker process was killed by signal 9" in errors
    assert "out of memory?" in errors
    assert "Traceback" not in errors
    out = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert out == ["1.json", "2.json", "batch.json", "failures.jsonl"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_interrupted_what_was_done_is_kept(tmp_path):
    sources = [walk(tmp_path / f"{k}.json", people=k) for k in (1, 4)]
    out = tmp_path / "out"
    process = moody(tmp_path, sources, more=["--workers", "1"])
    end = time.monotonic() + 240
    while not list(out.glob(".4.json*")) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert sorted(p.name for p in out.iterdir()) == ["1.json", "batch.json"]
    entries = record(out)
    assert entries["1.json"]["error"] is None
    assert entries["4.json"]["error"] == "not finished"


def test_missing_ray_gives_an_install_hint(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PoseFlowError, match=r"pip install 'poseflow\[ray\]'"):
        track_all([walk(tmp_path / "a.json")], tmp_path / "out", engine="ray")


def test_ray_does_the_same(tmp_path):
    pytest.importorskip("ray")
    sources = [walk(tmp_path / f"{name}.json") for name in "ab"]
    sources.append(tmp_path / "none.mp4")
    reports = {
        engine: track_all(sources, tmp_path / engine, WHOLE, engine=engine)
        for engine in ("local", "ray")
    }
    for report in reports.values():
        assert len(report.done) == 2
        assert "no such file" in report.failed[0][1].error
    for name in ("a.json", "b.json"):
        local, ray = (tmp_path / engine / name for engine in reports)
        assert local.read_bytes() == ray.read_bytes()


def test_parquet_results_are_one_dataset(tmp_path):
    """Also with videos whose names are numbers, and with overlay videos beside."""
    import pandas as pd
    import pyarrow.dataset as dataset

    names = ("000001", "000002", "b c=é")
    sources = [walk(tmp_path / f"{name}.json", frames=2) for name in names]
    out = tmp_path / "out"
    options = TrackOptions(tracker="iou", format="parquet")
    report = track_all(sources, out, options, workers=1)
    assert [item.name for item, _ in report.done] == [
        f"poses/{name}.parquet" for name in names
    ]
    table = dataset.dataset(out / "poses").to_table().to_pandas()
    assert sorted(table["video"].unique()) == sorted(names)
    assert table.groupby("video", observed=True).size().tolist() == [2 * 2 * 17] * 3
    part = pd.read_parquet(out / "poses", filters=[("video", "==", "000002")])
    assert set(part["video"]) == {"000002"}
    assert len(poseflow.read(out / "poses" / "000002.parquet")) == 2
    again = track_all(sources, out, options, workers=1, resume=True)
    assert (len(again.done), len(again.skipped)) == (0, 3)
    (out / "poses" / "000001.parquet").unlink()
    again = track_all(sources, out, options, workers=1, resume=True)
    assert (len(again.done), len(again.skipped)) == (1, 2)


def test_a_link_in_place_of_the_folder_of_tables_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "poses").symlink_to(tmp_path / "elsewhere")
    options = TrackOptions(tracker="iou", format="parquet")
    with pytest.raises(PoseFlowError, match="it is a link"):
        track_all([walk(tmp_path / "a.json")], out, options)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("format", ["openpose", "csv-wide", "mot"])
def test_results_in_formats_with_other_suffixes_and_folders(tmp_path, format):
    source = walk(tmp_path / "no. 4.json", frames=2)
    out = tmp_path / "out"
    options = TrackOptions(tracker="iou", format=format)
    (done,) = track_all([source], out, options, workers=1).done
    assert done[1].error is None
    assert len(poseflow.read(done[0].result)) == 2
    again = track_all([source], out, options, workers=1, resume=True)
    assert [item.name for item in again.skipped] == [done[0].name]


def test_selection_and_drawing_are_those_of_track(tmp_path, monkeypatch):
    """The same options give the same result and the same overlay, blurred."""

    class Two:
        def __init__(self, *_, **__):
            """Any options."""

        def estimate(self, image, boxes=None):
            corners = np.array([[[20.0, 20.0]], [[70.0, 30.0]]])
            shape = np.linspace(0, 25, 34).reshape(1, 17, 2)
            return Poses(corners + shape, scores=np.array([0.9, 0.6]))

    monkeypatch.setattr("poseflow.estimator.Estimator", Two)
    image = np.random.default_rng(2).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    images = tmp_path / "clip"
    images.mkdir()
    for k in range(6):
        cv2.imwrite(str(images / f"{k}.png"), image)
    monkeypatch.chdir(tmp_path)
    selection = "--start 1 --stop 4 --score-threshold 0.5 --max-people 1"
    shared = [*selection.split(), "--tracker", "iou", "--blur", "people"]
    options = track_options(
        EstimatorOptions(),
        TrackerOptions(tracker="iou"),
        render=True,
        selection=SelectionOptions("1", "4", 0.5, 1),
        drawing=DrawingOptions(blur="people"),
    )
    done = CliRunner().invoke(
        app, ["track", "clip", "-o", "one.json", "--render", "one.mp4", *shared]
    )
    assert done.exit_code == 0, done.stderr
    item = BatchItem("clip", tmp_path / "two.json", options)
    assert Worker("cpu").do(item).error is None
    result = poseflow.read("one.json")
    assert [frame.name for frame in result] == ["1.png", "2.png", "3.png"]
    assert [len(frame.poses) for frame in result] == [1, 1, 1]
    for suffix in (".json", ".mp4"):
        one, two = Path(f"one{suffix}"), Path(f"two{suffix}")
        assert one.read_bytes() == two.read_bytes()
    help_text = CliRunner().invoke(app, ["batch", "--help"]).stdout
    for option in ("--start", "--max-people", "--blur", "--silhouette", "--smooth"):
        assert option in help_text
