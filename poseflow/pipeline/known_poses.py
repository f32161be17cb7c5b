"""Poses that are known already, from a file or frames, matched to a source's frames."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from poseflow.arrays import Bools
from poseflow.errors import PoseFlowError
from poseflow.frame_names import (
    LONGEST_GAP,
    frame_number,
    name_tails,
    numbered_name,
)
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence

if TYPE_CHECKING:
    from poseflow.video import Source, SourceFrame

MOST_OUTSIDE = 0.5
"""Share of the people outside the images from which on these are of another video."""

PosesInput = str | PathLike[str] | PoseSequence | Iterable[Frame]


def recorded(poses: PosesInput) -> Generator[Frame]:
    """Frames of poses alone, without images, in order of their index.

    Files leave out frames without people. They are put back, up to `LONGEST_GAP` in a
    row; a longer gap is taken for another way to number frames.
    """
    if isinstance(poses, str | PathLike):
        from poseflow.formats import read

        poses = read(poses)
    before: Frame | None = None
    for frame in sorted(frames_of(poses), key=lambda frame: frame.index):
        if before is not None and frame.index - before.index <= LONGEST_GAP:
            step = (frame.time - before.time) / max(frame.index - before.index, 1)
            for gap in range(1, frame.index - before.index):
                time = before.time + gap * step
                yield Frame(before.index + gap, time, frame.poses[:0])
        yield frame
        before = frame


class KnownPoses:
    """Poses from a file, matched to the frames of a source by name or number.

    A frame belongs to the poses of the same name; else to those whose name differs in
    suffix and folders only (`IMG_1` and `day1/IMG_1.jpg`); where no name agrees, to
    those of the same number, which is the name's (`10.jpg` and `000010.jpg` are both
    10) or else the position in the source.
    """

    def __init__(self, poses: PosesInput) -> None:
        self.label = "poses"
        if isinstance(poses, str | PathLike):
            from poseflow.formats import read

            poses = read(poses)
        if isinstance(poses, PoseSequence) and poses.source:
            self.label = poses.source
        frames = frames_of(poses)
        self.by_name = {frame.name: frame for frame in frames if frame.name}
        self.by_number = {
            frame.index: frame
            for frame in frames
            if not frame.name or frame_number(frame.name) is not None
        }
        self._by_stem: dict[str, list[Frame]] = {}
        self._by_tail: dict[str, list[Frame]] = {}
        for frame in self.by_name.values():
            tails = name_tails(frame.name)
            for place, tail in enumerate(tails):
                if place == 0:
                    self._by_stem.setdefault(tail, []).append(frame)
                self._by_tail.setdefault(tail, []).append(frame)
        self._by_openpose = {}
        for frame in self.by_name.values():
            numbered = numbered_name(name_tails(frame.name)[-1])
            if numbered is not None:
                self._by_openpose[numbered[1]] = frame
        self._asked: dict[str, str] = {}
        self.unused = {f.index: f.name for f in frames if len(f.poses)}
        self.matched = not self.unused
        skeleton = poses.skeleton if isinstance(poses, PoseSequence) else None
        if skeleton is None and frames:
            skeleton = frames[0].poses.skeleton
        self._empty = Poses.empty(skeleton or "coco17")

    def of(self, shot: SourceFrame) -> Poses:
        """The poses of one frame of the source; empty if the file has none.

        Raises:
            PoseFlowError: If the poses of one frame fit two frames of the source, or
                those of two frames one, by all that their names have in common.
        """
        frame = self.by_name.get(shot.name)
        if frame is None:
            frame = self._by_parts(shot.name)
        if frame is None:
            frame = self._by_number(shot)
        if frame is None:
            return self._empty
        if frame.index in self.unused:
            del self.unused[frame.index]
            self.matched = True
        return frame.poses

    def _by_number(self, shot: SourceFrame) -> Frame | None:
        """The frame of the same number; OpenPose appends it to a video's name."""
        number = frame_number(shot.name)
        if number is None:
            numbered = numbered_name(name_tails(shot.name)[-1]) if shot.name else None
            number = shot.index if numbered is None else numbered[1]
            return self.by_number.get(number)
        return self.by_number.get(number, self._by_openpose.get(number))

    def _by_parts(self, name: str) -> Frame | None:
        """The frame whose name is this one up to suffix and leading folders."""
        tails = name_tails(name)
        found = self._by_tail.get(tails[0], []) if tails else []
        for tail in tails[1:]:
            found = found or self._by_stem.get(tail, [])
        if not found:
            return None
        known = found[0].name
        if len(found) > 1:
            raise PoseFlowError(
                f"{self.label}: frame {name!r} of the source fits {known!r} and "
                f"{found[1].name!r}; expected one, rename the frames as in the source"
            )
        other = self._asked.setdefault(known, name)
        if other != name:
            raise PoseFlowError(
                f"{self.label}: frame {known!r} fits {other!r} and {name!r} of the "
                "source; expected one, rename the frames as in the source"
            )
        return found[0]

    def report_unused(self) -> None:
        """Warn of poses whose frames are not in the source.

        Raises:
            PoseFlowError: If no frame matched: the poses are those of another source.
        """
        if not self.unused:
            return
        first = min(self.unused)
        name = repr(self.unused[first]) if self.unused[first] else f"number {first}"
        found = (
            f"{self.label}: {len(self.unused)} frames with poses are not in the "
            f"source, the first is {name}"
        )
        if not self.matched:
            raise PoseFlowError(f"{found}; none matches: is it the right file?")
        warnings.warn(f"{found}; they are left out", stacklevel=2)

    def require_used(self, source: Source, label: str) -> None:
        """Check, after the last frame, that all poses have a frame in the source.

        Args:
            source: The images.
            label: Name of the poses, for the message.

        Raises:
            PoseFlowError: If frames with poses are not in the source.
        """
        if not self.unused:
            return
        first, last = min(self.unused), max(self.unused)
        raise PoseFlowError(
            f"{label}: {len(self.unused)} frames with poses, from {first} to {last}, "
            f"are not in {_path(source)}: is it the right video, and whole?"
        )


