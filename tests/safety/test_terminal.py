"""Names and texts of files cannot send control characters to the terminal."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, Skeleton
from poseflow.cli.app import app
from poseflow.safety.terminal import one_line, printable

EVIL = "\x1b]0;TITLE\x07\x1b[2J\x9b31m\x7f\u202e[red]x"
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="names of any characters")


def run(*arguments):
    """Standard output and error of a command, whatever becomes of it."""
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.output


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder whose files' names and texts are full of control characters."""
    folder = tmp_path_factory.mktemp("evil")
    old = Path.cwd()
    os.chdir(folder)
    skeleton = Skeleton(f"s{EVIL}", (f"a{EVIL}", f"b{EVIL}", "c"))
    rng = np.random.default_rng(0)
    frames = [
        Frame(
            k,
            k / 25,
            Poses(rng.uniform(0, 40, (2, 3, 2)), track_ids=[1, 2], skeleton=skeleton),
            name=f"{k:06d}{EVIL}.jpg",
        )
        for k in range(3)
    ]
    poses = poseflow.PoseSequence.collect(frames, f"n{EVIL}\nline", (64, 48), 25.0)
    names = {1: f"Ann{EVIL}\nBob", 2: EVIL}
    poses = replace(poses, names=names, tracker=f"t{EVIL}")
    poseflow.write(poses, f"p{EVIL}.json")
    poseflow.write(poses, f"p{EVIL}.csv")
    plain = [
        Frame(f.index, f.time, Poses(rng.uniform(0, 40, (1, 17, 2)), track_ids=[1]))
        for f in frames
    ]
    poseflow.write(plain, f"t{EVIL}.json", format="posetrack18")
    Path(f"shots{EVIL}").mkdir()
    for k in range(3):
        cv2.imwrite("a.png", np.zeros((48, 64, 3), np.uint8))
        Path("a.png").rename(f"shots{EVIL}/{k:06d}{EVIL}.png")
    Path(f"broken{EVIL}.json").write_text(json.dumps([{f"k{EVIL}": EVIL}]))
    entry = {"image_id": f"0{EVIL}.jpg", "keypoints": [1, 2, 3] * 17, "score": EVIL}
    bad = {"image_id": f"1{EVIL}.jpg", "keypoints": [1, 2, EVIL]}
    Path(f"partly{EVIL}.json").write_text(json.dumps([entry, bad]))
    Path(f"m{EVIL}.csv").write_text(f"source,name\n{EVIL}.mp4,a{EVIL}\n")
    Path(f"train{EVIL}.yaml").write_text(json.dumps({EVIL: 1, "model": EVIL}))
    Path(f"mouse{EVIL}.yaml").write_text(json.dumps({"name": EVIL, "joints": EVIL}))
    Path(f"c{EVIL}.json").write_text(
        json.dumps(
            {"poseflow": "corrections", "version": 1, "corrections": [{"action": EVIL}]}
        )
    )
    yield folder
    os.chdir(old)


P, C, T = f"p{EVIL}.json", f"p{EVIL}.csv", f"t{EVIL}.json"
BROKEN, PARTLY, SHOTS = f"broken{EVIL}.json", f"partly{EVIL}.json", f"shots{EVIL}"
OUT = f"out{EVIL}.json"

