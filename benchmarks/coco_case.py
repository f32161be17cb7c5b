"""Seeded COCO keypoints: annotations and results of images of up to five people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from poseflow import skeletons

JOINTS = 17


def write_coco_case(folder: Path, images: int = 5000) -> tuple[Path, Path]:
    """Files `gt.json` and `pred.json`; the paths of both."""
    rng = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, images + 1):
        for _ in range(rng.integers(0, 6)):
            size = rng.uniform(30, 200)
            points = rng.uniform(50, 430, 2) + size * rng.normal(0, 0.5, (JOINTS, 2))
            flags = 2.0 * (rng.random(JOINTS) > 0.2)
            triples = np.column_stack([points, flags]).round(2)
            triples[flags == 0] = 0
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": int(rng.random() < 0.02),
                    "keypoints": triples.ravel().tolist(),
                    "num_keypoints": int((flags > 0).sum()),
                    "area": size * size,
                    "bbox": [*points.min(axis=0), *np.ptp(points, axis=0)],
                }
            )
            for _ in range(int(rng.random() < 0.9) + int(rng.random() < 0.1)):
                noisy = points + rng.normal(0, 0.05 * size, points.shape)
                found = np.column_stack([noisy, rng.random(JOINTS)]).round(2)
                results.append(
                    {
                        "image_id": image,
                        "category_id": 1,
                        "keypoints": found.ravel().tolist(),
                        "score": float(rng.random()),
                    }
                )
    names = list(skeletons.COCO17.joints)
    truth = {
        "images": [{"id": k + 1, "file_name": f"{k + 1}.jpg"} for k in range(images)],
        "categories": [{"id": 1, "name": "person", "keypoints": names}],
        "annotations": annotations,
    }
    paths = folder / "gt.json", folder / "pred.json"
    for path, content in zip(paths, (truth, results), strict=True):
        path.write_text(json.dumps(content))
    return paths
