"""`Poses`: the people of one frame as arrays, the data type of the whole library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Ints
from poseflow.errors import PoseFlowError
from poseflow.other_poses import (
    Columns,
    of_mmpose,
    of_rtmlib,
    of_supervision,
    of_ultralytics,
    to_supervision,
)
from poseflow.similarity.boxes import keypoint_extent
from poseflow.skeletons import for_joint_count, get
from poseflow.skeletons.skeleton import Skeleton

Array = npt.NDArray[Any]
Index = int | slice | Bools | npt.NDArray[np.integer[Any]] | list[int]

NO_TRACK = -1
"""Track id of a person without an identity."""


def at_origin(keypoints: Array) -> Bools:
    """Keypoints at exactly (0, 0), which estimators write for joints not found.

    ultralytics, OpenPose and files in COCO's layout put a joint there that is below
    their threshold, some with its score above 0. Readers and adapters of estimators
    take such a joint as missing; `Poses` itself goes by the score alone.

    Args:
        keypoints: `(..., 2)` pixels.

    Returns:
        `(...)` booleans.

    Examples:
        >>> at_origin(np.array([[0.0, 0.0], [0.0, 7.0]])).tolist()
        [True, False]
    """
    origin: Bools = (keypoints[..., 0] == 0) & (keypoints[..., 1] == 0)
    return origin


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Poses:
    """The people of one frame as a struct of arrays, read-only, P = 0 included.

    Only `keypoints` is required; the rest has the defaults given below. A joint is
    *missing* when its score is 0. Coordinates that are not finite make a joint missing
    and are stored as (0, 0).

    Attributes:
        keypoints: `(P, K, 2)` pixels, x right and y down.
        keypoint_scores: `(P, K)`, at least 0, usually up to 1; default 1.
        boxes: `(P, 4)` as x1, y1, x2, y2 in pixels; default the extent of the joints
            that are present.
        scores: `(P,)` score of the whole person; default the mean score of the joints
            that are present.
        track_ids: `(P,)` int64 identities, -1 where there is none; default -1.
        interpolated: `(P,)` bool, people whom no estimator found: filled in between two
            sightings of a track; default False.
        skeleton: The K joints: a `Skeleton` or its name; default the built-in one with
            K joints (COCO-17 for 17).
        dtype: Storage of all numbers but `track_ids`: float32, or float64 where digits
            must be kept (as read from files).

    Raises:
        PoseFlowError: If shapes disagree or an array is not numeric.

    Examples:
        >>> import numpy as np
        >>> poses = Poses(np.zeros((2, 17, 2)), scores=[0.9, 0.4])
        >>> poses
        <Poses: 2 people, coco17, no ids>
        >>> len(poses[poses.scores > 0.5]), len(Poses.empty("coco17"))
        (1, 0)
    """

    keypoints: Array
    keypoint_scores: Array
    boxes: Array
    scores: Array
    track_ids: Ints
    interpolated: Bools
    skeleton: Skeleton

    def __init__(
        self,
        keypoints: npt.ArrayLike,
        keypoint_scores: npt.ArrayLike | None = None,
        boxes: npt.ArrayLike | None = None,
        scores: npt.ArrayLike | None = None,
        track_ids: npt.ArrayLike | None = None,
        skeleton: Skeleton | str | None = None,
        dtype: npt.DTypeLike = np.float32,
        interpolated: npt.ArrayLike | None = None,
    ) -> None:
        if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise PoseFlowError(f"dtype must be float32 or float64, got {dtype!r}")

        points = _array("keypoints", keypoints, dtype)
        if points.ndim != 3 or points.shape[2] != 2:
            raise PoseFlowError(
                "keypoints: expected shape (people, joints, 2), got "
                f"{points.shape}; scores belong into keypoint_scores"
            )
        people, joints = points.shape[:2]
        if skeleton is None:
            skeleton = for_joint_count(joints)
        elif isinstance(skeleton, str):
            skeleton = get(skeleton)
        if len(skeleton) != joints:
            raise PoseFlowError(
                f"keypoints: skeleton {skeleton.name!r} has {len(skeleton)} joints, "
                f"got an array of {joints}"
            )

        def fitting(
            name: str, value: npt.ArrayLike, *shape: int, dtype: npt.DTypeLike = dtype
        ) -> Array:
            array = _array(name, value, dtype)
            if array.shape != shape:
                raise PoseFlowError(
                    f"{name}: expected shape {shape} to go with keypoints, "
                    f"got {array.shape}"
                )
            return array

        if keypoint_scores is None:
            marks = np.ones((people, joints), dtype)
        else:
            marks = fitting("keypoint_scores", keypoint_scores, people, joints)
        # By coordinate: numpy reduces an axis of two much more slowly.
        finite = np.isfinite(points[..., 0]) & np.isfinite(points[..., 1])
        broken = ~(finite & np.isfinite(marks))
        if broken.any():
            points[broken] = 0
            marks[broken] = 0
        present = marks > 0
        if boxes is None:
            boxes = keypoint_extent(points, present)
        if scores is None:
            total = np.where(present, marks, 0).sum(axis=1)
            scores = total / np.maximum(present.sum(axis=1), 1)
        if track_ids is None:
            track_ids = np.full(people, NO_TRACK)
        if interpolated is None:
            interpolated = np.zeros(people, np.bool_)
        self._freeze(
            points,
            marks,
            fitting("boxes", boxes, people, 4),
            fitting("scores", scores, people),
            fitting("track_ids", track_ids, people, dtype=np.int64),
            fitting("interpolated", interpolated, people, dtype=np.bool_),
            skeleton,
        )

    def _freeze(self, *values: Any) -> None:
        for name, value in zip(_FIELDS, values, strict=True):
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    @classmethod
    def _trusted(cls, *values: Any) -> Self:
        """Build from arrays that are known to fit: `_FIELDS` in order."""
        poses = object.__new__(cls)
        poses._freeze(*values)
        return poses

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and unpickled poses are read-only, too."""
        return type(self)._trusted, tuple(getattr(self, name) for name in _FIELDS)

    @classmethod
    def empty(
        cls, skeleton: Skeleton | str = "coco17", dtype: npt.DTypeLike = np.float32
    ) -> Self:
        """No people, with the joints of `skeleton`."""
        if isinstance(skeleton, str):
            skeleton = get(skeleton)
        keypoints = np.zeros((0, len(skeleton), 2), dtype)
        return cls(keypoints, skeleton=skeleton, dtype=dtype)

    @classmethod
    def from_ultralytics(
        cls,
        result: Any,
        skeleton: Skeleton | str | None = None,
        *,
        keep_origin: bool = False,
    ) -> Self:
        """The people of an ultralytics result, with the ids of its tracker if any.

        Args:
            result: `model(image)[0]` or `model.track(image)[0]` of a pose model.
            skeleton: The joints; None goes by their number.
            keep_origin: Keep joints at exactly (0, 0), which are missing otherwise.

        Raises:
            PoseFlowError: If it has boxes without joints.
        """
        return cls._of_columns(of_ultralytics(result), skeleton, keep_origin)

    @classmethod
    def from_mmpose(
        cls,
        result: Any,
        skeleton: Skeleton | str | None = None,
        *,
        keep_origin: bool = False,
    ) -> Self:
        """The people of one image in MMPose's objects.

        Args:
            result: What the inferencer yields for an image, its instances, a
                `PoseDataSample`, or the list of them that `inference_topdown` returns.
            skeleton: The joints; None goes by their number.
            keep_origin: Keep joints at exactly (0, 0), which are missing otherwise.

        Raises:
            PoseFlowError: If it is none of these, or holds several images.
        """
        return cls._of_columns(of_mmpose(result), skeleton, keep_origin)

    @classmethod
    def from_rtmlib(
        cls,
        keypoints: Any,
        scores: Any = None,
        skeleton: Skeleton | str | None = None,
        *,
        keep_origin: bool = False,
    ) -> Self:
        """The people in the two arrays that rtmlib's models return.

        Args:
            keypoints: `(P, K, 2)` pixels.
            scores: `(P, K)`.
            skeleton: The joints; None goes by their number.
            keep_origin: Keep joints at exactly (0, 0), which are missing otherwise.

        Examples:
            >>> Poses.from_rtmlib(np.ones((1, 17, 2)), np.full((1, 17), 0.5))
            <Poses: 1 person, coco17, no ids>
        """
        return cls._of_columns(of_rtmlib(keypoints, scores), skeleton, keep_origin)

    @classmethod
    def from_supervision(
        cls,
        keypoints: Any,
        detections: Any = None,
        skeleton: Skeleton | str | None = None,
        *,
        keep_origin: bool = False,
    ) -> Self:
        """The people in `supervision.KeyPoints`.

        Args:
            keypoints: Their joints.
            detections: Their boxes, confidences and tracker ids, in the same order.
            skeleton: The joints; None goes by their number.
            keep_origin: Keep joints at exactly (0, 0), which are missing otherwise.

        Raises:
            PoseFlowError: If the numbers of people differ.
        """
        columns = of_supervision(keypoints, detections)
        return cls._of_columns(columns, skeleton, keep_origin)

    def to_supervision(self) -> Any:
        """These people as `supervision.KeyPoints`.

        Joints that are missing are at (0, 0) and not visible. Boxes and identities are
        in `data["xyxy"]` and `data["tracker_id"]`.

        Raises:
            PoseFlowError: If supervision is not installed.
        """
        return to_supervision(
            self.keypoints,
            self.keypoint_scores,
            self.boxes,
            self.scores,
            self.track_ids,
        )

    @classmethod
    def _of_columns(
        cls, columns: Columns, skeleton: Skeleton | str | None, keep_origin: bool
    ) -> Self:
        """Poses of another package's arrays, with joints at (0, 0) as missing."""
        points = columns.keypoints
        if not len(points):
            if skeleton is None and points.shape[1]:
                skeleton = for_joint_count(points.shape[1])
            return cls.empty(skeleton or "coco17")
        marks = columns.keypoint_scores
        if marks is None:
            marks = np.ones(points.shape[:2])
        if not keep_origin:
            marks = np.where(at_origin(points), 0, marks)
        return cls(
            points,
            marks,
            columns.boxes,
            columns.scores,
            columns.track_ids,
            skeleton,
        )

    @classmethod
    def concatenate(cls, parts: Iterable[Poses]) -> Self:
        """The people of all parts, in order.

        Raises:
            PoseFlowError: If there is no part, or parts have different skeletons.
        """
        parts = list(parts)
        if not parts:
            raise PoseFlowError(
                "concatenate needs at least one Poses; use Poses.empty for no people"
            )
        names = {part.skeleton.name for part in parts}
        if any(part.skeleton != parts[0].skeleton for part in parts):
            raise PoseFlowError(
                f"poses of different skeletons cannot be joined: {sorted(names)}; "
                "convert them first"
            )
        return cls._trusted(
            *(np.concatenate([getattr(p, name) for p in parts]) for name in _ARRAYS),
            parts[0].skeleton,
        )

    def split(self, bounds: Iterable[int]) -> list[Self]:
        """The people from each bound to the next, without copies of the arrays.

        Examples:
            >>> poses = Poses(np.zeros((5, 17, 2)))
            >>> [len(part) for part in poses.split([0, 2, 2, 5])]
            [2, 0, 3]
        """
        arrays = [getattr(self, name) for name in _ARRAYS]
        return [
            self._trusted(*(array[first:last] for array in arrays), self.skeleton)
            for first, last in pairwise(bounds)
        ]

    @property
    def present(self) -> Bools:
        """`(P, K)`: which joints are there, that is, have a score above 0."""
        return self.keypoint_scores > 0

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields replaced, checked again; keeps the dtype."""
        unknown = sorted(set(changes) - set(_FIELDS))
        if unknown:
            raise PoseFlowError(
                f"Poses has no field {', '.join(unknown)}; it has {', '.join(_FIELDS)}"
            )
        values = {name: getattr(self, name) for name in _FIELDS} | changes
        return type(self)(**values, dtype=self.keypoints.dtype)

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """The same people in float32 or float64."""
        return type(self)(**{n: getattr(self, n) for n in _FIELDS}, dtype=dtype)

    def __len__(self) -> int:
        """Number of people, P."""
        return len(self.keypoints)

    def __bool__(self) -> bool:
        """True always: an empty frame is still a frame; ask `len` for people."""
        return True

    def __getitem__(self, which: Index) -> Self:
        """People by number, slice, mask or list of numbers; always a `Poses`."""
        if isinstance(which, int | np.integer):
            if not -len(self) <= which < len(self):
                raise IndexError(f"person {which} of {len(self)}")
            which = [int(which)]
        elif isinstance(which, list) and not which:
            which = slice(0, 0)
        return self._trusted(
            *(np.array(getattr(self, name)[which]) for name in _ARRAYS), self.skeleton
        )

    def __iter__(self) -> Iterator[Self]:
        """Each person as a `Poses` of one."""
        return (self[k] for k in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """True if every array and the skeleton are equal; dtypes may differ."""
        if not isinstance(other, Poses):
            return NotImplemented
        return self.skeleton == other.skeleton and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in _ARRAYS
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        known = self.track_ids[self.track_ids != NO_TRACK].tolist()
        ids = f"ids {known}" if known else "no ids"
        people = "1 person" if len(self) == 1 else f"{len(self)} people"
        return f"<Poses: {people}, {self.skeleton.name}, {ids}>"


_ARRAYS = (
    *("keypoints", "keypoint_scores", "boxes", "scores"),
    *("track_ids", "interpolated"),
)
_FIELDS = (*_ARRAYS, "skeleton")


def _array(name: str, value: Any, dtype: npt.DTypeLike) -> Array:
    """A contiguous copy, which the caller does not share."""
    try:
        return np.array(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise PoseFlowError(
            f"{name}: expected an array of numbers ({error})"
        ) from error
