"""Images whose people are bright upright boxes: quickly learned data for detectors."""

import json
import zipfile

import cv2
import numpy as np

SIZE = (128, 96)


def draw(boxes, rng, size=SIZE):
    image = rng.integers(0, 80, (size[1], size[0], 3)).astype(np.uint8)
    for x0, y0, x1, y1 in boxes:
        image[round(y0) : round(y1), round(x0) : round(x1)] = (60, 160, 250)
    return image


def places(rng, count):
    """Boxes `(count, 4)` side by side, far enough apart."""
    columns = np.array_split(np.arange(SIZE[0]), max(count, 1))[:count]
    boxes = []
    for column in columns:
        width = rng.integers(14, 24)
        height = rng.integers(30, 60)
        x = rng.integers(column[0] + 2, max(column[-1] - width, column[0] + 3))
        y = rng.integers(2, SIZE[1] - height - 2)
        boxes.append([x, y, x + width, y + height])
    return np.array(boxes, float).reshape(-1, 4)


def write_zip(path, images_by_name):
    with zipfile.ZipFile(path, "w") as archive:
        for name, image in images_by_name.items():
            archive.writestr(name, cv2.imencode(".png", image)[1].tobytes())


def write_data(folder, count=20, seed=0):
    """`people.json`, `images.zip` and `empty.zip` with such images."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images, notes, images_by_name = [], [], {}
    for k in range(count):
        boxes = places(rng, int(rng.integers(0, 4)))
        name = f"{k:03d}.png"
        images_by_name[name] = draw(boxes, rng)
        images.append({"id": k, "file_name": name, "width": SIZE[0], "height": SIZE[1]})
        for x0, y0, x1, y1 in boxes.tolist():
            notes.append(
                {
                    "id": len(notes) + 1,
                    "image_id": k,
                    "category_id": 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                }
            )
    write_zip(folder / "images.zip", images_by_name)
    content = {
        "images": images,
        "annotations": notes,
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "people.json").write_text(json.dumps(content))
    empty = {f"{k}.png": draw([], rng) for k in range(6)}
    write_zip(folder / "empty.zip", empty)


def write_config(folder, **changes):
    """A detector's training configuration on such data."""
    people = {"format": "coco", "annotations": "people.json", "images": "images.zip"}
    empty = {"format": "empty", "images": "empty.zip"}
    values = {
        "task": "detection",
        "out": str(folder / "run"),
        "model": {"name": "centre", "widths": [32, 32, 32], "blocks": [1, 1]}
        | {"neck": 32},
        "input": {"width": 128, "height": 96},
        "data": {
            "root": str(folder),
            "train": [people, empty],
            "validate": [people, empty],
        },
        "compose": {"scenes": 32, "zoom": 1.2, "grey": 0, "blur": 0},
        "optimizer": {"name": "adamw", "lr": 4e-3, "clip": 5.0},
        "schedule": {"name": "cosine"},
        "tall_px": 30,
        "epochs": 6,
        "batch_size": 8,
        "ema": 0.9,
        "threads": 1,
        "validate_every": 3,
    } | changes
    path = folder / "detector.yaml"
    path.write_text(json.dumps(values))  # JSON is YAML
    return path
