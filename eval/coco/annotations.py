"""COCO annotations with everything that pycocotools reads, checked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from poseflow import skeletons
from poseflow.errors import FormatError
from poseflow.eval.coco.fields import (
    box_of,
    field,
    is_number,
    keypoints_of,
    kind_of,
    number,
    number_list,
)
from poseflow.eval.coco.whole_body import has_parts, with_parts
from poseflow.similarity.boxes import keypoint_extent


def check_annotations(
    dataset: Any, path: str | Path, notes: list[str], *, whole_body: bool
) -> dict[str, Any]:
    """The annotations of a file, checked and completed: whole ids, boxes, areas.

    Args:
        dataset: The parsed file.
        path: The file, for messages.
        notes: Receives what was assumed.
        whole_body: Whether the five fields of COCO-WholeBody are one list of joints.

    Raises:
        FormatError: If a list or a field that scoring needs is missing or damaged.
    """
    if not isinstance(dataset, dict):
        raise FormatError(
            f"{path}: expected COCO annotations, an object with 'images', "
            f"'annotations' and 'categories', found {kind_of(dataset)}"
        )
    for key in ("images", "annotations", "categories"):
        if not isinstance(dataset.get(key), list):
            raise FormatError(
                f"{path}: '{key}': expected a list, found {kind_of(dataset.get(key))}"
            )
    images = [
        _with_id(entry, f"{path}: image {k}")
        for k, entry in enumerate(dataset["images"])
    ]
    categories = [
        _with_id(entry, f"{path}: category {k}")
        for k, entry in enumerate(dataset["categories"])
    ]
    people = dataset["annotations"]
    if whole_body and any(map(has_parts, people)):
        people = [with_parts(entry) for entry in people]
        names = list(skeletons.get("wholebody133").joints)
        categories = [{**category, "keypoints": names} for category in categories]
    known_images = {image["id"] for image in images}
    known_categories = {category["id"] for category in categories}
    checked = []
    broken = without_area = 0
    for k, entry in enumerate(people):
        place = f"{path}: annotation {k}"
        image = field(entry, "image_id", int, place)
        if image not in known_images:
            raise FormatError(
                f"{place}: image_id {image} is not among the images of the file"
            )
        category = field(entry, "category_id", int, place)
        if category not in known_categories:
            raise FormatError(f"{place}: category_id {category} is not in 'categories'")
        person, lost = _person(entry, place)
        broken += lost
        if not is_number(person["area"]):
            person["area"] = person["bbox"][2] * person["bbox"][3]
            without_area += 1
        checked.append(
            {**person, "id": k + 1, "image_id": image, "category_id": category}
        )
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
    return {
        **dataset,
        "images": images,
        "categories": categories,
        "annotations": checked,
    }


def joint_count(dataset: dict[str, Any], path: str | Path) -> int:
    """Number of joints that categories and annotations agree on.

    Raises:
        FormatError: If they disagree, or have none.
    """
    named = [c.get("keypoints") for c in dataset["categories"]]
    sizes = {len(names) for names in named if names and isinstance(names, list)}
    sizes |= {len(a["keypoints"]) // 3 for a in dataset["annotations"]}
    if len(sizes) != 1 or sizes == {0}:
        raise FormatError(
            f"{path}: expected one number of joints in categories and annotations, "
            f"found {sorted(sizes) or 'none'}"
        )
    return int(sizes.pop())


def joint_names(dataset: dict[str, Any], joints: int) -> list[str]:
    """Names of the joints in the categories; numbers where they have none."""
    for category in dataset["categories"]:
        names = category.get("keypoints")
        if isinstance(names, list) and len(names) == joints:
            return [str(name) for name in names]
    return [f"joint {k}" for k in range(joints)]


def _with_id(entry: Any, place: str) -> dict[str, Any]:
    identity = field(entry, "id", int, place)
    return {**entry, "id": identity}


def _person(entry: dict[str, Any], place: str) -> tuple[dict[str, Any], int]:
    """An annotated person with keypoints, box and area; the number of broken joints.

    The area stays what it is where it is no number.
    """
    points, broken = keypoints_of(entry, place, "v")
    triples = np.array(points).reshape(-1, 3)
    box = number_list(entry.get("bbox"))
    if box is None or any(isinstance(v, float) and math.isnan(v) for v in box):
        extent = keypoint_extent(triples[None, :, :2], triples[None, :, 2] > 0)[0]
        box = [*extent[:2], *(extent[2:] - extent[:2])]
    person = {
        **entry,
        "keypoints": points,
        "num_keypoints": int((triples[:, 2] > 0).sum()),
        "iscrowd": int(entry.get("iscrowd") in (1, True)),
        "bbox": box_of({"bbox": box}, place),
        "area": number(entry.get("area")),
    }
    return person, broken
