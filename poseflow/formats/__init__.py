"""File formats of poses: reading, writing, and the registry of formats.

`read` detects the format of a file; `write` goes by the suffix, and writes `alphapose`,
AlphaPose's list with boxes and identities, to `.json` files unless told otherwise.
docs/formats.md describes each format.

Examples:
    >>> from poseflow import formats
    >>> formats.names()[:3]
    ('alphapose', 'forvis', 'coco')
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import (
    Encoder,
    Format,
    Hints,
    get,
    names,
    register,
    sniff,
)
from poseflow.formats.journal import Journal
from poseflow.formats.result_writer import ResultWriter, check_output, output_format
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.files import find_skeleton
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import (
    AtomicFile,
    PathLike,
    check_apart,
    check_writable,
)
from poseflow.storage.inputs import protect_inputs, refuse_inputs

__all__ = [
    "AtomicFile",
    "Encoder",
    "Format",
    "Hints",
    "Journal",
    "ResultWriter",
    "check_apart",
    "check_output",
    "check_writable",
    "get",
    "names",
    "output_format",
    "protect_inputs",
    "read",
    "refuse_inputs",
    "register",
    "sniff",
    "write",
]


def read(
    path: PathLike,
    format: str | Format | None = None,
    *,
    skeleton: Skeleton | PathLike | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    keep_origin: bool = False,
    video: str | None = None,
) -> PoseSequence:
    """The poses in a file, in float64, so that writing them gives the same digits.

    Frames come in order of their index: the number that a numeric name is, otherwise
    the position in natural order. Frames that the file leaves out are left out. The
    whole file is held in memory; the Python objects of its numbers are not.

    Args:
        path: A JSON file, gzipped or not; a folder for formats that are one.
        format: Name of the format; None detects it.
        skeleton: The joints: a skeleton, its name, or a YAML or JSON file of one; None
            goes by the file's metadata, else by their number (COCO-17 for 17).
        size: Width and height of the source in pixels; None takes the file's, if any.
        fps: Frames per second of the source, which gives frames their time; None takes
            the file's rate and times, if any, otherwise frames have time 0.
        keep_origin: Keep joints at exactly (0, 0). Estimators write (0, 0), some with a
            score above 0, for a joint that they did not find: it is read as missing
            unless this is set, for the rare image with a joint in its corner.
        video: Name of the video to read, of a PoseTrack, COCO or Parquet file with
            several: its `vid_id`, or the folder of its images.

    Raises:
        FormatError: If the file cannot be read, is no such file, or none of its poses
            is usable. Single bad poses are left out, with one warning for all.

    Examples:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "walk.json"
        >>> entry = '{"image_id": "3.jpg", "keypoints": [%s]}' % ",".join(["1"] * 51)
        >>> _ = path.write_text(f"[{entry}]")
        >>> read(path, fps=10)
        <PoseSequence 'walk': 1 frames, 1 poses, 0 ids, coco17>
        >>> read(path, fps=10)[0].time
        0.3
    """
    if not os.fspath(path):
        raise FormatError("cannot read poses: the name of the file is empty")
    if skeleton is not None:
        skeleton = find_skeleton(skeleton)
    if fps is not None and not fps > 0:
        raise PoseFlowError(f"fps: expected a number above 0, got {fps}")
    if format is None:
        format = sniff(path)
    elif isinstance(format, str):
        format = get(format)
    if video is not None and not getattr(format, "several_videos", False):
        raise FormatError(
            f"{os.fspath(path)}: a file of format {format.name} has one video; leave "
            "out video, --video"
        )
    hints = Hints(skeleton, size, fps, keep_origin=keep_origin, video=video)
    return replace(format.read(Path(path), hints), source=os.fspath(path))


def write(
    result: PoseSequence | Iterable[Frame],
    path: PathLike,
    format: str | Format | None = None,
) -> None:
    """Write a result atomically: a previous file stays until the new one is complete.

    Args:
        result: A sequence, or frames as they come, such as `poseflow.track(...)`.
        path: The file; `-` is standard output.
        format: Name of the format; None goes by the suffix, `alphapose` for `.json` and
            where there is none.

    Raises:
        FormatError: If `path` cannot be written, its suffix is not the format's, or
            the format is only readable.
    """
    hints = Hints()
    if isinstance(result, PoseSequence):
        hints = Hints.of(result)
    with ResultWriter(path, format, hints=hints, on_interrupt="discard") as writer:
        for frame in result:
            writer.write(frame)
