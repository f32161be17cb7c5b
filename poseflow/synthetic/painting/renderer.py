"""Renderer of synthetic frames: background, shadows, then people and props by depth.

People and props are painted from far to near (painter's algorithm), then motion blur,
exposure and sensor noise are applied.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.synthetic import occlusion
from poseflow.synthetic.actors import Actor
from poseflow.synthetic.annotation import Annotation
from poseflow.synthetic.camera import Camera
from poseflow.synthetic.config import SceneConfig
from poseflow.synthetic.painting.background import paint_background
from poseflow.synthetic.painting.clothes import Clothing, make_clothing
from poseflow.synthetic.painting.person import Figure
from poseflow.synthetic.painting.props import paint_prop
from poseflow.synthetic.painting.sprites import PersonTextures, blend
from poseflow.synthetic.props import Prop

_SHADOW_SCALE = 4
# Metres that a shadow falls to the right and away per metre of height.
_SUN = np.array([0.55, 0.4])


class Renderer:
    """Paints frames from their annotations; keeps textures, nothing of past frames.

    Args:
        config: What the scene is made of.
        camera: The camera that films it.
        actors: The people; annotations name them by track id.
        props: Objects that stand about, farthest first.
        seed: Seed of textures and sensor noise.
    """

    def __init__(
        self,
        config: SceneConfig,
        camera: Camera,
        actors: Iterable[Actor],
        props: Sequence[Prop],
        seed: int,
    ) -> None:
        self._config, self._camera, self._seed = config, camera, seed
        self._canvas = paint_background(config, camera, seed)
        self._actors = {actor.track_id: actor for actor in actors}
        self._clothing: OrderedDict[int, tuple[Clothing, PersonTextures]] = (
            OrderedDict()
        )
        self._props: list[tuple[Prop, Image, tuple[int, int]]] = []
        for prop in props:
            layer, corner = paint_prop(prop, camera)
            if prop.kind == "car":
                # Behind all people: part of the background.
                h, w = layer.shape[:2]
                x, y = corner
                blend(self._canvas[y : y + h, x : x + w], layer)
            else:
                self._props.append((prop, layer, corner))
        self._grain: Image | None = None
        if config.sensor_noise > 0:
            rng = np.random.default_rng((seed, 31))
            width, height = config.size
            noise = rng.normal(128, config.sensor_noise, (height + 64, width + 64, 3))
            self._grain = np.clip(np.round(noise), 0, 255).astype(np.uint8)

    def image(self, index: int, annotation: Annotation) -> Image:
        """Frame `index` as `(H, W, 3)` uint8 BGR."""
        frame = self._paint(index, annotation, None)
        self._expose(frame, index)
        return frame

    def labels(self, index: int, annotation: Annotation) -> npt.NDArray[np.int32]:
        """Track id of the person visible at each pixel, `(H, W)`; 0 for none."""
        width, height = self._config.size
        labels = np.zeros((height, width), np.int32)
        self._paint(index, annotation, labels)
        return labels

    def _paint(
        self, index: int, annotation: Annotation, labels: npt.NDArray[np.int32] | None
    ) -> Image:
        view = self._camera.views(np.array([index / self._config.fps]))[0]
        frame = self._background(view)
        self._shadows(frame, annotation, view)
        order: list[tuple[float, int, int]] = [
            (-float(z), 0, k) for k, z in enumerate(annotation.depths)
        ]
        order += [(-prop.z, 1, k) for k, (prop, _, _) in enumerate(self._props)]
        for _, is_prop, k in sorted(order):
            if is_prop:
                self._prop(frame, view, k, labels)
            else:
                self._person(frame, annotation, k, labels)
        return frame

    def _background(self, view: Floats) -> Image:
        width, height = self._config.size
        mx, my = self._camera.margin
        if self._camera.motion.still:
            return np.array(self._canvas)
        matrix = view.copy()
        matrix[:, 2] -= view[:, :2] @ [mx, my]
        return np.asarray(
            cv2.warpAffine(
                self._canvas,
                matrix,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT_101,
            ),
            np.uint8,
        )

    def _prop(
        self, frame: Image, view: Floats, k: int, labels: npt.NDArray[np.int32] | None
    ) -> None:
        _, layer, (x, y) = self._props[k]
        height, width = frame.shape[:2]
        mx, my = self._camera.margin
        h, w = layer.shape[:2]
        corners = np.array([[0, 0], [w, 0], [0, h], [w, h]], float)
        corners += np.array([x - mx, y - my])
        placed = corners @ view[:, :2].T + view[:, 2]
        x0, y0 = np.maximum(np.floor(placed.min(0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(placed.max(0)).astype(int) + 1, [width, height])
        if x0 >= x1 or y0 >= y1:
            return
        matrix = view.copy()
        matrix[:, 2] += view[:, :2] @ [x - mx, y - my] - [x0, y0]
        warped = cv2.warpAffine(
            layer, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR
        )
        blend(frame[y0:y1, x0:x1], warped)
        if labels is not None:
            labels[y0:y1, x0:x1][warped[..., 3] > 127] = 0

    def _shadows(self, frame: Image, annotation: Annotation, view: Floats) -> None:
        """Darken the ground by the soft shadows of all people, in place."""
        if len(annotation) == 0:
            return
        camera = self._camera
        height, width = frame.shape[:2]
        size = (width // _SHADOW_SCALE + 1, height // _SHADOW_SCALE + 1)
        dark = np.zeros((size[1], size[0]), np.uint8)
        ground = annotation.world.copy()
        ground[..., [0, 2]] += ground[..., 1, None] * _SUN
        ground[..., 1] = 0
        base, depth = camera.project(ground)
        pixels = base @ view[:, :2].T + view[:, 2]
        top = int(max(min(pixels[..., 1].min() - 30, height), 0))
        if top >= height:
            return
        bodies = [self._actors[i].body for i in annotation.poses.track_ids.tolist()]
        for k, body in enumerate(bodies):
            scale = camera.pixels / depth[k] * body.height / _SHADOW_SCALE
            for a, b, r in zip(
                occlusion.SEGMENT_A,
                occlusion.SEGMENT_B,
                occlusion.SEGMENT_RADIUS,
                strict=True,
            ):
                thick = max(round(float(1.7 * r * scale[a])), 1)
                ends = np.round(pixels[k, [a, b]] / _SHADOW_SCALE * 8).astype(int)
                cv2.line(dark, ends[0], ends[1], (110,), thick, cv2.LINE_AA, 3)
        dark = cv2.GaussianBlur(dark, (0, 0), max(width / 640, 0.6))
        lit = cv2.resize(
            cv2.bitwise_not(dark), None, fx=_SHADOW_SCALE, fy=_SHADOW_SCALE
        )
        lit = cv2.cvtColor(lit[top:height, :width], cv2.COLOR_GRAY2BGR)
        frame[top:] = cv2.multiply(frame[top:], lit, scale=1 / 255)

    def _clothing_of(self, track_id: int) -> tuple[Clothing, PersonTextures]:
        found = self._clothing.get(track_id)
        if found is None:
            actor = self._actors[track_id]
            clothing = make_clothing(actor.appearance_seed)
            found = (clothing, PersonTextures(clothing.parts))
            self._clothing[track_id] = found
            while len(self._clothing) > max(8, 2 * self._config.people):
                self._clothing.popitem(last=False)
        self._clothing.move_to_end(track_id)
        return found

    def _person(
        self,
        frame: Image,
        annotation: Annotation,
        k: int,
        labels: npt.NDArray[np.int32] | None,
    ) -> None:
        track_id = int(annotation.poses.track_ids[k])
        clothing, textures = self._clothing_of(track_id)
        figure = Figure(
            frame,
            labels,
            track_id,
            annotation.points[k],
            annotation.world[k],
            self._actors[track_id].body,
            clothing,
            textures,
        )
        figure.paint()

    def _expose(self, frame: Image, index: int) -> None:
        """Motion blur, exposure and sensor noise, in place."""
        config, now = self._config, index / self._config.fps
        if config.motion_blur and not config.motion.still:
            shutter = 0.5 * config.motion_blur / config.fps
            views = self._camera.views(np.array([now - shutter, now + shutter]))
            middle = np.array([*config.size, 2]) / 2
            dx, dy = (views[1] - views[0]) @ middle
            kernel = _streak(float(dx), float(dy))
            if kernel is not None:
                frame[:] = cv2.filter2D(frame, -1, kernel)
        if config.light != (1.0, 1.0, 1.0):
            levels = np.arange(256)[:, None] * np.array(config.light)
            table = np.clip(np.round(levels), 0, 255).astype(np.uint8)
            frame[:] = cv2.LUT(frame, table[None])
        rng = np.random.default_rng((self._seed, 32, index))
        gain = 1 + config.exposure * np.sin(0.35 * now + self._seed)
        if self._grain is not None:
            x, y = rng.integers(64, size=2)
            height, width = frame.shape[:2]
            grain = self._grain[y : y + height, x : x + width]
            frame[:] = cv2.addWeighted(frame, gain, grain, 1.0, -128)
        elif config.exposure:
            frame[:] = cv2.convertScaleAbs(frame, alpha=gain)


def _streak(dx: float, dy: float) -> Any:
    """Kernel of linear motion blur, or None for less than a pixel."""
    length = float(np.hypot(dx, dy))
    if length < 1.0:
        return None
    reach = min(int(np.ceil(length / 2)), 12)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for s in np.linspace(-0.5, 0.5, 4 * reach + 1):
        x, y = (
            reach + np.clip(s * dx, -reach, reach),
            reach + np.clip(s * dy, -reach, reach),
        )
        x0, y0 = min(int(x), 2 * reach - 1), min(int(y), 2 * reach - 1)
        fx, fy = x - x0, y - y0
        kernel[y0, x0] += (1 - fx) * (1 - fy)
        kernel[y0, x0 + 1] += fx * (1 - fy)
        kernel[y0 + 1, x0] += (1 - fx) * fy
        kernel[y0 + 1, x0 + 1] += fx * fy
    return kernel / kernel.sum()
