"""Seeded PoseTrack ground truth and predictions, in PoseTrack17, 18 and 21 format.

People move smoothly through a 1280x720 image; predictions have jitter, missed people
and joints, false positives, identity switches, duplicates and frames without people.
A seed gives the same files on every platform: the golden figures of the reference
scorers were computed on these cases. `time_scoring.py` measures them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats
from poseflow.formats.posetrack.annotations import SLOT_OF_JOINT, SLOTS

WIDTH, HEIGHT = 1280, 720
JOINTS = 15
# In the order of PoseTrack17, in body heights, origin between the hips, y down.
BODY = np.array(
    [
        *([-0.09, 0.47], [-0.085, 0.24], [-0.075, 0.0], [0.075, 0.0], [0.085, 0.24]),
        *([0.09, 0.47], [-0.17, -0.02], [-0.15, -0.15], [-0.11, -0.29]),
        *([0.11, -0.29], [0.15, -0.15], [0.17, -0.02]),
        *([0.0, -0.33], [0.0, -0.41], [0.0, -0.49]),
    ]
)
# How far each joint swings while its person walks, and where in the step it is.
SWING = np.array(
    [
        *([0.13, 0.03], [0.07, 0.01], [0.0, 0.0], [0.0, 0.0], [0.07, 0.01]),
        *([0.13, 0.03], [0.11, 0.03], [0.05, 0.01], [0.0, 0.0]),
        *([0.0, 0.0], [0.05, 0.01], [0.11, 0.03]),
        *([0.01, 0.0], [0.015, 0.0], [0.01, 0.0]),
    ]
)
PHASE = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]) * np.pi


@dataclass
class CasePerson:
    """One person in one frame; `points` is None without even an empty list."""

    id: int
    box: list[float]
    points: list[tuple[int, float, float, float | None]] | None
    score: float | None
    flags: list[int] = field(default_factory=list)


@dataclass
class CaseFrame:
    """One frame: people on both sides, ignore regions `(k, 2)`, and its label."""

    gt: list[CasePerson]
    pred: list[CasePerson]
    regions: list[Floats]
    labelled: bool

    def side(self, name: str) -> list[CasePerson]:
        """The people of `gt` or `pred`."""
        return self.gt if name == "gt" else self.pred


@dataclass(frozen=True)
class CaseOptions:
    """Options of a case; probabilities are per frame unless stated otherwise.

    Attributes:
        sequences: Number of sequences.
        frames: Fewest and most of a sequence.
        people: Fewest and most of a sequence.
        format: Of the annotation: `17`, `18` or `21`.
        pred_format: Of the predictions; None for the same.
        scores: `normal`, `ties` (one decimal), `missing`, or `mixed` (some missing).
        gt_empty: Frame without annotated people.
        no_pred: Frame without predictions.
        joint_missing: Joint lacking in the annotation.
        jitter: Spread of predicted joints, in head sizes.
        outlier: Predicted joint far off.
        person_miss: Person not predicted.
        joint_miss: Joint not predicted.
        false_pos: False-positive tracks, per six frames.
        id_switch: Person's predicted identity changes.
        duplicate: Person predicted twice.
        ignore_region: Sequence with ignore regions.
        edge_rects: People without joints, on either side.
        never_joint: A joint that is never annotated, -1 for none.
        digits: Decimals of coordinates.
        unlabelled: Format 21: frame with boxes but no joints.
        occluded: Format 21: annotated joint with flag 0.
    """

    sequences: int = 4
    frames: tuple[int, int] = (8, 40)
    people: tuple[int, int] = (1, 8)
    format: str = "17"
    pred_format: str | None = None
    scores: str = "normal"
    gt_empty: float = 0.06
    no_pred: float = 0.05
    joint_missing: float = 0.12
    jitter: float = 0.16
    outlier: float = 0.07
    person_miss: float = 0.09
    joint_miss: float = 0.06
    false_pos: float = 0.18
    id_switch: float = 0.05
    duplicate: float = 0.07
    ignore_region: float = 0.35
    edge_rects: float = 0.0
    never_joint: int = -1
    digits: int = 2
    unlabelled: float = 0.15
    occluded: float = 0.2


LARGE = (1190, CaseOptions(sequences=50, frames=(100, 100), people=(6, 6)))
"""Seed and options of the large case of poseval."""
LARGE_21 = (
    2195,
    CaseOptions(
        sequences=20,
        frames=(100, 100),
        people=(6, 6),
        format="21",
        unlabelled=0.0,
        gt_empty=0.0,
        no_pred=0.0,
    ),
)
"""Seed and options of the large case of PoseTrack21's kit."""


