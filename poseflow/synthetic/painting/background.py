"""Background of a scene: facades and pavement, painted once per scene.

Surfaces are drawn flat, in metres, and warped into the image by the camera's
projection of their plane.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.synthetic.camera import Camera
from poseflow.synthetic.config import SceneConfig
from poseflow.synthetic.painting.facades import paint_facades, paint_studio
from poseflow.synthetic.painting.ground import paint_floor, paint_pavement
from poseflow.synthetic.painting.layout import (
    FACADE_HEIGHT,
    FACADE_Z,
    half_extent,
    nearest,
)


def paint_background(config: SceneConfig, camera: Camera, seed: int) -> Image:
    """The empty street as the still camera sees it, with its margin, `(H, W, 3)`."""
    rng = np.random.default_rng((seed, 41))
    mx, my = camera.margin
    width, height = camera.size[0] + 2 * mx, camera.size[1] + 2 * my
    if config.plot == "dance":
        wall, ground = paint_studio(rng, camera), paint_floor(rng, camera)
    else:
        wall, ground = paint_facades(rng, camera), paint_pavement(rng, camera)
    canvas = np.full((height, width, 3), 170, np.uint8)
    half = half_extent(camera)
    near = nearest(camera)
    floor = np.array(
        [[-half, 0, FACADE_Z], [half, 0, FACADE_Z], [half, 0, near], [-half, 0, near]]
    )
    upright = np.array(
        [
            [-half, FACADE_HEIGHT, FACADE_Z],
            [half, FACADE_HEIGHT, FACADE_Z],
            [half, 0, FACADE_Z],
            [-half, 0, FACADE_Z],
        ]
    )
    for texture, corners in ((ground, floor), (wall, upright)):
        canvas = _lay(canvas, texture, corners, camera)
    # Vignetting: a little darker to the corners.
    y, x = np.mgrid[:height, :width]
    away = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 0.35
    shade = np.round((1 - away) * 255).astype(np.uint8)
    return np.asarray(
        cv2.multiply(canvas, cv2.merge([shade] * 3), scale=1 / 255), np.uint8
    )


def _lay(canvas: Image, texture: Image, corners: Any, camera: Camera) -> Image:
    """Warp a flat texture into the image; corners clockwise from its top left."""
    placed = camera.project(corners)[0] + camera.margin
    h, w = texture.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, placed.astype(np.float32))
    size = (canvas.shape[1], canvas.shape[0])
    warped = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((h, w), 255, np.uint8), matrix, size)
    return np.asarray(np.where(mask[..., None] > 127, warped, canvas), np.uint8)
