"""Pseudo-labels: poses found by another model, for joints that a data set lacks.

They are not ground truth, but Leeds Sports Pose has no nose and small detection sets
have boxes alone: a pose that agrees with the labels supplies the missing joints.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from poseflow import skeletons
from poseflow.arrays import Bools, Floats
from poseflow.errors import FormatError
from poseflow.estimator.training.data_files import load_json
from poseflow.similarity.boxes import box_iou, keypoint_extent
from poseflow.skeletons.skeleton import Skeleton

FOUND_SKELETON = "coco17"

LEAST_SCORE = 0.2
"""Joints with lower scores are not used."""

LEAST_COMMON = 4
"""Least number of joints that a pose shares with a person's labels."""

AGREEMENT = 0.08
"""Largest median distance of common joints, in shares of the box's longer side."""

LEAST_IOU = 0.5
"""Overlap of a pose's extent with the box of a person without labels."""

LEAST_FOUND = 8
"""Least number of joints of such a pose."""

PseudoLabels = dict[str, npt.NDArray[np.float32]]


def load_pseudo_labels(path: Path) -> PseudoLabels:
    """Load pseudo-labels: poses `(P, 17, 3)` of each image, by name without suffix.

    Args:
        path: JSON, gzipped or not: image -> poses, each 17 times x, y, score in the
            order of COCO; score 0 is "not found".

    Raises:
        FormatError: If the file is not of this form.
    """
    content = load_json(path)
    try:
        return {
            Path(name).stem: np.array(poses, np.float32).reshape(len(poses), 17, 3)
            for name, poses in content.items()
        }
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise FormatError(
            f"{path}: not image -> poses of 51 numbers each: {error}"
        ) from error


def add_pseudo_labels(
    found: PseudoLabels,
    image_names: list[str],
    boxes: Floats,
    keypoints: npt.NDArray[np.float32],
    labelled: Bools,
    target: Skeleton,
) -> None:
    """Add pseudo-labels to labels, in place.

    A person with enough labels gets the joints that the data set lacks from the pose
    that agrees best; one without any gets the pose that fits its box best.

    Args:
        found: From `load_pseudo_labels`.
        image_names: Name of each person's image.
        boxes: `(N, 4)` xyxy.
        keypoints: `(N, K, 2)`, changed.
        labelled: `(N, K)`, changed.
        target: The K joints.
    """
    source = skeletons.get(FOUND_SKELETON)
    common = [joint for joint in target.joints if joint in source.joints]
    ours = [target.index(joint) for joint in common]
    theirs = [source.index(joint) for joint in common]
    # Joints that the data set labels at all are left as they are.
    lacking = ~labelled[:, ours].any(axis=0)
    for n, name in enumerate(image_names):
        poses = found.get(Path(name).stem)
        if poses is None or not len(poses):
            continue
        points, shown = poses[:, theirs, :2], poses[:, theirs, 2] >= LEAST_SCORE
        if labelled[n].any():
            both = labelled[n, ours] & (poses[:, theirs, 2] > 0)
            best = _agreeing(points, both, keypoints[n, ours], boxes[n])
            take = lacking & shown[best] if best >= 0 else None
        else:
            best = _fitting(points, poses[:, theirs, 2] > 0, boxes[n])
            take = shown[best] if best >= 0 else None
        if take is not None:
            columns = np.array(ours)[take]
            keypoints[n, columns] = points[best, take]
            labelled[n, columns] = True


def _agreeing(points: Floats, both: Bools, truth: Floats, box: Floats) -> int:
    """Index of the pose that agrees best with the labels, or -1."""
    away = np.linalg.norm(points - truth, axis=2) / (box[2:] - box[:2]).max()
    away = np.where(both, away, np.nan)
    enough = both.sum(axis=1) >= LEAST_COMMON
    if not enough.any():
        return -1
    median = np.full(len(points), np.inf)
    median[enough] = np.nanmedian(away[enough], axis=1)
    best = int(median.argmin())
    return best if median[best] <= AGREEMENT else -1


def _fitting(points: Floats, shown: Bools, box: Floats) -> int:
    """Index of the pose whose extent overlaps a box most, or -1."""
    overlap = box_iou(keypoint_extent(points, shown), box[None])[:, 0]
    overlap = np.where(shown.sum(axis=1) >= LEAST_FOUND, overlap, 0)
    best = int(overlap.argmax())
    return best if overlap[best] >= LEAST_IOU else -1
