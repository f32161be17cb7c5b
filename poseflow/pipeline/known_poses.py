"""Poses that are known already, from a file or frames, matched to a source's frames."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any

from poseflow.errors import PoseFlowError
from poseflow.formats.frame_names import frame_number
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence

if TYPE_CHECKING:
    from poseflow.video import SourceFrame

PosesInput = str | PathLike[str] | PoseSequence | Iterable[Frame]

LONGEST_GAP = 1000
"""Most frames in a row that a file may leave out and that count as empty frames."""


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

    A frame belongs to the poses of the same name; where no name agrees, to those of the
    same number, which is the name's (`10.jpg` and `000010.jpg` are both 10) or else the
    position in the source.
    """

    def __init__(self, poses: PosesInput) -> None:
        self.label = "poses"
        if isinstance(poses, str | PathLike):
            from poseflow.formats import read

            self.label = str(poses)
            poses = read(poses)
        frames = frames_of(poses)
        self.by_name = {frame.name: frame for frame in frames if frame.name}
        self.by_number = {
            frame.index: frame
            for frame in frames
            if not frame.name or frame_number(frame.name) is not None
        }
        self.unused = {f.index: f.name for f in frames if len(f.poses)}
        self.matched = not self.unused
        skeleton = poses.skeleton if isinstance(poses, PoseSequence) else None
        if skeleton is None and frames:
            skeleton = frames[0].poses.skeleton
        self._empty = Poses.empty(skeleton or "coco17")

    def of(self, shot: SourceFrame) -> Poses:
        """The poses of one frame of the source; empty if the file has none."""
        frame = self.by_name.get(shot.name)
        if frame is None:
            number = frame_number(shot.name)
            frame = self.by_number.get(shot.index if number is None else number)
        if frame is None:
            return self._empty
        if frame.index in self.unused:
            del self.unused[frame.index]
            self.matched = True
        return frame.poses

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
