"""JSON that ultralytics makes of results: `result.to_json()`, of one or many images.

Source: ultralytics 8.4 documentation, "Predict", `Results.to_json` and `summary`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from poseflow.errors import FormatError
from poseflow.formats.base import Hints
from poseflow.formats.external.frame_files import (
    json_of_images,
    read_frame_files,
    stems,
)
from poseflow.formats.external.person_fields import Optional, joint_numbers, number
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.input_file import read_text
from poseflow.formats.json.numbers import shortest
from poseflow.formats.json.reader import kind_of, parse
from poseflow.formats.json.start import first_of, has_fields, start_of_json
from poseflow.formats.metadata import metadata_if_needed, with_metadata
from poseflow.frame_names import frame_name, text_of, without_suffix
from poseflow.poses import NO_TRACK
from poseflow.sequence import Frame, PoseSequence

_CORNERS = ("x1", "y1", "x2", "y2")


class UltralyticsFormat:
    """Results of an ultralytics pose model as JSON."""

    name = "ultralytics"
    suffixes = (".json",)
    lacks = ("times",)
    summary = "ultralytics results, result.to_json() of one image or several"

    def sniff(self, path: Path, head: bytes) -> bool:
        """By `confidence`, with joints in `keypoints` as lists `x` and `y`."""
        if path.is_dir():
            return bool(json_of_images(path, _is_entry))
        return _is_result(start_of_json(head))

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`."""
        builder = FrameBuilder(path, hints, corners=True)
        reader = _Reader(builder, path)
        if path.is_dir():
            files = json_of_images(path, _is_entry)

            def read_file(file: Path, image: str) -> None:
                reader.image(_parsed(read_text(file), file), image)

            read_frame_files(
                builder, files, lambda names: stems(names, ".json"), read_file
            )
        else:
            reader.document(_parsed(read_text(path), path))
        reader.report()
        return builder.finish()

    def encoder(self, hints: Hints) -> UltralyticsEncoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return UltralyticsEncoder(hints)


def _parsed(data: bytes, path: Path) -> Any:
    document = parse(data, Any, path)
    if isinstance(document, str):  # to_json() gives text, which was encoded again
        document = parse(document.encode("utf-8", "replace"), Any, path)
    return document


def _is_entry(value: Any) -> bool:
    return has_fields(value, "confidence", "box", "class") or (
        has_fields(value, "keypoints") and has_fields(value["keypoints"], "x", "y")
    )


def _is_result(start: Any) -> bool:
    """Whether it is the JSON of an image, or of several in a list or object."""
    if has_fields(start, "images"):
        start = [first_of(start["images"])]
    images = start.values() if isinstance(start, dict) else start
    if not isinstance(images, Iterable) or isinstance(images, str):
        return False
    for image in list(images)[:1000]:
        if isinstance(image, str):
            image = start_of_json(image.encode("utf-8", "replace"))
        if has_fields(image, "results"):
            image = image["results"]
        if _is_entry(image) or _is_entry(first_of(image)):
            return True
        if image not in ([], {}):
            return False
    return False