COMMANDS = [
    *(("info", file) for file in (P, C, T, BROKEN, PARTLY, SHOTS, f"none{EVIL}.mp4")),
    *(("stats", file) for file in (P, PARTLY)),
    *(("events", file) for file in (P, PARTLY)),
    ("events", P, "--gt", P),
    ("track", P, "-o", OUT),
    ("track", PARTLY, "-o", OUT),
    ("track", SHOTS, "--poses", P, "-o", OUT, "--render", f"over{EVIL}.mp4"),
    ("track", SHOTS, "--quality", "fast", "-o", OUT, "--stop", 1),
    ("track", P, "-o", f"no{EVIL}/out.json"),
    ("track", P, "-o", OUT, "--tracker", EVIL),
    ("track", P, "-o", OUT, "--set", f"{EVIL}={EVIL}"),
    ("track", P, "-o", OUT, "--format", EVIL),
    ("track", P, "-o", OUT, "--skeleton", EVIL),
    ("track", P, "-o", OUT, "--start", EVIL),
    ("track", P, "-o", OUT, f"--{EVIL}"),
    ("estimate", SHOTS, "--estimator", EVIL, "-o", OUT),
    ("estimate", SHOTS, "--weights", EVIL, "-o", OUT),
    ("estimate", SHOTS, "--model", EVIL, "-o", OUT),
    ("batch", P, PARTLY, BROKEN, EVIL, "--out", f"results{EVIL}", "--workers", 1),
    ("batch", "--manifest", f"m{EVIL}.csv", "--out", "m", "--workers", 1),
    ("recover", P, "-o", OUT),
    ("refine", P, "-o", f"refined{EVIL}.json"),
    ("render", SHOTS, P, f"over{EVIL}.mp4"),
    ("report", P, "-o", f"page{EVIL}.html"),
    ("edit", P, "--merge", "1,2", "-o", f"edited{EVIL}.json"),
    ("edit", P, "--apply", f"c{EVIL}.json", "-o", f"edited{EVIL}.json"),
    ("convert", P, f"c{EVIL}.csv"),
    ("convert", P, f"c{EVIL}.json", "--skeleton", EVIL),
    ("convert", T, f"c{EVIL}.json", "--skeleton", "coco17"),
    ("convert", P, f"c{EVIL}.xyz"),
    ("evaluate", T, T),
    ("evaluate", T, T, "--check"),
    ("evaluate", T, T, "--sequence", EVIL),
    ("evaluate", T, BROKEN),
    ("evaluate-coco", T, BROKEN),
    ("evaluate-mot", T, BROKEN),
    ("evaluate-tracks", P, P, "--diagnose"),
    ("evaluate-tracks", P, C),
    ("compare", P, P, C),
    ("models", "get", EVIL),
    ("train", f"train{EVIL}.yaml"),
    ("train", f"train{EVIL}.yaml", "--set", EVIL),
    ("validate", f"train{EVIL}.yaml", "--weights", EVIL),
    ("tune-nms", BROKEN, P),
    ("info", P, "--skeleton", f"mouse{EVIL}.yaml"),
    (EVIL,),
    (f"--{EVIL}",),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: "-".join(map(repr, c))[:60])
def test_no_command_prints_control_characters(place, command):
    output = run(*command)
    found = CONTROLS.search(output)
    assert found is None, output[max(found.start() - 80, 0) : found.end() + 20]
    assert "[red]" in output or "red" not in output  # markup is not taken for markup


def test_a_name_cannot_make_lines_of_its_own(place):
    for command in ("info", "stats"):
        lines = run(command, P).splitlines()
        assert not any(line.strip() in ("line", "Bob") for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals of Linux")
@pytest.mark.parametrize(
    "command",
    [
        ("track", SHOTS, "--poses", P, "-o", OUT),
        ("batch", P, BROKEN, "--out", f"tty{EVIL}", "--workers", "1"),
        ("evaluate", T, T),
        ("info", P),
    ],
    ids=lambda c: c[0],
)
def test_nor_on_a_terminal(place, command):
    """There the progress has sequences of its own, but none of the files'."""
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "poseflow", *command],
        stdout=child,
        stderr=child,
        cwd=place,
    )
    os.close(child)
    data = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:
            break
        data += part
    process.wait()
    os.close(parent)
    text = data.decode("utf-8", "replace")
    assert text.strip()
    for piece in ("\x1b]0", "\x07", "\x1b[2J", "\x9b", "\x7f", "\u202e"):
        assert piece not in text


@pytest.mark.parametrize("code", [*range(32), *range(0x7F, 0xA0), 0x202E, 0xD800])
def test_control_characters_are_escaped(code):
    assert one_line(chr(code)).isascii()
    assert one_line(chr(code)).isprintable()
    assert printable(chr(code)) == (
        chr(code) if code in (9, 10) else one_line(chr(code))
    )


@pytest.mark.parametrize("text", ["Zoë", "東京", "👩‍🚒", "a b", "[red]", "é\u0301"])
def test_other_text_stays(text):
    assert one_line(text) == text


def test_commands_print_by_two_functions():
    """So that no other way to the terminal comes into being."""
    folder = Path(poseflow.__file__).parent / "cli"
    for file in folder.glob("*.py"):
        if file.name not in ("say.py", "progress.py", "__init__.py"):
            found = re.findall(
                r"typer\.echo|(?<!\.)\bprint\(|sys\.std\w+\.write", file.read_text()
            )
            assert not found, file.name
