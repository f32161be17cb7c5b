"""Full disks, folders without rights, few open files, no home, an odd locale.

Each command ends with 0, or with 1 and one line that names the place, and leaves the
files that were there.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import poseflow
from poseflow import Frame, Poses

resource = pytest.importorskip("resource")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

NAME = "Zoë東"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with poses, images of them, and earlier results."""
    folder = tmp_path_factory.mktemp("conditions")
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 60, (3, 17, 2)) + rng.uniform(0, 60, (3, 1, 2))
    frames = [
        Frame(k, k / 25, Poses(start + k, track_ids=[1, 2, 3]), name=f"{k:06d}.png")
        for k in range(40)
    ]
    for name in ("poses", NAME):
        poseflow.write(frames, folder / f"{name}.json")
    (folder / "shots").mkdir()
    for k in range(40):
        image = rng.integers(0, 255, (96, 128, 3), np.uint8)
        cv2.imwrite(str(folder / "shots" / f"{k:06d}.png"), image)
    return folder


COMMANDS = {
    "track": ["track", "{}.json", "-o", "out/a.json"],
    "overlay": [
        *("track", "shots", "--poses", "{}.json", "-o", "out/b.json"),
        *("--render", "out/b.mp4"),
    ],
    "images": ["render", "shots", "{}.json", "out/images/"],
    "csv": ["convert", "{}.json", "out/c.csv"],
    "folder": ["convert", "{}.json", "out/d", "--to", "openpose"],
    "report": ["report", "{}.json", "-o", "out/e.html"],
    "edit": ["edit", "{}.json", "--delete", "1", "-o", "out/f.json"],
    "batch": ["batch", "{}.json", "--out", "out/g", "--workers", "1", "--retries", "0"],
}


def run(place, command, name="poses", before=None, **environment):
    """A command in a process of its own, under some limits."""
    arguments = [part.format(name) for part in COMMANDS[command]]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "poseflow", *arguments],
        cwd=place,
        env={**os.environ, **environment},
        preexec_fn=before,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def out(place):
    """An empty folder for results."""
    folder = place / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def left(folder):
    """Files that a failed run left, but for journals, images, records and locks."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix not in (".partial", ".jpg", ".png")
        and path.name not in ("batch.json", "failures.jsonl")
    ]


def refused(done, *words):
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("poseflow: ")]
    assert any(all(word in line for word in words) for line in lines), done.stderr


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"edit", "report"}))
def test_a_file_system_that_takes_no_more(place, out, command):
    earlier = out / "a.json"
    earlier.write_text("[]")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    refused(run(place, command, before=limit), "cannot write ", "out/")
    assert left(out) == ["a.json"]
    assert earlier.read_text() == "[]"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device(place):
    command = [sys.executable, "-P", "-m", "poseflow", "convert", "poses.json"]
    done = subprocess.run(
        [*command, "/dev/full", "--to", "alphapose"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    refused(done, "/dev/full", "disk full")
    assert "Traceback" not in done.stderr


def without_rights():
    """Drop root's right to write everywhere; others have none."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_without_the_right_to_write(place, out, command):
    out.chmod(0o555)
    refused(run(place, command, before=without_rights), "out/", "permission denied")
    assert not list(out.iterdir())


@pytest.mark.parametrize("command", ["overlay", "images"])
def test_a_folder_that_is_removed_during_the_run(place, out, command):
    """The images come slowly, so that there is a run to disturb."""
    arguments = [part.format("poses") for part in COMMANDS[command]]
    slow = (
        "import sys, time\n"
        "from poseflow.tracker import Tracker\n"
        "update = Tracker.update\n"
        "def late(*given, **options):\n"
        "    time.sleep(0.1)\n"
        "    return update(*given, **options)\n"
        "Tracker.update = late\n"
        "if __name__ == '__main__':\n"
        "    from poseflow.cli import main\n"
        "    main()\n"
    )
    script = place / "slow.py"
    script.write_text(slow)
    if command == "images":
        arguments = ["track", "shots", "--poses", "poses.json", "-o", "out/b.json"]
        arguments += ["--render", "out/images/"]
    process = subprocess.Popen(
        [sys.executable, "-P", str(script), *arguments],
        cwd=place,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while process.poll() is None and not list(out.rglob("*")):
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.5)
    shutil.rmtree(out)
    _, errors = process.communicate(timeout=120)
    out.mkdir(exist_ok=True)
    assert "Traceback" not in errors, errors
    assert process.returncode == 1, errors
    assert "out/" in errors
    assert "no such file or folder" in errors


@pytest.mark.parametrize("command", ["overlay", "images", "batch"])
def test_few_open_files(place, out, command):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))

    done = run(place, command, before=limit)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["overlay", "report", "batch"])
def test_neither_a_home_nor_a_place_for_temporary_files(place, out, command):
    nowhere = dict.fromkeys(
        ("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        "/nonexistent",
    )
    done = run(place, command, **nowhere)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["track", "folder", "report", "batch"])
def test_a_locale_without_most_letters(place, out, command):
    ascii_only = {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii"}
    done = run(
        *(place, command, NAME),
        **ascii_only,
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
    )
    assert done.returncode == 0, done.stderr
    again = run(place, command, NAME)  # and with another one, over the same files
    assert again.returncode == 0, again.stderr


def test_names_that_are_no_text(place, out):
    shutil.copy(place / "poses.json", os.fsencode(place) + b"/\xff.json")
    command = [
        sys.executable,
        "-P",
        "-m",
        "poseflow",
        "batch",
        b"\xff.json",
        b"\xfe.mp4",
    ]
    for locale in ("C", "C.UTF-8"):
        done = subprocess.run(
            [*command, "--out", "out", "--workers", "1", "--resume", "--retries", "0"],
            cwd=place,
            env={**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert r"\xfe.mp4: no such file or folder" in done.stderr
    assert "1 there already" in done.stderr
    assert (out / "_.json").exists()
