"""DeepLabCut's tables: predictions and labels in CSV or HDF5, one animal or several.

sleap-io reads labels alone, so that CSV is read by pandas, and HDF5 by h5py (extra
`formats`). Not written: sleap-io 0.9.5 leaves likelihoods out, names frames as images
of a project, and keeps one of several animals without an identity.

Source: DeepLabCut 2.3 documentation, "Standard output".
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.external.hdf5_size import check_hdf5_size
from poseflow.formats.external.pandas_hdf5 import read_pandas_hdf5
from poseflow.formats.skeleton_fields import skeleton_of
from poseflow.frame_names import frame_indices, frame_name, without_suffix
from poseflow.poses import NO_TRACK, Poses, at_origin
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.skeleton import Skeleton

_HDF5 = b"\x89HDF\r\n\x1a\n"
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")


class DeepLabCutFormat:
    """Tables of a row for each frame, columns by scorer, animal, joint, coordinate."""

    name = "deeplabcut"
    suffixes = (".csv", ".h5")
    implied_by_suffix = False
    summary = "DeepLabCut predictions and labels, .csv or .h5 (read only)"

    def sniff(self, path: Path, head: bytes) -> bool:
        """By the header of CSV, or the table in HDF5."""
        if head.startswith(_HDF5):
            # PyTables' attributes are at the start of small files and of large ones.
            return b"df_with_missing" in head or "DLC" in path.name
        return re.match(rb'\s*"?scorer"?\s*[,;]', head) is not None

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`."""
        table = _table(path)
        try:
            return self._sequence(table, path, hints)
        except PoseFlowError:
            raise
        except Exception as error:  # of pandas, where a cell or label is of no use
            raise FormatError(f"{path}: {_refusal(error)}") from error

    def _sequence(self, table: Any, path: Path, hints: Hints) -> PoseSequence:
        levels = [str(name) for name in table.columns.names]
        if not set(levels) <= set(_LEVELS) or levels[-2:] != ["bodyparts", "coords"]:
            raise FormatError(
                f"{path}: expected columns by {', '.join(_LEVELS)}, found "
                f"{', '.join(levels)}"
            )
        animals: list[Any] = [None]
        if "individuals" in levels:
            found = table.columns.get_level_values("individuals")
            animals = list(dict.fromkeys(found))
        parts = {animal: _of_animal(table, animal, levels) for animal in animals}
        skeleton = hints.skeleton or _skeleton(path, parts.values())
        rows = len(table)
        points = np.full((rows, len(animals), len(skeleton), 2), np.nan)
        marks = np.ones((rows, len(animals), len(skeleton)))
        for k, part in enumerate(parts.values()):
            joints = list(dict.fromkeys(part.columns.get_level_values("bodyparts")))
            if len(animals) == 1 and len(joints) != len(skeleton):
                raise FormatError(
                    f"{path}: expected {len(skeleton)} joints of {skeleton.name}, "
                    f"found {len(joints)}: {', '.join(map(str, joints))}"
                )
            names = set(map(str, joints)) <= set(skeleton.joints)
            for place, joint in enumerate(joints):
                at = skeleton.index(str(joint)) if names else place
                columns = part.xs(joint, axis=1, level="bodyparts")
                coords = columns.columns.get_level_values("coords")
                values = columns.to_numpy(np.float64)
                for axis, coordinate in enumerate("xy"):
                    points[:, k, at, axis] = values[:, list(coords).index(coordinate)]
                if "likelihood" in coords:
                    marks[:, k, at] = values[:, list(coords).index("likelihood")]
        ids = [NO_TRACK] if animals == [None] else list(range(1, len(animals) + 1))
        single = "single" in animals and len(animals) > 1
        if single:  # joints of the scene that belong to no animal
            ids[animals.index("single")] = NO_TRACK
        frames = _frames(table.index, points, marks, ids, skeleton, hints)
        named = {i: str(a) for i, a in zip(ids, animals, strict=True) if i != NO_TRACK}
        completed = replace(hints, names={**named, **hints.names})
        name = without_suffix(path.name, ".gz", ".csv", ".h5")
        return completed.sequence(frames, skeleton, name)

    def encoder(self, hints: Hints) -> Encoder:
        """DeepLabCut's tables are only read.

        Raises:
            FormatError: Always.
        """
        raise FormatError("format deeplabcut can only be read; write csv or sleap")


