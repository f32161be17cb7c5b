"""Development sets of the tracking benchmark: rendered, simulated and real motion.

Every set has two halves: settings are chosen on the first and checked on the second. A
rendered or simulated set takes other seeds, a real one the other part of the sequence;
a real one below 100 frames is the same, backwards. A third part has test seeds, and the
second half of the real sets.
Real tracks are read from a folder of the user's (`--real`): for each sequence a folder
with `poses.json`, a list as `poseflow estimate` writes, and `gt.json`: `frames`, `fps`,
`size`, and for each frame `people` (`person`, `keypoints`, `box`) and `sources`, which
says for each pose whose it is (a person, `dup:` and a person, or `fp`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

import poseflow
from poseflow.benchmark.clips import Clip, make_clip
from poseflow.benchmark.tracking import Row, mean_row
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.similarity.boxes import box_iou
from poseflow.synthetic import (
    ANIMALS,
    PRESETS,
    Corruption,
    NoiseModel,
    make_animals,
    make_scene,
)

Sets = dict[str, list[Clip]]

FIRST, SECOND, TEST = (0, 1, 2), (4, 5, 6), (100, 101, 102)
"""Seeds of the two halves, and those that no setting was chosen on."""

GROUPS = {
    "rendered": (tuple(PRESETS), 3.0),
    "low rates": (("2 a second", "3 a second"), 1.0),
    "animals": ((*ANIMALS, *(f"calm {name}" for name in ANIMALS)), 1.5),
    "turning back": (("back after 30", "back after 60"), 0.7),
    "returning": (("away for 125",), 0.5),
    "crowd of 70": (("70 people",), 0.5),
    "real": (("real robot_panorama", "real street_boxes", "real mice"), 3.0),
}
"""Groups of sets, and their weights: no kind of motion is lost among the others."""


def development_sets(half: int, real: Path | None = None) -> Sets:
    """All clips of one half (0 or 1), or of the test seeds (2), by set."""
    seeds = (FIRST, SECOND, TEST)[half]
    sets = {suite: [make_clip(suite, seed) for seed in seeds] for suite in PRESETS}
    for seed in seeds:
        _add(sets, "2 a second", _scene("street", seed, fps=2.0, frames=80))
        _add(sets, "3 a second", _scene("crowd", seed, fps=3.0, frames=60, people=12))
        for name, config in ANIMALS.items():
            slower = replace(
                config, turning=config.turning / 2, speed=config.speed / 2, frames=250
            )
            _add(sets, name, _detected(make_animals(name, seed, 250), seed))
            _add(sets, f"calm {name}", _detected(make_animals(slower, seed + 50), seed))
        _add(sets, "back after 30", _gone(seed, 30))
        _add(sets, "back after 60", _gone(seed + 20, 60))
        _add(sets, "away for 125", _gone(seed + 40, 125))
    busy = _scene("crowd", seeds[0] + 300, frames=100, people=70)
    _add(sets, "70 people", busy)
    if real is not None:
        for folder in sorted(path.parent for path in real.glob("*/gt.json")):
            sets[f"real {folder.name}"] = _real(folder, half)
    return sets


def group_means(rows: list[Row]) -> dict[str, Row]:
    """Mean over the sets of each group, of one tracker's rows by set."""
    found = {}
    for group, (names, _) in GROUPS.items():
        chosen = [row for row in rows if row.suite in names]
        if chosen:
            found[group] = mean_row(chosen)
    return found


def objective(rows: list[Row]) -> float:
    """Weighted mean over groups of IDF1 and AssA, less half the switches a clip."""
    means = group_means(rows)
    total = sum(GROUPS[group][1] for group in means)
    return (
        sum(
            GROUPS[group][1] * (row.idf1 + row.ass_a - row.switches / 2)
            for group, row in means.items()
        )
        / total
    )


def _add(sets: Sets, name: str, clip: Clip) -> None:
    sets.setdefault(name, []).append(replace(clip, suite=name))


def _detected(truth: PoseSequence, seed: int) -> Clip:
    corruption = NoiseModel.preset("detector").corrupt(truth, seed)
    return Clip(truth.name, None, truth, corruption)


