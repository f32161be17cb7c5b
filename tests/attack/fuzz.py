"""Damage files of every reader at random: `make fuzz MINUTES=10`.

Each input is a valid file with some of its bytes or some of its structure changed. A
reader must return or raise `PoseFlowError`, in less than five seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import random
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import poseflow
from poseflow import synthetic
from poseflow.errors import PoseFlowError
from poseflow.video import VideoWriter

SLOW_SECONDS = 5.0

ROOT = Path(__file__).parents[2]
CONFIGS, MODELS = ROOT / "configs", ROOT / "estimator" / "models"

ODD = (
    *(0, -1, 1, 2**31, 2**63, 2**64, 10**30, 1e308, -1e308, 0.1, True, False, None),
    *("", "0", "nan", "\ud800", "a" * 3000, "\x00", "../../x", "1e999"),
    *([], {}, [[]], {"": None}, [None] * 3, float("nan"), float("inf")),
)
"""Values put in the place of others."""

PIECES = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"[",
        b"]",
        b"{",
        b"}",
        b'"',
        b"\\u",
        b",",
    ),
    *(b"NaN", b"1e999", b"-", b"\r", b"\n\n", b"9" * 400, b"[" * 3000, b"\xed\xa0\x80"),
)
"""Bytes put between others."""


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """Change, remove, repeat or insert some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(changed) + 1)
        end = min(len(changed), at + rng.choice((1, 1, 4, 64, 4096)))
        kind = rng.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[at:end]
        elif kind == 2:
            changed[at:at] = changed[at:end]
        elif kind == 3:
            changed[at:at] = rng.choice(PIECES)
        else:
            del changed[rng.randrange(len(changed) + 1) :]
    return bytes(changed)


def damage_value(value: Any, rng: random.Random) -> Any:
    """Change one value of nested lists and dictionaries, somewhere."""
    if rng.random() < 0.08 or not isinstance(value, list | dict) or not value:
        return rng.choice(ODD)
    if isinstance(value, list):
        k = rng.randrange(len(value))
        kind = rng.randrange(6)
        if kind == 0:
            return value[:k] + value[k + 1 :]
        if kind == 1:
            return [*value[:k], value[k], value[k], *value[k + 1 :]]
        return [*value[:k], damage_value(value[k], rng), *value[k + 1 :]]
    key = rng.choice(list(value))
    kind = rng.randrange(6)
    if kind == 0:
        return {k: v for k, v in value.items() if k != key}
    if kind == 1:
        return {str(rng.choice(ODD))[:50]: value[key], **value}
    return {**value, key: damage_value(value[key], rng)}


def damage_json(data: bytes, rng: random.Random) -> bytes:
    """Change the structure of a JSON text, or its bytes."""
    if rng.random() < 0.5:
        return damage_bytes(data, rng)
    value = json.loads(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = damage_value(value, rng)
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )


def damage_zip(data: bytes, rng: random.Random) -> bytes:
    """Change the bytes of an archive, or of one of its members."""
    if rng.random() < 0.5:
        return damage_bytes(data, rng)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            content = old.read(name)
            new.writestr(
                name, damage_bytes(content, rng) if name == chosen else content
            )
    return out.getvalue()


@dataclass
class Reader:
    """A reader and the valid files that are damaged for it."""

    name: str
    suffix: str
    read: Callable[[Path], object]
    files: list[bytes]
    damage: Callable[[bytes, random.Random], bytes] = damage_bytes
    inputs: int = 0
    slowest: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)


def _poses() -> poseflow.PoseSequence:
    scene = synthetic.make_scene("street", seed=1, frames=3, size=(320, 180), people=2)
    return scene.truth()


def _written(
    poses: poseflow.PoseSequence, folder: Path, format: str, suffix: str
) -> Any:
    """Content of the file, or of the first file of the folder, that a format writes."""
    path = folder / f"{format}{suffix}"
    poseflow.write(poses, path, format=format)
    if path.is_dir():
        path = next(p for p in sorted(path.rglob("*")) if p.is_file())
    return path.read_bytes()


def _skeleton(path: Path) -> object:
    from poseflow.skeletons.files import read_skeleton

    return read_skeleton(path)


def _image(path: Path) -> object:
    from poseflow.video.image_file import read_image

    return read_image(path)


def _evaluate(path: Path) -> object:
    return poseflow.evaluate(path, path, mode="strict")


def _mot(path: Path) -> object:
    from poseflow.eval.mot.scoring import score_mot

    return score_mot(path, path)


def _coco_truth(path: Path) -> object:
    from poseflow.eval.coco.evaluate import evaluate_coco

    return evaluate_coco(path, path)


def _coco_results(truth: Path) -> Callable[[Path], object]:
    from poseflow.eval.coco.evaluate import evaluate_coco

    return lambda path: evaluate_coco(truth, path)


def _video(path: Path) -> object:
    with poseflow.open_source(path) as source:
        return sum(1 for _ in source)


def _nms(path: Path) -> object:
    from poseflow.estimator import load_nms_parameters

    return load_nms_parameters(path)


def _manifest(path: Path) -> object:
    from poseflow.batch import TrackOptions
    from poseflow.batch.manifest import read_manifest

    return read_manifest(path, TrackOptions())