def _table(path: Path) -> Any:
    """The table with its levels of columns.

    Raises:
        FormatError: If it cannot be read.
    """
    import pandas

    try:
        with path.open("rb") as file:
            binary = file.read(8) == _HDF5
        if binary:
            check_hdf5_size(path)
            return read_pandas_hdf5(path)
        with path.open(encoding="utf-8-sig") as text:
            starts = [text.readline().split(",", 1)[0].strip(' "\n') for _ in range(4)]
        levels = [k for k, start in enumerate(starts) if start in _LEVELS]
        table = _with_index(pandas.read_csv(path, header=levels, encoding="utf-8-sig"))
        table.columns.names = [starts[k] for k in levels]
        return table
    except PoseFlowError:
        raise
    except Exception as error:  # of any of the packages that pandas uses
        raise FormatError(f"{path}: {_refusal(error)}") from error


def _refusal(error: Exception) -> str:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return f"cannot be read as DeepLabCut's table: {text}"


def _with_index(table: Any) -> Any:
    """A CSV's table with its first columns, which name the frames, as the index.

    Labels have three: `labeled-data`, the video and the image.
    """
    coords = [str(column[-1]) for column in table.columns]
    first = next((k for k, c in enumerate(coords) if c in ("x", "y")), 0)
    index = table.iloc[:, :first]
    table = table.iloc[:, first:]
    if first == 1:
        table.index = index.iloc[:, 0].tolist()
    elif first > 1:
        table.index = ["/".join(map(str, row)) for row in index.to_numpy().tolist()]
    return table


def _of_animal(table: Any, animal: Any, levels: list[str]) -> Any:
    """The columns of one animal, by joint and coordinate."""
    if animal is not None:
        table = table.xs(animal, axis=1, level="individuals", drop_level=True)
    if "scorer" in levels:
        table = table.droplevel("scorer", axis=1)
    return table


def _skeleton(path: Path, parts: Any) -> Skeleton:
    joints: dict[str, None] = {}
    for part in parts:
        joints |= dict.fromkeys(map(str, part.columns.get_level_values("bodyparts")))
    try:
        return skeleton_of(list(joints))
    except PoseFlowError as error:
        raise FormatError(f"{path}: {error}") from error


def _frames(
    index: Any,
    points: Any,
    marks: Any,
    ids: list[int],
    skeleton: Skeleton,
    hints: Hints,
) -> list[Frame]:
    """Frames of a table's rows; animals without a joint are not in a frame."""
    # sleap-io writes DeepLabCut's columns without any likelihood.
    marks = np.where(np.isfinite(points).all(axis=3), np.nan_to_num(marks, nan=1.0), 0)
    points = np.nan_to_num(points)
    if not hints.keep_origin:
        marks[at_origin(points)] = 0
    labels = [
        "/".join(map(str, row)) if isinstance(row, tuple) else row for row in index
    ]
    numbers = all(isinstance(row, int | np.integer) for row in labels)
    if numbers:
        names = [frame_name(int(row)) for row in labels]
        order = [int(row) for row in labels]
    else:
        names = [str(row).replace("\\", "/") for row in labels]
        of_name = frame_indices(names)
        order = [of_name[name] for name in names]
    frames = []
    for row in np.argsort(order, kind="stable"):
        there = np.flatnonzero((marks[row] > 0).any(axis=1))
        poses = Poses(
            points[row, there],
            marks[row, there],
            track_ids=np.array(ids)[there],
            skeleton=skeleton,
            dtype=np.float64,
        )
        frame = order[row]
        frames.append(Frame(frame, hints.time(frame), poses, name=names[row]))
    return frames
