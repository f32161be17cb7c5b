"""Readers of pose data sets, one function per layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow import skeletons
from poseflow.arrays import Bools
from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator.training.config import (
    AnyDataset,
    CocoConfig,
    EmptyConfig,
    LspetConfig,
    LspMatConfig,
    MpiiConfig,
    SyntheticConfig,
)
from poseflow.estimator.training.data_files import (
    expected_layout,
    image_names,
    load_json,
    select_folds,
    select_folds_by_id,
)
from poseflow.estimator.training.pose.dataset import (
    People,
    concatenate,
    people_of,
    without_people,
)
from poseflow.estimator.training.pose.matlab_file import read_matlab_array
from poseflow.estimator.training.pose.proposals import best_detections
from poseflow.estimator.training.pose.pseudo_labels import (
    add_pseudo_labels,
    load_pseudo_labels,
)
from poseflow.safety.npz import read_npz
from poseflow.similarity.boxes import keypoint_extent, xywh_to_xyxy
from poseflow.skeletons.skeleton import Skeleton

LSP_JOINTS = skeletons.get("lsp14").joints
MPII_JOINTS = skeletons.get("mpii16").joints

MPII_SCALE_PX = 200.0
"""MPII gives a person's height in units of 200 pixels."""

HEAD_BOX_TO_SIZE = 0.6
"""PCKh's head size is 0.6 of the head box's diagonal (Andriluka et al., CVPR 2014)."""

BOX_PADDING = 0.1
"""Boxes made from joints get this fraction of their longer side on every side."""


def read_people(datasets: Sequence[AnyDataset], root: Path, target: Skeleton) -> People:
    """Read the people of all data sets, in order, each `repeat` times.

    Args:
        datasets: What to read.
        root: Folder that their roots are relative to.
        target: The skeleton of the joints.

    Raises:
        PoseFlowError: If there is no data set, a file is missing or malformed, or no
            person has a labelled joint.
    """
    if not datasets:
        raise PoseFlowError("data: expected at least one data set, got none")
    parts = []
    for dataset in datasets:
        place = root / dataset.root
        with expected_layout(dataset, place):
            people = _read(dataset, place, target)
        parts += [people] * dataset.repeat
    people = concatenate(parts)
    if not people.labelled.any():
        raise PoseFlowError(
            "data: no person in these data sets has a labelled joint of skeleton "
            f"{target.name!r}"
        )
    return people


def _read(dataset: AnyDataset, root: Path, target: Skeleton) -> People:
    match dataset:
        case LspetConfig():
            return _read_lspet(dataset, root, target)
        case LspMatConfig():
            return _read_lsp_mat(dataset, root, target)
        case CocoConfig():
            return _read_coco(dataset, root, target)
        case MpiiConfig():
            return _read_mpii(dataset, root, target)
        case SyntheticConfig():
            from poseflow.estimator.training.pose.rendered import rendered_as_coco

            return _read_coco(rendered_as_coco(dataset, root, target), root, target)
        case EmptyConfig():
            return _read_empty(dataset, root, target)


def _range(first: int, last: int | None, count: int, place: Path) -> slice:
    stop = count if last is None else last
    if not first <= stop <= count:
        raise PoseFlowError(
            f"{place}: expected first and last within images 1 to {count}, got "
            f"{first} and {stop}"
        )
    return slice(first - 1, stop)


def _read_lspet(dataset: LspetConfig, root: Path, target: Skeleton) -> People:
    path = root / "labels.npz"
    labels = read_npz(path)
    joints = labels["joints"]
    names = labels["joint_names"].tolist()
    part = _range(dataset.first, dataset.last, len(joints), path)
    archives, container_of = np.unique(labels["archives"][part], return_inverse=True)
    people = people_of(
        str(path),
        names,
        containers=[root / name for name in archives.tolist()],
        container_of=container_of,
        names=labels["file_names"][part].tolist(),
        image_of=np.arange(part.stop - part.start),
        boxes=xywh_to_xyxy(labels["boxes"][part]),
        keypoints=joints[part, :, :2],
        labelled=joints[part, :, 2] > 0,
        target=target,
        rename=dataset.rename,
    )
    _complete(people, dataset.found, root, target)
    return people


