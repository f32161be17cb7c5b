"""What a tracker is given with each frame, and what it has to offer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.tracker.matchers.correspondences import Correspondences
from poseflow.tracker.track_store import Track

Options = TypeVar("Options")


@dataclass(frozen=True)
class View:
    """Everything but the people that is known of a frame.

    Attributes:
        index: Number of `update` calls before this one.
        image: `(H, W, 3)` uint8 BGR or `(H, W)` grey, or None.
        name: Name of the frame, as files of correspondences call it.
        time: Seconds since the start, or None.
        size: Width and height in pixels, if known.
        correspondences: Matches of the previous frame to this one that the caller
            already has; the tracker then asks no matcher.
        embeddings: `(P, D)` what the people look like, NaN where unknown, or None.
    """

    index: int
    image: Image | None = None
    name: str = ""
    time: float | None = None
    size: tuple[int, int] | None = None
    correspondences: Correspondences | None = None
    embeddings: Floats | None = None


class TrackerBackend(Protocol):
    """A tracker behind `poseflow.Tracker`; third parties register a factory of these.

    A backend may also have `last_step`, a record of its latest decision, and
    `expected_motion`, `(P, 2)` pixels that each person of the latest frame should move
    until the next; NaN for people that it does not follow.
    """

    def update(self, poses: Poses, view: View) -> Poses:
        """Return the same people in the same order with `track_ids` set."""
        ...

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        ...

    def finish(self) -> tuple[Track, ...]:
        """Tracks that are still held, by id."""
        ...


TrackerFactory = Callable[..., TrackerBackend]


def options_from(kind: type[Options], tracker: str, given: dict[str, Any]) -> Options:
    """Build a tracker's frozen options; name what exists when a name does not.

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