def _corrections(path: Path) -> object:
    from poseflow.edit.corrections import read_corrections

    return read_corrections(path)


def _weights(path: Path) -> object:
    return poseflow.Estimator(weights=path, detector="whole")


def _config(path: Path) -> object:
    from poseflow.estimator.training.config import load_config

    return load_config(path)


FORMATS = (
    *(("alphapose", ".json"), ("forvis", ".json"), ("coco-annotations", ".json")),
    *(("mmpose", ".json"), ("ultralytics", ".json"), ("openpose", "")),
    *(("csv", ".csv"), ("csv-wide", ".csv"), ("jsonl", ".jsonl"), ("npz", ".npz")),
    *(("parquet", ".parquet"), ("posetrack17", ".json"), ("posetrack18", ".json")),
)


def readers(folder: Path) -> list[Reader]:
    """All readers, with their files made in a folder."""
    poses = _poses()
    found = []
    for format, suffix in FORMATS:
        data = _written(poses, folder, format, suffix)
        kind = {".json": damage_json, "": damage_json, ".npz": damage_zip}.get(
            suffix, damage_bytes
        )
        found.append(Reader(format, suffix or ".json", poseflow.read, [data], kind))
    track = _written(poses, folder, "posetrack18", ".json")
    mot = _written(poses, folder, "mot", ".txt")
    truth = _written(poses, folder, "coco-annotations", ".json")
    results = _written(poses, folder, "coco", ".json")
    (folder / "truth.json").write_bytes(truth)
    image = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    images = [cv2.imencode(s, image)[1].tobytes() for s in (".png", ".jpg", ".tif")]
    video = folder / "video.mp4"
    with VideoWriter(video, (32, 24), 25) as writer:
        for _ in range(4):
            writer.write(image)
    network = MODELS / "movenet_lightning.safetensors"
    configs = [path.read_bytes() for path in sorted(CONFIGS.rglob("*.yaml"))]
    corrections = b'{"format": "poseflow-corrections", "corrections": []}'
    rows = b"source,name,quality\na.mp4,a,fast\n"
    nms = b'{"sigma1": 22.48, "sigma2": 1.3, "lambda": 2.6, "eta": 22.48}'
    mouse = b"name: a\njoints: [b, c]\nlimbs: [[b, c]]\nsigmas: [0.1, 0.2]\n"
    return [
        *found,
        Reader("evaluate", ".json", _evaluate, [track], damage_json),
        Reader("gzip", ".json.gz", poseflow.read, [gzip.compress(track)]),
        Reader("evaluate-mot", ".txt", _mot, [mot]),
        Reader("coco truth", ".json", _coco_truth, [truth], damage_json),
        Reader(
            *("coco results", ".json", _coco_results(folder / "truth.json")),
            *([results], damage_json),
        ),
        Reader("image", ".png", _image, images),
        Reader("video", ".mp4", _video, [video.read_bytes()]),
        Reader("skeleton", ".yaml", _skeleton, [mouse]),
        Reader("corrections", ".json", _corrections, [corrections], damage_json),
        Reader("training", ".yaml", _config, configs),
        Reader("nms", ".json", _nms, [nms], damage_json),
        Reader("manifest", ".csv", _manifest, [rows]),
        Reader("weights", ".safetensors", _weights, [network.read_bytes()[:200_000]]),
    ]


def attack(reader: Reader, folder: Path, rng: random.Random) -> None:
    """Damage one file and read it; count what goes wrong."""
    data = reader.damage(rng.choice(reader.files), rng)
    path = folder / f"damaged{reader.suffix}"
    path.write_bytes(data)
    reader.inputs += 1
    start = time.process_time()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            reader.read(path)
    except PoseFlowError:
        pass
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {line.filename}:{line.lineno}"
        if not reader.failures[place]:
            kept = Path(tempfile.gettempdir()) / f"fuzz-{reader.name}-{rng.random()}"
            kept.with_suffix(reader.suffix).write_bytes(data)
        reader.failures[place] += 1
    seconds = time.process_time() - start
    reader.slowest = max(reader.slowest, seconds)
    if seconds > SLOW_SECONDS:
        reader.failures[f"slower than {SLOW_SECONDS:g} s"] += 1


def main() -> None:
    """Attack all readers in turn for so many minutes, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--reader", action="append", help="only this one; repeatable")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    warnings.simplefilter("ignore")
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as name:
        chosen = [
            reader
            for reader in readers(Path(name))
            if not given.reader or reader.name in given.reader
        ]
        end = time.monotonic() + 60 * given.minutes
        while time.monotonic() < end:
            for reader in chosen:
                for _ in range(20):
                    attack(reader, Path(name), rng)
    for reader in chosen:
        print(
            f"{reader.name:18s} {reader.inputs:8d} inputs, "
            f"{sum(reader.failures.values()):4d} failures, "
            f"slowest {reader.slowest:.2f} s of CPU"
        )
        for place, count in reader.failures.most_common(10):
            print(f"    {count:6d}  {place}")
    print(f"{sum(r.inputs for r in chosen)} inputs")
    sys.exit(any(r.failures for r in chosen))


if __name__ == "__main__":
    main()
