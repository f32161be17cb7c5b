"""Label files of YOLO pose models: a folder with one text file for each image.

`class x y width height x1 y1 v1 …`, the box by its centre, all divided by the size of
the image; predictions add the confidence (`save_conf`) and the id of a track. Source:
ultralytics 8.4 documentation, "Pose Estimation Datasets" and `Results.save_txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from poseflow.arrays import Floats
from poseflow.errors import FormatError
from poseflow.formats.base import Hints
from poseflow.formats.external.frame_files import list_files, read_frame_files, stems
from poseflow.formats.external.person_fields import identity
from poseflow.formats.frame_builder import FrameBuilder
from poseflow.formats.input_file import HEAD_BYTES, read_text
from poseflow.frame_names import (
    frame_name,
    frame_number,
    name_tails,
    text_of,
    without_suffix,
)
from poseflow.poses import NO_TRACK
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import get, names
from poseflow.skeletons.skeleton import Skeleton

_SUFFIX = ".txt"
_VIDEO_FRAME = re.compile(r"(.+)_([1-9]\d{0,8})", re.ASCII | re.DOTALL)
_BEFORE = 5  # class and box


class UltralyticsLabelsFormat:
    """YOLO's label files with keypoints."""

    name = "ultralytics-labels"
    suffixes = ()
    folder = _SUFFIX
    lacks = ("times", "rate", "people names", "tracker", "hidden joints")
    summary = "labels of YOLO pose models: a folder of .txt files (needs the size)"

    def sniff(self, path: Path, head: bytes) -> bool:
        """Lines of a class, a box within 0 and 1, and joints."""
        if path.is_dir():
            return any(_is_label(_head(file)) for file in _label_files(path)[:100])
        return _is_label(head)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`.

        Raises:
            FormatError: Also if the size of the images is not given.
        """
        if hints.size is None:
            raise FormatError(
                f"{path}: YOLO's labels are divided by the size of the image; name "
                "it: size=(width, height), --size WIDTHxHEIGHT"
            )
        files = _label_files(path) if path.is_dir() else [path]
        if not files:
            raise FormatError(f"{path}: expected files *.txt in this folder")
        builder = FrameBuilder(path, hints)
        lines = {}
        for file in files:
            try:
                lines[file] = read_text(file, empty=True).decode().splitlines()
            except UnicodeDecodeError as error:
                raise FormatError(f"{file}: expected text in UTF-8 ({error})") from None
        layout = _Layout.of(path, lines.values(), hints.skeleton)

        def read_file(file: Path, image: str) -> None:
            builder.image(image)
            for place, line in enumerate(lines[file], 1):
                if line.strip():
                    layout.add(builder, place, image, line.split())

        read_frame_files(builder, files, _images, read_file)
        builder.problems.note_classes([f"class {name}" for name in layout.classes])
        return builder.finish()

    def encoder(self, hints: Hints) -> UltralyticsLabelsEncoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return UltralyticsLabelsEncoder(hints)


def _label_files(folder: Path) -> list[Path]:
    """The text files of a folder, or of `labels` in it, as models save them."""
    inner = folder / "labels"
    for place in (folder, inner):
        # Tools that annotate list the names of the classes beside the labels.
        found = [
            file
            for file in (list_files(place, _SUFFIX) if place.is_dir() else ())
            if file.name.lower() != "classes.txt"
        ]
        if found:
            return found
    return []


def _head(file: Path) -> bytes:
    try:
        return read_text(file, HEAD_BYTES, empty=True)
    except FormatError:
        return b""


def _is_label(head: bytes) -> bool:
    line = head.split(b"\n", 1)[0].decode("utf-8", "ignore").split()
    try:
        values = [float(cell) for cell in line]
    except ValueError:
        return False
    return (
        len(values) >= _BEFORE + 6
        and values[0].is_integer()
        and all(0 <= value <= 1 for value in values[1:_BEFORE])
    )


def _images(file_names: Sequence[str]) -> list[str]:
    """Names of frames: of images, or numbers of a video's, which are counted from 1.

    The files of a video are called `NAME_1.txt`, `NAME_2.txt`, those without people
    left out.
    """
    found = stems(file_names, _SUFFIX)
    parts = [_VIDEO_FRAME.fullmatch(stem) for stem in found]
    if all(parts) and len({part[1] for part in parts if part}) == 1 and len(found) > 1:
        return [frame_name(int(part[2]) - 1) for part in parts if part]
    return found


class _Layout:
    """Which columns of a line are joints, and what follows them."""

    def __init__(self, path: Path, skeleton: Skeleton, step: int, ids: bool) -> None:
        self._path = path
        self._joints = len(skeleton)
        self._step = step
        self._ids = ids
        self.classes: dict[str, None] = {}

    @classmethod
    def of(
        cls, path: Path, files: Iterable[list[str]], skeleton: Skeleton | None
    ) -> _Layout:
        """The layout that fits all lines with joints; those of boxes do not count.

        Raises:
            FormatError: If none does.
        """
        files = list(files)
        lengths: set[int] = set()
        last: dict[int, set[bool]] = {}
        for lines in files:
            for line in lines:
                cells = line.split()
                if len(cells) >= _BEFORE + 2:
                    lengths.add(len(cells))
                    fraction = re.search(r"[.eE]", cells[-1]) is not None
                    last.setdefault(len(cells), set()).add(fraction)
        known = [skeleton] if skeleton else [get(name) for name in names()]
        for step in (3, 2):
            for own in known:
                whole = _BEFORE + step * len(own)
                if lengths and all(whole <= n <= whole + 2 for n in lengths):
                    ids = whole + 2 not in lengths and True not in last.get(
                        whole + 1, {True}
                    )
                    return cls(path, own, step, ids)
        if not lengths and not any(line.strip() for lines in files for line in lines):
            return cls(path, skeleton or get("coco17"), 3, False)
        joints = f"{len(skeleton)} joints of {skeleton.name}" if skeleton else "joints"
        raise FormatError(
            f"{path}: expected class, box, then x, y or x, y, visibility of the "
            f"{joints}, then at most confidence and id; found lines of "
            + (", ".join(map(str, sorted(lengths)[:4])) or f"at most {_BEFORE + 1}")
            + " numbers; name the skeleton"
        )

    def add(
        self, builder: FrameBuilder, place: int, image: str, cells: list[str]
    ) -> None:
        """Add the person of a line, or note what is wrong with it."""
        assert builder.hints.size is not None
        width, height = builder.hints.size
        whole = _BEFORE + self._step * self._joints
        where = f"line {place} (image {image!r})"
        try:
            if not whole <= len(cells) <= whole + 2:
                raise ValueError(f"expected {whole} numbers, found {len(cells)}")
            values = np.array([float(cell) for cell in cells[:whole]])
            track, score = NO_TRACK, None
            for cell in cells[whole:]:
                if score is not None or self._ids:
                    track = identity(cell)
                else:
                    score = float(cell)
        except ValueError as error:
            builder.problems.add(where, str(error))
            return
        self.classes[cells[0].removesuffix(".0")] = None
        x, y, w, h = values[1:_BEFORE] * (width, height, width, height)
        joints = np.ones((self._joints, 3))
        joints[:, : self._step] = values[_BEFORE:].reshape(self._joints, self._step)
        joints[:, :2] *= (width, height)
        if self._step == 3 and score is None:  # annotations: 0, 1 or 2
            joints[:, 2] = np.minimum(joints[:, 2], 1)
        box = [x - w / 2, y - h / 2, w, h]
        builder.add(place, image, joints.ravel().tolist(), score, box, track)


class UltralyticsLabelsEncoder:
    """A folder's files, one for each frame.

    Args:
        hints: The size of the images, and the name of a video.
    """

    def __init__(self, hints: Hints) -> None:
        self._size = hints.size
        self._prefix = without_suffix(name_tails(hints.name or "frame")[-1], ".json")
        self._taken: dict[str, str] = {}

    def files(self, frame: Frame) -> Iterator[tuple[str, bytes]]:
        """Name and content of a frame's file.

        Raises:
            FormatError: If the size of the images is unknown, or another frame has the
                same name up to folder and suffix.
        """
        if self._size is None:
            raise FormatError(
                "format ultralytics-labels divides by the size of the image, which is "
                "not known; name it: PoseSequence(..., size=), --size WIDTHxHEIGHT"
            )
        name = frame.name or frame_name(frame.index)
        stem = text_of(name_tails(name)[-1])
        if frame_number(name) is not None:
            stem = f"{self._prefix}_{frame.index + 1}"
        if self._taken.setdefault(stem, name) != name:
            raise FormatError(
                f"frames {self._taken[stem]!r} and {name!r} would both be written to "
                f"{stem}{_SUFFIX}; expected names that differ without folders"
            )
        poses, size = frame.poses, np.array(self._size, np.float64)
        boxes = poses.boxes.astype(np.float64).reshape(-1, 2, 2) / size
        centres, sides = boxes.mean(axis=1), boxes[:, 1] - boxes[:, 0]
        points = poses.keypoints / size
        marks: Floats = poses.keypoint_scores[..., None].astype(np.float64)
        joints = np.where(marks > 0, np.concatenate([points, marks], axis=2), 0)
        table = np.hstack([centres, sides, joints.reshape(-1, 3 * len(poses.skeleton))])
        lines = []
        rows = zip(table, poses.scores.tolist(), poses.track_ids.tolist(), strict=True)
        for row, score, track in rows:
            cells = ["0", *(f"{value:.8g}" for value in row), repr(float(score))]
            cells += [str(track)] if track != NO_TRACK else []
            lines.append(" ".join(cells) + "\n")
        yield stem + _SUFFIX, "".join(lines).encode()
