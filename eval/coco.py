"""OKS average precision of single images, as pycocotools computes it.

Source: the COCO keypoint challenge (cocodataset.org/#keypoints-eval); the numbers come
from pycocotools' own `COCOeval`, fed with checked input.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from poseflow import skeletons
from poseflow.errors import FormatError, PoseFlowError
from poseflow.eval.coco_engines import Engine, average_precision
from poseflow.eval.coco_errors import CocoErrors, find_errors
from poseflow.formats.json.reader import parse, read_bytes
from poseflow.frame_names import frame_number, name_tails
from poseflow.similarity.boxes import keypoint_extent
from poseflow.skeletons.files import find_skeleton
from poseflow.skeletons.skeleton import Skeleton

Sigmas = Sequence[float] | float | str | Skeleton
"""OKS constants: one for each joint, one for all, or those of a skeleton: itself, its
name, or a YAML or JSON file of it."""

COLUMNS = (
    *("AP", "AP50", "AP75", "APM", "APL"),
    *("AR", "AR50", "AR75", "ARM", "ARL"),
)
"""pycocotools' ten figures: over OKS 0.50:0.95, at 0.50, at 0.75, medium, large."""


@dataclass(frozen=True)
class CocoReport:
    """OKS average precision and recall in percent; NaN where nothing is annotated.

    Attributes:
        values: The ten figures of `COLUMNS`.
        images: Annotated images.
        annotations: Annotated people.
        predictions: Predicted people.
        notes: What was assumed about the input.
        errors: Errors by kind, if asked for.
    """

    values: tuple[float, ...]
    images: int
    annotations: int
    predictions: int
    notes: tuple[str, ...] = ()
    errors: CocoErrors | None = None

    def __getitem__(self, name: str) -> float:
        """One figure by its name in `COLUMNS`."""
        return self.values[COLUMNS.index(name)]

    def to_dict(self) -> dict[str, Any]:
        """All figures, ready for JSON; an undefined one is None."""
        values = (None if math.isnan(v) else v for v in self.values)
        return {
            **dict(zip(COLUMNS, values, strict=True)),
            "images": self.images,
            "annotations": self.annotations,
            "predictions": self.predictions,
            "notes": list(self.notes),
            **({"errors": self.errors.to_dict()} if self.errors else {}),
        }

    def table(self, format: Literal["text", "markdown", "latex"] = "text") -> str:
        """The figures: two lines of text, a markdown table, or a row for LaTeX.

        Raises:
            PoseFlowError: If the format is unknown.
        """
        cells = ["-" if math.isnan(v) else f"{v:.1f}" for v in self.values]
        if format == "markdown":
            rows = [COLUMNS, ["---:"] * len(COLUMNS), cells]
            return "\n".join(f"| {' | '.join(row)} |" for row in rows)
        if format == "latex":
            return f"% {' & '.join(COLUMNS)}\n{' & '.join(cells)} " + r"\\"
        if format != "text":
            raise PoseFlowError(
                f"unknown table format {format!r}; expected text, markdown or latex"
            )
        head = "  ".join(name.rjust(5) for name in COLUMNS)
        return f"{head}\n" + "  ".join(cell.rjust(5) for cell in cells)

    def published_table(
        self, format: Literal["text", "markdown", "latex"] = "text"
    ) -> str:
        """AP beside published figures of other methods, with their sources.

        Raises:
            PoseFlowError: If the format is unknown.
        """
        from poseflow.eval.published import published_tables

        own = dict(zip(COLUMNS, self.values, strict=True))
        return published_tables({"oks": own}, format)

    def __str__(self) -> str:
        return self.table()


