"""Painting: background, shadows, then people and things from far to near."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from poseflow.synthetic import occlusion
from poseflow.synthetic.background import paint_background, paint_prop
from poseflow.synthetic.body import POINT, Body
from poseflow.synthetic.clothes import Wardrobe, dress
from poseflow.synthetic.sprites import Skin, blend, stamp

if TYPE_CHECKING:
    from poseflow.synthetic.props import Prop
    from poseflow.synthetic.scene import Annotation, Scene

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_DRESSED = 96
_SHADOW_SCALE = 4
# Metres that a shadow falls to the right and away per metre of height.
_SUN = np.array([0.55, 0.4])


class Renderer:
    """Paints the frames of a scene; keeps textures, nothing of past frames."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        camera, config = scene.camera, scene.config
        self._canvas = paint_background(config, camera, scene.seed)
        self._actors = {actor.track_id: actor for actor in scene.actors}
        self._dressed: OrderedDict[int, tuple[Wardrobe, Skin]] = OrderedDict()
        self._props: list[tuple[Prop, Image, tuple[int, int]]] = []
        for prop in scene.props:
            layer, corner = paint_prop(prop, camera)
            if prop.kind == "car":
                # Behind everybody: part of the background.
                h, w = layer.shape[:2]
                x, y = corner
                blend(self._canvas[y : y + h, x : x + w], layer)
            else:
                self._props.append((prop, layer, corner))
        self._grain: Image | None = None
        if config.sensor_noise > 0:
            rng = np.random.default_rng((scene.seed, 31))
            width, height = config.size
            noise = rng.normal(128, config.sensor_noise, (height + 64, width + 64, 3))
            self._grain = np.clip(np.round(noise), 0, 255).astype(np.uint8)

    def picture(self, index: int) -> Image:
        """One frame, `(H, W, 3)`."""
        frame = self._paint(index, None)
        self._expose(frame, index)
        return frame

    def labels(self, index: int) -> npt.NDArray[np.int32]:
        """Track id of whoever is seen at each pixel, 0 elsewhere."""
        width, height = self.scene.size
        labels = np.zeros((height, width), np.int32)
        self._paint(index, labels)
        return labels

    def _paint(self, index: int, labels: npt.NDArray[np.int32] | None) -> Image:
        scene = self.scene
        view = scene.camera.views(np.array([scene.time(index)]))[0]
        annotation = scene.annotation(index)
        frame = self._background(view)
        self._shadows(frame, annotation, view)
        order: list[tuple[float, int, int]] = [
            (-float(z), 0, k) for k, z in enumerate(annotation.depths)
        ]
        order += [(-prop.z, 1, k) for k, (prop, _, _) in enumerate(self._props)]
        for _, thing, k in sorted(order):
            if thing:
                self._prop(frame, view, k, labels)
            else:
                self._person(frame, annotation, k, labels)
        return frame

    def _background(self, view: Floats) -> Image:
        width, height = self.scene.size
        mx, my = self.scene.camera.margin
        if self.scene.camera.motion.still:
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
        mx, my = self.scene.camera.margin
        h, w = layer.shape[:2]
        corners = np.array([[0, 0], [w, 0], [0, h], [w, h]], float) + [x - mx, y - my]
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
        """Everybody's shadow on the ground, soft, in one go."""
        if len(annotation) == 0:
            return
        camera = self.scene.camera
        height, width = frame.shape[:2]
        size = (width // _SHADOW_SCALE + 1, height // _SHADOW_SCALE + 1)
        dark = np.zeros((size[1], size[0]), np.uint8)
        ground = annotation.world.copy()
        ground[..., [0, 2]] += ground[..., 1, None] * _SUN
        ground[..., 1] = 0
        base, depth = camera.project(ground)
        pixels = base @ view[:, :2].T + view[:, 2]
        bodies = [self._actors[i].body for i in annotation.poses.track_ids.tolist()]
        for k, body in enumerate(bodies):
            scale = camera.pixels / depth[k] * body.height / _SHADOW_SCALE
            for a, b, r in zip(
                occlusion.SEGMENT_A,
                occlusion.SEGMENT_B,
                occlusion.SEGMENT_RADIUS,
                strict=True,
            ):
                thick = max(int(round(1.7 * r * scale[a])), 1)
                ends = np.round(pixels[k, [a, b]] / _SHADOW_SCALE * 8).astype(int)
                cv2.line(dark, ends[0], ends[1], (110,), thick, cv2.LINE_AA, 3)
        dark = cv2.GaussianBlur(dark, (0, 0), max(width / 640, 0.6))
        top = int(max(min(pixels[..., 1].min() - 30, height), 0))
        lit = cv2.resize(cv2.bitwise_not(dark), None, fx=_SHADOW_SCALE, fy=_SHADOW_SCALE)
        lit = cv2.cvtColor(lit[top:height, :width], cv2.COLOR_GRAY2BGR)
        if top < height:
            frame[top:] = cv2.multiply(frame[top:], lit, scale=1 / 255)

    def _clothes(self, track_id: int) -> tuple[Wardrobe, Skin]:
        found = self._dressed.get(track_id)
        if found is None:
            actor = self._actors[track_id]
            wardrobe = dress(actor.look, actor.body.girth)
            found = (wardrobe, Skin(wardrobe.parts))
            self._dressed[track_id] = found
            while len(self._dressed) > _DRESSED:
                self._dressed.popitem(last=False)
        return found

    def _person(
        self,
        frame: Image,
        annotation: Annotation,
        k: int,
        labels: npt.NDArray[np.int32] | None,
    ) -> None:
        track_id = int(annotation.poses.track_ids[k])
        wardrobe, skin = self._clothes(track_id)
        figure = _Figure(
            frame,
            labels,
            track_id,
            annotation.points[k],
            annotation.world[k],
            self._actors[track_id].body,
            wardrobe,
            skin,
        )
        figure.paint()

    def _expose(self, frame: Image, index: int) -> None:
        """Motion blur, exposure and sensor noise, in place."""
        scene, config = self.scene, self.scene.config
        if config.motion_blur and not config.motion.still:
            shutter = 0.5 * config.motion_blur / config.fps
            now = scene.time(index)
            views = scene.camera.views(np.array([now - shutter, now + shutter]))
            middle = np.array([*scene.size, 2]) / 2
            dx, dy = (views[1] - views[0]) @ middle
            kernel = _streak(float(dx), float(dy))
            if kernel is not None:
                frame[:] = cv2.filter2D(frame, -1, kernel)
        rng = np.random.default_rng((scene.seed, 32, index))
        gain = 1 + config.exposure * np.sin(0.35 * scene.time(index) + scene.seed)
        if self._grain is not None:
            x, y = rng.integers(64, size=2)
            height, width = frame.shape[:2]
            grain = self._grain[y : y + height, x : x + width]
            frame[:] = cv2.addWeighted(frame, gain, grain, 1.0, -128)
        elif config.exposure:
            frame[:] = cv2.convertScaleAbs(frame, alpha=gain)


def _streak(dx: float, dy: float) -> Any:
    """A line-shaped kernel, or None if nothing smears."""
    length = float(np.hypot(dx, dy))
    if length < 1.0:
        return None
    reach = min(int(np.ceil(length / 2)), 12)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for s in np.linspace(-0.5, 0.5, 4 * reach + 1):
        x, y = reach + np.clip(s * dx, -reach, reach), reach + np.clip(
            s * dy, -reach, reach
        )
        x0, y0 = min(int(x), 2 * reach - 1), min(int(y), 2 * reach - 1)
        fx, fy = x - x0, y - y0
        kernel[y0, x0] += (1 - fx) * (1 - fy)
        kernel[y0, x0 + 1] += fx * (1 - fy)
        kernel[y0 + 1, x0] += (1 - fx) * fy
        kernel[y0 + 1, x0 + 1] += fx * fy
    return kernel / kernel.sum()


# Half widths as fractions of stature: at the part's widest.
_WIDTHS = {
    "upper_arm": 0.036,
    "forearm": 0.027,
    "hand": 0.019,
    "thigh": 0.056,
    "shin": 0.040,
    "shoe": 0.027,
}
_ENDS = {
    "upper_arm": (0.036, 0.028),
    "forearm": (0.027, 0.019),
    "hand": (0.018, 0.015),
    "thigh": (0.056, 0.040),
    "shin": (0.040, 0.026),
    "shoe": (0.020, 0.019),
}


class _Figure:
    """One person about to be painted."""

    def __init__(
        self,
        frame: Image,
        labels: npt.NDArray[np.int32] | None,
        label: int,
        pixels: Floats,
        world: Floats,
        body: Body,
        wardrobe: Wardrobe,
        skin: Skin,
    ) -> None:
        self.frame, self.labels, self.label = frame, labels, label
        self.at = {name: pixels[k] for name, k in POINT.items()}
        self.world = {name: world[k] for name, k in POINT.items()}
        self.body, self.wardrobe, self.skin = body, wardrobe, skin
        # Pixels per stature at the pelvis.
        trunk = np.linalg.norm(world[POINT["neck"]] - world[POINT["pelvis"]])
        shown = np.linalg.norm(pixels[POINT["neck"]] - pixels[POINT["pelvis"]])
        self.unit = float(shown / max(trunk, 1e-6)) * body.height
        self.girth = body.girth
        self.chest = self._turn("left_shoulder", "right_shoulder")
        self.hips = self._turn("left_hip", "right_hip")
        self.face = self._turn("left_ear", "right_ear")

    def _turn(self, left: str, right: str) -> float:
        """How far a left-right pair is turned from facing the camera, in turns."""
        a, b = self.world[left], self.world[right]
        x, _, z = (a + b) / 2
        angle = np.arctan2(a[2] - b[2], a[0] - b[0]) + np.arctan2(x, z)
        return float(angle / (2 * np.pi))

    def paint(self) -> None:
        """All parts, back to front."""
        facing = np.cos(2 * np.pi * self.chest) > 0
        middle = self.world["thorax"][2]
        depth = {
            side: (self.world[f"{side}_elbow"][2] + self.world[f"{side}_wrist"][2]) / 2
            for side in ("left", "right")
        }
        arms = sorted(("left", "right"), key=lambda side: -depth[side])
        far = [side for side in arms if depth[side] > middle + 0.04]
        near = [side for side in arms if side not in far]
        for side in far:
            self._arm(side)
        legs = sorted(
            ("left", "right"),
            key=lambda s: -(self.world[f"{s}_knee"][2] + self.world[f"{s}_ankle"][2]),
        )
        if facing:
            self._behind()
        for side in legs:
            self._leg(side)
        self._trunk()
        if not facing:
            self._behind()
        self._head()
        for side in near:
            self._arm(side)

    def _stamp(
        self,
        part: str,
        shape: str,
        turn: float,
        top: Any,
        bottom: Any,
        half: float,
        gain: float = 1.0,
    ) -> None:
        length = float(np.hypot(*(bottom - top)))
        sprite = self.skin.sprite(part, shape, turn, length, 2 * half)
        stamp(
            self.frame, sprite, top, bottom, half, self.labels, self.label, gain
        )

    def _limb(self, part: str, a: str, b: str, turn: float, gain: float = 1.0) -> None:
        """A tapered capsule from joint to joint."""
        top, bottom = self.at[a], self.at[b]
        span = bottom - top
        length = max(float(np.hypot(*span)), 1e-6)
        thick = self.unit * (self.girth if part not in ("hand", "shoe") else 1.0)
        first, last = (end * thick for end in _ENDS[part])
        along = span / length
        self._stamp(
            part,
            part,
            turn,
            top - along * first,
            bottom + along * last,
            _WIDTHS[part] * thick,
            gain,
        )

    def _arm(self, side: str) -> None:
        self._limb("hand", f"{side}_wrist", f"{side}_hand", self.chest)
        self._limb("forearm", f"{side}_elbow", f"{side}_wrist", self.chest)
        self._limb("upper_arm", f"{side}_shoulder", f"{side}_elbow", self.chest)

    def _leg(self, side: str) -> None:
        self._shoe(side)
        self._limb("shin", f"{side}_knee", f"{side}_ankle", self.hips)
        self._limb("thigh", f"{side}_hip", f"{side}_knee", self.hips)

    def _shoe(self, side: str) -> None:
        heel, toe = self.at[f"{side}_heel"], self.at[f"{side}_big_toe"]
        rise = np.array([0.0, -0.012 * self.unit])
        half = 0.027 * self.unit
        span = toe - heel
        length = float(np.hypot(*span))
        along = span / length if length > 1e-6 else np.array([0.0, 1.0])
        top, bottom = heel + rise - along * half * 0.6, toe + rise + along * half * 0.7
        # A foot that comes towards the camera is seen as a rounded block.
        if np.hypot(*(bottom - top)) < 1.8 * half:
            centre = (top + bottom) / 2
            top, bottom = centre - [0, 0.9 * half], centre + [0, 0.9 * half]
        turn = self.hips + (0.25 if abs(span[0]) > abs(span[1]) else 0.0)
        self._stamp("shoe", "shoe", turn, top, bottom, half)

    def _width(self, turn: float, front: float, side: float) -> float:
        """Apparent half width of an elliptic cross-section, pixels."""
        a, b = front * np.cos(2 * np.pi * turn), side * np.sin(2 * np.pi * turn)
        return float(np.hypot(a, b)) * self.unit

    def _trunk(self) -> None:
        neck, pelvis = self.at["neck"], self.at["pelvis"]
        axis = pelvis - neck
        axis = axis / max(float(np.hypot(*axis)), 1e-6)
        self._stamp(
            "neck",
            "neck",
            self.chest,
            self.at["head_bottom"] - axis * 0.02 * self.unit,
            neck + axis * 0.03 * self.unit,
            0.034 * self.unit,
        )
        body, girth = self.body, self.girth
        half = self._width(self.hips, 0.098 * body.hips * girth, 0.078 * girth)
        self._stamp(
            "pelvis",
            "pelvis",
            self.hips,
            pelvis - axis * 0.075 * self.unit,
            pelvis + axis * 0.07 * self.unit,
            half,
        )
        if self.wardrobe.coat:
            self._skirt(half)
        wide = 0.136 * body.shoulders * (0.6 + 0.4 * girth)
        half = self._width(self.chest, wide, 0.082 * girth)
        side_on = abs(np.sin(2 * np.pi * self.chest)) > 0.8
        self._stamp(
            "torso",
            "torso_side" if side_on else "torso_front",
            self.chest,
            neck - axis * 0.012 * self.unit,
            pelvis + axis * 0.012 * self.unit,
            half,
        )

    def _skirt(self, half: float) -> None:
        knees = (self.at["left_knee"] + self.at["right_knee"]) / 2
        pelvis = self.at["pelvis"]
        spread = abs(self.at["left_knee"][0] - self.at["right_knee"][0]) / 2
        end = pelvis + (knees - pelvis) * self.wardrobe.coat
        reach = max(half, spread * self.wardrobe.coat + 0.05 * self.unit * self.girth)
        top = pelvis - (knees - pelvis) * 0.1
        self._stamp("coat", "skirt", self.hips, top, end, reach)

    def _behind(self) -> None:
        """What hangs on the back: a rucksack, long hair."""
        if self.wardrobe.bag == "backpack":
            forward = np.array(
                [np.sin(2 * np.pi * self.chest), 0.12 * np.cos(2 * np.pi * self.chest)]
            )
            shift = -forward * 0.085 * self.unit
            neck, pelvis = self.at["neck"], self.at["pelvis"]
            top = neck + (pelvis - neck) * 0.1 + shift
            bottom = neck + (pelvis - neck) * 0.72 + shift
            half = self._width(self.chest, 0.09, 0.055)
            self._stamp("bag", "bag", self.chest + 0.5, top, bottom, half)
        if self.wardrobe.hair == "long":
            self._mane()

    def _mane(self) -> None:
        back = -np.sin(2 * np.pi * self.face) * 0.03 * self.unit
        shift = np.array([back, 0.0])
        head, neck = self.at["head"], self.at["neck"]
        self._stamp(
            "hair",
            "hair",
            self.face,
            head + shift + [0, -0.03 * self.unit],
            neck + shift * 0.8 + [0, 0.035 * self.unit],
            0.052 * self.unit,
        )

    def _head(self) -> None:
        top, bottom = self.at["head_top"], self.at["head_bottom"]
        centre = self.at["head"]
        up = top - bottom
        up = up / max(float(np.hypot(*up)), 1e-6)
        sideways = np.sin(2 * np.pi * self.face)
        if abs(sideways) > 0.4 and np.cos(2 * np.pi * self.face) > -0.3:
            nose = self.at["nose"] - [sideways * 0.006 * self.unit, 0]
            r = 0.009 * self.unit
            self._stamp("neck", "ball", 0.0, nose + up * r, nose - up * 1.2 * r, r)
        half = self._width(self.face, 0.0455, 0.056)
        self._stamp(
            "head",
            "head",
            self.face,
            centre + up * 0.068 * self.unit,
            centre - up * 0.066 * self.unit,
            half,
        )
        if self.wardrobe.hair == "bun":
            back = np.array([-sideways * 0.055 * self.unit, 0.0])
            r = 0.024 * self.unit
            spot = centre + back + up * 0.035 * self.unit
            if np.cos(2 * np.pi * self.face) < 0.6:
                self._stamp("hair", "ball", 0.0, spot + up * r, spot - up * r, r)
        if self.wardrobe.hair == "long" and np.cos(2 * np.pi * self.face) < 0.2:
            self._mane()