def make_case(
    seed: int, options: CaseOptions | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ground truth and predictions, each a JSON document by file name."""
    gt: dict[str, Any] = {}
    pred: dict[str, Any] = {}
    for name, *documents in make_sequences(seed, options):
        gt[name], pred[name] = documents
    return gt, pred


def make_sequences(
    seed: int, options: CaseOptions | None = None
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """File name, ground truth and predictions of each sequence of a case."""
    options = options or CaseOptions()
    for index in range(options.sequences):
        video, frames = _make_sequence(options, seed, index)
        name = f"{video:06d}_mpii_test"
        if options.format == "21":
            rng = np.random.default_rng([seed, index, 21])
            label_21(rng, frames, options.unlabelled, options.occluded)
        documents = []
        other = options.pred_format or options.format
        for side, kind in (("gt", options.format), ("pred", other)):
            if kind == "17":
                documents.append(to_17(name, frames, side))
            elif kind == "18":
                documents.append(to_18(name, video, frames, side))
            else:
                documents.append(to_21(name, video, index, frames, side))
        yield name + ".json", documents[0], documents[1]


def write_case(folder: Path, seed: int, options: CaseOptions | None = None) -> None:
    """Write a case into `folder/gt` and `folder/pred`, one file for each sequence."""
    for side in ("gt", "pred"):
        (folder / side).mkdir(parents=True, exist_ok=True)
    for name, gt, pred in make_sequences(seed, options):
        for side, document in (("gt", gt), ("pred", pred)):
            text = json.dumps(document, separators=(",", ":"))
            (folder / side / name).write_text(text, encoding="utf-8")


def _walk(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Joints `(n, 15, 2)` of one person over n frames, and the body height `(n,)`."""
    t = np.arange(n)
    height = rng.uniform(110, 430)
    start = np.array(
        [rng.uniform(0.05, 0.95) * WIDTH, rng.uniform(0.35, 0.75) * HEIGHT]
    )
    velocity = rng.normal(0, [5.0, 1.2])
    wobble = rng.uniform(2, 14, 2)
    centre = (
        start
        + t[:, None] * velocity
        + wobble
        * np.sin(t[:, None] * rng.uniform(0.05, 0.3, 2) + rng.uniform(0, 6.28, 2))
    )
    scale = height * (
        1 + 0.12 * np.sin(t * rng.uniform(0.02, 0.12) + rng.uniform(0, 6.28))
    )
    gait = t[:, None] * rng.uniform(0.25, 0.7) + PHASE + rng.uniform(0, 6.28)
    swing = np.stack(
        [np.sin(gait) * SWING[:, 0], np.abs(np.cos(gait)) * -SWING[:, 1]], -1
    )
    lean = rng.normal(0, 0.12)
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    if rng.random() < 0.4:  # seen from behind: sides swap
        swing = swing * np.array([-1.0, 1.0])
    body = (BODY + swing) @ turn.T
    return centre[:, None, :] + body * scale[:, None, None], scale


def _head_box(joints: Floats, scale: float, rng: np.random.Generator) -> list[float]:
    centre = joints[[13, 14]].mean(0)
    half = np.array([0.055, 0.075]) * scale * rng.uniform(0.9, 1.1, 2)
    return [*(centre - half), *(centre + half)]


def _make_regions(rng: np.random.Generator) -> list[Floats]:
    regions: list[Floats] = []
    for _ in range(int(rng.integers(1, 3))):
        centre = np.array(
            [rng.uniform(0.1, 0.9) * WIDTH, rng.uniform(0.2, 0.8) * HEIGHT]
        )
        corners = int(rng.integers(3, 8))
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.uniform(60, 210, corners)
        spokes = np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None]
        regions.append(np.round(centre + spokes, 0))
    return regions


