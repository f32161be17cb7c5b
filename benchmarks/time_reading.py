"""CPU time of the readers, next to that of an earlier commit on the same files.

    python benchmarks/time_reading.py [COMMIT]

Makes a file of 16,000 people in each format (temporary), and one with half as many,
reads each with this checkout and with COMMIT (default 28bdde8) in processes that take
turns, and prints the least CPU time of each and the ratio. "Twice the people" is the
time for 16,000 people over that for 8,000: 2 is in proportion.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from poseflow.benchmark.hardware import hardware

BEFORE = "28bdde8"
PEOPLE = 16_000
IN_A_FRAME = 10
ROUNDS = 5

TIMED = """
import sys, time, warnings
warnings.simplefilter("ignore")
import poseflow
poseflow.read(sys.argv[1])
times = []
for _ in range(3):
    start = time.process_time()
    poseflow.read(sys.argv[1])
    times.append(time.process_time() - start)
print(min(times))
"""


def _people(count: int, joints: int = 17) -> Iterator[tuple[int, int, list[float]]]:
    """Frame, identity and keypoints of each person; digits as a network gives them."""
    for row in range(count):
        frame, person = divmod(row, IN_A_FRAME)
        numbers = []
        for joint in range(joints):
            x = 100.0 * person + 7.3 * joint + 0.37 * (frame % 97)
            numbers += [x, 50.125 + 11.7 * joint, 0.5 + (row + joint) % 50 / 101]
        yield frame, person + 1, numbers


def _entry(frame: int, track: int, numbers: list[float]) -> dict[str, Any]:
    return {
        "image_id": f"{frame:06d}.jpg",
        "category_id": 1,
        "keypoints": numbers,
        "score": 2.5,
        "box": [numbers[0], numbers[1], 80.5, 190.25],
        "idx": track,
    }


def write_list(path: Path, count: int) -> None:
    """AlphaPose's list."""
    path.write_text(json.dumps([_entry(*person) for person in _people(count)]))


def write_mixed(path: Path, count: int) -> None:
    """A list in which every other person has 26 joints."""
    pairs = zip(_people(count), _people(count, 26), strict=True)
    entries = [_entry(*pair[k % 2]) for k, pair in enumerate(pairs)]
    path.write_text(json.dumps(entries))


def write_dictionary(path: Path, count: int) -> None:
    """AlphaPose's dictionary."""
    images: dict[str, list[Any]] = {}
    for frame, track, numbers in _people(count):
        entry = {"keypoints": numbers, "scores": 2.5, "idx": track}
        images.setdefault(f"{frame:06d}.jpg", []).append(entry)
    path.write_text(json.dumps(images))


def write_posetrack18(path: Path, count: int) -> None:
    """PoseTrack18's file."""
    frames = range(count // IN_A_FRAME)
    document = {
        "images": [
            {"vid_id": "1", "id": frame, "file_name": f"images/a/{frame:06d}.jpg"}
            for frame in frames
        ],
        "annotations": [
            {"image_id": frame, "track_id": track, "keypoints": numbers}
            for frame, track, numbers in _people(count)
        ],
        "categories": [],
    }
    path.write_text(json.dumps(document))


def write_openpose(path: Path, count: int) -> None:
    """OpenPose's folder."""
    path.mkdir()
    frames: dict[int, list[Any]] = {}
    for frame, track, numbers in _people(count, 25):
        person = {"person_id": [track], "pose_keypoints_2d": numbers}
        frames.setdefault(frame, []).append(person)
    for frame, people in frames.items():
        text = json.dumps({"version": 1.3, "people": people})
        (path / f"a_{frame:012d}_keypoints.json").write_text(text)


def write_table(path: Path, count: int) -> None:
    """The table with one row a joint; earlier commits do not read it."""
    rows = ["frame,id,joint,x,y,joint_score"]
    for frame, track, numbers in _people(count):
        for k in range(0, len(numbers), 3):
            x, y, score = numbers[k : k + 3]
            rows.append(f"{frame},{track},{k // 3},{x},{y},{score}")
    path.write_text("\n".join(rows) + "\n")


CASES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "alphapose": ("list.json", write_list),
    "alphapose, two numbers of joints": ("mixed.json", write_mixed),
    "forvis": ("dictionary.json", write_dictionary),
    "posetrack18": ("posetrack18.json", write_posetrack18),
    "openpose, 25 joints": ("openpose", write_openpose),
    "csv": ("table.csv", write_table),
}


def cpu_s(checkout: Path, path: Path) -> float | None:
    """Least CPU seconds of reading a file; None if the checkout does not read it."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED, str(path)],
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return float(done.stdout) if done.returncode == 0 else None


def least(checkout: Path, path: Path, known: float | None) -> float | None:
    """The lesser of a new time and the known one."""
    found = cpu_s(checkout, path)
    return found if known is None or found is None else min(found, known)


def main() -> None:
    """Print the table."""
    commit = sys.argv[1] if len(sys.argv) > 1 else BEFORE
    here = Path(__file__).resolve().parents[1]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = folder / "before"
        git = ["git", "-C", str(here), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", before, commit], check=True)
        try:
            for case, (file, write) in CASES.items():
                paths = []
                for count in (PEOPLE, PEOPLE // 2):
                    paths.append(folder / f"{count}" / file)
                    paths[-1].parent.mkdir(exist_ok=True)
                    write(paths[-1], count)
                old = new = half = None
                for _ in range(ROUNDS):
                    old = least(before, paths[0], old)
                    new = least(here, paths[0], new)
                    half = least(here, paths[1], half)
                rows.append((case, old, new, half))
        finally:
            subprocess.run([*git, "remove", "--force", before], check=True)
    for key, value in hardware().items():
        print(f"{key}: {value}  ")
    print(f"\n| format | CPU s, {commit} | CPU s, now | ratio | twice the people |")
    print("|---|---:|---:|---:|---:|")
    for case, old, new, half in rows:
        if new is None or half is None:
            raise SystemExit(f"{case}: cannot be read")
        earlier = "" if old is None else f"{old:.3f}"
        ratio = "" if old is None else f"{new / old:.2f}"
        print(f"| {case} | {earlier} | {new:.3f} | {ratio} | {new / half:.2f} |")


if __name__ == "__main__":
    main()
