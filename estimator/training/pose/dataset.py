"""Table of labelled people: several data sets, joined by joint name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.estimator.training.data_files import ImageFiles, join_image_files
from poseflow.skeletons.skeleton import Skeleton


@dataclass(frozen=True)
class People:
    """N labelled people, and crops without people, struct of arrays.

    Attributes:
        image_files: Their images.
        image_of: `(N,)` position in `image_files`.
        boxes: `(N, 4)` xyxy pixels.
        keypoints: `(N, K, 2)` pixels; arbitrary where not labelled.
        labelled: `(N, K)`; False means "ignore", not "absent".
        areas: `(N,)` square pixels, for OKS.
        head_sizes: `(N,)` pixels, for PCKh; NaN where unknown.
        detected: `(N, 4)` boxes of a detector; NaN for missed people.
        absent: `(N,)` whether the image shows no people: there is no box and no joint,
            and a network must find none.
    """

    image_files: ImageFiles
    image_of: Ints
    boxes: Floats
    keypoints: Floats
    labelled: Bools
    areas: Floats
    head_sizes: Floats
    detected: Floats
    absent: Bools

    def __len__(self) -> int:
        return len(self.boxes)

    def only(self, kept: Bools) -> People:
        """The people of a mask `(N,)`; `image_files` stays."""
        columns = {name: getattr(self, name)[kept] for name in _COLUMNS}
        return replace(self, image_of=self.image_of[kept], **columns)


def people_of(
    place: str,
    joints: Sequence[str],
    *,
    containers: Sequence[Path],
    container_of: npt.ArrayLike,
    names: Sequence[str],
    image_of: npt.ArrayLike,
    boxes: npt.ArrayLike,
    keypoints: Floats,
    labelled: Bools,
    target: Skeleton,
    rename: dict[str, str],
    areas: npt.ArrayLike | None = None,
    head_sizes: npt.ArrayLike | None = None,
    detected: npt.ArrayLike | None = None,
) -> People:
    """Convert one data set's people to the target skeleton, by joint name.

    Args:
        place: What error messages call the data set.
        joints: Names of its joints.
        containers: As in `ImageFiles`.
        container_of: As in `ImageFiles`.
        names: As in `ImageFiles`.
        image_of: As in `People`.
        boxes: As in `People`.
        keypoints: `(N, J, 2)` in the data set's own joints.
        labelled: `(N, J)`.
        target: The skeleton; joints that the data set lacks are not labelled.
        rename: Names in the target of joints with another name in the data set.
        areas: As in `People`; default the boxes' areas.
        head_sizes: As in `People`; default from head top and neck, where both are.
        detected: As in `People`; default none.

    Raises:
        PoseFlowError: If no joint is in common, or a renamed joint does not exist.
    """
    missing = sorted(set(rename) - set(joints))
    if missing:
        raise PoseFlowError(
            f"{place}: rename: no joint called {', '.join(missing)}; there are "
            f"{', '.join(joints)}"
        )
    renamed = [rename.get(joint, joint) for joint in joints]
    common = [joint for joint in renamed if joint in target.joints]
    if not common:
        raise PoseFlowError(
            f"{place}: no joint in common with skeleton {target.name!r}; the data set "
            f"has {', '.join(renamed)}, the skeleton {', '.join(target.joints)}"
        )
    source = [renamed.index(joint) for joint in common]
    column = [target.index(joint) for joint in common]
    count = len(keypoints)
    points = np.zeros((count, len(target), 2), np.float32)
    points[:, column] = keypoints[:, source]
    shown = np.zeros((count, len(target)), bool)
    shown[:, column] = labelled[:, source]
    shown &= np.isfinite(points).all(axis=2)
    points[~shown] = 0

    box = np.asarray(boxes, np.float32).reshape(count, 4)
    if areas is None:
        areas = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    if head_sizes is None:
        head_sizes = np.full(count, np.nan)
        top = renamed.index("head_top") if "head_top" in renamed else None
        neck = next(
            (
                renamed.index(joint)
                for joint in ("upper_neck", "head_bottom", "neck")
                if joint in renamed
            ),
            None,
        )
        if top is not None and neck is not None:
            both = labelled[:, top] & labelled[:, neck]
            length = np.linalg.norm(keypoints[:, top] - keypoints[:, neck], axis=1)
            head_sizes = np.where(both, length, np.nan)
    return People(
        ImageFiles(tuple(containers), np.asarray(container_of, np.int32), tuple(names)),
        np.asarray(image_of, np.int64),
        box,
        points,
        shown,
        np.asarray(areas, np.float32),
        np.asarray(head_sizes, np.float32),
        np.full((count, 4), np.nan, np.float32)
        if detected is None
        else np.asarray(detected, np.float32),
        np.zeros(count, bool),
    )


def without_people(
    container: Path, names: Sequence[str], crops: int, target: Skeleton
) -> People:
    """Table of crops from images without people.

    Args:
        container: Folder or archive.
        names: Of the I images in it.
        crops: Number of crops of each image.
        target: The K joints that are absent.

    Returns:
        `I * crops` rows, all `absent`; boxes, areas and sizes are NaN.
    """
    count = crops * len(names)
    unknown = np.full((count, 4), np.nan, np.float32)
    return People(
        ImageFiles((container,), np.zeros(len(names), np.int32), tuple(names)),
        np.arange(count) // crops,
        unknown,
        np.zeros((count, len(target), 2), np.float32),
        np.zeros((count, len(target)), bool),
        unknown[:, 0],
        unknown[:, 0],
        unknown,
        np.ones(count, bool),
    )


_COLUMNS = (
    "boxes",
    "keypoints",
    "labelled",
    "areas",
    "head_sizes",
    "detected",
    "absent",
)


def concatenate(parts: Sequence[People]) -> People:
    """All people of all parts, in order."""
    image_files, image_of = join_image_files(
        [(p.image_files, p.image_of) for p in parts]
    )
    return People(
        image_files,
        image_of,
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS),
    )