def _scene(suite: str, seed: int, **options: float) -> Clip:
    return _detected(make_scene(suite, seed=seed, **options).truth(), seed)


def _gone(seed: int, gap: int) -> Clip:
    """People of a street who vanish for some frames and then walk back."""
    length = 150 + gap
    truth = make_scene("street", seed=seed, people=5, frames=length).truth()
    random = np.random.default_rng(seed)
    seen: list[list[Poses]] = [[] for _ in range(length)]
    for identity in truth.track_ids.tolist():
        rows = {
            number: frame.poses[frame.poses.track_ids == identity]
            for number, frame in enumerate(truth)
            if (frame.poses.track_ids == identity).any()
        }
        if len(rows) < 40:
            continue
        turn = sorted(rows)[int(len(rows) * random.uniform(0.3, 0.6))]
        for number in range(length):
            back = 2 * turn + gap - number
            if number <= turn and number in rows:
                seen[number].append(rows[number])
            elif number > turn + gap and back in rows:
                seen[number].append(rows[back])
    frames = tuple(
        replace(frame, poses=Poses.concatenate([Poses.empty("coco17"), *people]))
        for frame, people in zip(truth, seen, strict=True)
    )
    return _detected(replace(truth, frames=frames), seed)


def _real(folder: Path, half: int) -> list[Clip]:
    """One half of a real sequence, and the same clip backwards."""
    known = json.loads((folder / "gt.json").read_text())
    numbers = {
        person["person"]: number + 1
        for number, person in enumerate(
            {p["person"]: p for people in known["people"] for p in people}.values()
        )
    }
    found = {f.index: f.poses for f in poseflow.read(folder / "poses.json")}
    boxes = any("box" in p for people in known["people"] for p in people)
    count = known["frames"]
    part = range(count // 2 + 6) if half == 0 else range(count // 2 - 6, count)
    if count < 100:  # short: both halves have all of it, one of them backwards
        part = range(count) if half == 0 else range(count)[::-1]
    frames, poses, sources, doubles = [], [], [], []
    for place, number in enumerate(part):
        people = known["people"][number]
        points = np.array([p["keypoints"] for p in people], float).reshape(-1, 17, 3)
        ids = np.array([numbers[p["person"]] for p in people], np.int64)
        truth = Poses(
            points[..., :2], points[..., 2] > 0, track_ids=ids, skeleton="coco17"
        )
        seen = found.get(number, Poses.empty("coco17"))
        source, double = _sources(seen, truth, known["sources"][number], numbers)
        frames.append(Frame(place, place / known["fps"], truth))
        poses.append(Frame(place, place / known["fps"], seen))
        sources.append(source)
        doubles.append(double)
    similarity = "iou" if boxes else "oks"
    clips = []
    for step in (1, -1):
        order = range(len(frames))[::step]
        truth_sequence, sequence = (
            PoseSequence(
                tuple(
                    replace(side[k], index=n, time=n / known["fps"])
                    for n, k in enumerate(order)
                ),
                poseflow.Poses.empty("coco17").skeleton,
                folder.name,
            )
            for side in (frames, poses)
        )
        corruption = Corruption(
            sequence,
            tuple(sources[k] for k in order),
            tuple(doubles[k] for k in order),
        )
        clips.append(
            Clip(
                f"real {folder.name}",
                None,
                truth_sequence,
                corruption,
                similarity=similarity,
            )
        )
    return clips if count >= 100 else clips[:1]


def _sources(
    seen: Poses, truth: Poses, told: list[str], numbers: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The true person of each pose, -1 for none, and which poses are duplicates."""
    if told:
        source = [numbers.get(text.removeprefix("dup:"), -1) for text in told]
        double = [text.startswith("dup:") for text in told]
        return np.array(source, np.int64), np.array(double, bool)
    source = np.full(len(seen), -1)
    iou = box_iou(seen.boxes.astype(float), truth.boxes.astype(float))
    rows, columns = linear_sum_assignment(-iou)
    good = iou[rows, columns] > 0.3
    source[rows[good]] = truth.track_ids[columns[good]]
    return source, np.zeros(len(seen), bool)
