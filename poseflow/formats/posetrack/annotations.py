"""`Annotations`: ground truth or predictions of one PoseTrack sequence as arrays.

PoseTrack17 (`annolist`), PoseTrack18 and PoseTrack21 (COCO-like) all end up here,
ground truth and predictions alike, with nothing dropped that a scorer may have to know:
people without joints, joints listed with flag 0, unlabelled frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.skeletons.posetrack import POSETRACK17, POSETRACK18

JOINTS = POSETRACK17.joints
"""The 15 scored joints in the order of PoseTrack17's point ids."""

SLOTS = POSETRACK18.joints
"""The 17 keypoint slots of PoseTrack18 and 21; the ears are never scored."""

EARS = ("left_ear", "right_ear")
"""The joints that only the 2018 format has."""

SLOT_OF_JOINT = tuple(SLOTS.index("head_bottom" if j == "neck" else j) for j in JOINTS)
"""Slot of each of `JOINTS`; what 2018 calls head_bottom is the neck of 2017."""

NO_ID = int(np.iinfo(np.int64).min)
"""Track id of a person whose file gives none."""

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong or unusual in a file, found by its reader or a check.

    Attributes:
        file: The file, or `archive.zip: member`.
        frame: Position of the frame in its file from 0, or None.
        message: What is wrong, and how it was read.
        level: `error` changes or prevents the score, `warning` may change it, `note`
            does not.
    """

    file: str
    frame: int | None
    message: str
    level: Level = "warning"

    def __str__(self) -> str:
        place = self.file if self.frame is None else f"{self.file}: frame {self.frame}"
        return f"{self.level}: {place}: {self.message}"


@dataclass(frozen=True, eq=False)
class Annotations:
    """One sequence of one side: F frames, P people of all frames in one table.

    People are sorted by frame; inside a frame they keep the file's order.

    Attributes:
        name: Name of the sequence: the file's name without `.json` or `.json.gz`.
        source: The file, for messages.
        format: `posetrack17`, `posetrack18`, `posetrack21` or `poses`.
        image_names: F names as the file gives them.
        image_ids: `(F,)` the file's image ids; the position where it has none.
        labelled: `(F,)` int8: 1 labelled, 0 not, -1 the file does not say.
        frames: `(P,)` position of each person's frame, ascending.
        track_ids: `(P,)` int64, `NO_ID` where the file has none.
        keypoints: `(P, 15, 2)` pixels in the order of `JOINTS`, NaN where the file has
            no such joint. In the 2018 format a joint is absent if x, y and flag are
            all 0, so that flag 0 with coordinates is present.
        scores: `(P, 15)` joint scores, NaN where the file has none.
        flags: `(P, 15)` third number of each keypoint, NaN where absent.
        has_points: `(P,)` False for a 2017 rectangle without a list of points; True
            with an empty list, and always in the other formats.
        head_boxes: `(P, 4)` x1, y1, x2, y2, NaN where the file has none.
        head_sizes: `(P,)` diagonal of the head box in pixels, NaN where there is none.
        boxes: `(P, 4)` person boxes x1, y1, x2, y2, NaN where the file has none.
        pose_scores: `(P,)` score of the whole person, NaN where the file has none.
        whole_numbers: `(F,)` every keypoint number of the frame is written without
            a decimal point (2018 format; False for a frame without people).
        regions: Ignore regions, each `(k, 2)` corners in pixels.
        region_frames: `(R,)` frame of each region, ascending.
        problems: Problems that the reader found.
        ears: `(P, 2, 3)` x, y and score of the left and the right ear, which the 2018
            format has slots for and no program scores, NaN where absent; None in 2017.
        indices: F frame indices that a result of poseflow states, None where it does
            not.
        times: F times in seconds, likewise.
        metadata: The field `poseflow` of a result; None in other files.
    """

    name: str
    source: str
    format: str
    image_names: tuple[str, ...]
    image_ids: Ints
    labelled: npt.NDArray[np.int8]
    frames: Ints
    track_ids: Ints
    keypoints: Floats
    scores: Floats
    flags: Floats
    has_points: Bools
    head_boxes: Floats
    head_sizes: Floats
    boxes: Floats
    pose_scores: Floats
    whole_numbers: Bools
    regions: tuple[Floats, ...] = ()
    region_frames: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    problems: tuple[Problem, ...] = ()
    ears: Floats | None = None
    indices: tuple[int | None, ...] | None = None
    times: tuple[float | None, ...] | None = None
    metadata: Any = None

    @property
    def num_frames(self) -> int:
        """F, the number of frames."""
        return len(self.image_names)

    def __len__(self) -> int:
        """P, the number of people of all frames together."""
        return len(self.frames)

    @cached_property
    def present(self) -> Bools:
        """`(P, 15)`: joints that the file gives."""
        return ~np.isnan(self.keypoints[:, :, 0])

    @cached_property
    def frame_starts(self) -> Ints:
        """`(F + 1,)`: people of frame f are rows `starts[f]` to `starts[f + 1]`."""
        return np.searchsorted(self.frames, np.arange(self.num_frames + 1))

    @cached_property
    def distinct_regions(self) -> tuple[tuple[Floats, Ints], ...]:
        """Each region once, with the frames that have it: most stay for long."""
        polygons: dict[tuple[int, bytes], Floats] = {}
        frames: dict[tuple[int, bytes], list[int]] = {}
        for frame, polygon in zip(
            self.region_frames.tolist(), self.regions, strict=True
        ):
            key = (len(polygon), polygon.tobytes())
            polygons[key] = polygon
            frames.setdefault(key, []).append(frame)
        return tuple((p, np.array(frames[key])) for key, p in polygons.items())

    def __repr__(self) -> str:
        return (
            f"<Annotations {self.name!r}: {self.num_frames} frames, {len(self)} poses, "
            f"{len(self.regions)} regions, {self.format}>"
        )


def empty_annotations(
    name: str, source: str, image_names: Sequence[str], image_ids: npt.ArrayLike
) -> Annotations:
    """A sequence of frames without people."""
    frames = len(image_names)
    return Annotations(
        name=name,
        source=source,
        format="poses",
        image_names=tuple(image_names),
        image_ids=np.asarray(image_ids, np.int64),
        labelled=np.full(frames, -1, np.int8),
        whole_numbers=np.zeros(frames, np.bool_),
        **empty_people(),
    )


def empty_people() -> dict[str, Any]:
    """The columns of `Annotations` that have a row per person, with no rows."""
    return {
        "frames": np.zeros(0, np.int64),
        "track_ids": np.zeros(0, np.int64),
        "keypoints": np.zeros((0, 15, 2)),
        "scores": np.zeros((0, 15)),
        "flags": np.zeros((0, 15)),
        "has_points": np.zeros(0, np.bool_),
        "head_boxes": np.zeros((0, 4)),
        "head_sizes": np.zeros(0),
        "boxes": np.zeros((0, 4)),
        "pose_scores": np.zeros(0),
    }
