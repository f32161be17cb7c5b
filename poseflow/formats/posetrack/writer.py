"""PoseTrack17, 18 and 21 as formats of `poseflow.read` and `poseflow.write`."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from poseflow.errors import FormatError
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.input_file import HEAD_BYTES, read_text
from poseflow.formats.json.numbers import shortest, widths
from poseflow.formats.json.start import first_of, has_fields, start_of_json
from poseflow.formats.metadata import (
    Metadata,
    metadata,
    metadata_if_needed,
    time_if_needed,
)
from poseflow.formats.posetrack.annotations import EARS
from poseflow.formats.posetrack.conversion import image_folder, poses_from_annotations
from poseflow.formats.posetrack.reader import read_annotations
from poseflow.formats.posetrack.submission import find_sequence_files
from poseflow.frame_names import frame_name, frame_number
from poseflow.poses import NO_TRACK, Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.conversion import convert, joint_map
from poseflow.skeletons.posetrack import POSETRACK17, POSETRACK18
from poseflow.skeletons.skeleton import Skeleton

_LISTS = ("annolist", "images", "annotations", "categories")


def _other_joints(start: Any, path: Path) -> bool:
    """Whether it is a file with tracks in COCO's layout and joints of its own.

    JRDB-Pose has PoseTrack's fields, and other joints in its category.
    """
    categories = start.get("categories") if isinstance(start, dict) else None
    if categories is None and path.is_file():
        try:
            data = read_text(path)
        except FormatError:
            return False
        # They may follow everything else; decoding all of it would take as long again.
        at = data.rfind(b'"categories"')
        if at < 0:
            return False
        found = start_of_json(b"{" + data[at : at + HEAD_BYTES])
        categories = found.get("categories") if isinstance(found, dict) else None
    joints = first_of(categories)
    if not has_fields(joints, "keypoints") or not isinstance(joints["keypoints"], list):
        return False
    known = {*POSETRACK17.joints, *POSETRACK18.joints}
    return not known.issuperset(map(str, joints["keypoints"]))


class PoseTrackFormat:
    """One of PoseTrack's three kinds of files, a sequence each.

    Attributes:
        name: `posetrack17`, `posetrack18` or `posetrack21`.
        summary: One line for lists and help.
    """

    suffixes = (".json",)
    several_videos = True

    def __init__(self, name: str, summary: str, first_keys: re.Pattern[bytes]) -> None:
        self.name = name
        self.summary = summary
        self._first_keys = first_keys
        self.lacks: tuple[str, ...] = ("hidden joints", "gaps")
        if name == "posetrack17":
            self.lacks += ("boxes",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """By the keys that no other format has."""
        if self._first_keys.search(head) is None:
            return False
        start = start_of_json(head)
        # The keys may be those of a skeleton that a result of another kind carries.
        if start is not None and not any(has_fields(start, key) for key in _LISTS):
            return False
        return "annolist" in (start or {}) or not _other_joints(start, path)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`; any of the three years is read."""
        if path.is_dir():
            files = find_sequence_files(path)
            if len(files) > 1:
                raise FormatError(
                    f"{path}: holds {len(files)} sequences; name one file of them"
                )
            annotations = read_annotations(files[0], video=hints.video)
        else:
            annotations = read_annotations(path, video=hints.video)
        if annotations.problems:
            first = annotations.problems[0]
            more = len(annotations.problems) - 1
            warnings.warn(
                f"{first}" + (f"; {more} more like it" if more else ""), stacklevel=3
            )
        return poses_from_annotations(annotations, hints)

    def encoder(self, hints: Hints) -> Encoder:
        """See `poseflow.formats.base.Format.encoder`."""
        if self.name == "posetrack17":
            return Encoder17(hints)
        return Encoder18(hints, newer=self.name == "posetrack21")


