"""Seeded MOTChallenge text: walking people's boxes and a tracker's result of them.

People walk through a 1920x1080 image; the result has jitter, misses, false positives
and identity switches. `time_scoring.py` measures scoring on it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poseflow.arrays import Floats, Ints

WIDTH, HEIGHT = 1920, 1080


def write_mot_case(
    folder: Path, sequences: int = 20, frames: int = 1000, people: int = 30
) -> None:
    """Files `gt/NAME/gt/gt.txt` with `seqinfo.ini`, and `pred/NAME.txt`."""
    (folder / "pred").mkdir(parents=True)
    for number in range(sequences):
        rng = np.random.default_rng(number)
        name = f"CASE-{number + 1:02d}"
        place = folder / "gt" / name
        (place / "gt").mkdir(parents=True)
        (place / "seqinfo.ini").write_text(
            f"[Sequence]\nname={name}\nseqLength={frames}\n"
        )
        at, ids, boxes = _walk(rng, frames, people)
        _save(place / "gt" / "gt.txt", at, ids, boxes, np.ones(len(at)), "1,1")
        _save(folder / "pred" / f"{name}.txt", *_track(rng, at, ids, boxes), "-1,-1,-1")


def _walk(
    rng: np.random.Generator, frames: int, people: int
) -> tuple[Ints, Ints, Floats]:
    """Frames from 1, ids from 1 and boxes x, y, width, height; ordered by frame."""
    time = np.arange(frames)[:, None]
    height = rng.uniform(100, 300, people)
    start, speed = rng.uniform(0, WIDTH, people), rng.normal(0, 2, people)
    sway = 5 * np.sin(time / 15 + rng.uniform(0, 6, people))
    x = (start + speed * time + sway) % WIDTH
    y = rng.uniform(0.3 * HEIGHT, 0.8 * HEIGHT, people) - height / 2 + 0 * time
    size = np.broadcast_to(height, x.shape)
    boxes = np.stack([x, y, 0.4 * size, size], axis=2).reshape(-1, 4)
    at = np.repeat(np.arange(1, frames + 1), people)
    return at, np.tile(np.arange(1, people + 1), frames), boxes


def _track(
    rng: np.random.Generator, at: Ints, ids: Ints, boxes: Floats
) -> tuple[Ints, Ints, Floats, Floats]:
    """A result with jitter, 8 % misses, 5 % false positives, 0.2 % new identities."""
    person = np.lexsort((at, ids))
    fresh = rng.random(len(at)) < 0.002
    fresh[person[np.flatnonzero(np.diff(ids[person], prepend=0))]] = True
    track = np.empty_like(ids)
    track[person] = np.cumsum(fresh[person])
    seen = rng.random(len(at)) > 0.08
    noise = rng.normal(0, 0.04, boxes.shape) * boxes[:, 2:3]
    false = np.flatnonzero(rng.random(len(at)) < 0.05)
    shifted = boxes[false] + np.array([60.0, 20, 0, 0])
    frames = np.concatenate([at[seen], at[false]])
    tracks = np.concatenate([track[seen], track.max() + 1 + np.arange(len(false))])
    found = np.concatenate([(boxes + noise)[seen], shifted])
    order = np.argsort(frames, kind="stable")
    scores = rng.uniform(0.3, 1, len(order))
    return frames[order], tracks[order], found[order], scores


def _save(
    path: Path, at: Ints, ids: Ints, boxes: Floats, scores: Floats, tail: str
) -> None:
    columns = (at.tolist(), ids.tolist(), boxes.tolist(), scores.tolist())
    path.write_text(
        "".join(
            f"{frame},{identity},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.4g},{tail}\n"
            for frame, identity, (x, y, w, h), score in zip(*columns, strict=True)
        )
    )
