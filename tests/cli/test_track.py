"""`poseflow track`: results, exit codes, warnings and interruption."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, skeletons
from poseflow.cli.app import app
from poseflow.synthetic import SceneConfig, make_scene
from poseflow.video import VideoWriter, open_source

GOLDEN = Path(__file__).parents[1] / "golden" / "poseflow"
SIZE = (160, 120)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def walkers(index, count=2):
    """People walking to the right, each a fixed cloud of joints."""
    rng = np.random.default_rng(3)
    clouds = rng.uniform(0, 30, (count, 17, 2)) + np.arange(count)[:, None, None] * 60
    return Poses(clouds + np.array([2 * index, 40]), np.full((count, 17), 0.7))


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, SIZE, 10) as video:
        for index in range(8):
            image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
            cv2.circle(image, (20 + index, 60), 9, (30, 60, 200), -1)
            video.write(image)
    return path


@pytest.fixture
def poses(tmp_path):
    path = tmp_path / "poses.json"
    frames = [Frame(k, k / 10, walkers(k), name=f"{k:06d}.jpg") for k in range(8)]
    poseflow.write(frames, path)
    return path


@pytest.mark.parametrize(
    "name", ["p.json", "P.JSON", "p.Json.GZ", "p.json.gz", "p", "p.txt", "p.mp4"]
)
def test_files_of_poses_are_known_by_their_content(poses, tmp_path, name):
    data = poses.read_bytes()
    source = tmp_path / "in" / name
    source.parent.mkdir()
    source.write_bytes(gzip.compress(data) if name.lower().endswith("gz") else data)
    done = run("track", source, "-o", tmp_path / "out.json")
    assert (done.exit_code, "8 frames, 2 identities" in done.stderr) == (0, True)
    assert "coco17" in run("info", source).stdout


def test_a_folder_of_openpose_is_a_source(tmp_path):
    points = np.dstack([walkers(0).keypoints, walkers(0).keypoint_scores])
    people = [{"pose_keypoints_2d": row.ravel().tolist()} for row in points]
    for k in range(4):
        text = json.dumps({"version": 1.3, "people": people})
        (tmp_path / f"img{k}_keypoints.json").write_text(text)
    done = run("track", tmp_path, "-o", tmp_path.parent / "out.json")
    assert "4 frames, 2 identities" in done.stderr
    # With the images beside them, the images are the source.
    for k in range(4):
        image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"img{k}.png"), image)
    assert "ImageFiles" in run("info", tmp_path).stdout
    out = tmp_path.parent / "out.json"
    done = run("track", tmp_path, "--poses", tmp_path, "-o", out)
    assert "4 frames, 2 identities" in done.stderr
    assert json.loads(out.read_text())[0]["image_id"] == "img0.png"


@pytest.mark.parametrize("tracker", ["iou", "oks"])
def test_a_matcher_needs_a_tracker_that_takes_one(tracker, poses, tmp_path):
    out = tmp_path / "out.json"
    done = run("track", poses, "-o", out, "--tracker", tracker, "--matcher", "orb")
    assert done.exit_code == 1
    assert f"tracker {tracker!r} uses no matcher" in done.stderr
    assert "one of the trackers that take one: default, poseflow, rel" in done.stderr
    assert not out.exists()
    done = run("track", poses, "-o", out, "--tracker", tracker, "--matcher", "none")
    assert done.exit_code == 0, done.output


def test_a_video_with_known_poses(clip, poses, tmp_path):
    out, overlay = tmp_path / "out.json", tmp_path / "overlay.mp4"
    done = run("track", clip, "--poses", poses, "-o", out, "--render", overlay)
    assert done.exit_code == 0, done.output
    entries = json.loads(out.read_text())
    assert [e["image_id"] for e in entries[::2]] == [f"{k:06d}.jpg" for k in range(8)]
    assert {e["idx"] for e in entries} == {1, 2}
    fields = {"image_id", "category_id", "keypoints", "score", "box", "idx"}
    assert {frozenset(e) for e in entries[1:]} == {frozenset(fields)}
    assert set(entries[0]) == fields | {"poseflow"}
    assert entries[0]["poseflow"] == {
        "skeleton": {"name": "coco17", "joints": list(skeletons.COCO17.joints)},
        "name": "clip",
        "fps": 10.0,
        "size": list(SIZE),
        "tracker": "default",
        "version": poseflow.__version__,
    }
    with open_source(overlay) as video:
        assert video.size == SIZE
        assert sum(1 for _ in video) == 8
    assert "8 frames, 2 identities" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["track", "estimate"])
def test_a_video_in_the_skeleton_of_posetrack(command, tmp_path):
    scene = make_scene(SceneConfig(frames=3, people=3, size=(480, 270)), seed=5)
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), scene.render(number))
    out = tmp_path / "out.json"
    quality = ["--quality", "fast", "--device", "cpu"]
    done = run(command, folder, "-o", out, *quality, "--skeleton", "posetrack15")
    assert done.exit_code == 0, done.output
    result = poseflow.read(out)
    assert result.skeleton == skeletons.get("posetrack15")
    people = result[0].poses
    assert len(people)
    head_top, nose = (people.skeleton.index(name) for name in ("head_top", "nose"))
    assert people.present[:, head_top].all()
    assert (people.keypoints[:, head_top, 1] < people.keypoints[:, nose, 1]).all()
    done = run(command, folder, "-o", out, *quality, "--skeleton", "cow")
    assert done.exit_code == 1
    assert "cow" in done.stderr


def test_standard_output_carries_the_result_alone(clip, poses):
    done = run("track", clip, "--poses", poses, "-o", "-")
    assert len(json.loads(done.stdout)) == 16


@pytest.mark.parametrize("tracker", ["released", "iou", "oks", "default"])
def test_every_tracker(clip, poses, tmp_path, tracker):
    out = tmp_path / "out.json"
    done = run("track", clip, "--poses", poses, "-o", out, "--tracker", tracker)
    assert done.exit_code == 0, done.output
    assert poseflow.read(out).track_ids.tolist() == [1, 2]


@pytest.mark.parametrize("sequence", ["seq_a", "seq_b"])
def test_golden_sequences(sequence, tmp_path):
    """All ids of the released tracker, over the command line."""
    folder = GOLDEN / sequence
    reference = json.loads(gzip.decompress((folder / "reference.json.gz").read_bytes()))
    width, height = reference["image_size"]
    frames = tmp_path / "frames"
    frames.mkdir()
    # Correspondences are given, so the content of the images does not matter.
    for index in range(40):
        blank = np.zeros((height, width, 3), np.uint8)
        cv2.imwrite(str(frames / f"{index:06d}.jpg"), blank)
    given, out = tmp_path / "poses.json", tmp_path / "out.json"
    given.write_bytes(gzip.decompress((folder / "input.json.gz").read_bytes()))
    done = run(
        *("track", frames, "--poses", given, "-o", out, "--tracker", "released"),
        *("--compat", "--correspondences", folder),
    )
    assert done.exit_code == 0, done.output
    got = json.loads(out.read_text())
    expected = [
        (frame["image_id"], person["idx"])
        for frame in reference["frames"]
        for person in frame["people"]
    ]
    assert [(e["image_id"], e["idx"]) for e in got] == expected
    entries = json.loads(given.read_text())
    assert [e["score"] for e in got] == [e["score"] for e in entries]
    assert [e["keypoints"] for e in got] == [e["keypoints"] for e in entries]


def broken(text):
    def make(tmp_path, poses):
        path = tmp_path / "bad.json"
        path.write_text(text)
        return path

    return make


def truncated(tmp_path, poses):
    path = tmp_path / "bad.json"
    path.write_bytes(poses.read_bytes()[:200])
    return path


def late(tmp_path, poses):
    path = tmp_path / "bad.json"
    poseflow.write([Frame(k, 0, walkers(k), name=f"{k}.jpg") for k in (90, 91)], path)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda t, p: t / "no.json", "no such file", id="missing"),
        pytest.param(broken(""), "empty", id="empty"),
        pytest.param(broken('{"a": 3}'), "expected", id="another kind"),
        pytest.param(truncated, "byte", id="truncated"),
        pytest.param(late, "is it the right file", id="of another video"),
    ],
)
def test_bad_poses(clip, poses, tmp_path, make, message):
    out = tmp_path / "out.json"
    out.write_text("the previous result")
    done = run("track", clip, "--poses", make(tmp_path, poses), "-o", out)
    assert done.exit_code == 1, done.output
    assert message in done.stderr
    assert done.stderr.startswith("poseflow: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert out.read_text() == "the previous result"


def test_poses_beyond_the_video_give_a_warning(clip, tmp_path):
    given, out = tmp_path / "poses.json", tmp_path / "out.json"
    poseflow.write([Frame(k, 0, walkers(k), name=f"{k}.jpg") for k in range(12)], given)
    done = run("track", clip, "--poses", given, "-o", out)
    assert done.exit_code == 0
    assert "warning" in done.stderr
    assert "4 frames with poses are not in the source" in done.stderr
    assert len(poseflow.read(out)) == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"not a video at all\n" * 40, "video"),
    ],
)
def test_bad_sources(poses, tmp_path, content, message):
    source, out = tmp_path / "bad.mp4", tmp_path / "out.json"
    if content is not None:
        source.write_bytes(content)
    done = run("track", source, "--poses", poses, "-o", out)
    assert done.exit_code == 1, done.output
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not out.exists()


def test_unwritable_output_is_found_before_the_work(clip, poses, tmp_path):
    done = run("track", clip, "--poses", poses, "-o", tmp_path / "no" / "out.json")
    assert done.exit_code == 1
    assert "does not exist" in done.stderr


@pytest.mark.parametrize(
    ("output", "render", "message"),
    [
        pytest.param("poses.json", None, "the poses itself", id="onto the poses"),
        pytest.param("clip.mp4", None, "the source itself", id="onto the video"),
        pytest.param("out", "out", "the overlay itself", id="both the same"),
        pytest.param("out.json.gz", None, "gzip", id="gzip"),
        pytest.param("", None, "empty", id="no name"),
        pytest.param("o.json", "", "expected the name", id="no name for the overlay"),
        pytest.param("o.json", "-", "expected the name", id="overlay to stdout"),
    ],
)
def test_unusable_outputs(clip, poses, tmp_path, monkeypatch, output, render, message):
    monkeypatch.chdir(clip.parent)
    before = {path: path.read_bytes() for path in (clip, poses)}
    more = [] if render is None else ["--render", render]
    done = run("track", clip, "--poses", poses, "-o", output, *more)
    assert done.exit_code == 1, done.output
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert {path: path.read_bytes() for path in before} == before
    assert set(Path().iterdir()) == {Path(path.name) for path in before}


def test_a_run_that_fails_at_once_writes_nothing_to_standard_output(clip, tmp_path):
    done = run("track", clip, "--poses", tmp_path / "no.json", "-o", "-")
    assert (done.exit_code, done.stdout) == (1, "")


@pytest.mark.filterwarnings("error")
def test_warnings_as_errors_are_one_line(clip, tmp_path):
    given = tmp_path / "poses.json"
    poseflow.write([Frame(k, 0, walkers(k), name=f"{k}.jpg") for k in range(12)], given)
    done = run("track", clip, "--poses", given, "-o", tmp_path / "out.json")
    assert done.exit_code == 1
    assert done.stderr.startswith("poseflow: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX streams")
def test_closed_standard_streams():
    for redirection in (">&-", "2>&-", ">&- 2>&-"):
        command = f"{sys.executable} -P -m poseflow info {redirection}"
        done = subprocess.run(command, shell=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_disk_full(clip, poses):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "poseflow", "track", clip, "--poses", poses, "-o-"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "disk full" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["track"], id="no source"),
        pytest.param(["track", "clip.mp4", "-o", "x", "--poise", "p"], id="misspelt"),
        pytest.param(["fly"], id="no such command"),
    ],
)
def test_wrong_usage(arguments):
    assert run(*arguments).exit_code == 2


def test_options_of_another_tracker(clip, poses, tmp_path):
    done = run(
        *("track", clip, "--poses", poses, "-o", tmp_path / "o.json"),
        *("--tracker", "iou", "--compat"),
    )
    assert done.exit_code == 1
    assert "has no option compat" in done.stderr


def test_interruption_keeps_what_was_done(tmp_path):
    """Ctrl-C ends with 130, a valid result and no half-written file."""
    source = tmp_path / "long"
    source.mkdir()
    image = np.zeros((240, 320, 3), np.uint8)
    for index in range(400):
        cv2.imwrite(str(source / f"{index:06d}.png"), image)
    poses, out = tmp_path / "poses.json", tmp_path / "out.json"
    poseflow.write(
        [Frame(k, 0, walkers(k, 1), name=f"{k:06d}.png") for k in range(400)], poses
    )
    video = tmp_path / "out.mp4"
    # A new process group, so that the signal reaches this one only.
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "poseflow", "track", source, "--poses", poses),
            *("-o", out, "--render", video),
        ],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    # Until several frames are in the file, however slow the machine.
    while time.monotonic() < deadline and not any(
        part.stat().st_size > 4000 for part in tmp_path.glob(".out.json*")
    ):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    assert "Traceback" not in errors
    done = json.loads(out.read_text())
    assert 0 < len(done) < 400
    with open_source(video) as written:
        assert abs(sum(1 for _ in written) - len(done)) <= 1
    assert not list(tmp_path.glob(".out*"))


def test_poses_alone(poses, tmp_path):
    out = tmp_path / "out.json"
    done = run("track", poses, "-o", out)
    assert done.exit_code == 0, done.output
    assert poseflow.read(out).track_ids.tolist() == [1, 2]
    assert len(poseflow.read(out)) == 8
    done = run("track", poses, "-o", out, "--render", tmp_path / "out.mp4")
    assert done.exit_code == 2
    assert "no images" in done.stderr
    before = poses.read_bytes()
    assert run("track", poses, "-o", poses).exit_code == 1
    assert poses.read_bytes() == before


def missed(tmp_path):
    """Poses of two people, the second missed in frames 3 and 4."""
    path = tmp_path / "missed.json"
    frames = [
        Frame(k, k / 10, walkers(k)[: 1 if k in (3, 4) else 2], name=f"{k:06d}.jpg")
        for k in range(12)
    ]
    poseflow.write(frames, path)
    return path


def test_gaps_are_filled_unless_told_otherwise(tmp_path):
    given, out = missed(tmp_path), tmp_path / "out.json"
    assert run("track", given, "-o", out).exit_code == 0
    entries = json.loads(out.read_text())
    filled = [e["image_id"] for e in entries if e.get("interpolated")]
    assert filled == ["000003.jpg", "000004.jpg"]
    again = poseflow.read(out)
    assert [int(f.poses.interpolated.sum()) for f in again][2:6] == [0, 1, 1, 0]
    assert run("track", given, "-o", out, "--no-fill").exit_code == 0
    assert "interpolated" not in out.read_text()
    submission = tmp_path / "submission.json"
    for source in ("track", "convert"):
        poseflow.write(again, out)
        if source == "track":
            done = run("track", given, "-o", submission, "--format", "posetrack18")
        else:
            done = run("convert", out, submission, "--to", "posetrack18")
        assert done.exit_code == 0, done.stderr
        found = poseflow.read(submission)
        assert [len(frame.poses) for frame in found] == [2] * 3 + [1] * 2 + [2] * 7


def test_settings_of_the_tracker(tmp_path):
    given, out = missed(tmp_path), tmp_path / "out.json"
    done = run("track", given, "-o", out, "--set", "fill_frames=0", "--max-tracks", 1)
    assert done.exit_code == 0, done.stderr
    assert "12 frames, 1 identities" in done.stderr
    assert "interpolated" not in out.read_text()
    done = run("track", given, "-o", out, "--set", "age=3")
    assert done.exit_code == 1
    assert "has no option age; it has max_age_frames, " in done.stderr
    done = run("track", given, "-o", out, "--max-tracks", 0)
    assert done.exit_code == 1
    assert "max_tracks must be a whole number of at least 1" in done.stderr


def test_refine(clip, poses, tmp_path):
    """A person with two ids, eight frames apart, is stitched by both commands."""
    parts = [k for k in range(30) if not 10 <= k < 18]
    frames = [
        Frame(k, k / 10, walkers(k, 1).replace(track_ids=[1 + (k > 13)])) for k in parts
    ]
    split, out = tmp_path / "split.json", tmp_path / "refined.json"
    poseflow.write(frames, split)
    done = run("refine", split, "-o", out)
    assert done.exit_code == 0, done.stderr
    assert "2 tracks before, 1 now" in done.stderr
    assert list(poseflow.read(out).track_ids) == [1]
    assert run("refine", split, "-o", split).exit_code == 1
    assert list(poseflow.read(split).track_ids) == [1, 2]
    tracked = tmp_path / "tracked.json"
    done = run("track", clip, "--poses", poses, "-o", tracked, "--refine")
    assert done.exit_code == 0, done.stderr
    assert list(poseflow.read(tracked).track_ids) == [1, 2]
    done = run("track", clip, "-o", tracked, "--refine", "--render", "overlay.mp4")
    assert done.exit_code == 2


def test_smoothing_in_the_second_pass(clip, tmp_path):
    """In one step or in two, the joints are the same; the raw ones stay readable."""
    shaky = tmp_path / "shaky.json"
    random = np.random.default_rng(0)
    frames = [Frame(k, k / 25, walkers(k)) for k in range(30)]
    frames = [
        replace(f, poses=f.poses.replace(keypoints=random.normal(f.poses.keypoints)))
        for f in frames
    ]
    poseflow.write(frames, shaky)
    raw, first, second = tmp_path / "raw.json", tmp_path / "a.json", tmp_path / "b.json"
    for output, options in ((raw, ["--refine"]), (first, ["--refine", "--smooth"])):
        done = run("track", shaky, "-o", output, *options)
        assert done.exit_code == 0, done.stderr
    done = run("refine", raw, "-o", second, "--smooth")
    assert done.exit_code == 0, done.stderr
    before, one, two = (
        np.stack([f.poses.keypoints[:2] for f in list(poseflow.read(path))[5:]])
        for path in (raw, first, second)
    )
    np.testing.assert_allclose(one, two, atol=0.05)
    steps = [np.diff(points, axis=0) - [2, 0] for points in (before, one)]
    assert np.abs(steps[1]).mean() < 0.5 * np.abs(steps[0]).mean()


def test_panoramas(tmp_path):
    """A person leaves on the right and appears on the left."""
    given, out = tmp_path / "round.json", tmp_path / "out.json"
    points = [walkers(k, 1).keypoints + np.array([300 + 3 * k, 0]) for k in range(60)]
    frames = [
        Frame(k, k / 10, Poses(np.stack([p[..., 0] % 400, p[..., 1]], axis=-1)))
        for k, p in enumerate(points)
    ]
    poseflow.write(frames, given)
    done = run("track", given, "-o", out, "--wrap", "--size", "400x300")
    assert done.exit_code == 0, done.stderr
    assert list(poseflow.read(out).track_ids) == [1]
    done = run("track", given, "-o", out, "--wrap")
    assert done.exit_code == 1
    assert "add --size WIDTHxHEIGHT" in done.stderr
    done = run(
        "track", given, "-o", out, "--wrap", "--size", "400x300", "--tracker", "iou"
    )
    assert done.exit_code == 1
    assert "has no option wrap_width_px" in done.stderr
