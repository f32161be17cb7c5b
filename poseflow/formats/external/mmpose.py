"""MMPose's predictions: a video's or image's JSON, or a folder of images' files.

Source: MMPose 1.3 documentation, "Inference with existing models" (`pred_out_dir`),
and what its demos write with `--save-predictions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Hints
from poseflow.formats.external.frame_files import (
    json_of_images,
    read_frame_files,
    stems,
)
from poseflow.formats.external.person_fields import Optional, identity, joint_numbers
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.input_file import read_text
from poseflow.formats.json.numbers import shortest
from poseflow.formats.json.reader import kind_of, parse
from poseflow.formats.json.start import first_of, has_fields, start_of_json
from poseflow.formats.metadata import metadata, with_metadata
from poseflow.formats.skeleton_fields import skeleton_of
from poseflow.frame_names import frame_name, frame_number, text_of
from poseflow.poses import NO_TRACK
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import get
from poseflow.skeletons.skeleton import Skeleton


class MMPoseFormat:
    """Predictions as MMPose's inferencer and demos save them."""

    name = "mmpose"
    suffixes = (".json",)
    lacks = ("frame names", "times")
    summary = "MMPose 1.x predictions (instance_info, or a list of instances)"

    def sniff(self, path: Path, head: bytes) -> bool:
        """By `instance_info`, `instances` or `keypoint_scores`."""
        if path.is_dir():
            return bool(json_of_images(path, _is_instance))
        start = start_of_json(head)
        if has_fields(start, "instance_info") or _is_batch(start):
            return True
        return _is_instance(first_of(start)) or has_fields(first_of(start), "instances")

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`."""
        builder = FrameBuilder(path, hints, corners=True)
        if path.is_dir():
            files = json_of_images(path, _is_instance)

            def read_file(file: Path, image: str) -> None:
                _Reader(builder, file).image(parse(read_text(file), Any, file), image)

            read_frame_files(
                builder, files, lambda names: stems(names, ".json"), read_file
            )
        else:
            _Reader(builder, path).document(parse(read_text(path), Any, path))
        return builder.finish()

    def encoder(self, hints: Hints) -> MMPoseEncoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return MMPoseEncoder(hints)


def _is_instance(value: Any) -> bool:
    return has_fields(value, "keypoints", "keypoint_scores") and "image_id" not in value


def _is_batch(value: Any) -> bool:
    """Whether it is what an inferencer returns: instances of each of some images."""
    images = value.get("predictions") if isinstance(value, dict) else None
    return _is_instance(first_of(first_of(images)))


class _Reader:
    """Adds the instances of one document to the frames."""

    def __init__(self, builder: FrameBuilder, path: Path) -> None:
        self._builder = builder
        self._path = path
        self._place = 0

    def document(self, document: Any) -> None:
        """A file of a video or an image.

        Raises:
            FormatError: If it is no list of instances or frames.
        """
        first_frame = 0
        of_video = False
        if isinstance(document, dict):
            if "poseflow" in document:
                try:
                    hints = with_metadata(self._builder.hints, document["poseflow"])
                    self._builder.hints = hints
                except ValueError as error:
                    self._builder.problems.ignore("poseflow", str(error))
            meta = document.get("meta_info")
            if self._builder.hints.skeleton is None and isinstance(meta, dict):
                self._take_skeleton(meta)
            frames = document.get("predictions")
            of_video = "instance_info" in document
            document = document.get("instance_info", frames)
            if document is frames and isinstance(frames, list):
                document = [{"instances": one} for one in frames]
            else:
                first_frame = 1  # the demos count so, the inferencer does not
        if not isinstance(document, list):
            raise FormatError(
                f"{self._path}: expected a list of instances or of frames, found "
                f"{kind_of(document)}"
            )
        no_frames = of_video and not document
        if no_frames or any(has_fields(entry, "instances") for entry in document):
            self._frames(document, first_frame)
        else:
            stem = self._path.name.removesuffix(".gz").removesuffix(".json")
            self.image(document, text_of(stem))

    def _take_skeleton(self, meta: dict[str, Any]) -> None:
        """The skeleton of MMPose's `dataset_meta`."""
        try:
            names = {int(k): str(v) for k, v in meta["keypoint_id2name"].items()}
            joints = [names[k] for k in range(len(names))]
            skeleton = skeleton_of(
                joints,
                _plain_list(meta.get("skeleton_links")),
                _plain_list(meta.get("sigmas")),
                str(meta.get("dataset_name") or ""),
            )
        except (KeyError, ValueError, TypeError, AttributeError, PoseFlowError):
            return  # the number of joints decides
        self._builder.hints = replace(self._builder.hints, skeleton=skeleton)

    def _frames(self, frames: list[Any], first_frame: int) -> None:
        numbers = []
        for place, frame in enumerate(frames):
            number: int | None = None
            if isinstance(frame, dict) and frame.get("frame_id") is not None:
                try:
                    number = identity(frame["frame_id"])
                except ValueError as error:
                    self._builder.problems.add(f"frame {place}", f"frame_id: {error}")
                    continue
            numbers.append((place, frame, number))
        known = [number for *_, number in numbers if number is not None]
        first_frame = min([first_frame, *known])
        if len(known) not in (0, len(numbers)) or len(set(known)) < len(known):
            raise FormatError(
                f"{self._path}: expected a different frame_id for each of "
                f"{len(numbers)} frames, found {len(set(known))}"
            )
        for place, frame, number in numbers:
            instances = frame.get("instances") if isinstance(frame, dict) else None
            index = place if number is None else number - first_frame
            self.image(instances, frame_name(index))

    def image(self, instances: Any, image: str) -> None:
        """The instances of a frame.

        Raises:
            FormatError: If they are no list.
        """
        if not isinstance(instances, list):
            raise FormatError(
                f"{self._path}: frame {image!r}: expected a list of instances, found "
                f"{kind_of(instances)}"
            )
        self._builder.image(image)
        for instance in instances:
            self._add(instance, image)
            self._place += 1

    def _add(self, instance: Any, image: str) -> None:
        where = f"entry {self._place} (image {image!r})"
        try:
            if not isinstance(instance, dict):
                raise ValueError(f"expected an object, found {kind_of(instance)}")
            numbers = joint_numbers(
                "keypoints",
                _plain_list(instance.get("keypoints")),
                _plain_list(instance.get("keypoint_scores")) or None,
                "keypoint_scores",
            )
        except ValueError as error:
            self._builder.problems.add(where, str(error))
            return
        optional = Optional(self._builder, where)
        self._builder.add(
            self._place,
            image,
            numbers,
            optional.number("bbox_score", instance.get("bbox_score")),
            optional.box("bbox", _plain_list(instance.get("bbox")) or None),
            optional.identity("track_id", instance.get("track_id")),
        )


def _plain_list(value: Any) -> Any:
    """A list, also one that json_tricks wrote as a numpy array."""
    if isinstance(value, dict):
        value = value.get("__ndarray__")
    return [] if value is None else value


class MMPoseEncoder:
    """An object with `instance_info` and `meta_info`, frames counted from 1.

    Args:
        hints: Skeleton of a result without frames; size and frame rate.
    """

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._skeleton = hints.skeleton
        self._json = msgspec.json.Encoder()
        self._separator = b"\n"

    def start(self) -> bytes:
        """Bytes before the first frame."""
        return b'{"instance_info": ['

    def frame(self, frame: Frame) -> bytes:
        """The instances of a frame, also if there is none."""
        poses = frame.poses
        self._skeleton = poses.skeleton
        fields: Iterable[Any] = zip(
            shortest(poses.keypoints).tolist(),
            shortest(poses.keypoint_scores).tolist(),
            shortest(poses.boxes).tolist(),
            shortest(poses.scores).tolist(),
            poses.track_ids.tolist(),
            strict=True,
        )
        instances = []
        for points, marks, box, score, track in fields:
            instance = {
                "keypoints": points,
                "keypoint_scores": marks,
                "bbox": [box],
                "bbox_score": score,
            }
            if track != NO_TRACK:
                instance["track_id"] = track
            instances.append(instance)
        number = frame_number(frame.name) if frame.name else None
        index = frame.index if number is None else number
        entry = {"frame_id": index + 1, "instances": instances}
        separator, self._separator = self._separator, b",\n"
        return separator + self._json.encode(entry)

    def end(self) -> bytes:
        """What MMPose calls the dataset: joints, limbs and sigmas."""
        skeleton = self._skeleton or get("coco17")
        meta = self._json.encode(_meta_info(skeleton))
        own = self._json.encode(metadata(skeleton, self._hints))
        return b'\n],\n"meta_info": ' + meta + b',\n"poseflow": ' + own + b"}\n"


def _meta_info(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "dataset_name": skeleton.name,
        "num_keypoints": len(skeleton),
        "keypoint_id2name": {str(k): name for k, name in enumerate(skeleton.joints)},
        "keypoint_name2id": {name: k for k, name in enumerate(skeleton.joints)},
        "flip_indices": skeleton.flip_indices.tolist(),
        "skeleton_links": skeleton.limb_indices.tolist(),
        "sigmas": list(skeleton.sigmas),
    }
