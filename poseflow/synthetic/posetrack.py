"""Export of synthetic scenes as PoseTrack ground truth."""

from __future__ import annotations

import os
from typing import Any

import msgspec
import numpy as np

from poseflow.errors import PoseFlowError
from poseflow.formats.posetrack.writer import first_image_id
from poseflow.frame_names import frame_name
from poseflow.skeletons import get
from poseflow.storage.atomic import AtomicFile
from poseflow.synthetic.annotation import MIN_VISIBLE, Annotation
from poseflow.synthetic.scene import Scene

SKELETON = "posetrack18"
NEVER_ANNOTATED = ("left_ear", "right_ear")
"""PoseTrack's files have slots for the ears and leave them empty."""


def write_posetrack(scene: Scene, path: str | os.PathLike[str]) -> None:
    """Write a scene's ground truth as a PoseTrack18 or 21 annotation file.

    The path's stem names the sequence. Joints outside the image are left out, occluded
    ones are kept, as in PoseTrack; people with a visible fraction below `MIN_VISIBLE`
    are not annotated.

    Args:
        scene: A scene made with `skeleton="posetrack18"`.
        path: The file, such as `val/000007_mpii_test.json`.

    Raises:
        PoseFlowError: If the scene has other joints, or the file cannot be written.

    Examples:
        >>> import tempfile, pathlib, poseflow
        >>> from poseflow.synthetic import make_scene, write_posetrack
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "000007_mpii_test.json"
        >>> scene = make_scene("street", seed=7, frames=5, skeleton="posetrack18")
        >>> write_posetrack(scene, path)
        >>> poseflow.read(path)
        <PoseSequence '000007_mpii_test': 5 frames, ... posetrack18>
    """
    if scene.skeleton.name != SKELETON:
        raise PoseFlowError(
            f"PoseTrack's joints are those of {SKELETON!r}, the scene has "
            f"{scene.skeleton.name!r}: make_scene(..., skeleton={SKELETON!r})"
        )
    name = os.fspath(path).replace(os.sep, "/").rpartition("/")[2].partition(".")[0]
    first = first_image_id(name)
    images, people = [], []
    for index in range(len(scene)):
        seen = scene.annotation(index)
        seen = seen[seen.visible_fractions >= MIN_VISIBLE]
        images.append(
            {
                "id": first + index,
                "frame_id": first + index,
                "vid_id": name.partition("_")[0],
                "nframes": len(scene),
                "file_name": f"images/val/{name}/{frame_name(index)}",
                "is_labeled": True,
                "has_labeled_person": len(seen) > 0,
                "ignore_regions_x": [],
                "ignore_regions_y": [],
            }
        )
        people += _people(seen, first + index)
    category = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": scene.skeleton.joints,
    }
    document = {"images": images, "annotations": people, "categories": [category]}
    with AtomicFile(path) as file:
        file.write(msgspec.json.encode(document))


def _people(seen: Annotation, image_id: int) -> list[dict[str, Any]]:
    """The annotations of one frame."""
    poses = seen.poses
    shown = poses.present.copy()
    shown[:, [get(SKELETON).index(joint) for joint in NEVER_ANNOTATED]] = False
    triples = np.concatenate([poses.keypoints, shown[..., None]], axis=2)
    triples = np.where(shown[..., None], triples, 0).astype(float).round(2)
    boxes = np.concatenate([poses.boxes[:, None], seen.head_boxes[:, None]], axis=1)
    boxes[..., 2:] -= boxes[..., :2]
    boxes = boxes.astype(float).round(2)
    return [
        {
            "id": image_id * 100 + k,
            "image_id": image_id,
            "category_id": 1,
            "track_id": int(poses.track_ids[k]),
            "person_id": int(poses.track_ids[k]),
            "keypoints": triples[k].ravel().tolist(),
            "bbox": boxes[k, 0].tolist(),
            "bbox_head": boxes[k, 1].tolist(),
        }
        for k in range(len(poses))
    ]
