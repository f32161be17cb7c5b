"""`TrackerBackend`: the interface of a tracking algorithm, and its frame context."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.tracker.matchers.correspondences import Correspondences
from poseflow.tracker.track_store import Track

Options = TypeVar("Options")


@dataclass(frozen=True)
class FrameContext:
    """Context of a frame besides its poses: image, time, correspondences.

    Attributes:
        index: Number of `update` calls before this one.
        image: `(H, W, 3)` uint8 BGR or `(H, W)` grey, or None.
        name: Name of the frame, as files of correspondences call it.
        time: Seconds since the start, or None.
        size: Width and height in pixels, if known.
        correspondences: Matches of the previous frame to this one that the caller
            already has; the tracker then calls no matcher.
        embeddings: `(P, D)` appearance embeddings, NaN where unknown, or None.
        boxes: `(P, 4)` xyxy pixels, boxes of the people with estimated sizes for those
            who are points, NaN for people without any position.
    """

    index: int
    image: Image | None = None
    name: str = ""
    time: float | None = None
    size: tuple[int, int] | None = None
    correspondences: Correspondences | None = None
    embeddings: Floats | None = None
    boxes: Floats = field(default_factory=lambda: np.zeros((0, 4)))


@runtime_checkable
class TrackerBackend(Protocol):
    """A tracking algorithm behind `poseflow.Tracker`.

    Subclass it, implement `update`, `reset` and `finish`, and register a factory with
    `poseflow.tracker.register`. The other members are optional features; the defaults
    below stand for a tracker without them.

    Attributes:
        final_frames: Frames whose ids became final with the latest `update` or
            `finish`, as pairs of index and poses; for trackers with delayed output.
        expected_motion: `(P, 2)` pixels that each person of the latest frame is
            predicted to move until the next one, NaN for people who are not tracked;
            None for trackers without a motion model.
        last_step: Record of the latest association, for inspection.
    """

    final_frames: tuple[tuple[int, Poses], ...] = ()
    expected_motion: Floats | None = None
    last_step: Any = None

    @property
    def delay_frames(self) -> int:
        """Frames after which ids are final; 0 for trackers without delayed output."""
        return 0

    def update(self, poses: Poses, frame: FrameContext) -> Poses:
        """Return the same people in the same order with `track_ids` set."""
        ...

    def reset(self) -> None:
        """Start a new sequence: drop all tracks; ids start at 1 again."""
        ...

    def finish(self) -> tuple[Track, ...]:
        """Tracks that are still held, by id."""
        ...


TrackerFactory = Callable[..., TrackerBackend]


def options_from(kind: type[Options], tracker: str, given: dict[str, Any]) -> Options:
    """Build a tracker's frozen options from keyword arguments.

    Raises:
        PoseFlowError: If an option is unknown, or its value is out of range.
    """
    fields = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise PoseFlowError(
            f"tracker {tracker!r} has no option {', '.join(unknown)}; it has "
            f"{', '.join(fields)}"
        )
    return kind(**given)
