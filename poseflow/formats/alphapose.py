"""Formats `alphapose` (a list), `forvis` (a dictionary) and `coco` (COCO results).

Written from the published description of the output and from files, see
docs/formats.md for the schema.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_origin

import msgspec

from poseflow.errors import FormatError
from poseflow.formats.alphapose_writer import DictEncoder, ListEncoder
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.frame_builder import FrameBuilder, Problems
from poseflow.formats.input_file import HEAD_BYTES, read_text
from poseflow.formats.json.reader import decode_entry, kind_of, parse
from poseflow.formats.metadata import with_metadata
from poseflow.frame_names import frame_number
from poseflow.poses import NO_TRACK
from poseflow.sequence import PoseSequence

Number = float | None


class _Person(msgspec.Struct, gc=False):
    """Fields of an entry; others are ignored."""

    keypoints: list[float | list[Number] | None]
    image_id: str | int | float | None = None
    score: Number = None
    scores: float | list[float | list[Number] | None] | None = None
    box: list[Number] | None = None
    idx: int | float | list[Any] | None = None
    interpolated: bool | None = None
    poseflow: Any = None
    time: Number = None
    frame: Number = None


_DECODER = msgspec.json.Decoder(_Person)
_OPTIONAL: dict[str, Any] = {
    field.name: field.type
    for field in msgspec.structs.fields(_Person)
    if field.name
    in (*("score", "scores", "box", "idx", "interpolated", "time", "frame"),)
}
"""Fields without which a person can do, and their types."""


def _decode(raw: Any, ignored: list[str]) -> _Person:
    """An entry, without the optional fields that cannot be read.

    Args:
        raw: `msgspec.Raw`, or plain objects.
        ignored: Gets a text for every field left out.

    Raises:
        ValueError: If a required field cannot be read; the message names it.
    """
    try:
        return decode_entry(raw, _DECODER, _Person)
    except ValueError:
        fields = json.loads(bytes(raw)) if isinstance(raw, msgspec.Raw) else raw
        if not isinstance(fields, dict):
            raise
        kept = dict(fields)
        reasons = []
        for name, kind in _OPTIONAL.items():
            if name not in fields or (name == "scores" and _needs_scores(fields)):
                continue
            try:
                msgspec.convert(fields[name], kind, strict=False)
            except msgspec.ValidationError:
                del kept[name]
                reasons.append(
                    f"{name}: expected {_EXPECTED[name]}, found "
                    f"{str(fields[name])[:40]!r}"
                )
        person = decode_entry(kept, _DECODER, _Person)
        ignored += reasons
        return person


_EXPECTED = {
    "score": "a number",
    "scores": "a number or a list of numbers",
    "box": "4 numbers (left, top, width, height)",
    "idx": "a whole number",
    "interpolated": "true or false",
    "time": "a number of seconds",
    "frame": "a whole number from 0",
}


def _needs_scores(fields: dict[str, Any]) -> bool:
    """Whether the joints' scores may be in `scores` alone: `keypoints` has pairs."""
    keypoints = fields.get("keypoints")
    flat = isinstance(keypoints, list) and list not in map(type, keypoints)
    odd = isinstance(keypoints, list) and len(keypoints) % 2 == 1
    return isinstance(fields["scores"], list) and not (flat and odd)


def _numbers(person: _Person, ignored: list[str]) -> list[Number]:
    """x, y, score of every joint in one flat list, from any of the shapes in use."""
    flat, size = _flatten(person.keypoints)
    scores = person.scores
    if isinstance(scores, list):
        marks, _ = _flatten(scores)
        if len(flat) == 2 * len(marks):
            return [
                v for k, c in enumerate(marks) for v in (*flat[2 * k : 2 * k + 2], c)
            ]
        if len(flat) != 3 * len(marks):
            text = (
                f"scores: {len(marks)} for {len(flat)} keypoint numbers; expected one "
                "score for every x, y or x, y, score"
            )
            if size != 3 and len(flat) % 2 == 0:  # may be pairs, without their scores
                raise ValueError(text)
            ignored.append(text)
    elif size == 2:
        return [v for k in range(0, len(flat), 2) for v in (*flat[k : k + 2], 1.0)]
    if not flat or len(flat) % 3:
        raise ValueError(
            f"keypoints: expected x, y, score for every joint, found {len(flat)} "
            "numbers, which 3 does not divide"
        )
    return flat


