"""npz: the arrays of `PoseColumns` in numpy's own container, without pickles."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from poseflow.errors import FormatError
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.frame_builder import Problems
from poseflow.formats.json.numbers import shortest
from poseflow.formats.metadata import metadata, with_metadata
from poseflow.formats.tables.assemble import PeopleTable, assemble
from poseflow.safety.npz import read_npz
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import get
from poseflow.storage.atomic import explain

Array = npt.NDArray[Any]

_ZIP = b"PK\x03\x04"

# Name of an array -> kinds of its dtype, its shape in letters: frames, people, joints.
_ARRAYS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "frame_index": ("iu", ("F",)),
    "frame_time": ("f", ("F",)),
    "frame_name": ("U", ("F",)),
    "person_frame": ("iu", ("P",)),
    "keypoints": ("f", ("P", "K", 2)),
    "keypoint_scores": ("f", ("P", "K")),
    "boxes": ("f", ("P", 4)),
    "scores": ("f", ("P",)),
    "track_ids": ("iu", ("P",)),
    "interpolated": ("b", ("P",)),
    "joints": ("U", ("K",)),
    "poseflow": ("U", ()),
}
_REQUIRED = ("frame_index", "person_frame", "keypoints")


class ArraysEncoder:
    """Keeps the frames' arrays, and writes the container at the end."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._frames: list[Frame] = []

    def start(self) -> bytes:
        """Nothing."""
        return b""

    def frame(self, frame: Frame) -> bytes:
        """Nothing yet; the frame is kept without its image."""
        skeleton = frame.poses.skeleton
        if self._frames and self._frames[0].poses.skeleton != skeleton:
            first = self._frames[0].poses.skeleton.name
            raise FormatError(
                f"frame {frame.index}: expected the joints of {first}, as in the first "
                f"frame, found {skeleton.name}; convert them"
            )
        self._frames.append(replace(frame, image=None))
        return b""

    def end(self) -> bytes:
        """The container."""
        skeleton = self._hints.skeleton or get("coco17")
        if self._frames:
            skeleton = self._frames[0].poses.skeleton
        columns = PoseSequence(tuple(self._frames), skeleton).columns
        poses = columns.poses
        known = metadata(skeleton, self._hints)
        return _container(
            {
                "frame_index": columns.indices,
                "frame_time": columns.times,
                "frame_name": np.array(columns.names, dtype=np.str_),
                "person_frame": columns.rows,
                "keypoints": poses.keypoints,
                "keypoint_scores": poses.keypoint_scores,
                "boxes": poses.boxes,
                "scores": poses.scores,
                "track_ids": poses.track_ids,
                "interpolated": poses.interpolated,
                "joints": np.array(skeleton.joints, dtype=np.str_),
                "poseflow": np.array(msgspec.json.encode(known).decode()),
            }
        )


def _container(arrays: dict[str, Array]) -> bytes:
    """An npz file; the same arrays give the same bytes, unlike `numpy.savez`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
            with archive.open(member, "w", force_zip64=True) as target:
                np.lib.format.write_array(target, array, allow_pickle=False)
    return file.getvalue()


class ArraysFormat:
    """Arrays of numpy in one file."""

    name = "npz"
    summary = "npz, the arrays of numpy"
    suffixes = (".npz",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Whether it is a zip archive that begins with the array of frames."""
        return head.startswith(_ZIP) and b"frame_index.npy" in head[:64]

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`."""
        try:
            arrays = _checked(read_npz(path, _ARRAYS), path)
        except OSError as error:
            raise explain(error, path, "read") from error
        problems = Problems(path, "rows")
        completed = hints
        if "poseflow" in arrays:
            try:
                completed = with_metadata(hints, str(arrays["poseflow"]))
            except ValueError as error:
                problems.ignore("array poseflow", str(error))
        table = _table(arrays, path)
        return assemble(path, table, completed, hints, problems, place="row")

    def encoder(self, hints: Hints) -> Encoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return ArraysEncoder(hints)


def _checked(arrays: dict[str, Array], path: Path) -> dict[str, Array]:
    """The arrays, each of the kind and shape that it must have.

    Raises:
        FormatError: If one is missing or has another kind or shape.
    """
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise FormatError(
            f"{path}: expected the arrays {', '.join(_REQUIRED)}, found "
            f"{', '.join(arrays) or 'none of them'}"
        )
    for name, array in arrays.items():
        kinds = _ARRAYS[name][0]
        if array.dtype.kind not in kinds:
            raise FormatError(
                f"{path}: array {name}: expected {_KINDS[kinds]}, found {array.dtype}"
            )
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        shape = _ARRAYS[name][1]
        good = len(shape) == array.ndim and all(
            sizes.setdefault(letter, length) == length
            if isinstance(letter, str)
            else letter == length
            for letter, length in zip(shape, array.shape, strict=True)
        )
        if not good:
            expected = ", ".join(str(sizes.get(str(x), x)) for x in shape)
            raise FormatError(
                f"{path}: array {name}: expected shape ({expected}), found "
                f"{array.shape}"
            )
    return arrays


_KINDS = {"iu": "whole numbers", "f": "floating-point numbers", "U": "text"}
_KINDS["b"] = "true or false"


def _table(arrays: dict[str, Array], path: Path) -> PeopleTable:
    indices = arrays["frame_index"].astype(np.int64)
    frames = len(indices)
    if len(np.unique(indices)) < frames or (indices < 0).any():
        raise FormatError(
            f"{path}: array frame_index: expected every frame once, from 0"
        )
    rows = arrays["person_frame"].astype(np.int64)
    if ((rows < 0) | (rows >= frames)).any():
        raise FormatError(
            f"{path}: array person_frame: expected positions in frame_index, from 0 to "
            f"{frames - 1}, found {rows.min()} to {rows.max()}"
        )
    people, joints = arrays["keypoints"].shape[:2]
    names = arrays.get("frame_name")
    return PeopleTable(
        indices,
        arrays.get("frame_time", np.full(frames, np.nan)).astype(np.float64),
        [""] * frames if names is None else names.tolist(),
        rows,
        _exact(arrays["keypoints"]),
        _exact(arrays.get("keypoint_scores", np.ones((people, joints)))),
        _exact(arrays.get("boxes", np.full((people, 4), np.nan))),
        _exact(arrays.get("scores", np.full(people, np.nan))),
        np.maximum(arrays.get("track_ids", np.full(people, -1)).astype(np.int64), -1),
        arrays["joints"].tolist() if "joints" in arrays else None,
        interpolated=arrays.get("interpolated"),
    )


def _exact(array: Array) -> Array:
    """Numbers in float64: a float32 0.1 is 0.1, as in the other formats."""
    wide = array.astype(np.float64) if array.dtype.itemsize not in (4, 8) else array
    return shortest(wide)
