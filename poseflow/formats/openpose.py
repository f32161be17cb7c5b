"""OpenPose's `--write_json`: a folder with one file per frame, or one of these files.

Source: OpenPose documentation, "Output", JSON format 1.3. Read only.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from poseflow.errors import FormatError
from poseflow.formats.alphapose import track_id
from poseflow.formats.atomic import explain
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.frame_names import (
    frame_name,
    natural_key,
    numbered_name,
    text_of,
    without_suffix,
)
from poseflow.formats.json_reader import decode_entry, kind_of, parse, read_bytes
from poseflow.poses import NO_TRACK
from poseflow.sequence import PoseSequence

_SUFFIX = "_keypoints.json"
_COCO_IMAGE = re.compile(r"COCO_(train|val|test)\d{4}")
_PEOPLE = re.compile(rb'[{,]\s*"people"\s*:\s*\[\s*(\]|\{)')


class _Person(msgspec.Struct, gc=False):
    """A person; face, hands and 3D are ignored."""

    pose_keypoints_2d: list[float | None]
    person_id: Any = None


_DECODER = msgspec.json.Decoder(_Person)


class OpenPoseFormat:
    """The JSON files that OpenPose writes."""

    name = "openpose"
    summary = "OpenPose's folder of *_keypoints.json, or one of its files (read only)"

    def sniff(self, path: Path, head: bytes) -> bool:
        """A folder with such files, or an object with a list of people."""
        if path.is_dir():
            return holds_openpose(path)
        people = _PEOPLE.search(head) if head.lstrip()[:1] == b"{" else None
        return people is not None and (
            people[1] == b"]" or b'"pose_keypoints_2d"' in head
        )

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`.

        A file of the folder that cannot be read is a frame left out, with a warning.
        """
        builder = FrameBuilder(path, hints)
        if not path.is_dir():
            self._file(builder, path, _images([path.name])[0])
            return builder.finish()
        try:
            names = [file.name for file in path.iterdir()]
        except OSError as error:
            raise explain(error, path, "read") from error
        found = [name for name in names if name.lower().endswith(_SUFFIX)]
        if not found:
            raise FormatError(
                f"{path}: expected files *{_SUFFIX} in this folder, found none"
            )
        file_of: dict[str, str] = {}
        found.sort(key=natural_key)
        for name, image in zip(found, _images(found), strict=True):
            if file_of.setdefault(image, name) != name:
                raise FormatError(
                    f"{path}: {file_of[image]} and {name} are both frame {image!r}; "
                    "expected the files of one video, move those of the others into "
                    "folders of their own"
                )
            try:
                self._file(builder, path / name, image)
            except FormatError as error:
                builder.problems.add(f"file {name}", str(error))
        return builder.finish()

    def _file(self, builder: FrameBuilder, path: Path, image: str) -> None:
        document = parse(read_bytes(path), dict[str, msgspec.Raw], path)
        people = document.get("people") if isinstance(document, dict) else None
        if isinstance(people, msgspec.Raw):
            people = parse(bytes(people), list[msgspec.Raw], path)
        if not isinstance(people, list):
            raise FormatError(
                f"{path}: expected an object with a list of people, found "
                f"{kind_of(document if people is None else people)}"
            )
        builder.image(image)
        for place, raw in enumerate(people):
            try:
                person = decode_entry(raw, _DECODER, _Person)
                numbers = person.pose_keypoints_2d
                if not numbers or len(numbers) % 3:
                    raise ValueError(
                        "pose_keypoints_2d: expected x, y, score for every joint, "
                        f"found {len(numbers)} numbers"
                    )
                identity = NO_TRACK
                try:
                    identity = track_id(person.person_id)
                except ValueError as error:
                    reason = str(error).replace("idx", "person_id", 1)
                    builder.problems.ignore(f"entry {place} (image {image!r})", reason)
                builder.add(place, image, numbers, None, None, identity)
            except ValueError as error:
                builder.problems.add(f"entry {place} (image {image!r})", str(error))

    def encoder(self, hints: Hints) -> Encoder:
        """OpenPose's files are only read.

        Raises:
            FormatError: Always.
        """
        raise FormatError("format openpose can only be read; write alphapose or forvis")


def holds_openpose(folder: Path) -> bool:
    """Whether a folder has OpenPose's files."""
    return any(file.name.lower().endswith(_SUFFIX) for file in folder.iterdir())


def _images(names: list[str]) -> list[str]:
    """The frames that files belong to: a video's by number, images' by their names."""
    stems = [without_suffix(name, ".json", "_keypoints") for name in names]
    numbered = [numbered_name(stem) for stem in stems]
    numbers: dict[str, list[int]] = {}
    for prefix, number in filter(None, numbered):
        numbers.setdefault(prefix, []).append(number)
    videos = {prefix for prefix, found in numbers.items() if _is_video(prefix, found)}
    return [
        text_of(
            frame_name(found[1]) if found is not None and found[0] in videos else stem
        )
        for stem, found in zip(stems, numbered, strict=True)
    ]


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
