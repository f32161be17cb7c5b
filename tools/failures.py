"""Contact sheet of the embedded models' worst errors in rendered scenes.

python tools/failures.py docs/images/embedded_failures.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

import poseflow
from poseflow.boxes import box_area
from poseflow.drawing import Overlay, contact_sheet
from poseflow.oks import oks
from poseflow.synthetic import make_scene
from poseflow.synthetic.config import random_config

SEEDS = range(9000, 9040)
"""Training renders seeds from 0 on."""

LEAST_VISIBLE = 0.8
"""Least visible share of the people that count."""

LEAST_HEIGHT = 100
TILES = 8
TILE = (240, 320)


def main(out: Path) -> None:
    """Draw ground truth and estimate side by side for the people of lowest OKS."""
    estimator = poseflow.Estimator()
    skeleton = estimator.skeleton
    sigmas = np.asarray(skeleton.sigmas)
    worst = []
    for seed in SEEDS:
        config = random_config(seed, frames=1, size=(1280, 720))
        scene = make_scene(config, seed=seed, skeleton=skeleton)
        image, truth = scene.render(0), scene.annotation(0)
        height = truth.poses.boxes[:, 3] - truth.poses.boxes[:, 1]
        clear = (truth.visible_fractions >= LEAST_VISIBLE) & (height >= LEAST_HEIGHT)
        people = truth.poses[clear]
        found = estimator.estimate(image)
        fit = oks(
            people.keypoints,
            found.keypoints,
            box_area(people.boxes),
            sigmas,
            people.keypoint_scores > 0,
        )
        for n in range(len(people)):
            best = int(fit[n].argmax()) if len(found) else -1
            score = float(fit[n, best]) if len(found) else 0.0
            worst.append(
                (score, seed, image, people[n : n + 1], found[[best][: best + 1]])
            )
    worst.sort(key=lambda row: row[:2])
    tiles, labels = [], []
    for score, seed, image, truth, estimate in worst[:TILES]:
        pair = [_cut(image, truth, poses) for poses in (truth, estimate)]
        tiles.append(np.hstack(pair))
        labels.append(f"OKS {score:.2f}, seed {seed}")
    mean = np.mean([row[0] for row in worst])
    print(f"{len(worst)} people, mean OKS {mean:.3f}")  # noqa: T201
    cv2.imwrite(
        str(out), contact_sheet(tiles, 4, labels), [cv2.IMWRITE_JPEG_QUALITY, 82]
    )


def _cut(
    image: np.ndarray, person: poseflow.Poses, poses: poseflow.Poses
) -> np.ndarray:
    """Crop around a person with poses drawn."""
    drawn = Overlay(trail=0, labels=False).draw(image, poses)
    x0, y0, x1, y1 = person.boxes[0]
    half = max((x1 - x0) / TILE[0], (y1 - y0) / TILE[1]) * 0.65 * np.array(TILE)
    middle = np.array([x0 + x1, y0 + y1]) / 2
    scale = TILE[0] / (2 * half[0])
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = np.array(TILE) / 2 - scale * middle
    return cv2.warpAffine(drawn, matrix, TILE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
