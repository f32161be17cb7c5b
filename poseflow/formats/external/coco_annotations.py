"""COCO's annotation file of keypoints: images, annotations and categories.

Sources: cocodataset.org, "Data format"; COCO-WholeBody's README for feet, face and
hands in fields of their own; JRDB-Pose, MMTracking's CocoVID and CVAT's "COCO
Keypoints 1.0" for tracks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Hints
from poseflow.formats.external.person_fields import Optional, identity, joint_numbers
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.input_file import read_text
from poseflow.formats.json.numbers import shortest, widths
from poseflow.formats.json.reader import kind_of, parse
from poseflow.formats.json.start import first_of, has_fields, start_of_json
from poseflow.formats.metadata import metadata, with_metadata
from poseflow.formats.posetrack.videos import frames_of_video
from poseflow.formats.skeleton_fields import skeleton_of
from poseflow.frame_names import frame_name
from poseflow.poses import NO_TRACK
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import get
from poseflow.skeletons.skeleton import Skeleton

_PARTS = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")
_VIDEO_FIELDS = ("video_id", "vid_id")
_TRACK_FIELDS = ("track_id", "instance_id", "person_id")


class CocoAnnotationsFormat:
    """Annotations of people with keypoints as in COCO's datasets."""

    name = "coco-annotations"
    suffixes = (".json",)
    several_videos = True
    lacks = ("times", "hidden joints")
    summary = "COCO annotations: images, annotations and categories with keypoints"

    def sniff(self, path: Path, head: bytes) -> bool:
        """By its three lists, in any order, with keypoints in one of them."""
        start = start_of_json(head)
        if not isinstance(start, dict) or "annolist" in start:
            return False
        images = first_of(start.get("images"))
        annotation = first_of(start.get("annotations"))
        category = first_of(start.get("categories"))
        keypoints = has_fields(annotation, "image_id", "keypoints")
        keypoints |= has_fields(category, "keypoints")
        return keypoints or (
            has_fields(images, "id", "file_name") and "annotations" in start
        )

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`.

        Raises:
            FormatError: Also if the images are those of several videos.
        """
        document = parse(read_text(path), Any, path)
        lists = {}
        for name in ("images", "annotations", "categories"):
            found = document.get(name) if isinstance(document, dict) else document
            if name == "categories" and found is None:
                found = []
            if not isinstance(found, list):
                raise FormatError(
                    f"{path}: expected an object with lists images and annotations, "
                    f"found {kind_of(found)} as {name}"
                )
            lists[name] = [entry for entry in found if isinstance(entry, dict)]
        builder = FrameBuilder(path, hints)
        if has_fields(document, "poseflow"):
            try:
                builder.hints = with_metadata(builder.hints, document["poseflow"])
            except ValueError as error:
                builder.problems.ignore("poseflow", str(error))
        _take_skeleton(builder, lists["categories"])
        people = lists["annotations"]
        tracked = any(_track(person) is not None for person in people)
        name_of, others = _images(builder, lists["images"], path, tracked)
        _add_people(builder, people, name_of, others)
        _note_categories(builder, people, lists["categories"])
        return builder.finish()

    def encoder(self, hints: Hints) -> CocoAnnotationsEncoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return CocoAnnotationsEncoder(hints)


def _take_skeleton(builder: FrameBuilder, categories: list[dict[str, Any]]) -> None:
    """The skeleton of the category with keypoints, if there is one."""
    if builder.hints.skeleton is not None:
        return
    skeletons: list[Skeleton] = []
    for category in categories:
        joints = category.get("keypoints")
        if not isinstance(joints, list) or not joints:
            continue
        names = [str(j).strip().lower().replace(" ", "_") for j in joints]
        limbs = category.get("skeleton")
        try:
            pairs = [(int(a) - 1, int(b) - 1) for a, b in limbs or []]
        except (TypeError, ValueError, OverflowError):
            pairs = []
        try:
            own = skeleton_of(names, pairs, name=str(category.get("name") or ""))
        except PoseFlowError as error:
            builder.problems.ignore("categories", str(error))
            continue
        skeletons.append(own)
    if len({skeleton.joints for skeleton in skeletons}) == 1:
        builder.hints = replace(builder.hints, skeleton=skeletons[0])


def _note_categories(
    builder: FrameBuilder,
    people: list[dict[str, Any]],
    categories: list[dict[str, Any]],
) -> None:
    """Note annotations of several categories, which are not told apart."""
    names = {str(c.get("id")): str(c.get("name") or c.get("id")) for c in categories}
    found = {str(p.get("category_id")): None for p in people if p.get("keypoints")}
    builder.problems.note_classes([names.get(key, key) for key in found])


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    """Width and height of an entry of `images`; None unless both are usable."""
    sides = image.get("width"), image.get("height")
    if all(isinstance(side, int | float) and 0 < side < 1e9 for side in sides):
        width, height = sides
        return int(width), int(height)  # type: ignore[arg-type]
    return None


def _images(
    builder: FrameBuilder, images: list[dict[str, Any]], path: Path, tracked: bool
) -> tuple[dict[Any, str], set[Any]]:
    """Name of the image of every id; all images of the video become frames.

    Images of several folders are several videos if there are tracks, otherwise a set of
    images.

    Returns:
        The names by id, and the ids of the images of other videos.

    Raises:
        FormatError: If an id or a name comes twice, or there are several videos and
            none is chosen.
    """
    name_of: dict[Any, str] = {}
    id_of: dict[str, Any] = {}
    videos = []
    for place, image in enumerate(images):
        try:
            number = _key(image.get("id"))
        except ValueError as error:
            builder.problems.add(f"image {place}", f"id: {error}")
            continue
        name = image.get("file_name") or image.get("coco_url")
        if not isinstance(name, str):
            name = frame_name(number) if isinstance(number, int) else str(number)
        if number in name_of or id_of.setdefault(name, number) != number:
            raise FormatError(
                f"{path}: image {name!r} with id {number} comes twice; expected "
                "different ids and names"
            )
        name_of[number] = name
        videos.append(next((image[f] for f in _VIDEO_FIELDS if f in image), None))
    wanted = builder.hints.video
    names = list(name_of.values()) if tracked or wanted is not None else []
    kept = frames_of_video(videos, names, str(path), wanted)
    others: set[Any] = set()
    if kept is not None:
        others = {key for key, own in zip(name_of, kept, strict=True) if not own}
        name_of = {key: name for key, name in name_of.items() if key not in others}
    for name in name_of.values():
        builder.image(name)
    sizes = {_size(image) for image in images}
    if builder.hints.size is None and len(sizes) == 1:
        builder.hints = replace(builder.hints, size=sizes.pop())
    return name_of, others


def _key(value: Any) -> int | str:
    """An id of an image: a whole number, also as 7.0, or text."""
    if isinstance(value, str) and not value.isdigit():
        return value
    if value is None:
        raise ValueError("missing")
    return identity(value) if not isinstance(value, str) else int(value)


def _add_people(
    builder: FrameBuilder,
    people: list[dict[str, Any]],
    name_of: dict[Any, str],
    others: set[Any],
) -> None:
    """Add the people of the images, but for those of other videos."""
    crowds = without = 0
    skeleton = builder.hints.skeleton
    flags = _flags_only(people)
    for place, person in enumerate(people):
        where = f"annotation {place}"
        try:
            key = _key(person.get("image_id"))
            if key in others:
                continue
            image = name_of.get(key)
            if image is None:
                raise ValueError(
                    f"image_id: {str(person.get('image_id'))[:40]} is not among the "
                    "images"
                )
            where += f" (image {image!r})"
            if person.get("iscrowd") in (1, True):
                crowds += 1
                continue
            if not person.get("keypoints"):
                if skeleton is None or person.get("bbox") is None:
                    without += 1
                    continue
                numbers: list[float | None] = [0.0] * (3 * len(skeleton))
            else:
                numbers = _joints(person, skeleton)
        except ValueError as error:
            builder.problems.add(where, str(error))
            continue
        optional = Optional(builder, where)
        scores = person.get("scores")
        if isinstance(scores, list) and 3 * len(scores) == len(numbers):
            numbers[2::3] = [optional.number("scores", score) for score in scores]
        elif flags:
            numbers[2::3] = [min(v, 1.0) if v is not None else v for v in numbers[2::3]]
        builder.add(
            place,
            image,
            numbers,
            optional.number("score", person.get("score")),
            optional.box("bbox", person.get("bbox")),
            optional.identity("track_id", _track(person)),
        )
    if crowds:
        builder.problems.note(f"left out {crowds} crowds (iscrowd), which are regions")
    if without:
        builder.problems.note(f"left out {without} annotations without keypoints")


def _track(person: dict[str, Any]) -> Any:
    """The identity of an annotation; CVAT has it among `attributes`."""
    places = (person, person.get("attributes"))
    found = (
        p[f] for p in places if isinstance(p, dict) for f in _TRACK_FIELDS if f in p
    )
    return next(found, None)


def _joints(person: dict[str, Any], skeleton: Skeleton | None) -> list[float | None]:
    """The joints of a person, with feet, face and hands where the skeleton has them."""
    numbers = joint_numbers("keypoints", person["keypoints"])
    parts = [person.get(part) for part in _PARTS[1:]]
    if all(isinstance(part, list) and part for part in parts) and (
        skeleton is None or 3 * len(skeleton) != len(numbers)
    ):
        for name, part in zip(_PARTS[1:], parts, strict=True):
            numbers += joint_numbers(name, part)
    return numbers


def _flags_only(people: Sequence[dict[str, Any]]) -> bool:
    """Whether the third numbers of all joints are COCO's 0, 1 and 2, not scores."""
    return all(
        set(person["keypoints"][2::3]) <= {0, 1, 2}
        for person in people
        if isinstance(person.get("keypoints"), list)
        and not any(isinstance(v, list | dict) for v in person["keypoints"])
    )


class CocoAnnotationsEncoder:
    """Annotations as they come, then images and categories.

    An image's id is the index of the frame, which the format `coco` also writes. Scores
    go into the fields `score` and `scores`, which COCO's tools ignore.

    Args:
        hints: Size, frame rate, and the skeleton of a result without frames.
    """

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._skeleton = hints.skeleton
        self._json = msgspec.json.Encoder()
        self._images: list[bytes] = []
        self._separator = b"\n"
        self._count = 0

    def start(self) -> bytes:
        """Bytes before the first frame."""
        return b'{"annotations": ['

    def frame(self, frame: Frame) -> bytes:
        """The people of a frame."""
        poses = frame.poses
        self._skeleton = poses.skeleton
        image: dict[str, Any] = {"id": frame.index}
        image["file_name"] = frame.name or frame_name(frame.index)
        if self._hints.size is not None:
            image["width"], image["height"] = self._hints.size
        self._images.append(self._json.encode(image))
        low, high = (shortest(poses.boxes[:, k]) for k in (slice(0, 2), slice(2, 4)))
        sides = widths(low, high, poses.boxes[:, 2:])
        flags = np.where(poses.present, 2.0, 0.0)[..., None]
        points = np.where(flags > 0, shortest(poses.keypoints), 0)
        width = 3 * len(poses.skeleton)
        rows = zip(
            np.concatenate([points, flags], axis=2).reshape(-1, width).tolist(),
            shortest(poses.keypoint_scores).tolist(),
            shortest(poses.scores).tolist(),
            np.hstack([low, sides]).tolist(),
            poses.track_ids.tolist(),
            strict=True,
        )
        lines = []
        for keypoints, scores, score, box, track in rows:
            self._count += 1
            entry: dict[str, Any] = {
                "id": self._count,
                "image_id": frame.index,
                "category_id": 1,
                "keypoints": keypoints,
                "num_keypoints": sum(value > 0 for value in keypoints[2::3]),
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
                "score": score,
                "scores": scores,
            }
            if track != NO_TRACK:
                entry["track_id"] = track
                entry["attributes"] = {"track_id": track}  # where CVAT looks for it
            lines.append(self._json.encode(entry))
        if not lines:
            return b""
        separator, self._separator = self._separator, b",\n"
        return separator + b",\n".join(lines)

    def end(self) -> bytes:
        """The images and the category, which close the file."""
        skeleton = self._skeleton or get("coco17")
        category = {
            "id": 1,
            "name": "person",
            "supercategory": "person",
            "keypoints": skeleton.joints,
            "skeleton": (skeleton.limb_indices + 1).tolist(),
        }
        return (
            b'\n],\n"images": [\n'
            + b",\n".join(self._images)
            + b'\n],\n"categories": '
            + self._json.encode([category])
            + b',\n"poseflow": '
            + self._json.encode(metadata(skeleton, self._hints))
            + b"}\n"
        )
