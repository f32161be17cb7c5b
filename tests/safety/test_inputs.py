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
