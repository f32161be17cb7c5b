"""Appearance of tracks from images: people who come back, and wrong videos."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, PoseFlowError, Poses, PoseSequence, track_appearances
from poseflow.cli.app import app
from poseflow.tracker import TrackAppearances, refine
from poseflow.video import SourceFrame, VideoWriter
from poseflow.video.source import Source

SIZE = (480, 160)
SHAPE = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [18, 50]
CLOTHES = [(40, 40, 200), (200, 60, 40), (60, 180, 60), (30, 200, 220), (210, 40, 190)]
LEFT, BACK, END = 40, 140, 180
BEFORE = [(0, 1, 60), (1, 2, 160), (2, 3, 260), (3, 4, 360)]
AFTER = [(0, 1, 60), (1, 5, 260), (2, 6, 360), (3, 7, 160)]


def people(number):
    """Person, id and place: all but one leave, and come back with new ids elsewhere."""
    if number < LEFT:
        return BEFORE
    return BEFORE[:1] if number < BACK else AFTER


def frame(number):
    random = np.random.default_rng(number)
    around = SHAPE + random.normal(0, 0.5, (17, 2))
    points = [around + np.array([x, 80]) for _, _, x in people(number)]
    ids = [track_id for _, track_id, _ in people(number)]
    return Frame(number, number / 25, Poses(np.array(points), track_ids=ids))


def image(number, clothes):
    painted = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    for person, _, x in people(number):
        corners = (x - 22, 26), (x + 22, 134)
        cv2.rectangle(painted, *corners, clothes[person], -1)
    noise = np.random.default_rng(number).normal(0, 4, painted.shape)
    return np.clip(painted + noise, 0, 255).astype(np.uint8)


def images(clothes=CLOTHES):
    return [image(k, clothes) for k in range(END)]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "walk.mp4"
    with VideoWriter(path, SIZE, 25) as writer:
        for each in images():
            writer.write(each)
    return path


RESULT = PoseSequence.collect(map(frame, range(END)), "walk", SIZE, 25.0)


@pytest.fixture
def result(tmp_path):
    path = tmp_path / "result.jsonl"
    poseflow.write(RESULT, path)
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_people_who_come_back_have_one_id_with_the_video(video, result, tmp_path):
    out = tmp_path / "refined.jsonl"
    assert run("refine", result, "-o", out).exit_code == 0
    assert poseflow.read(out).track_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    done = run("refine", result, "-o", out, "--video", video)
    assert done.exit_code == 0, done.stderr
    assert "7 tracks before, 4 now" in done.stderr
    assert poseflow.read(out)[-1].poses.track_ids.tolist() == [1, 2, 3, 4]


def test_a_known_number_of_people_is_sorted_out_by_appearance(video, result, tmp_path):
    out = tmp_path / "refined.jsonl"
    given = ("refine", result, "-o", out, "--max-tracks", 4)
    assert run(*given).exit_code == 0
    assert poseflow.read(out)[-1].poses.track_ids.tolist() == [1, 3, 4, 2]  # by place
    assert run(*given, "--video", video).exit_code == 0
    assert poseflow.read(out)[-1].poses.track_ids.tolist() == [1, 2, 3, 4]


def test_people_who_wear_the_same_keep_their_ids():
    found = track_appearances(images([CLOTHES[0]] * 4), RESULT)
    assert found.ready
    assert refine(RESULT, appearances=found) == refine(RESULT)


def test_another_person_who_comes_keeps_a_new_id():
    """The id of the one who left is not given to who comes in other clothes."""
    others = [*CLOTHES[:3], CLOTHES[4]]
    painted = images()[:BACK] + images(others)[BACK:]
    found = track_appearances(painted, RESULT)
    assert refine(RESULT, appearances=found)[-1].poses.track_ids.tolist() == [
        1,
        2,
        3,
        7,
    ]


def test_a_stable_number_of_people_does_not_link_those_who_differ():
    """One of two leaves, and another one comes, where motion alone would link them."""
    numbers = [*range(LEFT), *range(BACK - 20, END)]
    pair = [
        Frame(k, k / 25, poses[np.isin(poses.track_ids, [1, 3, 5])])
        for k, poses in enumerate(RESULT[number].poses for number in numbers)
    ]
    pair = PoseSequence.collect(pair, size=SIZE)
    assert refine(pair).track_ids.tolist() == [1, 3]
    painted = images()
    found = track_appearances([painted[number] for number in numbers], pair)
    assert refine(pair, appearances=found).track_ids.tolist() == [1, 3, 5]


def test_tracking_collects_the_same_as_a_second_reading():
    """Under the final ids, and without images that wait for these."""
    poses = [replace(f, poses=f.poses.replace(track_ids=None)) for f in RESULT]
    online = TrackAppearances()
    given = {"tracker": "poseflow", "appearances": online}
    tracked = PoseSequence.collect(
        poseflow.track(images(), poses=poses, final=True, images=False, **given)
    )
    later = track_appearances(images(), tracked)
    ids = tracked.track_ids
    first, second = np.repeat(ids, len(ids)), np.tile(ids, len(ids))
    assert np.abs(online.log_odds(first, second)).max() > 3
    np.testing.assert_allclose(
        online.log_odds(first, second), later.log_odds(first, second)
    )


def test_track_refines_by_appearance(video, tmp_path):
    poses, out = tmp_path / "poses.jsonl", tmp_path / "out.jsonl"
    poseflow.write(
        [replace(f, poses=f.poses.replace(track_ids=None)) for f in RESULT], poses
    )
    given = ("track", video, "--poses", poses, "-o", out, "--tracker", "iou")
    for options, count in ((), 7), (("--refine",), 4):
        done = run(*given, *options)
        assert done.exit_code == 0, done.stderr
        assert len(poseflow.read(out).track_ids) == count
    without = ("--set", "appearance=False", "--set", "max_age_frames=20")
    done = run("track", video, "--poses", poses, "-o", out, "--refine", *without)
    assert done.exit_code == 0, done.stderr
    assert len(poseflow.read(out).track_ids) == 7


@pytest.mark.parametrize(
    ("size", "frames", "message"),
    [
        ((160, 480), END, "was made of a video of 480x160 pixels, .*other.mp4 has 160"),
        (SIZE, 60, "120 frames with poses, from 60 to 179, are not in .*other.mp4: is"),
    ],
)
def test_a_wrong_video_is_named(size, frames, message, result, tmp_path):
    other, out = tmp_path / "other.mp4", tmp_path / "out.jsonl"
    with VideoWriter(other, size, 25) as writer:
        for _ in range(frames):
            writer.write(np.zeros((size[1], size[0], 3), np.uint8))
    done = run("refine", result, "-o", out, "--video", other)
    assert done.exit_code == 1
    assert str(result) in done.stderr
    with pytest.raises(PoseFlowError, match=message):
        track_appearances(other, RESULT)
    assert not out.exists()


def test_the_video_is_not_replaced(video, result):
    before = video.read_bytes()
    done = run("refine", result, "-o", video, "--video", video)
    assert done.exit_code == 1
    assert "this is the video itself" in done.stderr
    assert video.read_bytes() == before


def test_one_person_at_a_time_tells_nothing(result, video, tmp_path):
    alone = [
        replace(f, poses=f.poses[np.isin(f.poses.track_ids, [3, 5])]) for f in RESULT
    ]
    lonely, out = tmp_path / "lonely.jsonl", tmp_path / "out.jsonl"
    poseflow.write(alone, lonely)
    done = run("refine", lonely, "-o", out, "--video", video)
    assert done.exit_code == 0, done.stderr
    assert "note: " in done.stderr
    assert "only motion is used" in done.stderr
    assert poseflow.read(out).track_ids.tolist() == [3, 5]


def test_a_live_source_is_refused():
    class Live(Source):
        is_live = True

        def _frames(self, troubles):
            yield SourceFrame(0, 0.0, "", image(0, CLOTHES))

    with pytest.raises(PoseFlowError, match="needs a video file or a folder"):
        track_appearances(Live("camera"), RESULT)


def test_results_of_other_formats_and_files_without_size(video, tmp_path):
    out = tmp_path / "refined.json"
    for name in ("result.json", "result.csv"):
        poseflow.write(RESULT, tmp_path / name)
        done = run("refine", tmp_path / name, "-o", out, "--video", video)
        assert done.exit_code == 0, done.stderr
        assert poseflow.read(out).track_ids.tolist() == [1, 2, 3, 4]
