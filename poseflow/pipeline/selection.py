"""Selection of people before tracking: by score, and the best ones of a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.sequence import Frame


@dataclass(frozen=True)
class Selection:
    """Which people of a frame are kept.

    Attributes:
        score_threshold: People with a lower score are left out.
        max_people: So many people at most, those of the highest scores.

    Raises:
        PoseFlowError: If a value is out of range.

    Examples:
        >>> poses = Poses(np.ones((3, 17, 2)), scores=[0.2, 0.9, 0.7])
        >>> Selection(max_people=2).of(poses).scores.astype(float).round(2).tolist()
        [0.9, 0.7]
    """

    score_threshold: float | None = None
    max_people: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        threshold, most = self.score_threshold, self.max_people
        if threshold is not None and not np.isfinite(threshold):
            raise PoseFlowError(
                f"score_threshold: expected a finite number, got {threshold}"
            )
        if most is not None and most < 1:
            raise PoseFlowError(f"max_people: expected 1 or more, got {most}")

    def __bool__(self) -> bool:
        """Whether people can be left out."""
        return self.score_threshold is not None or self.max_people is not None

    def of(self, poses: Poses) -> Poses:
        """The people who are kept, in their order."""
        kept = np.arange(len(poses))
        if self.score_threshold is not None:
            kept = kept[poses.scores >= self.score_threshold]
        if self.max_people is not None and len(kept) > self.max_people:
            order = np.argsort(-poses.scores[kept], kind="stable")
            kept = np.sort(kept[order[: self.max_people]])
        return poses if len(kept) == len(poses) else poses[kept]

    def apply(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames with the people who are kept."""
        for frame in frames:
            yield replace(frame, poses=self.of(frame.poses))
