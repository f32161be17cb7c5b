"""No command writes over a file that it reads, whatever the output is called."""

import inspect
import json
import os
import shutil
from pathlib import Path
from typing import Annotated, get_args, get_origin

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses
from poseflow.cli.app import COMMANDS, app
from poseflow.cli.guard import INPUTS, OUTPUTS
from poseflow.errors import FormatError
from poseflow.formats import AtomicFile, check_writable, protect_inputs
from poseflow.video import ImageWriter, VideoWriter
from poseflow.video.writer import marked

links = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a clip, images, and poses, as the working directory."""
    monkeypatch.chdir(tmp_path)
    poses = Poses(np.random.default_rng(0).uniform(0, 40, (1, 17, 2)))
    frames = [Frame(k, 0, poses, name=f"{k:06d}.jpg") for k in range(3)]
    poseflow.write(frames, "poses.json")
    shutil.copy("poses.json", "truth.json")
    image = np.zeros((48, 64, 3), np.uint8)
    with VideoWriter("clip.mp4", (64, 48), 10) as video:
        for _ in range(3):
            video.write(image)
    Path("shots").mkdir()
    for k in range(3):
        cv2.imwrite(f"shots/{k:06d}.jpg", image)
    Path("sub").mkdir()
    return tmp_path


def same(path):
    return path


def around(path):
    return f"sub/../{path}"


def absolute(path):
    return Path(path).absolute()


def link(path):
    Path("link" + Path(path).suffix).symlink_to(path)
    return "link" + Path(path).suffix


def hard_link(path):
    name = "hard" + Path(path).suffix
    os.link(path, name)
    return name


def link_of_folder(path):
    Path("elsewhere").symlink_to(Path(path).absolute().parent)
    return Path("elsewhere", Path(path).name)


WAYS = [
    same,
    around,
    absolute,
    pytest.param(link, marks=links),
    pytest.param(hard_link, marks=links),
    pytest.param(link_of_folder, marks=links),
]

CASES = [
    ("poses.json", ["track", "poses.json", "-o", "{}"]),
    ("poses.json", ["track", "clip.mp4", "--poses", "poses.json", "-o", "{}"]),
    (
        "clip.mp4",
        ["track", "clip.mp4", "--poses", "poses.json", "-o", "x", "--render", "{}"],
    ),
    ("shots/000001.jpg", ["track", "shots", "--poses", "poses.json", "-o", "{}"]),
    ("shots/000001.jpg", ["track", "shots/*.jpg", "--poses", "poses.json", "-o", "{}"]),
    ("poses.json", ["estimate", "clip.mp4", "--weights", "poses.json", "-o", "{}"]),
    ("clip.mp4", ["render", "clip.mp4", "poses.json", "{}"]),
    ("poses.json", ["convert", "poses.json", "{}"]),
    ("poses.json", ["evaluate", "truth.json", "poses.json", "--json", "{}"]),
    ("truth.json", ["evaluate", "truth.json", "poses.json", "--json", "{}"]),
    ("truth.json", ["evaluate-coco", "truth.json", "poses.json", "--json", "{}"]),
    ("truth.json", ["evaluate-mot", "truth.json", "poses.json", "--json", "{}"]),
    ("truth.json", ["tune-nms", "truth.json", "poses.json", "-o", "{}"]),
    (
        "truth.json",
        ["validate", "truth.json", "--weights", "poses.json", "--json", "{}"],
    ),
    ("clip.mp4", ["benchmark", "pipeline", "--video", "clip.mp4", "--json", "{}"]),
    ("poses.json", ["recover", "poses.json", "-o", "{}"]),
    ("poses.json", ["edit", "poses.json", "--delete", "1", "-o", "{}"]),
]


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("target", "arguments"), CASES, ids=lambda v: str(v)[:40])
def test_every_command_refuses_its_inputs(place, target, arguments, way):
    output = way(target)
    before = contents(place)
    done = run(*(str(output) if a == "{}" else a for a in arguments))
    assert done.exit_code == 1, done.output
    assert "give the output another name" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert contents(place) == before


def test_folders_of_images_keep_the_images_that_are_read(place):
    before = contents(place)
    for out in ("shots", "shots/", "sub/../shots"):
        done = run("render", "shots", "poses.json", out)
        assert (done.exit_code, "the source" in done.stderr) == (1, True), done.stderr
        done = run(
            "track", "shots", "--poses", "poses.json", "-o", "x", "--render", out
        )
        assert (done.exit_code, "the source" in done.stderr) == (1, True), done.stderr
    assert contents(place) == before


@links
def test_an_image_that_is_a_link_to_an_input_is_refused(place):
    Path("out").mkdir()
    Path("out/000001.jpg").symlink_to(Path("shots/000001.jpg").absolute())
    os.link("shots/000002.jpg", "sub/000002.jpg")
    before = contents(place / "shots")
    for out in ("out", "sub"):
        done = run("render", "shots", "poses.json", out)
        assert done.exit_code == 1, out
    assert "this is the source" in done.stderr
    assert contents(place / "shots") == before


def test_an_earlier_result_beside_the_images_may_be_replaced(place):
    for _ in range(2):
        done = run("track", "shots", "--poses", "poses.json", "-o", "shots/out.json")
        assert done.exit_code == 0, done.stderr


def test_scores_do_not_replace_annotations_in_a_folder(place):
    Path("gt").mkdir()
    text = json.dumps({"annotations": []})
    for metric in ("AP", "MOT"):
        Path(f"gt/total_{metric}_metrics.json").write_text(text)
    with protect_inputs(gt="gt"), pytest.raises(FormatError, match="one of its files"):
        check_writable("gt/total_AP_metrics.json")
    check_writable("gt/total_AP_metrics.json")


def test_a_name_that_differs_in_case_only_is_refused_while_it_is_free(place):
    with protect_inputs(source="Later.json"):
        with pytest.raises(FormatError, match="source itself"):
            AtomicFile("later.JSON")
        AtomicFile("other.json").discard()
    AtomicFile("later.JSON").discard()


def test_what_is_protected_ends_with_the_block(place):
    with protect_inputs(source="clip.mp4"), pytest.raises(FormatError, match="source"):
        VideoWriter("clip.mp4")
    VideoWriter("clip.mp4").discard()
    with protect_inputs(source="shots"), pytest.raises(FormatError, match="source"):
        ImageWriter("shots")
    ImageWriter("shots").close()


def test_every_path_of_a_command_is_an_input_or_an_output():
    """A new parameter that names a file belongs into `guard.INPUTS` or `OUTPUTS`."""
    unknown = []
    for command in COMMANDS:
        for name, parameter in inspect.signature(
            command, eval_str=True
        ).parameters.items():
            kind = parameter.annotation
            if get_origin(kind) is Annotated:
                kind = get_args(kind)[0]
            if Path in (kind, *get_args(kind)) and name not in INPUTS | OUTPUTS:
                unknown.append((command.__name__, name))
    assert unknown == []


def user_files(folder, names):
    """Files of the user that have the names of results."""
    Path(folder).mkdir()
    for name in names:
        Path(folder, name).write_bytes(b"of the user")
    return contents(Path(folder))


FOLDERS = {
    "images": (["000001.jpg"], ["render", "clip.mp4", "poses.json", "{}"]),
    "overlay": (
        ["000002.jpg"],
        [
            "track",
            "clip.mp4",
            "--poses",
            "poses.json",
            "-o",
            "r.json",
            "--render",
            "{}",
        ],
    ),
    "labels": (
        ["000000.txt", "000001.txt"],
        ["convert", "sized.json", "{}", "--to", "ultralytics-labels"],
    ),
    "openpose": (
        ["clip_000000000000_keypoints.json"],
        ["convert", "poses.json", "{}", "--to", "openpose"],
    ),
    "sequences": (
        ["total_AP_metrics.json"],
        ["evaluate", "annotated.json", "annotated.json", "--per-sequence", "{}"],
    ),
    "plots": (
        ["precision_recall.png"],
        ["evaluate", "annotated.json", "annotated.json", "--plots", "{}"],
    ),
    "demo": (["truth.json"], ["demo", "--out", "{}", "--frames", "2"]),
}
"""Names of files in a folder, and a command that would write them."""


def made_folders():
    poses = poseflow.read("poses.json", size=(64, 48))
    poseflow.write(poses, "sized.json")
    poseflow.write(poses, "annotated.json", format="posetrack18")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", FOLDERS)
def test_folders_keep_files_that_poseflow_did_not_make(place, kind):
    made_folders()
    names, command = FOLDERS[kind]
    before = user_files("out", names)
    done = run(*("out" if a == "{}" else a for a in command))
    if kind in ("labels", "openpose"):  # which are replaced as a whole
        assert done.exit_code == 0, done.output
        assert "are kept in" in done.stderr
        kept = contents(Path("out.1"))
        assert [p.name for p in kept] == [p.name for p in before]
        assert list(kept.values()) == list(before.values())
        return
    if kind == "demo":  # whose files belong together
        assert done.exit_code == 1, done.output
        assert "not made by poseflow" in done.stderr
        after = contents(Path("out"))
        assert before == {path: after[path] for path in before}
        return
    assert done.exit_code == 0, done.output
    assert done.stderr.count("are kept under names such as") == 1
    for path, content in before.items():
        assert Path(f"{path}.1").read_bytes() == content
        assert path.read_bytes() != content


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", sorted(set(FOLDERS) - {"demo"}))
def test_folders_of_earlier_runs_are_replaced(place, kind):
    made_folders()
    command = ["out" if a == "{}" else a for a in FOLDERS[kind][1]]
    assert run(*command).exit_code == 0
    first = contents(Path("out"))
    assert run(*command).exit_code == 0
    assert contents(Path("out")) == first
    assert not Path("out.1").exists() or not hasattr(os, "setxattr")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
@pytest.mark.parametrize("shape", [(7, 5, 3), (64, 48, 3)])
def test_images_bear_a_mark_and_are_the_same(suffix, shape):
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    data = cv2.imencode(suffix, image)[1].tobytes()
    found = cv2.imdecode(np.frombuffer(marked(data), np.uint8), cv2.IMREAD_COLOR)
    assert b"poseflow" in marked(data)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(found, expected)
