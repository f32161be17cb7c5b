"""Runs that are killed at random moments end like undisturbed ones: `make chaos`.

`POSEFLOW_KILLS` is the number of kills of each kind, 100 by default.
"""

import importlib.util
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import poseflow
from poseflow import Frame, Poses

psutil = pytest.importorskip("psutil")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="POSIX signals"),
]

KILLS = int(os.environ.get("POSEFLOW_KILLS", "100"))
SOURCES, POISONOUS = 40, 2


def walk(path, frames, people=3, seed=0):
    rng = np.random.default_rng(seed)
    clouds = rng.uniform(0, 60, (people, 17, 2)) + rng.uniform(0, 800, (people, 1, 2))
    steps = rng.uniform(-2, 2, (people, 1, 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    poseflow.write(
        [
            Frame(k, k / 25, Poses(clouds + k * steps), name=f"{k:06d}.jpg")
            for k in range(frames)
        ],
        path,
    )
    return path


def command(*arguments):
    return [sys.executable, "-P", "-m", "poseflow", *map(str, arguments)]


def start(*arguments):
    return psutil.Popen(
        command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def results_of(folder):
    if not folder.exists():
        return {}
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name not in ("batch.json", "failures.jsonl")
    }


def workers_of(process, engine):
    """The worker processes of a batch, Ray's services left aside."""
    found = []
    for child in process.children(recursive=True):
        try:
            line = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if ("_Actor" if engine == "ray" else "spawn_main") in line:
            found.append(child)
    return found


@pytest.fixture
def sources(tmp_path):
    rng = random.Random(0)
    made = [
        walk(tmp_path / "in" / f"{k:02d}.json", rng.randint(100, 500), seed=k)
        for k in range(SOURCES)
    ]
    for k in range(POISONOUS):
        data = made[k].read_bytes()
        made[k].write_bytes(data[: len(data) // 2] if k % 2 else b"\0" * 1000)
    return made


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_batch_that_is_killed_again_and_again(sources, tmp_path, engine):
    if engine == "ray":
        pytest.importorskip("ray")
    kills = KILLS if engine == "local" else max(KILLS // 5, 2)
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "out"
    given = ["batch", *sources, "--workers", 2, "--resume", "--tracker", "default"]
    start(*given, "--out", undisturbed).wait()
    expected = results_of(undisturbed)
    assert len(expected) == SOURCES - POISONOUS

    given += ["--out", out, "--engine", engine]
    rng = random.Random(1)
    killed = {"driver": 0, "worker": 0}
    while sum(killed.values()) < kills:
        process = start(*given)
        if rng.random() < 0.8:  # otherwise within the start
            while process.poll() is None and not workers_of(process, engine):
                time.sleep(0.1)
        while process.poll() is None and sum(killed.values()) < kills:
            time.sleep(rng.uniform(0.1, 4.0))
            if process.poll() is not None:
                break
            try:
                children = workers_of(process, engine)
                if children and rng.random() < 0.6:
                    rng.choice(children).kill()
                    killed["worker"] += 1
                else:
                    process.kill()
                    killed["driver"] += 1
            except psutil.NoSuchProcess:
                pass
        if process.poll() is None:
            process.kill()
        process.wait()
        whole = {name: data for name, data in results_of(out).items() if name[0] != "."}
        for name, data in whole.items():  # never half a file
            assert data == expected[name], name
        if len(whole) == len(expected):  # once more from the start
            for path in out.iterdir():
                path.unlink()
    print(f"{engine}: {killed}")  # noqa: T201

    # Sources whose worker was killed three times were set aside; they are tried again.
    for _ in range(2):
        done = subprocess.run(command(*given), capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert results_of(out) == expected
    record = json.loads((out / "batch.json").read_text())["sources"]
    assert len(record) == SOURCES
    failed = {Path(entry["source"]).name for entry in record if entry["error"]}
    assert failed == {source.name for source in sources[:POISONOUS]}
    lines = (out / "failures.jsonl").read_text().splitlines()
    assert {Path(json.loads(line)["source"]).name for line in lines} == failed


def test_a_run_with_overlay_that_is_killed_again_and_again(tmp_path):
    shots = tmp_path / "shots"
    shots.mkdir()
    image = np.zeros((120, 160, 3), np.uint8)
    for k in range(300):
        cv2.imwrite(str(shots / f"{k:06d}.png"), image)
    poses = walk(tmp_path / "poses.json", 300)
    text = poses.read_text().replace(".jpg", ".png")
    poses.write_text(text)
    out, overlay = tmp_path / "out.json", tmp_path / "out.mp4"

    def given(result, video):
        return ("track", shots, "--poses", poses, "-o", result, "--render", video)

    whole = tmp_path / "whole.json", tmp_path / "whole.mp4"
    start(*given(*whole)).wait()
    expected = [path.read_bytes() for path in whole]
    out.write_text("[]")
    rng = random.Random(2)
    kept = 0
    for _ in range(max(KILLS // 5, 3)):
        process = start(*given(out, overlay))
        while process.poll() is None and not list(tmp_path.glob(".out*")):
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 2.0))
        process.kill()
        process.wait()
        assert out.read_bytes() in (b"[]", expected[0])
        if overlay.exists():
            assert overlay.read_bytes() == expected[1]
        journal = tmp_path / "out.json.partial"
        if journal.exists() and journal.stat().st_size:
            kept += 1
            found = poseflow.read(journal)
            assert [frame.index for frame in found] == list(range(len(found)))
    print(f"{kept} journals")  # noqa: T201
    start(*given(out, overlay)).wait()
    assert [out.read_bytes(), overlay.read_bytes()] == expected
    assert not list(tmp_path.glob(".*"))
    assert not (tmp_path / "out.json.partial").exists()


TRAIN = (
    "import sys\n"
    "from poseflow.estimator.training.config import load_config\n"
    "from poseflow.estimator.training.loop import train\n"
    "changes = ['epochs=6', 'checkpoint_minutes=1e-9', f'out={sys.argv[2]}']\n"
    "train(load_config(sys.argv[1], changes), on_step=lambda *step: print(*step))\n"
)


def test_a_training_that_is_killed_again_and_again(tmp_path):
    import torch
    from safetensors.torch import load_file

    dots = load_module(Path(__file__).parents[1] / "estimator" / "dots.py")
    dots.write_coco(tmp_path)
    config = dots.write_config(tmp_path)

    def begin(out):
        return psutil.Popen(
            [sys.executable, "-P", "-u", "-c", TRAIN, str(config), str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    begin(whole).communicate()
    assert (whole / "best.safetensors").exists()
    rng = random.Random(3)
    killed = 0
    for _ in range(max(KILLS // 10, 3)):
        process = begin(cut)
        if rng.random() < 0.2:  # within the start
            time.sleep(rng.uniform(0, 3))
        else:
            for _ in range(rng.randint(1, 5)):
                process.stdout.readline()
        killed += process.poll() is None
        process.kill()
        process.communicate()
    print(f"{killed} kills")  # noqa: T201
    assert killed
    last = begin(cut)
    last.communicate()
    assert last.returncode == 0
    for name in ("last.safetensors", "best.safetensors"):
        ours, theirs = load_file(cut / name), load_file(whole / name)
        assert set(ours) == set(theirs)
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert losses(cut) == losses(whole)
    assert not [path for path in cut.iterdir() if path.name.startswith(".")]


def losses(folder):
    lines = (folder / "log.csv").read_text().splitlines()
    column = lines[0].split(",").index("loss")
    return [line.split(",")[column] for line in lines[1:]]


def load_module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