class _Converter:
    """Converts people to PoseTrack's joints, with one warning a kind of loss.

    From the first identity on, people without one are left out: official programs
    refuse a frame with both, and trackers give none to duplicates and false positives.
    Interpolated people are left out: a submission holds what was detected.
    """

    def __init__(self, target: Skeleton) -> None:
        self._target = target
        self._warned: set[str] = set()
        self._tracked = False

    def __call__(self, poses: Poses) -> Poses:
        poses = poses[~poses.interpolated]
        known = poses.track_ids != NO_TRACK
        self._tracked |= bool(known.any())
        if self._tracked and not known.all():
            if "no identity" not in self._warned:
                self._warned.add("no identity")
                warnings.warn(
                    "people without an identity are left out, PoseTrack's programs "
                    "refuse them beside people with one",
                    stacklevel=2,
                )
            poses = poses[known]
        if poses.skeleton.name not in self._warned:
            self._warned.add(poses.skeleton.name)
            mapping = joint_map(poses.skeleton, self._target, estimate=True)
            missing = [joint for joint in mapping.missing if joint not in EARS]
            parts = [
                f"{title}: {', '.join(joints)}"
                for title, joints in (
                    ("estimated", mapping.estimated),
                    ("missing", missing),
                    ("left out", mapping.unused),
                )
                if joints
            ]
            if parts:
                warnings.warn(
                    f"{poses.skeleton.name} has other joints than PoseTrack; "
                    + "; ".join(parts),
                    stacklevel=2,
                )
        return convert(poses, self._target, estimate=True)


class _Names:
    """Names of images, including frames that a result leaves out.

    Results may leave out frames without people, but PoseTrack's files pair frames by
    position: gaps between numbered frames are filled again.
    """

    LONGEST_GAP = 10_000

    def __init__(self, folder: str) -> None:
        self._folder = image_folder(folder)
        self._next: int | None = None

    def until(self, frame: Frame) -> list[tuple[int, str]]:
        """Index and name of the frames left out before `frame`, then its own."""
        name = frame.name or frame_name(frame.index)
        images = []
        if self._next is not None and frame_number(name) == frame.index:
            start = max(self._next, frame.index - self.LONGEST_GAP)
            images = [(k, frame_name(k)) for k in range(start, frame.index)]
        self._next = frame.index + 1
        images.append((frame.index, name))
        return [(k, n if "/" in n else self._folder + n) for k, n in images]