def check_recorded(source: Source, purpose: str) -> None:
    """Check that a source has an end.

    Raises:
        PoseFlowError: If it is live.
    """
    if source.is_live:
        raise PoseFlowError(
            f"{source.name}: {purpose} needs a video file or a folder of images, this "
            "is a live source"
        )


def check_images(sequence: PoseSequence, source: Source, label: str) -> None:
    """Check that the images of a source may be those of a result, by their size.

    Args:
        sequence: The result.
        source: The images.
        label: Name of the result, for messages.

    Raises:
        PoseFlowError: If sizes differ, or most people are outside the images.
    """
    if source.size is None:
        return
    if sequence.size is not None and tuple(sequence.size) != tuple(source.size):
        raise PoseFlowError(
            f"{label} was made of a video of {_size(sequence.size)} pixels, "
            f"{_path(source)} has {_size(source.size)}: is it the right video?"
        )
    boxes = sequence.columns.poses.boxes
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    beyond = (centres < 0) | (centres > np.array(source.size))
    outside: Bools = np.asarray(beyond.any(axis=1))
    if len(outside) and outside.mean() > MOST_OUTSIDE:
        raise PoseFlowError(
            f"{label}: {outside.mean():.0%} of its people are outside the images of "
            f"{_path(source)}, {_size(source.size)} pixels: is it the right video?"
        )


def _path(source: Source) -> str:
    return source.name if source.origin is None else str(source.origin)


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def frames_of(poses: Any) -> list[Frame]:
    """The frames of what a caller passes as poses."""
    if isinstance(poses, Poses) or not isinstance(poses, Iterable):
        found: list[Any] = [poses]
    else:
        found = list(poses)
    for place, frame in enumerate(found):
        if not isinstance(frame, Frame):
            raise PoseFlowError(
                f"poses: expected a file, a PoseSequence or Frames, found "
                f"{type(frame).__name__} in place {place}; wrap the poses of a frame "
                "as poseflow.Frame(index, time, poses)"
            )
    return found