def evaluate_coco(
    gt: str | Path,
    pred: str | Path,
    sigmas: Sigmas | None = None,
    *,
    engine: Engine = "pycocotools",
    diagnose: bool = False,
) -> CocoReport:
    """Score keypoints against COCO annotations.

    Args:
        gt: COCO keypoint annotations, `.json` or `.json.gz`.
        pred: A JSON list with image_id, category_id, keypoints (x, y, score, ...) and
            score of every person. An image_id may also be the image's file name.
        sigmas: OKS constants: a number for each joint, one for all, or those of a
            skeleton (`"halpe26"`, `"crowdpose"`, `"mouse.yaml"`, ...), by the names of
            the annotation's joints where these are the skeleton's. Default: the list
            `sigmas` of the annotation's category; else those of the skeleton whose
            joints it names (the built-in ones and CrowdPose); else those of the
            built-in skeleton with as many joints, with a note unless they are COCO's
            people.

        engine: Program that computes the figures: `"pycocotools"`, the reference, or
            `"hotcoco"`, compiled, with the same figures.
        diagnose: Find errors by kind, and the AP that mending each gains:
            `CocoReport.errors`.

    Raises:
        FormatError: If a file cannot be read or an entry lacks what is needed; the
            message names file, entry, field and what was expected.
        PoseFlowError: If no sigmas are known for the joints.
    """
    notes: list[str] = []
    entries = _load(pred)
    dataset = _annotations(gt, notes, whole_body=_is_whole_body(entries))
    joints = _joint_count(dataset, gt)
    results = _results(entries, pred, dataset, joints, notes)
    chosen = _sigmas(dataset, joints, sigmas, notes)
    stats = average_precision(dataset, results, chosen, engine)
    errors = None
    if diagnose:
        names = _joint_names(dataset, joints)
        errors = find_errors(dataset, results, chosen, names, engine)
    values = [math.nan if v < 0 else 100 * float(v) for v in stats]
    return CocoReport(
        tuple(values),
        len(dataset["images"]),
        len(dataset["annotations"]),
        len(results),
        tuple(notes),
        errors,
    )


def _joint_names(dataset: dict[str, Any], joints: int) -> list[str]:
    """Names of the joints in the categories; numbers where they have none."""
    for category in dataset["categories"]:
        names = category.get("keypoints")
        if isinstance(names, list) and len(names) == joints:
            return [str(name) for name in names]
    return [f"joint {k}" for k in range(joints)]


def _load(path: str | Path) -> Any:
    return parse(read_bytes(path), Any, path)


def _annotations(
    path: str | Path, notes: list[str], *, whole_body: bool
) -> dict[str, Any]:
    """The annotations with everything that pycocotools reads, checked."""
    dataset = _load(path)
    if not isinstance(dataset, dict):
        raise FormatError(
            f"{path}: expected COCO annotations, an object with 'images', "
            f"'annotations' and 'categories', found {_kind(dataset)}"
        )
    for key in ("images", "annotations", "categories"):
        if not isinstance(dataset.get(key), list):
            raise FormatError(
                f"{path}: '{key}': expected a list, found {_kind(dataset.get(key))}"
            )
    for key, kind in (("images", "image"), ("categories", "category")):
        dataset[key] = [
            {**entry, "id": _field(entry, "id", int, f"{path}: {kind} {k}")}
            if isinstance(entry, dict)
            else _field(entry, "id", int, f"{path}: {kind} {k}")
            for k, entry in enumerate(dataset[key])
        ]
    if whole_body and any(map(_has_parts, dataset["annotations"])):
        dataset["annotations"] = [_with_parts(a) for a in dataset["annotations"]]
        names = list(skeletons.get("wholebody133").joints)
        dataset["categories"] = [
            {**c, "keypoints": names} for c in dataset["categories"]
        ]
    known = {image["id"] for image in dataset["images"]}
    categories = {category["id"] for category in dataset["categories"]}
    people = []
    without_area = broken = 0
    for k, entry in enumerate(dataset["annotations"]):
        place = f"{path}: annotation {k}"
        image = _field(entry, "image_id", int, place)
        if image not in known:
            raise FormatError(
                f"{place}: image_id {image} is not among the images of the file"
            )
        category = _field(entry, "category_id", int, place)
        if category not in categories:
            raise FormatError(f"{place}: category_id {category} is not in 'categories'")
        points, lost = _keypoints(entry, place, "v")
        broken += lost
        triples = np.array(points).reshape(-1, 3)
        entry = dict(entry, id=k + 1, image_id=image, category_id=category)
        entry["keypoints"] = points
        entry["iscrowd"] = int(entry.get("iscrowd") in (1, True))
        entry["num_keypoints"] = int((triples[:, 2] > 0).sum())
        box = _number_list(entry.get("bbox"))
        if box is not None and all(map(_is_number, box)):
            entry["bbox"] = box
        if box is None or any(isinstance(v, float) and v != v for v in box):
            low_high = keypoint_extent(triples[None, :, :2], triples[None, :, 2] > 0)[0]
            entry["bbox"] = [*low_high[:2], *(low_high[2:] - low_high[:2])]
        if len(_numbers(entry, "bbox", place)) != 4:
            raise FormatError(f"{place}: bbox: expected x, y, width, height")
        entry["area"] = _number(entry.get("area"))
        if not _is_number(entry["area"]):
            entry["area"] = entry["bbox"][2] * entry["bbox"][3]
            without_area += 1
        people.append(entry)
    if broken:
        notes.append(
            f"{broken} annotated joints have coordinates that are no finite numbers "
            "and count as not labelled"
        )
    if without_area:
        notes.append(
            f"{without_area} annotations have no area; their box's area is used, which "
            "is larger than COCO's area of the person's outline"
        )
    return {**dataset, "annotations": people}