def _make_sequence(
    options: CaseOptions, seed: int, index: int
) -> tuple[int, list[CaseFrame]]:
    """Number of the video and its frames.

    What is drawn from the generator, and in which order, is the case: do not reorder.
    """
    rng = np.random.default_rng([seed, index])
    n = int(rng.integers(options.frames[0], options.frames[1] + 1))
    count = int(rng.integers(options.people[0], options.people[1] + 1))
    ids = rng.permutation(np.arange(0, max(40, count)))[:count]
    people = []
    for p in range(count):
        xy, scale = _walk(rng, n)
        there = np.ones(n, np.bool_)
        if rng.random() < 0.35 and n > 6:  # enters late or leaves, maybe returns
            a, b = sorted(rng.integers(0, n, 2))
            there[a:b] = False
        hidden = np.stack(
            [bursts(rng, n, options.joint_missing, 5.0) for _ in range(JOINTS)], 1
        )
        if options.never_joint >= 0:
            hidden[:, options.never_joint] = True
        people.append((int(ids[p]), xy, scale, there, hidden))
    gt_empty = bursts(rng, n, options.gt_empty, 2.0)
    no_pred = bursts(rng, n, options.no_pred, 2.0)
    gt_empty[:2] = False  # at least two usable frames
    absent = [bursts(rng, n, options.person_miss, 3.0) for _ in range(count)]
    pred_id = {p: p for p in range(count)}
    next_id = count
    ghosts = []
    for _ in range(int(rng.poisson(options.false_pos * n / 6.0))):
        a = int(rng.integers(0, n))
        xy, scale = _walk(rng, n)
        ghosts.append((xy, scale, a, a + int(rng.integers(1, 9)), next_id))
        next_id += 1
    regions = _make_regions(rng) if rng.random() < options.ignore_region else []
    frames = []
    for f in range(n):
        gt: list[CasePerson] = []
        pred: list[CasePerson] = []
        for p in range(count):  # takes a new id, or swaps ids with another person
            u, q = rng.random(2), int(rng.integers(0, count))
            if u[0] < options.id_switch:
                if u[1] < 0.5 and q != p:
                    pred_id[p], pred_id[q] = pred_id[q], pred_id[p]
                else:
                    pred_id[p] = next_id
                    next_id += 1
        for p, (track, xy, scale, there, hidden) in enumerate(people):
            box = _head_box(xy[f], scale[f], rng)
            unit = 0.6 * np.hypot(box[2] - box[0], box[3] - box[1])
            seen = there[f] and -60 < xy[f, 2:4, 0].mean() < WIDTH + 60
            if seen and not gt_empty[f]:
                inside = ((xy[f] > [0, 0]) & (xy[f] < [WIDTH, HEIGHT])).all(1)
                kept = np.flatnonzero(inside & ~hidden[f])
                gt.append(CasePerson(track, box, _points(kept, xy[f]), None))
            noise = rng.normal(0, options.jitter * unit, (JOINTS, 2))
            far = rng.random(JOINTS) < options.outlier
            noise[far] += rng.normal(0, 1.3 * unit, (int(far.sum()), 2))
            off = 2.2 * np.hypot(*noise.T) / unit
            marks = 1 / (1 + np.exp(-(1.6 - off + rng.normal(0, 0.8, JOINTS))))
            lost = rng.random(JOINTS) < options.joint_miss
            doubled = rng.random() < options.duplicate
            second = rng.normal(0, 0.28 * unit, (JOINTS, 2))
            if not seen or absent[p][f] or no_pred[f]:
                continue
            points = _points(np.flatnonzero(~lost), xy[f] + noise, marks)
            pred.append(CasePerson(pred_id[p], box, points, float(marks.mean())))
            if doubled:
                marks = marks * rng.uniform(0.5, 1.05)
                score = float(marks.mean())
                points = _points(
                    np.arange(JOINTS), xy[f] + second, np.minimum(marks, 1.0)
                )
                pred.append(CasePerson(next_id, box, points, score))
                next_id += 1
        if not no_pred[f]:
            for xy, scale, a, b, track in ghosts:
                if a <= f < b:
                    marks = rng.beta(2, 3, JOINTS)
                    box = _head_box(xy[f], scale[f], rng)
                    kept = np.flatnonzero(rng.random(JOINTS) < 0.85)
                    points = _points(kept, xy[f], marks)
                    pred.append(CasePerson(track, box, points, float(marks.mean())))
        for people_of, tag, is_pred in ((gt, 9000, False), (pred, 9500, True)):
            edge = [5.0, 5.0, 25.0, 30.0]
            if rng.random() < options.edge_rects and (people_of or is_pred):
                people_of.append(CasePerson(tag, list(edge), None, 0.5))
            if rng.random() < options.edge_rects and people_of:
                people_of.append(CasePerson(tag + 1, list(edge), [], 0.5))
        order = rng.permutation(len(pred))
        frames.append(
            CaseFrame(gt, [pred[k] for k in order], regions, not bool(gt_empty[f]))
        )
    _round(options, rng, frames)
    return 1000 + 37 * index + seed % 31, frames