def _flatten(values: list[float | list[Number] | None]) -> tuple[list[Number], int]:
    """Numbers without their inner lists, and the length of each of these (or 0)."""
    if list not in map(type, values):  # the ordinary case, at the speed of C
        return values, 0  # type: ignore[return-value]
    sizes = {len(value) if isinstance(value, list) else 0 for value in values}
    size = sizes.pop()
    if sizes or size not in (1, 2, 3):
        raise ValueError("keypoints: expected lists of one length, [x, y] or [x, y, s]")
    return [v for value in values for v in value], size  # type: ignore[union-attr]


def track_id(idx: Any) -> int:
    """The identity in `idx`, which some versions wrap into lists; -1 for none."""
    while isinstance(idx, list) and len(idx) == 1:
        idx = idx[0]
    if type(idx) is int and idx < 2**63:  # the ordinary case
        return idx if idx > NO_TRACK else NO_TRACK
    if idx is None or idx == []:
        return NO_TRACK
    if isinstance(idx, str) and idx.isascii():  # numbers in quotes
        with contextlib.suppress(ValueError):
            idx = float(idx)
    whole = isinstance(idx, int | float) and not isinstance(idx, bool)
    if not whole or idx != idx or abs(idx) >= 2**63 or idx != int(idx):
        raise ValueError(f"idx: expected a whole number, found {str(idx)[:40]}")
    return max(int(idx), NO_TRACK)


def _image_name(image: str | int | float) -> str:
    """The name of an image; 139.0, as tables write whole numbers, is 139."""
    if isinstance(image, float):
        if not image.is_integer():
            raise ValueError(
                f"image_id: expected a name or a whole number, found {image}"
            )
        image = int(image)
    return str(image)


def add_entry(builder: FrameBuilder, place: int, image: str | None, raw: Any) -> None:
    """Add an entry to the frames, or note what is wrong with it.

    Args:
        builder: Collects the people.
        place: Position of the entry in the file, from 0.
        image: Name of its frame; None where the entry itself names it.
        raw: The entry, as `msgspec.Raw` or plain objects.
    """
    where = f"entry {place}" if image is None else f"entry {place} (image {image!r})"

    ignored: list[str] = []
    try:
        person = _decode(raw, ignored)
        if image is None:
            if person.image_id is None:
                raise ValueError("image_id: missing, expected the frame's name")
            image = _image_name(person.image_id)
            where += f" (image {image!r})"
        elif person.image_id is not None and _is_other(
            image, _image_name(person.image_id)
        ):
            raise ValueError(
                f"image_id: expected {image!r}, under which the entry is, found "
                f"{str(person.image_id)[:40]!r} (a list in an object: format alphapose)"
            )
        image.encode()
        if not image:
            raise ValueError("image_id: empty, expected the frame's name")
        box = person.box
        if box and len(box) != 4:
            ignored.append(f"box: expected {_EXPECTED['box']}, found {len(box)}")
            box = None
        score = person.score
        if score is None and not isinstance(person.scores, list):
            score = person.scores
        numbers = _numbers(person, ignored)
        identity = NO_TRACK
        try:
            identity = track_id(person.idx)
        except ValueError as error:
            ignored.append(str(error))
        builder.add(place, image, numbers, score, box, identity)
        if person.interpolated:
            builder.mark_interpolated()
        if person.time is not None or person.frame is not None:
            _place_frame(builder, image, person, ignored)
        if person.poseflow is not None:
            try:
                builder.hints = with_metadata(builder.hints, person.poseflow)
            except ValueError as error:
                ignored.append(str(error))
        for reason in ignored:
            builder.problems.ignore(where, reason)
    except UnicodeEncodeError:
        builder.problems.add(where, "image_id: no valid text")
    except ValueError as error:
        builder.problems.add(where, str(error))


def _place_frame(
    builder: FrameBuilder, image: str, person: _Person, ignored: list[str]
) -> None:
    """Note the index and the time of a frame, which its first entry may carry."""
    index = seconds = None
    if person.time is not None:
        if math.isfinite(person.time):
            seconds = float(person.time)
        else:
            ignored.append(f"time: expected {_EXPECTED['time']}, found {person.time}")
    if person.frame is not None:
        number = person.frame
        if math.isfinite(number) and number == int(number) and 0 <= number < 2**53:
            index = int(number)
        else:
            ignored.append(f"frame: expected {_EXPECTED['frame']}, found {number}")
    builder.place_frame(image, index, seconds)


