"""Repair of PoseTrack files that do not fit the schema.

Works on plain JSON objects, person by person, and is slow; only files that the typed
decoder refuses come here. A bad frame, person or joint is left out alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from poseflow.errors import FormatError
from poseflow.formats.json.reader import kind_of
from poseflow.formats.posetrack.annotations import Problem

Report = Callable[[int | None, str], None]


def repair(document: Any, label: str, problems: list[Problem]) -> dict[str, Any]:
    """A document that fits the schema, with a `Problem` for everything changed.

    Raises:
        FormatError: If the file is of no known kind.
    """
    if not isinstance(document, dict):
        raise FormatError(
            f"{label}: expected an object with 'annolist' or 'images', found "
            f"{kind_of(document)}"
        )

    def report(frame: int | None, message: str) -> None:
        problems.append(Problem(label, frame, message, "error"))

    if "annolist" in document:
        frames = document["annolist"]
        if not isinstance(frames, list):
            raise FormatError(
                f"{label}: 'annolist': expected a list of frames, found "
                f"{kind_of(frames)}"
            )
        fixed = {"annolist": [_frame17(f, k, report) for k, f in enumerate(frames)]}
    elif "images" in document:
        fixed = _repair18(document, label, report)
    else:
        return {}
    return fixed | {"poseflow": document.get("poseflow")}


def _one(value: Any) -> Any:
    """The value of a 2017 field: `[v]`, or `v` itself; None for an empty list."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _number(value: Any) -> float | int | None:
    value = _one(value)
    if isinstance(value, str) and value.isascii():  # a number in quotes
        try:
            value = int(value) if value.strip().lstrip("-").isdigit() else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(float(value)) else None
    except OverflowError:
        return None


def _integer(value: Any) -> int | None:
    value = _number(value)
    if value is None or value != int(value) or not -(2**63) < value < 2**63:
        return None
    return int(value)


