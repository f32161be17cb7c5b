"""COCO results, one entry a person, matched to the annotated images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.errors import FormatError
from poseflow.eval.coco.fields import box_of, field, keypoints_of, kind_of, number
from poseflow.eval.coco.whole_body import with_parts
from poseflow.frame_names import frame_number, name_tails


def check_results(
    entries: Any,
    path: str | Path,
    dataset: dict[str, Any],
    joints: int,
    notes: list[str],
) -> list[dict[str, Any]]:
    """The predicted people, checked, with the ids of their images.

    Args:
        entries: The parsed file.
        path: The file, for messages.
        dataset: The annotations, checked.
        joints: Number of joints of the annotations.
        notes: Receives what was assumed.

    Raises:
        FormatError: If an entry lacks what scoring needs, or its image is unknown.
    """
    if not isinstance(entries, list):
        raise FormatError(
            f"{path}: expected a list of people (image_id, category_id, keypoints, "
            f"score), found {kind_of(entries)}"
        )
    images = _Images(dataset)
    categories = [category["id"] for category in dataset["categories"]]
    first = entries[0] if entries else None
    boxed = isinstance(first, dict) and bool(first.get("bbox"))
    people = []
    broken = unscored = 0
    for k, entry in enumerate(entries):
        place = f"{path}: entry {k}"
        if not isinstance(entry, dict):
            raise FormatError(f"{place}: expected an object, found {kind_of(entry)}")
        entry = with_parts(entry)
        image = images.find(entry.get("image_id"), place)
        points, lost = keypoints_of(entry, place, "score", joints)
        broken += lost
        score = number(entry.get("score"))
        if isinstance(score, float) and math.isnan(score):
            score = float(np.mean(points[2::3]))
            unscored += 1
        else:
            score = field(entry, "score", float, place)
        if len(categories) == 1 and "category_id" not in entry:
            category = categories[0]
        else:
            category = field(entry, "category_id", int, place)
        person = {
            "image_id": image,
            "category_id": category,
            "keypoints": points,
            "score": score,
        }
        if boxed:
            # pycocotools then takes the box as the person's size.
            person["bbox"] = box_of(entry, place)
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
    unknown = sum(person["category_id"] not in categories for person in people)
    if unknown:
        notes.append(
            f"{unknown} predictions have a category that the annotations lack; they "
            "are not counted"
        )
    return people


class _Images:
    """The annotated images by id, and by file name with and without folders."""

    def __init__(self, dataset: dict[str, Any]) -> None:
        self._ids = {image["id"] for image in dataset["images"]}
        self._by_name: dict[str, set[int]] = {}
        for image in dataset["images"]:
            name = image.get("file_name")
            if isinstance(name, str):
                for key in {name, *name_tails(name)}:
                    self._by_name.setdefault(key, set()).add(image["id"])

    def find(self, given: Any, place: str) -> int:
        """The id of an image given by its id or file name.

        Raises:
            FormatError: If it is not annotated, or several images have that name.
        """
        image = given
        if isinstance(given, str):
            image = self._named(given, place)
        elif isinstance(given, float) and given.is_integer():
            image = int(given)
        if not isinstance(image, int) or image not in self._ids:
            raise FormatError(
                f"{place}: image_id {given!r} is not among the {len(self._ids)} "
                "annotated images; expected the id or file name of one of them"
            )
        return image

    def _named(self, name: str, place: str) -> int | None:
        """The image of a file name, suffix and folders aside, or of a number."""
        for key in (name, *name_tails(name)):
            found = self._by_name.get(key, set())
            if len(found) > 1:
                raise FormatError(
                    f"{place}: image_id {name!r} fits {len(found)} annotated images, "
                    f"ids {sorted(found)[:3]}; expected the folder in front of the name"
                )
            if found:
                return next(iter(found))
        return frame_number(name)