def _numbers(poses: Poses) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Points, joint scores, boxes x, y, w, h and scores as plain lists."""
    edges = shortest(poses.boxes)
    sides = widths(edges[:, :2], edges[:, 2:], poses.boxes[:, 2:])
    return (
        shortest(poses.keypoints).tolist(),
        shortest(poses.keypoint_scores).tolist(),
        np.concatenate([edges[:, :2], sides], axis=1).tolist(),
        shortest(poses.scores).tolist(),
    )


def _metadata(hints: Hints, skeleton: Skeleton) -> Metadata | None:
    """The metadata of a result; None where nothing is known of its video."""
    if not hints.name and metadata_if_needed(skeleton, hints) is None:
        return None
    return metadata(skeleton, hints)


def _place(index: int, name: str, time: float | None, hints: Hints) -> dict[str, Any]:
    """The fields `frame` and `time` of an image, where a reader needs them.

    Args:
        index: Index of the frame.
        name: Its name.
        time: Its time in seconds; None for a frame that the result left out.
        hints: Tell the frame rate.
    """
    fields: dict[str, Any] = {}
    if frame_number(name) != index:
        fields["frame"] = index
    seconds = None if time is None else time_if_needed(index, time, hints.fps)
    if seconds is not None:
        fields["time"] = seconds
    return fields


class Encoder17:
    """An `annolist`, one entry for each frame.

    The predicted rectangle is the head's where the annotation has it: there the
    person's box is written, which scorers do not read.
    """

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._names = _Names(hints.name or "")
        self._convert = _Converter(POSETRACK17)
        self._json = msgspec.json.Encoder()
        self._separator = b"\n"

    def start(self) -> bytes:
        """Bytes before the first frame."""
        own = _metadata(self._hints, POSETRACK17)
        head = b"" if own is None else b'"poseflow": ' + self._json.encode(own) + b",\n"
        return b"{" + head + b'"annolist": ['

    def frame(self, frame: Frame) -> bytes:
        """One frame, also without people: frames pair by position."""
        poses = self._convert(frame.poses)
        points, marks, boxes, scores = _numbers(poses)
        people = []
        for k, (x, y, w, h) in enumerate(boxes):
            rect: dict[str, Any] = {
                "x1": [x],
                "y1": [y],
                "x2": [x + w],
                "y2": [y + h],
                "score": [scores[k]],
                "annopoints": [
                    {
                        "point": [
                            {"id": [j], "x": [p[0]], "y": [p[1]], "score": [mark]}
                            for j, (p, mark) in enumerate(
                                zip(points[k], marks[k], strict=True)
                            )
                            if mark > 0
                        ]
                    }
                ],
            }
            if poses.track_ids[k] != NO_TRACK:
                rect["track_id"] = [int(poses.track_ids[k])]
            people.append(rect)
        *gap, (index, name) = self._names.until(frame)
        pieces = [self._entry(k, empty, [], None) for k, empty in gap]
        pieces.append(self._entry(index, name, people, frame.time))
        return b"".join(pieces)

    def _entry(
        self, index: int, name: str, people: list[dict[str, Any]], time: float | None
    ) -> bytes:
        entry = {
            "image": [{"name": name}],
            "imgnum": [index + 1],
            **_place(index, name, time, self._hints),
            "annorect": people,
        }
        separator, self._separator = self._separator, b",\n"
        return separator + self._json.encode(entry)

    def end(self) -> bytes:
        """Bytes that close the file."""
        return b"\n]}\n"


def first_image_id(sequence: str) -> int:
    """Id of a sequence's frame 0 as PoseTrack numbers images.

    A 1, the video's number in six digits, the frame's in four; just the frame's where
    the name does not start with a number.
    """
    digits = re.match(r"\d{1,9}", sequence)
    return 10**10 + int(digits[0]) * 10**4 if digits else 0


class Encoder18:
    """Images, annotations and categories, with 17 slots for each person.

    Annotations come first in the file, so that only the images' names have to be kept.

    Args:
        hints: Names the sequence.
        newer: Whether PoseTrack21's extra fields are written.
    """

    def __init__(self, hints: Hints, newer: bool) -> None:
        self._hints = hints
        self._names = _Names(hints.name or "")
        self._base = first_image_id(hints.name or "")
        self._newer = newer
        self._convert = _Converter(POSETRACK18)
        self._json = msgspec.json.Encoder()
        self._images: list[bytes] = []
        self._separator = b"\n"

    def start(self) -> bytes:
        """Bytes before the first frame."""
        category = {
            "id": 1,
            "name": "person",
            "supercategory": "person",
            "keypoints": POSETRACK18.joints,
        }
        head = self._json.encode([category])
        own = _metadata(self._hints, POSETRACK18)
        if own is not None:
            head += b',\n"poseflow": ' + self._json.encode(own)
        return b'{"categories": ' + head + b',\n"annotations": ['

    def frame(self, frame: Frame) -> bytes:
        """The people of a frame."""
        poses = self._convert(frame.poses)
        number = self._base + frame.index
        for index, name in self._names.until(frame):
            image = self._base + index
            time = frame.time if index == frame.index else None
            entry = {"id": image, "frame_id": image, "file_name": name}
            entry |= _place(index, name, time, self._hints)
            self._images.append(self._json.encode(entry))
        points, marks, boxes, scores = _numbers(poses)
        entries = []
        for k, box in enumerate(boxes):
            triples = []
            for (x, y), mark in zip(points[k], marks[k], strict=True):
                triples += [x, y, 1.0] if mark > 0 else [0.0, 0.0, 0.0]
            person: dict[str, Any] = {
                "id": number * 100 + k,
                "image_id": number,
                "category_id": 1,
                "keypoints": triples,
                "scores": marks[k],
                "score": scores[k],
                "bbox": box,
            }
            if poses.track_ids[k] != NO_TRACK:
                person["track_id"] = int(poses.track_ids[k])
                if self._newer:
                    person["person_id"] = person["track_id"]
            entries.append(self._json.encode(person))
        if not entries:
            return b""
        separator, self._separator = self._separator, b",\n"
        return separator + b",\n".join(entries)

    def end(self) -> bytes:
        """The images, which close the file."""
        return b'\n],\n"images": [\n' + b",\n".join(self._images) + b"\n]}\n"


FORMATS = (
    PoseTrackFormat(
        "posetrack17",
        "PoseTrack17's annolist, 15 joints",
        re.compile(rb'"annolist"\s*:'),
    ),
    PoseTrackFormat(
        "posetrack21",
        "PoseTrack21: as PoseTrack18, with person ids",
        re.compile(rb'"(has_labeled_person|person_id)"\s*:'),
    ),
    PoseTrackFormat(
        "posetrack18",
        "PoseTrack18's images, annotations and categories, 17 slots",
        re.compile(
            # COCO's annotations have the same lists; these fields they lack.
            rb'"(track_id|frame_id|vid_id|is_labeled|bbox_head|head_bottom)"'
        ),
    ),
)
