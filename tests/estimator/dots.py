"""Images whose joints are coloured dots: quickly learned data for pose networks."""

import json
import zipfile

import cv2
import numpy as np

JOINTS = ("head_top", "left_shoulder", "right_shoulder", "left_hip", "right_hip")
COLOURS = ((255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255))
PLACES = np.array([[32, 8], [46, 20], [18, 20], [42, 50], [22, 50]], float)


def draw(joints, size=(64, 64), rng=None):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    if rng is not None:
        image = rng.integers(0, 60, image.shape).astype(np.uint8)
    for (x, y), colour in zip(joints, COLOURS, strict=True):
        cv2.circle(image, (round(x), round(y)), 3, colour, -1)
    return image


def write_coco(folder, count=24, seed=0):
    """A COCO file with `count` images in a zip archive, one person each."""
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for k in range(count):
            joints = PLACES + rng.uniform(-8, 8, PLACES.shape)
            name = f"{k:04d}.png"
            data = cv2.imencode(".png", draw(joints, rng=rng))[1].tobytes()
            archive.writestr(name, data)
            flags = np.full((len(JOINTS), 1), 2.0)
            if k % 4 == 3:
                flags[k // 4 % len(JOINTS)] = 0
            images.append({"id": k, "file_name": name, "width": 64, "height": 64})
            annotations.append(
                {
                    "id": k,
                    "image_id": k,
                    "category_id": 1,
                    "bbox": [6, 2, 52, 60],
                    "area": 3000.0,
                    "iscrowd": 0,
                    "keypoints": np.hstack([joints, flags]).ravel().tolist(),
                }
            )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(JOINTS)}],
    }
    (folder / "people.json").write_text(json.dumps(content))


def write_config(folder, **changes):
    """A training configuration on such data, as a YAML file."""
    data = {"format": "coco", "annotations": "people.json", "images": "images.zip"}
    values = {
        "out": str(folder / "run"),
        "skeleton": list(JOINTS),
        "model": {"name": "small", "widths": [32, 32], "blocks": [1]},
        "input": {"width": 48, "height": 48},
        "data": {"root": str(folder), "train": [data], "validate": [data]},
        "augment": {"half_body": 0, "rotate_degrees": 10},
        "optimizer": {"name": "adamw", "lr": 5e-3},
        "schedule": {"name": "cosine"},
        "sigma": 1.5,
        "epochs": 4,
        "batch_size": 8,
        "ema": 0.9,
        "threads": 1,
        "validate_every": 2,
    } | changes
    path = folder / "config.yaml"
    path.write_text(json.dumps(values))  # JSON is YAML
    return path