def _results(
    entries: Any,
    path: str | Path,
    dataset: dict[str, Any],
    joints: int,
    notes: list[str],
) -> list[dict[str, Any]]:
    if not isinstance(entries, list):
        raise FormatError(
            f"{path}: expected a list of people (image_id, category_id, keypoints, "
            f"score), found {_kind(entries)}"
        )
    known = {image["id"] for image in dataset["images"]}
    images = _images_by_name(dataset)
    only = [c["id"] for c in dataset["categories"]]
    boxed = (
        bool(entries) and isinstance(entries[0], dict) and bool(entries[0].get("bbox"))
    )
    people = []
    broken = unscored = 0
    for k, entry in enumerate(entries):
        place = f"{path}: entry {k}"
        if not isinstance(entry, dict):
            raise FormatError(f"{place}: expected an object, found {_kind(entry)}")
        entry = _with_parts(entry)
        image = entry.get("image_id")
        if isinstance(image, str):
            image = _image_of(image, images, place)
        elif isinstance(image, float) and image.is_integer():
            image = int(image)
        if not isinstance(image, int) or image not in known:
            raise FormatError(
                f"{place}: image_id {entry.get('image_id')!r} is not among the "
                f"{len(known)} annotated images; expected the id or "
                "file name of one of them"
            )
        points, lost = _keypoints(entry, place, "score", joints)
        broken += lost
        score = _number(entry.get("score"))
        if isinstance(score, float) and math.isnan(score):
            score = float(np.mean(points[2::3]))
            unscored += 1
        else:
            score = _field(entry, "score", float, place)
        category = only[0] if len(only) == 1 else None
        if category is None or "category_id" in entry:
            category = _field(entry, "category_id", int, place)
        person = {
            "image_id": image,
            "category_id": category,
            "keypoints": points,
            "score": score,
        }
        if boxed:
            # pycocotools then takes the box as the person's size.
            person["bbox"] = _numbers(entry, "bbox", place)
            if len(person["bbox"]) != 4:
                raise FormatError(f"{place}: bbox: expected x, y, width, height")
        people.append(person)
    if broken:
        notes.append(
            f"{broken} predicted joints have coordinates or scores that are no finite "
            "numbers; they are taken as at (0, 0)"
        )
    if unscored:
        notes.append(
            f"{unscored} predictions have NaN as score; the mean of their joints' "
            "scores is taken"
        )
    unknown = sum(p["category_id"] not in only for p in people)
    if unknown:
        notes.append(
            f"{unknown} predictions have a category that the annotations lack; they "
            "are not counted"
        )
    return people


def _images_by_name(dataset: dict[str, Any]) -> dict[str, set[int]]:
    """Ids of images by file name, whole and without suffix and leading folders."""
    images: dict[str, set[int]] = {}
    for image in dataset["images"]:
        name = image.get("file_name")
        if isinstance(name, str):
            for key in {name, *name_tails(name)}:
                images.setdefault(key, set()).add(image["id"])
    return images


def _image_of(name: str, images: dict[str, set[int]], place: str) -> int | None:
    """The image of that file name, suffix and folders aside, or of that number."""
    for key in (name, *name_tails(name)):
        found = images.get(key, set())
        if len(found) > 1:
            raise FormatError(
                f"{place}: image_id {name!r} fits {len(found)} annotated images, ids "
                f"{sorted(found)[:3]}; expected the folder in front of the name"
            )
        if found:
            return next(iter(found))
    return frame_number(name)


