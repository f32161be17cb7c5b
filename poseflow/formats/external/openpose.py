"""OpenPose's JSON: a folder with one file per frame, one of these files, or a list.

Sources: OpenPose documentation, "Output", JSON formats 0.1 to 1.3; AlphaPose
documentation, "Output format", for what it writes with `--format cmu` and `open`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from poseflow.errors import FormatError
from poseflow.formats.alphapose import track_id
from poseflow.formats.base import Hints
from poseflow.formats.external.frame_files import (
    has_files,
    list_files,
    read_frame_files,
)
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.input_file import HEAD_BYTES, read_text
from poseflow.formats.json.numbers import shortest
from poseflow.formats.json.reader import decode_entry, kind_of, parse
from poseflow.formats.json.start import first_of, start_of_json
from poseflow.formats.metadata import metadata, with_metadata
from poseflow.frame_names import (
    frame_name,
    frame_number,
    name_tails,
    numbered_name,
    text_of,
    without_suffix,
)
from poseflow.poses import NO_TRACK
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.openpose import BODY25, OPENPOSE15, OPENPOSE18

_SUFFIX = "_keypoints.json"
_COCO_IMAGE = re.compile(r"COCO_(train|val|test)\d{4}")
_PEOPLE = ("people", "bodies")
_POSES = ("pose_keypoints_2d", "pose_keypoints", "joints")
_FRAME_NAMES = ("image_id", "image", "file_name", "filename", "frame_id", "frame")
_SKELETONS = {len(s): s for s in (BODY25, OPENPOSE18, OPENPOSE15)}


class _Person(msgspec.Struct, gc=False):
    """A person; face, hands and 3D are ignored. Version 0.1 has other names."""

    pose_keypoints_2d: list[float | None] | None = None
    pose_keypoints: list[float | None] | None = None
    joints: list[float | None] | None = None
    person_id: Any = None


_DECODER = msgspec.json.Decoder(_Person)


class OpenPoseFormat:
    """The JSON files that OpenPose writes, and AlphaPose's `cmu` and `open`."""

    name = "openpose"
    suffixes = ()
    folder = _SUFFIX
    lacks = ("boxes", "scores", "people without joints", "times")
    summary = (
        "OpenPose's folder of *_keypoints.json, one of its files or a list of them; "
        "AlphaPose's cmu and open"
    )

    def sniff(self, path: Path, head: bytes) -> bool:
        """A folder with such files, or an object with a list of people."""
        if path.is_dir():
            return holds_openpose(path)
        start = start_of_json(head)
        if isinstance(start, dict) and not _is_frame(start):
            start = next(iter(start.values()), None)
        elif isinstance(start, list):
            start = first_of(start)
        return _is_frame(start)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`.

        A file of the folder that cannot be read is a frame left out, with a warning.
        """
        builder = FrameBuilder(path, hints, _SKELETONS)
        if path.is_dir():
            files = list_files(path, _SUFFIX) or _frame_documents(path)
            if not files:
                raise FormatError(
                    f"{path}: expected files *{_SUFFIX} in this folder, found none"
                )

            named: dict[str, Path] = {}

            def read_file(file: Path, image: str) -> None:
                document = parse(read_text(file), dict[str, msgspec.Raw], file)
                image = _own_name(document) or image
                if named.setdefault(image, file) != file:
                    raise FormatError(
                        f"{file}: is frame {image!r}, as {named[image].name} is"
                    )
                _add_frame(builder, document, image, file)

            read_frame_files(builder, files, _images, read_file)
            builder.problems.note_videos(_videos(files))
            return builder.finish()
        data = read_text(path)
        if data.lstrip()[:1] == b"[":
            frames = parse(data, list[dict[str, msgspec.Raw]], path)
            for place, frame in enumerate(frames):
                image = _frame_name(frame, place, path)
                _add_frame(builder, frame, image, path)
            return builder.finish()
        document = parse(data, dict[str, msgspec.Raw], path)
        if isinstance(document, dict) and not any(key in document for key in _PEOPLE):
            for image, frame in document.items():
                _add_frame(builder, _plain(frame, path), image, path)
        else:
            _add_frame(builder, document, _images([path.name])[0], path)
        return builder.finish()

    def encoder(self, hints: Hints) -> OpenPoseEncoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return OpenPoseEncoder(hints)


def holds_openpose(folder: Path) -> bool:
    """Whether a folder has OpenPose's files, or AlphaPose's in the same layout."""
    return has_files(folder, _SUFFIX) or bool(_frame_documents(folder))


def _frame_documents(folder: Path) -> list[Path]:
    """The JSON files of a folder, if the first of them holds the people of a frame."""
    files = list_files(folder, ".json")
    try:
        known = bool(files) and _is_frame(
            start_of_json(read_text(files[0], HEAD_BYTES))
        )
    except FormatError:
        known = False
    return files if known else []


def _is_frame(start: Any) -> bool:
    """Whether an object is a frame: a list of people, empty or with their joints."""
    if not isinstance(start, dict):
        return False
    for key in _PEOPLE:
        people = start.get(key)
        if isinstance(people, list):
            person = first_of(people)
            return person is None or (
                isinstance(person, dict) and any(name in person for name in _POSES)
            )
    return False


def _plain(value: Any, path: Path) -> Any:
    """An object whose fields are still text, from text or plain objects."""
    if isinstance(value, msgspec.Raw):
        return parse(bytes(value), dict[str, msgspec.Raw], path)
    return value


def _value(raw: Any) -> Any:
    return msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw) else raw


def _own_name(document: Any) -> str:
    """The name of a frame in its document, as poseflow writes it, or nothing."""
    name = document.get("image_id") if isinstance(document, dict) else None
    name = _value(name)
    return name if isinstance(name, str) else ""


def _frame_name(frame: Any, place: int, path: Path) -> str:
    """Name of a frame in a list: what it says itself, else its place."""
    for key in _FRAME_NAMES if isinstance(frame, dict) else ():
        name = _value(frame.get(key))
        if isinstance(name, str) and name:
            return name
        if isinstance(name, int | float) and not isinstance(name, bool):
            return frame_name(track_id(name)) if name >= 0 else str(name)
    return frame_name(place)


def _add_frame(builder: FrameBuilder, document: Any, image: str, path: Path) -> None:
    """Add the people of a frame.

    Raises:
        FormatError: If it is no object with a list of people.
    """
    found = document
    people = None
    if isinstance(document, dict):
        key = next((key for key in _PEOPLE if key in document), None)
        people = document.get(key) if key else None
        found = document if people is None else people
    if isinstance(people, msgspec.Raw):
        people = found = parse(bytes(people), list[msgspec.Raw], path)
    if not isinstance(people, list):
        raise FormatError(
            f"{path}: expected an object with a list of people, found {kind_of(found)}"
        )
    builder.image(image)
    _take_canvas(builder, document)
    for place, raw in enumerate(people):
        where = f"entry {place} (image {image!r})"
        try:
            person = decode_entry(raw, _DECODER, _Person)
            numbers = person.pose_keypoints_2d or person.pose_keypoints or person.joints
            if not numbers or len(numbers) % 3:
                raise ValueError(
                    "pose_keypoints_2d: expected x, y, score for every joint, "
                    f"found {len(numbers or ())} numbers"
                )
            identity = NO_TRACK
            try:
                identity = track_id(person.person_id)
            except ValueError as error:
                reason = str(error).replace("idx", "person_id", 1)
                builder.problems.ignore(where, reason)
            builder.add(place, image, numbers, None, None, identity)
        except ValueError as error:
            builder.problems.add(where, str(error))


def _take_canvas(builder: FrameBuilder, document: dict[str, Any]) -> None:
    """Take the size that pose editors write, and what poseflow itself has written."""
    if builder.hints.size is None:
        sides = [_value(document.get(f"canvas_{side}")) for side in ("width", "height")]
        if all(isinstance(side, int | float) and side > 1 for side in sides):
            size = (int(sides[0]), int(sides[1]))
            builder.hints = replace(builder.hints, size=size)
    if "poseflow" in document:
        try:
            own = _value(document["poseflow"])
            builder.hints = with_metadata(builder.hints, own)
        except ValueError as error:
            builder.problems.ignore("poseflow", str(error))


def _images(names: Sequence[str]) -> list[str]:
    """The frames that files belong to: a video's by number, images' by their names."""
    found_stems = [without_suffix(name, ".json", "_keypoints") for name in names]
    numbered = [numbered_name(stem) for stem in found_stems]
    numbers: dict[str, list[int]] = {}
    for prefix, number in filter(None, numbered):
        numbers.setdefault(prefix, []).append(number)
    videos = {prefix for prefix, found in numbers.items() if _is_video(prefix, found)}
    return [
        text_of(
            frame_name(found[1]) if found is not None and found[0] in videos else stem
        )
        for stem, found in zip(found_stems, numbered, strict=True)
    ]


def _videos(files: Sequence[Path]) -> list[str]:
    """Names of the videos whose frames, by number, are among the files."""
    numbered = (numbered_name(without_suffix(f.name, _SUFFIX)) for f in files)
    prefixes = dict.fromkeys(found[0] for found in numbered if found is not None)
    return [prefix for prefix in prefixes if not _COCO_IMAGE.fullmatch(prefix)]


def _is_video(prefix: str, numbers: list[int]) -> bool:
    """Whether the numbers of files are those of a video's frames.

    `street_000000000041_keypoints.json` is frame 41 of a video. OpenPose writes every
    frame, or one of every few; images such as COCO's have numbers here and there.
    """
    if _COCO_IMAGE.fullmatch(prefix):
        return False
    numbers = sorted(numbers)
    dense = numbers[-1] - numbers[0] < 2 * len(numbers)
    return dense or len({b - a for a, b in pairwise(numbers)}) == 1


class OpenPoseEncoder:
    """A folder's files, one for each frame, as OpenPose 1.7 writes them.

    Args:
        hints: The name goes into those of the files.
    """

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._prefix = (hints.name or "frame").replace("/", "_")
        self._json = msgspec.json.Encoder()
        self._taken: dict[str, str] = {}

    def files(self, frame: Frame) -> Iterator[tuple[str, bytes]]:
        """Name and content of a frame's file.

        Raises:
            FormatError: If another frame has the same name up to folder and suffix.
        """
        name = frame.name or frame_name(frame.index)
        if frame_number(name) is None:
            stem = name_tails(name)[-1]
        else:
            stem = f"{self._prefix}_{frame.index:012d}"
        if self._taken.setdefault(stem, name) != name:
            raise FormatError(
                f"frames {self._taken[stem]!r} and {name!r} would both be written to "
                f"{stem}{_SUFFIX}; expected names that differ without folders"
            )
        poses = frame.poses
        table = np.concatenate([poses.keypoints, poses.keypoint_scores[..., None]], 2)
        rows = shortest(table.reshape(len(poses), 3 * len(poses.skeleton))).tolist()
        people = [
            {"person_id": [identity], "pose_keypoints_2d": row} | _NOTHING_ELSE
            for row, identity in zip(rows, poses.track_ids.tolist(), strict=True)
        ]
        # The file's name does not tell folder, suffix, nor whether it is of a video.
        content: dict[str, Any] = {"version": 1.3, "image_id": name, "people": people}
        if _SKELETONS.get(len(poses.skeleton)) != poses.skeleton:
            content["poseflow"] = metadata(poses.skeleton, self._hints)
        yield stem + _SUFFIX, self._json.encode(content)


_NOTHING_ELSE: dict[str, list[float]] = {
    f"{part}_{kind}": []
    for kind in ("2d", "3d")
    for part in (
        "face_keypoints",
        "hand_left_keypoints",
        "hand_right_keypoints",
        *(("pose_keypoints",) if kind == "3d" else ()),
    )
}
