"""Tracking benchmark: seeded clips, the oracle, pooled rows and id jumps."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from poseflow import Tracker
from poseflow.benchmark.tracking import (
    DEV_SEEDS,
    TEST_SEEDS,
    Final,
    count_jumps,
    make_clip,
    mean_row,
    measure_tracking,
    oracle_row,
    run_clip,
    score_clips,
)


def test_seeds_do_not_mix():
    assert not set(DEV_SEEDS) & set(TEST_SEEDS)


def test_a_report_has_every_row_and_the_oracle_is_the_best():
    report = measure_tracking(
        {"oks": lambda: Tracker("oks"), "default": Tracker},
        suites=("street", "wall"),
        seeds=(0,),
        frames=60,
    )
    labels = {(row.tracker, row.suite) for row in report.rows}
    wanted = {"oks", "default", "oracle"}
    assert labels == {(t, s) for t in wanted for s in ("street", "wall", "mean")}
    best = {r.tracker: r.idf1 for r in report.rows if r.suite == "mean"}
    assert max(best, key=best.__getitem__) in ("oracle", "default")
    table = report.table()
    assert "seeds 0-0, poses alone" in table
    assert table.count("| mean |") == 3
    assert len(report.to_dict()["rows"]) == len(report.rows)


def test_the_same_seed_gives_the_same_figures():
    rows = [
        score_clips(Tracker, [make_clip("street", 1, 50)], "default") for _ in range(2)
    ]
    assert replace(rows[0], milliseconds=0) == replace(rows[1], milliseconds=0)


def test_jumps_are_counted():
    """An id that swaps between the two people farthest apart jumps every time."""
    clip = make_clip("street", 0, frames=20)
    oracle = clip.corruption.oracle()
    detections = clip.corruption.sequence
    frames = []
    for t, (frame, sources) in enumerate(
        zip(detections, clip.corruption.sources, strict=True)
    ):
        ids = np.full(len(frame.poses), -1)
        people = np.flatnonzero(sources > 0)
        order = people[np.argsort(frame.poses.boxes[people, 0])]
        if len(order) > 1:
            ids[order[0 if t % 2 else -1]] = 1
        frames.append(replace(frame, poses=frame.poses.replace(track_ids=ids)))
    assert count_jumps(clip, replace(detections, frames=tuple(frames))) > 10
    assert len(oracle) == 20


def test_means_are_means():
    clips = [make_clip("street", k, 30) for k in (0, 1)]
    rows = [oracle_row([clip]) for clip in clips]
    assert mean_row(rows).idf1 == pytest.approx((rows[0].idf1 + rows[1].idf1) / 2)


@pytest.fixture
def peers(monkeypatch):
    """The script `benchmarks/peers.py`."""
    folder = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location("peers", folder / "peers.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_every_peer_has_a_best_setting(peers):
    assert set(peers.BEST) == set(peers.SETTINGS)
    for label, (_, settings) in peers.SETTINGS.items():
        assert peers.BEST[label] in settings
    assert {"default", "poseflow"} <= set(peers.competitors())


def test_intervals_of_differences(peers):
    """By hand: two groups, differences of 10 and 20 IDF1; the same clips are paired."""

    def scores(street, mice):
        return {
            name: [dict.fromkeys(peers.FIGURES, value) for value in values]
            for name, values in (("street", street), ("mice", mice))
        }

    better, worse = (
        scores([60.0, 80.0], [50.0, 90.0]),
        scores([50.0, 70.0], [20.0, 80.0]),
    )
    mean, low, high = peers.difference(better, worse)
    assert mean == pytest.approx(15)
    assert 10 <= low < 15 < high <= 20
    assert peers.difference(better, better) == (0, 0, 0)
    table = peers.table({peers.REFERENCE: better, "other": worse}).splitlines()
    assert table[2].startswith("| other | 55.0 | 55.0 |")
    assert table[2].endswith("| 15.0 (10.0 to 20.0) |")
    assert table[-1] == (f"| {peers.REFERENCE} | 70.0 / 70.0 / 70 | 70.0 / 70.0 / 70 |")


def test_images_are_kept(tmp_path):
    """The second time they are read from files; the result is the same."""
    clip = make_clip("street", 0, 3, folder=tmp_path)
    rendered = clip.image(1)
    kept = list(tmp_path.iterdir())
    assert [path.name for path in kept] == ["street-0-0001.png"]
    assert (clip.image(1) == rendered).all()
    kept[0].write_bytes(cv2.imencode(".png", np.zeros_like(rendered))[1].tobytes())
    assert not clip.image(1).any()
    assert (make_clip("street", 0, 3).image(1) == rendered).all()


def test_delayed_output_is_measured():
    """All frames, with ids for tracks that were still tentative in `update`."""
    clip = make_clip("street", 0, frames=40)
    at_once, _ = run_clip(Tracker(), clip)
    final, _ = run_clip(Final(Tracker()), clip)
    assert len(final) == len(at_once)
    first = np.concatenate([f.poses.track_ids for f in at_once])
    later = np.concatenate([f.poses.track_ids[~f.poses.interpolated] for f in final])
    assert (later[first > 0] == first[first > 0]).all()
    assert (later > 0).sum() > (first > 0).sum()