def _joint_count(dataset: dict[str, Any], path: str | Path) -> int:
    named = [c.get("keypoints") for c in dataset["categories"]]
    sizes = {len(names) for names in named if names and isinstance(names, list)}
    sizes |= {len(a["keypoints"]) // 3 for a in dataset["annotations"]}
    if len(sizes) != 1 or sizes == {0}:
        raise FormatError(
            f"{path}: expected one number of joints in categories and annotations, "
            f"found {sorted(sizes) or 'none'}"
        )
    return int(sizes.pop())


CROWDPOSE = {
    **{"left_shoulder": 0.079, "right_shoulder": 0.079},
    **{"left_elbow": 0.072, "right_elbow": 0.072},
    **{"left_wrist": 0.062, "right_wrist": 0.062},
    **{"left_hip": 0.107, "right_hip": 0.107},
    **{"left_knee": 0.087, "right_knee": 0.087},
    **{"left_ankle": 0.089, "right_ankle": 0.089},
    **{"head": 0.079, "neck": 0.079},
}
"""Joints of CrowdPose and their constants (Li et al., CVPR 2019, and its API)."""

_PEOPLE = ("person", "people", "human", "pedestrian")
"""Names of categories whose joints are those of people."""


def _sigmas(
    dataset: dict[str, Any], joints: int, sigmas: Sigmas | None, notes: list[str]
) -> Sequence[float]:
    categories = [c for c in dataset["categories"] if isinstance(c, dict)]
    named = [c["keypoints"] for c in categories if isinstance(c.get("keypoints"), list)]
    names = [_joint_name(name) for name in named[0]] if named else []
    if sigmas is not None:
        return _given_sigmas(sigmas, joints, names)
    for category in categories:
        own = _number_list(category.get("sigmas"))
        if own is not None:
            return _given_sigmas(own, joints)
    if names == list(CROWDPOSE):
        return list(CROWDPOSE.values())
    known = [skeletons.get(name) for name in skeletons.names()]
    for skeleton in known:
        if names == list(skeleton.joints):
            return skeleton.sigmas
    human = {
        joint: sigma
        for skeleton in reversed(known)
        for joint, sigma in zip(skeleton.joints, skeleton.sigmas, strict=True)
    }
    if names and human.keys() >= set(names):
        notes.append(
            "the joints are in the order of no built-in skeleton; each has the OKS "
            "sigma that its name has there"
        )
        return [human[name] for name in names]
    try:
        skeleton = skeletons.for_joint_count(joints)
    except PoseFlowError:
        raise PoseFlowError(
            f"no OKS sigmas are known for the annotation's {joints} joints; pass "
            "sigmas (--sigmas: a number, one for each joint, or a skeleton's name), "
            "give the category a list 'sigmas', or name its keypoints as one of the "
            "built-in skeletons does"
        ) from None
    others = [name for name in names if name not in human]
    kinds = [str(c.get("name")) for c in categories]
    kinds = [kind for kind in kinds if kind.lower() not in (*_PEOPLE, "none")]
    if others or kinds or joints != len(skeletons.COCO17):
        about = f"joints such as {others[0]!r}" if others else "joints without names"
        about += f" of {kinds[0]!r}" if kinds else ""
        notes.append(
            f"the OKS sigmas of {skeleton.name}, which are those of people, are used "
            f"for {about}; pass others with --sigmas"
        )
    return skeleton.sigmas


def _given_sigmas(
    sigmas: Sigmas, joints: int, names: Sequence[str] = ()
) -> Sequence[float]:
    """Constants as a caller or a file gives them, one for each joint."""
    if sigmas == "crowdpose":
        sigmas = list(CROWDPOSE.values())
    if isinstance(sigmas, str | Skeleton):
        skeleton = find_skeleton(sigmas)
        sigmas = skeleton.sigmas
        own = [_joint_name(joint) for joint in skeleton.joints]
        if set(own) >= set(names) and names:
            sigmas = [skeleton.sigmas[own.index(name)] for name in names]
    if isinstance(sigmas, int | float):
        sigmas = [sigmas] * joints
    good = len(sigmas) == joints and all(_is_number(v) and v > 0 for v in sigmas)
    if not good:
        raise PoseFlowError(
            f"sigmas: expected {joints} numbers above 0, one for each joint, got "
            f"{len(sigmas)}: {list(sigmas)[:40]}"
        )
    return sigmas


def _joint_name(name: Any) -> str:
    return str(name).strip().lower().replace(" ", "_").replace("-", "_")


_PARTS = ("foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")
"""Fields of COCO-WholeBody that continue `keypoints`, in order."""


def _with_parts(entry: Any) -> Any:
    """A person of COCO-WholeBody with all joints in `keypoints`."""
    lists = [entry.get(n) for n in ("keypoints", *_PARTS)] if _has_parts(entry) else []
    if not lists or not all(isinstance(values, list) for values in lists):
        return entry
    if len(lists[0]) == 3 * len(skeletons.get("wholebody133")):
        return entry
    return {**entry, "keypoints": [v for values in lists for v in values]}


def _has_parts(entry: Any) -> bool:
    return isinstance(entry, dict) and all(name in entry for name in _PARTS)


def _is_whole_body(entries: Any) -> bool:
    """Whether results have COCO-WholeBody's joints, in one field or in five."""
    first = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(first, dict):
        return False
    points = first.get("keypoints")
    whole = 3 * len(skeletons.get("wholebody133"))
    return _has_parts(first) or (isinstance(points, list) and len(points) == whole)


def _field(entry: Any, name: str, kind: type, place: str) -> Any:
    value = _number(entry.get(name)) if isinstance(entry, dict) else None
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not _is_number(value) or (kind is int and not isinstance(value, int)):
        what = "a number" if kind is float else "a whole number"
        raise FormatError(f"{place}: {name}: expected {what}, found {_kind(value)}")
    return value


def _numbers(entry: Any, name: str, place: str) -> list[float]:
    values = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(values, list):
        raise FormatError(
            f"{place}: {name}: expected a list of numbers, found {_kind(values)}"
        )
    values = [_number(value) for value in values]
    for value in values:
        if not _is_number(value):
            raise FormatError(
                f"{place}: {name}: expected numbers, found {_kind(value)} among them"
            )
    return values


def _keypoints(
    entry: Any, place: str, third: str, joints: int | None = None
) -> tuple[list[float], int]:
    """Three numbers a joint, 0 where one is not finite, and the number of these."""
    values = entry.get("keypoints") if isinstance(entry, dict) else None
    strange: list[Any] = []
    if not _are_plain(values):
        values = _number_list(values)
        values = [math.nan if v is None else v for v in values] if values else values
        strange = [v for v in values or () if not _is_number(v)]
    if values is None or not all(isinstance(v, float) for v in strange):
        return _numbers(entry, "keypoints", place), 0  # raises
    if len(values) % 3:
        raise FormatError(
            f"{place}: keypoints: expected x, y, {third} of every joint, found "
            f"{len(values)} numbers"
        )
    if joints is not None and len(values) != 3 * joints:
        raise FormatError(
            f"{place}: keypoints: expected {3 * joints} numbers for {joints} "
            f"joints, found {len(values)}"
        )
    if not strange:
        return values, 0
    if any(math.isfinite(v) for v in strange):
        return _numbers(entry, "keypoints", place), 0  # raises: too large
    triples = np.array(values, np.float64).reshape(-1, 3)
    bad = ~np.isfinite(triples).all(axis=1)
    triples[bad] = 0
    return triples.ravel().tolist(), int(bad.sum())


def _are_plain(values: Any) -> bool:
    """Whether it is a list of finite numbers below 2^63, at the speed of C."""
    if not isinstance(values, list) or not {int, float}.issuperset(map(type, values)):
        return False
    try:
        total = sum(map(abs, values))
    except OverflowError:
        return False
    return math.isfinite(total) and total < 2**63


def _number_list(values: Any) -> list[Any] | None:
    """A list with its numbers in quotes as numbers, or None for anything else."""
    return [_number(v) for v in values] if isinstance(values, list) else None


def _number(value: Any) -> Any:
    """A number in quotes as a number; anything else as it is."""
    if isinstance(value, str) and value.isascii():
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _is_number(value: Any) -> bool:
    """Whether it is a number below 2^63 in size; True and False are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(abs(value) < 2**63)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value)) or repr(value)[:40]
