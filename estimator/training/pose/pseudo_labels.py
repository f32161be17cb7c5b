"""Poses that another model found, where a data set's own labels are silent.

They are no truth, but Leeds Sports Pose has no nose and small detection sets have boxes
alone: a pose that agrees with what is labelled may say the rest.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poseflow import skeletons
from poseflow.arrays import Bools, Floats
from poseflow.boxes import box_iou, keypoint_extent
from poseflow.errors import FormatError
from poseflow.skeleton import Skeleton

FOUND_SKELETON = "coco17"

LEAST_SCORE = 0.2
"""Joints below are not taken over."""

LEAST_COMMON = 4
"""Joints that a pose must share with a person's labels to be compared."""

AGREEMENT = 0.08
"""Largest median distance of the joints in common, by the box's longer side."""

LEAST_IOU = 0.5
"""Overlap of a pose's extent with the box of a person without labels."""

LEAST_FOUND = 8
"""Joints that such a pose must have."""

Found = dict[str, npt.NDArray[np.float32]]


def load_found(path: Path) -> Found:
    """Poses `(P, 17, 3)` of each image, by the name without its suffix.

    Args:
        path: JSON, gzipped or not: image -> poses, each 17 times x, y, score in the
            order of COCO; score 0 is "not found".

    Raises:
        FormatError: If it is none.
    """
    try:
        data = path.read_bytes()
        content = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
        return {
            Path(name).stem: np.array(poses, np.float32).reshape(len(poses), 17, 3)
            for name, poses in content.items()
        }
    except (ValueError, OSError, EOFError, AttributeError, RecursionError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise FormatError(
            f"{path}: not image -> poses of 51 numbers each: {error}"
        ) from error


def add_found(
    found: Found,
    image_names: list[str],
    boxes: Floats,
    keypoints: npt.NDArray[np.float32],
    labelled: Bools,
    target: Skeleton,
) -> None:
    """Complete labels in place.

    A person with enough labels gets the joints that no label speaks of from the pose
    that agrees best; one without any gets the pose that fits its box best.

    Args:
        found: From `load_found`.
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
    # A joint that the data set labels at all is its own business.
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
    """The pose whose joints lie where the labels say, or -1."""
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
    """The pose whose extent overlaps a box most, or -1."""
    overlap = box_iou(keypoint_extent(points, shown), box[None])[:, 0]
    overlap = np.where(shown.sum(axis=1) >= LEAST_FOUND, overlap, 0)
    best = int(overlap.argmax())
    return best if overlap[best] >= LEAST_IOU else -1