def _objects(value: Any, frame: int | None, what: str, report: Report) -> list[Any]:
    """The objects of a list; a lone object counts as a list of one."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        report(frame, f"{what}: expected a list, found {kind_of(value)}; ignored")
        return []
    good = [item for item in value if isinstance(item, dict)]
    if len(good) < len(value):
        odd = next(item for item in value if not isinstance(item, dict))
        report(
            frame,
            f"{what}: expected objects, {len(value) - len(good)} entries are not (the "
            f"first is {kind_of(odd)}); these are left out",
        )
    return good


def _frame17(item: Any, frame: int, report: Report) -> dict[str, Any]:
    if not isinstance(item, dict):
        report(frame, f"expected an object, found {kind_of(item)}; read as empty")
        return {}
    image = _one(item.get("image"))
    name = image.get("name") if isinstance(image, dict) else image
    labelled = _integer(item["is_labeled"]) if "is_labeled" in item else None
    if isinstance(_one(item.get("is_labeled")), bool):
        labelled = int(_one(item["is_labeled"]))
    regions = [
        {
            "point": [
                {"x": (x,), "y": (y,)}
                for corner in _objects(r.get("point"), frame, "ignore region", report)
                if (x := _number(corner.get("x"))) is not None
                and (y := _number(corner.get("y"))) is not None
            ]
        }
        for r in _objects(item.get("ignore_regions"), frame, "ignore_regions", report)
    ]
    return {
        "image": [{"name": _one(name) if isinstance(_one(name), str) else ""}],
        "annorect": [
            _rect17(rect, k, frame, report)
            for k, rect in enumerate(
                _objects(item.get("annorect"), frame, "annorect", report)
            )
        ],
        "ignore_regions": regions,
        "is_labeled": [] if labelled is None else [labelled],
        "frame": item.get("frame"),
        "time": item.get("time"),
    }


def _rect17(
    rect: dict[str, Any], row: int, frame: int, report: Report
) -> dict[str, Any]:
    fixed: dict[str, Any] = {}
    for key in ("x1", "y1", "x2", "y2", "score", "track_id"):
        if _one(rect.get(key)) is None:
            continue
        value = _integer(rect[key]) if key == "track_id" else _number(rect[key])
        if value is None:
            report(frame, f"person {row}: {key} {_shown(rect[key])}; taken as missing")
        else:
            fixed[key] = (value,)
    lists = _objects(rect.get("annopoints"), frame, f"person {row}: annopoints", report)
    if not lists:
        return fixed
    points = lists[0].get("point")
    if points is None:
        fixed["annopoints"] = [{}]
        return fixed
    good = []
    for point in _objects(points, frame, f"person {row}: point", report):
        joint, x, y = (
            _integer(point.get("id")),
            _number(point.get("x")),
            _number(point.get("y")),
        )
        if joint is None or x is None or y is None:
            report(
                frame,
                f"person {row}: a joint with id {_shown(point.get('id'))}, x "
                f"{_shown(point.get('x'))}, y {_shown(point.get('y'))}; left out",
            )
            continue
        kept = {"id": (joint,), "x": (x,), "y": (y,)}
        if _one(point.get("score")) is not None:
            score = _number(point["score"])
            if score is None:
                report(
                    frame,
                    f"person {row}, joint {joint}: score {_shown(point['score'])}; "
                    "taken as missing",
                )
            else:
                kept["score"] = (score,)
        good.append(kept)
    fixed["annopoints"] = [{"point": good}]
    return fixed


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _repair18(document: dict[str, Any], label: str, report: Report) -> dict[str, Any]:
    if not isinstance(document["images"], list):
        raise FormatError(
            f"{label}: 'images': expected a list, found {kind_of(document['images'])}"
        )
    images = []
    place: dict[int, int] = {}
    for frame, image in enumerate(document["images"]):
        number = _integer(image.get("id")) if isinstance(image, dict) else None
        if number is None:
            report(
                frame,
                "an image whose id is not a whole number; no annotation can name it",
            )
            # Keeps its position in the list: frames pair by position.
            images.append({"id": -(2**62) - frame})
            continue
        place.setdefault(number, frame)
        images.append(_image18(image, number, frame, report))
    people = []
    found = _objects(document.get("annotations"), None, "annotations", report)
    for row, person in enumerate(found):
        number = _integer(person.get("image_id"))
        if number is None:
            report(
                None,
                f"annotation {row}: image_id {_shown(person.get('image_id'))} is not a "
                "whole number; left out",
            )
            continue
        people.append(_person18(person, number, row, place.get(number), report))
    categories = []
    for category in _objects(document.get("categories"), None, "categories", report):
        names = category.get("keypoints")
        if isinstance(names, list) and all(isinstance(n, str) for n in names):
            categories.append({"keypoints": names})
    return {"images": images, "annotations": people, "categories": categories}


def _image18(
    image: dict[str, Any], number: int, frame: int, report: Report
) -> dict[str, Any]:
    fixed: dict[str, Any] = {"id": number}
    if isinstance(image.get("file_name"), str):
        fixed["file_name"] = image["file_name"]
    fixed["vid_id"] = image.get("vid_id")
    for key in ("is_labeled", "has_labeled_person"):
        if isinstance(image.get(key), bool) or _integer(image.get(key)) is not None:
            flag = image[key]
            fixed[key] = flag if isinstance(flag, bool) else bool(_integer(flag))
        elif image.get(key) is not None:
            report(frame, f"{key} {_shown(image[key])}; taken as not said")
    polygons: dict[str, list[list[float | None]]] = {}
    for key in ("ignore_regions_x", "ignore_regions_y"):
        value = image.get(key)
        if value is None:
            continue
        if isinstance(value, list) and value and not isinstance(value[0], list):
            value = [value]  # one region, its brackets left out
        if not isinstance(value, list):
            report(frame, f"{key}: expected a list, found {kind_of(value)}; ignored")
            continue
        polygons[key] = [
            [_number(v) for v in region] if isinstance(region, list) else [None]
            for region in value
        ]
        if any(v is None for region in polygons[key] for v in region):
            report(frame, f"{key}: a region with corners that are no numbers; ignored")
            polygons[key] = [[] if None in r else r for r in polygons[key]]
    return fixed | polygons


def _person18(
    person: dict[str, Any], number: int, row: int, frame: int | None, report: Report
) -> dict[str, Any]:
    fixed: dict[str, Any] = {"image_id": number}
    for key in ("track_id", "person_id"):
        if person.get(key) is not None:
            value = _integer(person[key])
            if value is not None:
                fixed[key] = value
            elif key == "track_id":
                report(
                    frame,
                    f"annotation {row}: track_id {_shown(person[key])} is not a whole "
                    "number of 64 bits; taken as missing",
                )
    if person.get("score") is not None:
        fixed["score"] = _number(person["score"])
    for key in ("bbox", "bbox_head", "scores", "keypoints"):
        value = person.get(key)
        if value is None:
            continue
        if not isinstance(value, list):
            report(
                frame,
                f"annotation {row}: {key}: expected a list of numbers, found "
                f"{kind_of(value)}; taken as missing",
            )
            continue
        numbers = [_number(v) for v in value]
        if None in numbers:
            where = numbers.index(None)
            report(
                frame,
                f"annotation {row}: {key}[{where}] is {_shown(value[where])}; taken as "
                "missing",
            )
        fixed[key] = [math.nan if v is None else v for v in numbers]
    return fixed
