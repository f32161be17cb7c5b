"""Damage files of every reader at random: `make fuzz MINUTES=10`.

Each input is a valid file with some of its bytes or some of its structure changed. A
reader must return or raise `PoseFlowError`, in less than five seconds of CPU time and
one gigabyte. Readers run in processes of their own, so that a crash is counted, too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from attacked import NAMES, Reader, readers

from poseflow.errors import PoseFlowError

SLOW_SECONDS = 5.0
HANGING_SECONDS = 120
MOST_MB = 1000

EXPECTED = (PoseFlowError,)

_MEMORY = Path("/proc/self/status")
_PEAK = Path("/proc/self/clear_refs")


def attack(reader: Reader, folder: Path, rng: random.Random) -> None:
    """Damage one file and read it; count what goes wrong."""
    data = reader.damage(rng.choice(reader.files), rng)
    path = folder / f"damaged{reader.suffix}"
    path.write_bytes(data)
    (folder / "input").write_bytes(data)  # kept if the process crashes
    reader.inputs += 1
    peak_mb()
    start = time.process_time()
    place = ""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            reader.read(path)
    except EXPECTED:
        pass
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {line.filename}:{line.lineno}"
    seconds = time.process_time() - start
    peak = peak_mb()
    reader.peak_mb = max(reader.peak_mb, peak)
    reader.slowest = max(reader.slowest, seconds)
    if seconds > SLOW_SECONDS:
        place = place or f"slower than {SLOW_SECONDS:g} s"
    if peak > MOST_MB:
        place = place or f"more than {MOST_MB} MB"
    if place:
        if not reader.failures[place]:
            keep(reader, data)
        reader.failures[place] += 1


def keep(reader: Reader, data: bytes) -> None:
    """Keep an input that made a reader fail."""
    _kept_path(reader.name, reader.suffix).write_bytes(data)


def _kept_path(name: str, suffix: str = "") -> Path:
    safe = re.sub(r"\W", "-", f"fuzz-{name}-{random.random()}")
    return Path(tempfile.gettempdir()) / (safe + suffix)


def peak_mb() -> int:
    """Largest resident memory since the last call; 0 where it is not known."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", _MEMORY.read_text())
        _PEAK.write_text("5")
    except OSError:
        return 0
    return int(found[1]) // 1024 if found else 0


def attack_for(name: str, seconds: float, seed: int) -> None:
    """Attack one reader, and print its counts as JSON every now and then."""
    warnings.simplefilter("ignore")
    rng = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        reader = readers(folder, [name])[name]
        end = time.monotonic() + seconds
        last = 0.0
        while time.monotonic() < end:
            signal.alarm(HANGING_SECONDS)
            attack(reader, folder, rng)
            if time.monotonic() - last > 0.5:
                last = time.monotonic()
                print(counts(reader), flush=True)
        signal.alarm(0)
        print(counts(reader), flush=True)


def counts(reader: Reader) -> str:
    """The counts of a reader, in a line."""
    numbers = reader.inputs, reader.slowest, reader.peak_mb, reader.failures
    return json.dumps(numbers)


def in_child(name: str, seconds: float, seed: int) -> list[Any]:
    """Attack a reader in a process of its own; its counts."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--child", name, "--seed", str(seed)]
        done = subprocess.run(
            [*command, "--minutes", str(seconds / 60)],
            env={**os.environ, "TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libpng and libjpeg print there
            check=False,
        )
        for kept in Path(folder).glob("fuzz-*"):
            print("kept", shutil.copy(kept, tempfile.gettempdir()))
        lines = done.stdout.decode().splitlines()
        found = json.loads(lines[-1]) if lines else [0, 0.0, 0, {}]
        if done.returncode:
            place = f"ended with {done.returncode}"
            found[3][place] = 1
            for last in Path(folder).rglob("input"):
                print("kept", shutil.copy(last, _kept_path(name)))
        return list(found)


def main() -> None:
    """Attack all readers in turn for so many minutes, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--reader", action="append", help="only this one; repeatable")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return attack_for(given.child, 60 * given.minutes, given.seed)
    print(f"seed {given.seed}")
    chosen = given.reader or NAMES
    turns = max(round(given.minutes / len(chosen)), 1)
    total: dict[str, list[Any]] = {name: [0, 0.0, 0, Counter()] for name in chosen}
    for turn in range(turns):
        for name in chosen:
            seconds = 60 * given.minutes / turns / len(chosen)
            inputs, slowest, peak, failures = in_child(name, seconds, given.seed + turn)
            sums = total[name]
            sums[0] += inputs
            sums[1:3] = max(sums[1], slowest), max(sums[2], peak)
            sums[3].update(failures)
    for name, (inputs, slowest, peak, failures) in total.items():
        print(
            f"{name:20s} {inputs:8d} inputs {sum(failures.values()):5d} failures, "
            f"slowest {slowest:5.2f} s of CPU, peak {peak:4d} MB"
        )
        for place, count in failures.most_common(10):
            print(f"    {count:6d}  {place}")
    print(f"{sum(sums[0] for sums in total.values())} inputs")
    sys.exit(any(sums[3] for sums in total.values()))


if __name__ == "__main__":
    main()