def _points(
    kept: npt.NDArray[np.intp], xy: Floats, marks: Floats | None = None
) -> list[tuple[int, float, float, float | None]]:
    return [
        (int(j), xy[j, 0], xy[j, 1], None if marks is None else marks[j]) for j in kept
    ]


def _round(
    options: CaseOptions, rng: np.random.Generator, frames: list[CaseFrame]
) -> None:
    """Bring numbers into the form in which they are written."""
    mode = options.scores
    for frame in frames:
        for person in frame.pred:
            points: list[tuple[int, float, float, float | None]] = []
            for j, x, y, mark in person.points or []:
                if mode == "ties":
                    mark = round(float(mark or 0), 1)
                elif mode == "missing" or (mode == "mixed" and rng.random() < 0.2):
                    mark = None
                else:
                    mark = round(float(mark or 0), 6)
                points.append((j, x, y, mark))
            if person.points:
                person.points = points
    for frame in frames:
        for person in frame.gt + frame.pred:
            if person.points:
                person.points = [
                    (
                        j,
                        round(float(x), options.digits),
                        round(float(y), options.digits),
                        s,
                    )
                    for j, x, y, s in person.points
                ]
            person.box = [round(float(v), options.digits) for v in person.box]
            if person.score is not None:
                person.score = round(person.score, 6)


def options_from(arguments: Mapping[str, Any]) -> CaseOptions:
    """Options from the arguments that golden files store (lists for tuples)."""
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in arguments.items()
        if key != "seed"
    }
    return CaseOptions(**values)


def bursts(
    rng: np.random.Generator, n: int, share: float, mean_length: float = 4.0
) -> Bools:
    """`(n,)` true in bursts; in the long run about `share` of the frames."""
    out = np.zeros(n, np.bool_)
    i = 0
    while i < n:
        if rng.random() < share / mean_length:
            k = 1 + int(rng.poisson(mean_length - 1))
            out[i : i + k] = True
            i += k
        i += 1
    return out


def to_17(name: str, frames: list[CaseFrame], side: str) -> dict[str, Any]:
    """A sequence in the format of 2017."""
    annolist = []
    for f, frame in enumerate(frames):
        item: dict[str, Any] = {
            "image": [{"name": f"images/{name}/{f:06d}.jpg"}],
            "imgnum": [f + 1],
            "annorect": [],
            "is_labeled": [int(frame.labelled)],
        }
        if side == "gt" and frame.regions:
            item["ignore_regions"] = [
                {"point": [{"x": [float(x)], "y": [float(y)]} for x, y in region]}
                for region in frame.regions
            ]
        for person in frame.side(side):
            keys = ("x1", "y1", "x2", "y2")
            rect: dict[str, Any] = {
                key: [v] for key, v in zip(keys, person.box, strict=True)
            }
            rect["track_id"] = [person.id]
            if side == "pred":
                rect["score"] = [person.score]
            if person.points is None:
                rect["annopoints"] = []
            else:
                points = []
                for j, x, y, mark in person.points:
                    point = {"id": [j], "x": [x], "y": [y]}
                    if side == "gt":
                        point["is_visible"] = [1]
                    elif mark is not None:
                        point["score"] = [mark]
                    points.append(point)
                rect["annopoints"] = [{"point": points}]
            item["annorect"].append(rect)
        annolist.append(item)
    return {"annolist": annolist}