def _complete(people: People, found: str | None, root: Path, target: Skeleton) -> None:
    """Add the pseudo-labels of another model, if there are any."""
    if found is not None:
        image_names = [people.image_files.names[k] for k in people.image_of]
        add_pseudo_labels(
            load_pseudo_labels(root / found),
            image_names,
            people.boxes,
            people.keypoints,
            people.labelled,
            target,
        )


def _read_lsp_mat(dataset: LspMatConfig, root: Path, target: Skeleton) -> People:
    path = root / "joints.mat"
    joints = np.asarray(read_matlab_array(path, "joints"), np.float32)
    # LSP is (3, 14, N) with a flag for "hidden", its extension (14, 3, N) with "known".
    extended = joints.shape[:2] == (14, 3)
    if not extended and joints.shape[:2] != (3, 14):
        raise FormatError(
            f"{path}: joints: expected (3, 14, N) or (14, 3, N), got {joints.shape}"
        )
    joints = joints.transpose((2, 0, 1) if extended else (2, 1, 0))
    part = _range(dataset.first, dataset.last, len(joints), path)
    digits = 5 if extended else 4
    names = [f"images/im{k + 1:0{digits}d}.jpg" for k in range(len(joints))]
    known = (
        joints[part, :, 2] > 0 if extended else np.ones(joints[part].shape[:2], bool)
    )
    return people_of(
        str(path),
        LSP_JOINTS,
        containers=[root],
        container_of=np.zeros(part.stop - part.start),
        names=names[part],
        image_of=np.arange(part.stop - part.start),
        boxes=padded_extent(joints[part, :, :2], known),
        keypoints=joints[part, :, :2],
        labelled=known,
        target=target,
        rename=dataset.rename,
    )