class _Reader:
    """Adds the people of results to the frames."""

    def __init__(self, builder: FrameBuilder, path: Path) -> None:
        self._builder = builder
        self._path = path
        self._place = 0
        self._classes: dict[str, None] = {}

    def document(self, document: Any) -> None:
        """A file with one image, a list of images, or an object of them by name."""
        if has_fields(document, "poseflow"):
            try:
                own = with_metadata(self._builder.hints, document.pop("poseflow"))
                self._builder.hints = own
            except ValueError as error:
                self._builder.problems.ignore("poseflow", str(error))
        if has_fields(document, "images"):
            document = document["images"]
        if isinstance(document, dict):
            for name, entries in document.items():
                self.image(entries, name)
            return
        if not isinstance(document, list):
            raise FormatError(
                f"{self._path}: expected a list of people or images, found "
                f"{kind_of(document)}"
            )
        if document and all(isinstance(e, dict) and "box" in e for e in document):
            name = without_suffix(self._path.name, ".gz", ".json")
            self.image(document, text_of(name))
            return
        for place, entries in enumerate(document):
            if isinstance(entries, str):
                entries = parse(entries.encode("utf-8", "replace"), Any, self._path)
            self.image(entries, frame_name(place))

    def image(self, entries: Any, image: str) -> None:
        """The people of an image.

        Raises:
            FormatError: If they are no list.
        """
        if has_fields(entries, "results"):
            shape: Any = entries.get("shape")  # height and width
            if self._builder.hints.size is None and _is_size(shape):
                size = (int(shape[1]), int(shape[0]))
                self._builder.hints = replace(self._builder.hints, size=size)
            entries = entries["results"]
        if not isinstance(entries, list):
            raise FormatError(
                f"{self._path}: image {image!r}: expected a list of people, found "
                f"{kind_of(entries)}"
            )
        self._builder.image(image)
        for entry in entries:
            self._add(entry, image)
            self._place += 1

    def _add(self, entry: Any, image: str) -> None:
        where = f"entry {self._place} (image {image!r})"
        optional = Optional(self._builder, where)
        try:
            if not isinstance(entry, dict):
                raise ValueError(f"expected an object, found {kind_of(entry)}")
            joints = entry.get("keypoints")
            if not has_fields(joints, "x", "y"):
                raise ValueError(
                    "keypoints: expected x and y of every joint, found "
                    f"{kind_of(joints)}; results of a detection model have none"
                )
            columns = [joints["x"], joints["y"]]
            if not all(isinstance(column, list) for column in columns):
                raise ValueError("keypoints: expected lists x and y")
            if len(columns[0]) != len(columns[1]):
                raise ValueError(
                    f"keypoints: {len(columns[0])} x and {len(columns[1])} y"
                )
            points = [list(point) for point in zip(*columns, strict=True)]
            numbers = joint_numbers(
                "keypoints", points, joints.get("visible"), "visible"
            )
        except ValueError as error:
            self._builder.problems.add(where, str(error))
            return
        self._classes[str(entry.get("name", entry.get("class", "")))] = None
        self._builder.add(
            self._place,
            image,
            numbers,
            optional.number("confidence", entry.get("confidence")),
            optional.take("box", entry.get("box"), _corners, None),
            optional.identity("track_id", entry.get("track_id")),
        )

    def report(self) -> None:
        """Warn of several classes, which are not told apart."""
        self._builder.problems.note_classes(list(self._classes))


def _is_size(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) >= 2
        and all(isinstance(side, int | float) and side > 0 for side in shape[:2])
    )


def _corners(box: Any) -> list[float | None] | None:
    """Left, top, right, bottom."""
    if box is None:
        return None
    if not has_fields(box, *_CORNERS):
        raise ValueError(f"expected x1, y1, x2, y2, found {str(box)[:40]}")
    return [number(box[corner]) for corner in _CORNERS]


class UltralyticsEncoder:
    """An object with the JSON of each image under its name.

    Args:
        hints: Size and frame rate, which go with a skeleton of one's own.
    """

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._json = msgspec.json.Encoder()
        self._separator = b"\n"
        self._last = b""

    def start(self) -> bytes:
        """The opening brace."""
        return b"{"

    def frame(self, frame: Frame) -> bytes:
        """A frame's name and its people."""
        poses = frame.poses
        own = metadata_if_needed(poses.skeleton, self._hints)
        self._last = b"" if own is None else self._json.encode(own)
        rows = zip(
            shortest(poses.keypoints).tolist(),
            shortest(poses.keypoint_scores).tolist(),
            shortest(poses.boxes).tolist(),
            shortest(poses.scores).tolist(),
            poses.track_ids.tolist(),
            strict=True,
        )
        people = []
        for points, marks, box, score, track in rows:
            entry = {
                "name": "person",
                "class": 0,
                "confidence": score,
                "box": dict(zip(_CORNERS, box, strict=True)),
            }
            if track != NO_TRACK:
                entry["track_id"] = track
            entry["keypoints"] = {
                "x": [x for x, _ in points],
                "y": [y for _, y in points],
                "visible": marks,
            }
            people.append(entry)
        name = self._json.encode(frame.name or frame_name(frame.index))
        separator, self._separator = self._separator, b",\n"
        return separator + name + b": " + self._json.encode(people)

    def end(self) -> bytes:
        """The skeleton, if the number of joints does not give it, and the end."""
        own = self._separator + b'"poseflow": ' + self._last if self._last else b""
        return own + b"\n}\n"
