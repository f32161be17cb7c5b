"""Synthetic people as PoseTrack17, 18 and 21 documents; see `posetrack_case`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats
from poseflow.formats.posetrack.annotations import SLOT_OF_JOINT, SLOTS


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

    A frame is labelled only if somebody keeps a joint outside the ignore regions: the
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
        if "bbox" not in entry:  # nobody without a box in this format
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
