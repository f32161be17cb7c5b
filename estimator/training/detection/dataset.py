"""Data sets of detectors: images with boxes of people, and readers of their layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow import skeletons
from poseflow.arrays import Bools, Ints
from poseflow.errors import PoseFlowError
from poseflow.estimator.training.config import LspetConfig, SyntheticConfig
from poseflow.estimator.training.data_files import (
    ImageFiles,
    expected_layout,
    image_names,
    join_image_files,
    load_json,
    select_folds,
    select_folds_by_id,
)
from poseflow.estimator.training.detection.config import (
    CocoBoxesConfig,
    Complete,
    EmptyBoxesConfig,
    LspetBoxesConfig,
)
from poseflow.estimator.training.pose.readers import LSP_JOINTS, read_people
from poseflow.estimator.training.pose.rendered import rendered_as_coco
from poseflow.similarity.boxes import box_area, box_iou, keypoint_extent, xywh_to_xyxy
from poseflow.skeletons.skeleton import Skeleton

SAME_PERSON_IOU = 0.3
"""IoU with the labelled box from which a pseudo-label is the labelled person."""

OTHERS_LEAST_JOINTS = 3
"""Pseudo-labels with fewer joints are left out."""

COCO = skeletons.get("coco17")

TORSO_AND_LEGS = [
    [COCO.index(f"{side}_{joint}") for side in ("left", "right")]
    for joint in ("shoulder", "hip", "knee")
]
"""A person who is visible as a whole has one joint of each row."""

PADS = (-0.05, -0.1, 0.05, 0.07)
"""Padding from the joints' extent to a person's box, in shares of its longer side."""

PART_OF_PERSON = 0.7
"""Share within the labelled box from which a pseudo-label is the labelled person."""

MOST_SHARED = 0.4
"""With a greater share within the labelled box, a pseudo-label is ignored."""


@dataclass(frozen=True)
class BoxedImages:
    """I images with N boxes, struct of arrays.

    Attributes:
        image_files: Where they are.
        repeats: `(I,)` how often each comes compared with the others.
        complete: `(I,)` whether all people have boxes.
        empty: `(I,)` whether it is of a data set without people.
        boxes: `(N, 4)` xyxy pixels.
        image_of: `(N,)` position in `image_files`, ascending.
        ignored: `(N,)` crowds and uncertain people: neither people nor background.
    """

    image_files: ImageFiles
    repeats: Ints
    complete: Bools
    empty: Bools
    boxes: npt.NDArray[np.float32]
    image_of: Ints
    ignored: Bools

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image_files)

    def of(self, index: int) -> slice:
        """Rows of the boxes of an image."""
        ends = np.searchsorted(self.image_of, [index, index + 1])
        return slice(int(ends[0]), int(ends[1]))


def read_boxes(
    datasets: Sequence[Complete | LspetBoxesConfig], root: Path
) -> BoxedImages:
    """Read the images and boxes of all data sets, in order.

    Args:
        datasets: What to read.
        root: Folder that their roots are relative to.

    Raises:
        PoseFlowError: If there is no data set, or a file is missing or broken.
    """
    if not datasets:
        raise PoseFlowError("data: expected at least one data set, got none")
    parts = []
    for dataset in datasets:
        place = root / dataset.root
        with expected_layout(dataset, place):
            parts.append(_read(dataset, place))
    return _concatenate(parts)


def _read(dataset: Complete | LspetBoxesConfig, root: Path) -> BoxedImages:
    match dataset:
        case CocoBoxesConfig():
            return _read_coco(dataset, root)
        case EmptyBoxesConfig():
            return _read_empty(dataset, root)
        case LspetBoxesConfig():
            return _read_lspet(dataset, root)
        case SyntheticConfig():
            coco = rendered_as_coco(dataset, root, skeletons.get("coco17"))
            boxes = CocoBoxesConfig(
                annotations=coco.annotations, images=coco.images, repeat=dataset.repeat
            )
            return _read_coco(boxes, root)


def _table(
    container: Path,
    names: Sequence[str],
    repeat: int,
    boxes: npt.ArrayLike,
    image_of: npt.ArrayLike,
    ignored: npt.ArrayLike,
    *,
    complete: bool = True,
    empty: bool = False,
) -> BoxedImages:
    of = np.asarray(image_of, np.int64)
    order = np.argsort(of, kind="stable")
    count = len(names)
    return BoxedImages(
        ImageFiles((container,), np.zeros(count, np.int32), tuple(names)),
        np.full(count, repeat, np.int64),
        np.full(count, complete),
        np.full(count, empty),
        np.asarray(boxes, np.float32).reshape(-1, 4)[order],
        of[order],
        np.asarray(ignored, bool)[order],
    )


def _read_coco(dataset: CocoBoxesConfig, root: Path) -> BoxedImages:
    path = root / dataset.annotations
    content = load_json(path)
    images = select_folds_by_id(content["images"], dataset.folds, dataset.fold)
    place_of = {image["id"]: k for k, image in enumerate(images)}
    notes = [n for n in content["annotations"] if n["image_id"] in place_of]
    sides = np.array([n["bbox"] for n in notes], np.float32).reshape(-1, 4)
    sized = (sides[:, 2:] > 0).all(axis=1)
    real = np.flatnonzero(sized & np.isfinite(sides).all(axis=1))
    notes = [notes[k] for k in real]
    return _table(
        root / dataset.images,
        [image["file_name"] for image in images],
        dataset.repeat,
        xywh_to_xyxy(sides[real]),
        [place_of[n["image_id"]] for n in notes],
        [bool(n.get("iscrowd")) for n in notes],
    )


def _read_empty(dataset: EmptyBoxesConfig, root: Path) -> BoxedImages:
    place = root / dataset.images
    names = select_folds(image_names(place), dataset.folds, dataset.fold)
    return _table(place, names, dataset.repeat, [], [], [], empty=True)


def _read_lspet(dataset: LspetBoxesConfig, root: Path) -> BoxedImages:
    lspet = LspetConfig(first=dataset.first, last=dataset.last)
    people = read_people([lspet], root, Skeleton("lsp", LSP_JOINTS))
    whole = people.labelled.sum(axis=1) >= dataset.least_joints
    boxes = people.boxes
    whole &= (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    found = {} if dataset.others is None else load_json(root / dataset.others)
    others = {
        Path(name).stem: _others(poses, dataset.others_joints)
        for name, poses in found.items()
    }
    every, of, unsure = [boxes], [people.image_of], [np.zeros(len(boxes), bool)]
    for k in range(len(people)):
        stem = Path(people.image_files.names[people.image_of[k]]).stem
        if stem in others:
            found_boxes, uncertain = others[stem]
            inside = _share_inside(found_boxes, boxes[k])
            same = box_iou(found_boxes, boxes[k : k + 1])[:, 0] >= SAME_PERSON_IOU
            other = ~same & (inside < PART_OF_PERSON)
            every.append(found_boxes[other])
            of.append(np.full(other.sum(), people.image_of[k]))
            unsure.append((uncertain | (inside > MOST_SHARED))[other])
    image_of = np.concatenate(of)
    image_of = np.where(np.isin(image_of, people.image_of[whole]), image_of, -1)
    kept = image_of >= 0
    used, renumbered = np.unique(image_of[kept], return_inverse=True)
    order = np.argsort(renumbered, kind="stable")
    ignored = np.concatenate(unsure)[kept]
    crowded = np.bincount(renumbered[~ignored], minlength=len(used)) > 1
    image_files = people.image_files
    return BoxedImages(
        image_files=ImageFiles(
            image_files.containers,
            image_files.container_of[used],
            tuple(image_files.names[k] for k in used),
        ),
        repeats=dataset.repeat * np.where(crowded, dataset.repeat_others, 1),
        complete=np.zeros(len(used), bool),
        empty=np.zeros(len(used), bool),
        boxes=np.concatenate(every)[kept][order],
        image_of=renumbered[order],
        ignored=ignored[order],
    )


def _others(poses: Any, least: int | None) -> tuple[npt.NDArray[np.float32], Bools]:
    """Boxes `(P, 4)` of pseudo-labels, and which are too uncertain to be people.

    Poses with too few joints are left out.
    """
    values = np.asarray(poses, np.float32)
    count = values[:1].size // 3 if least is None else len(COCO)
    values = values.reshape(len(values), count, 3)
    shown = values[..., 2] > 0
    extents = keypoint_extent(values[..., :2], shown)
    joints = shown.sum(axis=1)
    uncertain = np.ones(len(values), bool)
    if least is not None:
        parts = [shown[:, columns].any(axis=1) for columns in TORSO_AND_LEGS]
        uncertain = ~(np.all(parts, axis=0) & (joints >= least))
        # Joints lie inside of people: the head reaches above nose and ears.
        sides = extents[:, 2:] - extents[:, :2]
        pads = sides.max(axis=1, keepdims=True) * np.array(PADS, np.float32)
        extents = np.where(uncertain[:, None], extents, extents + pads)
    enough = joints >= OTHERS_LEAST_JOINTS
    return extents[enough].astype(np.float32), uncertain[enough]


def _share_inside(
    boxes: npt.NDArray[np.float32], person: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Share `(P,)` of each box `(P, 4)` that lies within the person's `(4,)`."""
    low = np.maximum(boxes[:, :2], person[:2])
    high = np.minimum(boxes[:, 2:], person[2:])
    shared = box_area(np.concatenate([low, high], axis=1))
    return np.asarray(shared / np.maximum(box_area(boxes), 1e-6), np.float32)


def _concatenate(parts: Sequence[BoxedImages]) -> BoxedImages:
    image_files, image_of = join_image_files(
        [(p.image_files, p.image_of) for p in parts]
    )
    return BoxedImages(
        image_files,
        np.concatenate([part.repeats for part in parts]),
        np.concatenate([part.complete for part in parts]),
        np.concatenate([part.empty for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        image_of,
        np.concatenate([part.ignored for part in parts]),
    )