_KEY = r'"((?:[^"\\]|\\.)*)"\s*:\s*\['
_FIRST_KEY = re.compile(r"^\s*\{\s*" + _KEY)
_FIRST_ENTRY = re.compile(_KEY + r"\s*(?=\{)")
_OTHER_KINDS = (
    *("images", "annotations", "categories", "info", "licenses"),
    *("annolist", "people", "videos"),
)
_NO_PEOPLE = re.compile(
    r'\s*+\{(?:\s*+"(?:[^"\\]|\\.)*+"\s*+:\s*+\[\s*+\]\s*+,?+)*+\s*+\}\s*+'
)


def _is_wrapped(key: str, entry: Any) -> bool:
    """Whether the first entry of a list under a key names an image other than the key.

    `{"results": [{"image_id": ...}]}` is a list of people in an object; in the
    dictionary of images the key is the image.
    """
    if key in _OTHER_KINDS or not isinstance(entry, dict) or "keypoints" not in entry:
        return False
    image = entry.get("image_id")
    if isinstance(image, float) and image.is_integer():
        image = int(image)
    return image is not None and _is_other(key, image)


def _is_other(key: str, image: str | int) -> bool:
    """Whether an entry's image is another one than the key says."""
    number = frame_number(str(image))
    return str(image) != key and (number is None or number != frame_number(key))


def _kind(head: bytes) -> str:
    """`list`, `wrapped list`, `dictionary`, or `other`, by the start of a file."""
    text = head.decode("utf-8", "ignore")
    if text.lstrip()[:1] == "[":
        return "list"
    key = _FIRST_KEY.match(text)
    dictionary = key is None or key[1] not in _OTHER_KINDS
    if dictionary and _NO_PEOPLE.fullmatch(text):
        # An image's name has a number or a suffix.
        named = key is None or re.search(r"[\d.]", key[1]) is not None
        return "dictionary" if named else "wrapped list"
    first = _FIRST_ENTRY.search(text)
    if first is not None and text.lstrip()[:1] == "{":
        try:
            entry, _ = json.JSONDecoder().raw_decode(text, first.end())
        except (ValueError, RecursionError):
            entry = None
        if _is_wrapped(first[1], entry):
            return "wrapped list"
    people = key is not None and dictionary and '"keypoints"' in text
    return "dictionary" if people else "other"