def to_18(name: str, video: int, frames: list[CaseFrame], side: str) -> dict[str, Any]:
    """A sequence in the format of 2018."""
    images, annotations = [], []
    base = 10_000_000_000 + video * 10_000
    for f, frame in enumerate(frames):
        image: dict[str, Any] = {
            "has_no_densepose": True,
            "is_labeled": frame.labelled,
            "file_name": f"images/val/{name}/{f:06d}.jpg",
            "nframes": len(frames),
            "frame_id": base + f,
            "vid_id": f"{video:06d}",
            "id": base + f,
        }
        if side == "gt" and frame.regions:
            for axis, key in enumerate(("ignore_regions_x", "ignore_regions_y")):
                image[key] = [region[:, axis].tolist() for region in frame.regions]
        images.append(image)
        for k, person in enumerate(frame.side(side)):
            slots, marks = np.zeros((17, 3)), [0.0] * 17
            scored = False
            for j, x, y, mark in person.points or []:
                slots[SLOT_OF_JOINT[j]] = x, y, 1
                if mark is not None:
                    marks[SLOT_OF_JOINT[j]] = mark
                    scored = True
            left, top, right, bottom = person.box
            entry: dict[str, Any] = {
                "track_id": person.id,
                "category_id": 1,
                "image_id": base + f,
                "id": (base + f) * 100 + k,
                "keypoints": slots.ravel().tolist(),
            }
            if side == "gt":
                size = [round(right - left, 4), round(bottom - top, 4)]
                entry["bbox_head"] = [left, top, *size]
            else:
                entry["score"] = person.score
                if scored:
                    entry["scores"] = marks
            used = slots[slots[:, 2] > 0, :2]
            if len(used):
                low, high = used.min(0), used.max(0)
                entry["bbox"] = [round(float(v), 2) for v in (*low, *(high - low))]
            annotations.append(entry)
    category = {
        "supercategory": "person",
        "name": "person",
        "id": 1,
        "keypoints": list(SLOTS),
        "skeleton": [[16, 14], [14, 12]],
    }
    return {"images": images, "annotations": annotations, "categories": [category]}


def _inside(polygon: Floats, x: float, y: float) -> bool:
    """Even-odd test."""
    hit = False
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 != y2:
            hit ^= bool(
                ((y1 > y) != (y2 > y)) and (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
            )
    return hit


def label_21(
    rng: np.random.Generator,
    frames: list[CaseFrame],
    unlabelled: float,
    occluded: float,
) -> None:
    """Decide which frames count as labelled and which joints are occluded, in place.

    A frame is labelled only if a person keeps a joint outside the ignore regions: the
    public kit cannot evaluate any other.
    """
    drop = bursts(rng, len(frames), unlabelled, 3.0)
    for frame, dropped in zip(frames, drop, strict=True):
        usable = False
        for person in frame.gt:
            shown = rng.random(15) >= occluded
            person.flags = shown.astype(int).tolist()
            for _, x, y, _ in person.points or []:
                ignored = any(_inside(r, x, y) for r in frame.regions)
                usable |= x > 0 and y > 0 and not ignored
        frame.labelled = usable and not bool(dropped)


def to_21(
    name: str, video: int, index: int, frames: list[CaseFrame], side: str
) -> dict[str, Any]:
    """A sequence in the format of 2021."""
    document = to_18(name, video, frames, side)
    at = {image["id"]: f for f, image in enumerate(document["images"])}
    seen: dict[int, int] = {}
    for entry in document["annotations"]:
        f = at[entry["image_id"]]
        k = seen[f] = seen.get(f, -1) + 1
        person = frames[f].side(side)[k]
        if side == "gt":
            for j, *_ in person.points or []:
                flag = 3 * SLOT_OF_JOINT[j] + 2
                entry["keypoints"][flag] = float(person.flags[j])
            if not frames[f].labelled:
                entry["keypoints"] = [0.0] * 51
        if "bbox" not in entry:  # every person has a box in this format
            left, top, right, bottom = person.box
            w, h = right - left, bottom - top
            entry["bbox"] = [round(float(v), 2) for v in (left - w, top, 3 * w, 7 * h)]
        entry["person_id"] = 100 * index + entry["track_id"]
    for f, image in enumerate(document["images"]):
        if side == "gt":
            image["has_labeled_person"] = bool(frames[f].gt)
            image.setdefault("ignore_regions_x", [])
            image.setdefault("ignore_regions_y", [])
        else:
            for key in ("has_no_densepose", "is_labeled", "nframes", "vid_id"):
                del image[key]
    return document
