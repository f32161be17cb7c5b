"""Rendered scenes as a data set in the COCO layout, cached beside the data."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2

from poseflow.errors import PoseFlowError
from poseflow.estimator.training.config import CocoConfig, SyntheticConfig, to_json
from poseflow.similarity.boxes import xyxy_to_xywh
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import atomic_path, write_atomically
from poseflow.synthetic import OUTSIDE, VISIBLE, Scene, make_scene
from poseflow.synthetic.config import random_config

JPEG_QUALITY = 92


def rendered_as_coco(
    dataset: SyntheticConfig, root: Path, skeleton: Skeleton
) -> CocoConfig:
    """Render scenes into a folder in the COCO layout, unless they are cached.

    The files' name holds a digest of the configuration and the joints: another one
    renders anew, the same one is read.

    Args:
        dataset: The scenes.
        root: Folder for images and annotations.
        skeleton: Joints to annotate; those that a synthetic person lacks are left out.

    Returns:
        Configuration of the rendered data set.

    Raises:
        PoseFlowError: If there is no such scene, or no person in them is large enough.
    """
    key = to_json(dataset) + json.dumps(skeleton.joints)
    name = f"synthetic-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    annotations_path, images_path = root / f"{name}.json", root / f"{name}.zip"
    if not annotations_path.exists() or not images_path.exists():
        root.mkdir(parents=True, exist_ok=True)
        with atomic_path(images_path) as beside:
            content = _render(dataset, skeleton, beside)
        if not content["annotations"]:
            raise PoseFlowError(
                f"{images_path}: no person in these scenes is {dataset.least_height:g} "
                "pixels tall; lower least_height or enlarge size"
            )
        # Last, so that annotations on disk imply a complete archive of images.
        write_atomically(annotations_path, json.dumps(content).encode())
    return CocoConfig(
        annotations=annotations_path.name,
        images=images_path.name,
        rename=dataset.rename,
    )


def _render(dataset: SyntheticConfig, skeleton: Skeleton, path: Path) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with zipfile.ZipFile(path, "w") as archive:
        for seed in range(dataset.first_seed, dataset.first_seed + dataset.scenes):
            scene = _scene(dataset, seed, skeleton)
            for index in range(0, len(scene), max(round(scene.fps), 1)):
                number = len(images)
                name = f"{number:06d}.jpg"
                quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
                done, data = cv2.imencode(".jpg", scene.render(index), quality)
                if not done:
                    raise PoseFlowError(
                        f"{path}: OpenCV cannot encode frame {index} of {scene.name} "
                        "as JPEG"
                    )
                archive.writestr(name, data.tobytes())
                images.append({"id": number, "file_name": name})
                annotations += _people(dataset, scene, index, number)
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": skeleton.joints}],
    }


def _scene(dataset: SyntheticConfig, seed: int, skeleton: Skeleton) -> Scene:
    width, height = dataset.size
    if dataset.scene == "random":
        config = random_config(seed, frames=1, size=(width, height))
        scene = make_scene(config, seed=seed, skeleton=skeleton)
    else:
        scene = make_scene(
            dataset.scene, seed=seed, size=(width, height), skeleton=skeleton
        )
    seconds = max(round(scene.fps), 1)
    frames = (dataset.frames - 1) * seconds + 1
    return make_scene(scene.config, seed=seed, frames=frames, skeleton=skeleton)


def _people(
    dataset: SyntheticConfig, scene: Scene, index: int, image: int
) -> list[dict[str, Any]]:
    truth = scene.annotation(index)
    boxes = xyxy_to_xywh(truth.poses.boxes)
    heads = xyxy_to_xywh(truth.head_boxes)
    flags = (truth.visibility != OUTSIDE).astype(int) + (truth.visibility == VISIBLE)
    people = []
    for n in range(len(truth)):
        seen = truth.visible_fractions[n] >= dataset.least_visible
        if not seen or boxes[n, 3] < dataset.least_height:
            continue
        values = [
            [round(float(x), 2), round(float(y), 2), int(flag)]
            for (x, y), flag in zip(truth.poses.keypoints[n], flags[n], strict=True)
        ]
        people.append(
            {
                "id": image * 1000 + n,
                "image_id": image,
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [round(float(v), 2) for v in boxes[n]],
                "bbox_head": [round(float(v), 2) for v in heads[n]],
                "area": round(float(boxes[n, 2] * boxes[n, 3]), 1),
                "keypoints": [v for joint in values for v in joint],
            }
        )
    return people