def padded_extent(
    keypoints: npt.NDArray[np.float32], labelled: Bools
) -> npt.NDArray[np.float32]:
    """Boxes `(N, 4)` around labelled joints, padded by a tenth of the longer side."""
    boxes = keypoint_extent(keypoints, labelled)
    pad = BOX_PADDING * (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    padded = np.concatenate([boxes[:, :2] - pad, boxes[:, 2:] + pad], axis=1)
    return padded.astype(np.float32)


def _read_coco(dataset: CocoConfig, root: Path, target: Skeleton) -> People:
    path = root / dataset.annotations
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{path}: no JSON file in this folder")
    return concatenate([_read_coco_file(dataset, root, f, target) for f in files])


def _read_coco_file(
    dataset: CocoConfig, root: Path, path: Path, target: Skeleton
) -> People:
    content = load_json(path)
    joints = next(
        (c["keypoints"] for c in content.get("categories", ()) if c.get("keypoints")),
        skeletons.get("coco17").joints,
    )
    images = select_folds_by_id(content["images"], dataset.folds, dataset.fold)
    place_of = {image["id"]: k for k, image in enumerate(images)}
    chosen = [
        note
        for note in content["annotations"]
        if note["image_id"] in place_of
        and not note.get("iscrowd")
        and (note.get("keypoints") or (dataset.found and note.get("bbox")))
    ]
    unlabelled = [0] * 3 * len(joints)
    values = np.array([n.get("keypoints") or unlabelled for n in chosen], np.float32)
    if values.size and values.shape[1] != 3 * len(joints):
        raise FormatError(
            f"{path}: keypoints: expected {3 * len(joints)} numbers for "
            f"{len(joints)} joints, got {values.shape[1]}"
        )
    values = values.reshape(len(chosen), len(joints), 3)
    labelled = values[..., 2] > 0
    least = 0 if dataset.found else dataset.least_joints
    kept = labelled.sum(axis=1) >= least
    chosen = [note for note, keep in zip(chosen, kept, strict=True) if keep]
    values, labelled = values[kept], labelled[kept]

    boxes = padded_extent(values[..., :2], labelled)
    given = [k for k, note in enumerate(chosen) if note.get("bbox")]
    if given:
        stated = np.array([chosen[k]["bbox"] for k in given], np.float32)
        real = (stated[:, 2:] > 0).all(axis=1)
        boxes[np.array(given)[real]] = xywh_to_xyxy(stated[real])
    whole = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    heads = [note.get("bbox_head") or (0, 0, np.nan, np.nan) for note in chosen]
    sides = np.array(heads, np.float32).reshape(-1, 4)[:, 2:]
    known = np.isfinite(sides).any()
    people = people_of(
        str(path),
        joints,
        containers=[root / dataset.images],
        container_of=np.zeros(len(images)),
        names=[image["file_name"] for image in images],
        image_of=[place_of[note["image_id"]] for note in chosen],
        boxes=boxes,
        keypoints=values[..., :2],
        labelled=labelled,
        target=target,
        rename=dataset.rename,
        areas=[
            note.get("area") or area for note, area in zip(chosen, whole, strict=True)
        ],
        head_sizes=HEAD_BOX_TO_SIZE * np.linalg.norm(sides, axis=1) if known else None,
        detected=_detected(dataset, root, chosen, boxes),
    )
    if dataset.found is None:
        return people
    _complete(people, dataset.found, root, target)
    return people.only(people.labelled.sum(axis=1) >= dataset.least_joints)


def _read_empty(dataset: EmptyConfig, root: Path, target: Skeleton) -> People:
    container = root / dataset.images
    if dataset.annotations is None:
        names = select_folds(image_names(container), dataset.folds, dataset.fold)
    else:
        content = load_json(root / dataset.annotations)
        populated = {note["image_id"] for note in content["annotations"]}
        images = select_folds_by_id(content["images"], dataset.folds, dataset.fold)
        names = [i["file_name"] for i in images if i["id"] not in populated]
    return without_people(container, names, dataset.crops, target)


def _detected(
    dataset: CocoConfig,
    root: Path,
    people: Sequence[dict[str, Any]],
    boxes: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32] | None:
    """Detected box of each person, from a file of COCO results."""
    if dataset.detections is None:
        return None
    drawn: dict[Any, list[list[float]]] = {}
    for result in load_json(root / dataset.detections):
        if result.get("category_id", 1) == 1:
            drawn.setdefault(result["image_id"], []).append(result["bbox"])
    image_ids = np.array([note["image_id"] for note in people])
    found = np.full((len(people), 4), np.nan, np.float32)
    for image_id in np.unique(image_ids):
        mine = image_ids == image_id
        candidates = np.array(drawn.get(image_id.item(), []), np.float32).reshape(-1, 4)
        found[mine] = best_detections(boxes[mine], xywh_to_xyxy(candidates))
    return found


def _read_mpii(dataset: MpiiConfig, root: Path, target: Skeleton) -> People:
    path = root / dataset.annotations
    notes = load_json(path)
    names = sorted({note["image"] for note in notes})
    place_of = {name: k for k, name in enumerate(names)}
    joints = np.array([note["joints"] for note in notes], np.float32)
    labelled = np.array([note["joints_vis"] for note in notes], np.float32) > 0
    centre = np.array([note["center"] for note in notes], np.float32)
    half = np.array([[note["scale"]] for note in notes], np.float32) * MPII_SCALE_PX / 2
    return people_of(
        str(path),
        MPII_JOINTS,
        containers=[root / dataset.images],
        container_of=np.zeros(len(names)),
        names=names,
        image_of=[place_of[note["image"]] for note in notes],
        boxes=np.concatenate([centre - half, centre + half], axis=1),
        keypoints=joints.reshape(-1, len(MPII_JOINTS), 2),
        labelled=labelled.reshape(-1, len(MPII_JOINTS)),
        target=target,
        rename=dataset.rename,
    )