class ListFormat:
    """A flat list, one entry per person and frame."""

    suffixes = (".json",)
    fallback = True

    def __init__(self, name: str, summary: str, coco: bool = False) -> None:
        self.name = name
        self.summary = summary
        self._coco = coco
        self.lacks: tuple[str, ...] = ("empty frames", "metadata alone")
        if coco:
            self.lacks += (
                "boxes",
                "identities",
                "people without joints",
                "frame names",
            )

    def sniff(self, path: Path, head: bytes) -> bool:
        """Whether it is a JSON list of people, also one in an object, as `results`.

        `coco` is read as `alphapose`.
        """
        return not self._coco and _kind(head) in ("list", "wrapped list")

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`."""
        expected = "a list with one entry per person"
        data = read_text(path)
        if data.lstrip()[:1] == b"{":
            document = _unwrapped(data, path, expected)
        else:
            document = _document(data, path, list[msgspec.Raw], expected)
        builder = FrameBuilder(path, hints)
        for place, raw in enumerate(_release(document)):
            add_entry(builder, place, None, raw)
        return builder.finish()

    def encoder(self, hints: Hints) -> Encoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return ListEncoder(self._coco, hints)


class ForvisFormat:
    """A dictionary from image to its people."""

    name = "forvis"
    lacks = ("metadata alone",)
    suffixes = (".json",)
    fallback = True
    summary = 'AlphaPose\'s "forvis" dictionary {image: [{keypoints, scores, ...}]}'

    def sniff(self, path: Path, head: bytes) -> bool:
        """Whether it is a JSON object with lists of entries that have keypoints."""
        return _kind(head) == "dictionary"

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`."""
        expected = "an object {image: [people]}"
        kind = dict[str, list[msgspec.Raw]]
        data = read_text(path)
        document = _document(data, path, kind, expected)
        builder = FrameBuilder(path, hints)
        place = 0
        for image, people in _all_images(data, document, builder.problems):
            if not isinstance(people, list):
                builder.problems.add(
                    f"image {image!r}",
                    f"expected a list of people, found {kind_of(people)}",
                )
                continue
            try:
                image.encode()
            except UnicodeEncodeError:
                builder.problems.add(f"image {image!r}", "the name is no valid text")
                continue
            builder.image(image)
            for raw in people:
                add_entry(builder, place, image, raw)
                place += 1
        return builder.finish()

    def encoder(self, hints: Hints) -> Encoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return DictEncoder(hints)


def _all_images(
    data: bytes, document: dict[str, Any], problems: Problems
) -> Iterable[tuple[str, Any]]:
    """The images with their people, also those whose name comes again.

    JSON parsers keep the last of several fields of one name. Where the text has more
    people than the document, it is read once more with all fields.
    """
    read = sum(len(people) for people in document.values() if isinstance(people, list))
    if data.count(b'"keypoints"') <= read:
        return document.items()
    pairs = json.loads(data, object_pairs_hook=_Fields)
    images = [(image, _plain(people)) for image, people in pairs]
    counts = Counter(image for image, _ in images)
    twice = [image for image, count in counts.items() if count > 1]
    if twice:
        problems.note(
            f"image {twice[0]!r} comes {counts[twice[0]]} times"
            + (f", and {len(twice) - 1} others again" if len(twice) > 1 else "")
            + "; the people of all are kept"
        )
    return images


class _Fields(list[tuple[str, Any]]):
    """The fields of a JSON object in order, names that come again included."""


def _plain(value: Any) -> Any:
    """Objects as dictionaries, at every depth."""
    if isinstance(value, _Fields):
        return {name: _plain(item) for name, item in value}
    return [_plain(item) for item in value] if isinstance(value, list) else value


_MEANT: dict[type, str] = {dict: " (format forvis?)", list: " (format alphapose?)"}


def _unwrapped(data: bytes, path: Path, expected: str) -> list[Any]:
    """The list of people in an object with other fields, such as `results`.

    Raises:
        FormatError: If no field is a list of people that name their image, or several
            are.
    """
    document = _document(data, path, dict[str, msgspec.Raw], "an object")
    lists = {}
    for key, value in document.items():
        entries = value
        if isinstance(value, msgspec.Raw):
            if bytes(value)[:1] != b"[":
                continue
            entries = parse(bytes(value), list[msgspec.Raw], path)
        if not isinstance(entries, list):
            continue
        first = entries[0] if entries else None
        if isinstance(first, msgspec.Raw):
            first = parse(bytes(first), dict, path)
        if _is_wrapped(key, first):
            lists[key] = entries
    empty = _NO_PEOPLE.fullmatch(data.decode("utf-8", "ignore")) is not None
    if not lists and empty and _kind(data[:HEAD_BYTES]) == "wrapped list":
        return []
    if len(lists) != 1:
        found = f"an object with {len(lists)} of them" if lists else "an object"
        raise FormatError(
            f"{path}: expected {expected}, found {found}"
            + ("; write them as files of their own" if lists else _MEANT[dict])
        )
    (entries,) = lists.values()
    return entries


def _document(data: bytes, path: Path, kind: Any, expected: str) -> Any:
    """The file's JSON, which has to be a `kind`, such as `list[msgspec.Raw]`."""
    document = parse(data, kind, path)
    if not isinstance(document, get_origin(kind)):
        raise FormatError(
            f"{path}: expected {expected}, found {kind_of(document)}"
            + _MEANT.get(type(document), "")
        )
    return document


def _release(items: list[Any]) -> Iterator[Any]:
    """The items in order, each freed once it has been used."""
    items.reverse()
    while items:
        yield items.pop()


FORMATS: Iterable[ListFormat | ForvisFormat] = (
    ListFormat("alphapose", "AlphaPose's list of people with box and idx"),
    ForvisFormat(),
    ListFormat("coco", "COCO keypoint results: a list without box and idx", coco=True),
)
