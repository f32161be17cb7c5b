"""`Scene`: seeded people in a street, their exact ground truth, and images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons import get
from poseflow.skeletons.skeleton import Skeleton
from poseflow.synthetic import occlusion
from poseflow.synthetic.actors import make_actors
from poseflow.synthetic.annotation import (
    MIN_VISIBLE,
    NO_OCCLUDER,
    OCCLUDED_SCORE,
    OUTSIDE,
    PROP_OCCLUDER,
    Annotation,
)
from poseflow.synthetic.body import POINT, POINTS, point_indices
from poseflow.synthetic.camera import Camera
from poseflow.synthetic.config import SceneConfig, preset
from poseflow.synthetic.gait import body_points
from poseflow.synthetic.painting.renderer import Renderer
from poseflow.synthetic.props import Prop, place_props

# Frames whose bodies are computed together. Chunks start at multiples of it, whatever
# frame is asked for first, so that results cannot depend on the order of access.
_CHUNK = 32
_CHUNKS_KEPT = 4


class Scene:
    """A scene: frames on demand, the same for the same seed in any order.

    Iterating yields `Frame`s with images and true poses and holds no more than one
    image at a time; `render` and `annotation` give any frame at once.

    Attributes:
        config: Parameters of the scene.
        seed: Seed of all random numbers.
        skeleton: The joints of the ground truth.
        actors: The people, by track id from 1.
        props: The objects that occlude people, farthest first.

    Examples:
        >>> scene = Scene(SceneConfig(frames=3, people=2, size=(320, 180)), seed=1)
        >>> scene
        <Scene 'street' seed 1: 3 frames of 320 x 180 at 25 fps, 2 people>
        >>> [frame.image.shape for frame in scene]
        [(180, 320, 3), (180, 320, 3), (180, 320, 3)]
        >>> scene.truth()
        <PoseSequence 'street-1': 3 frames, ... poses, ... ids, coco17>
    """

    def __init__(
        self,
        config: SceneConfig | None = None,
        seed: int = 0,
        skeleton: Skeleton | str = "coco17",
    ) -> None:
        self.config = config or SceneConfig()
        self.seed = seed
        self.skeleton = get(skeleton) if isinstance(skeleton, str) else skeleton
        self._joints = point_indices(self.skeleton)
        if all(joint is None for joint in self._joints):
            raise PoseFlowError(
                f"skeleton {self.skeleton.name!r} has no joint that a synthetic person "
                f"has; known points are {', '.join(POINTS)}"
            )
        self.camera = Camera(
            self.config.size,
            self.config.camera_height,
            self.config.camera_pitch,
            self.config.focal,
            self.config.motion,
            seed,
        )
        self.actors = make_actors(self.config, self.camera, seed)
        self.props = place_props(self.config, self.camera, seed)
        self._chunks: OrderedDict[int, list[Annotation]] = OrderedDict()

    @property
    def name(self) -> str:
        """Name and seed, such as `street-3`."""
        return f"{self.config.name}-{self.seed}"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.config.size

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.config.fps

    def __len__(self) -> int:
        """Number of frames."""
        return self.config.frames

    def __iter__(self) -> Iterator[Frame]:
        """Frames with images and ground truth, one at a time."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Frame:
        """One frame with image and ground truth."""
        index = self._checked(index)
        return self._frame(index, self.render(index))

    def truth(self, *, hidden: bool = False) -> PoseSequence:
        """Ground truth of all frames, without images.

        Args:
            hidden: Keep people with a visible fraction below `MIN_VISIBLE`.
        """
        frames = tuple(self._frame(k, None, hidden) for k in range(len(self)))
        return PoseSequence(frames, self.skeleton, self.name, self.size, self.fps)

    def render(self, index: int) -> Image:
        """The image of one frame, `(H, W, 3)` uint8 BGR."""
        index = self._checked(index)
        return self._renderer.image(index, self.annotation(index))

    def labels(self, index: int) -> npt.NDArray[np.int32]:
        """Track id of the person visible at each pixel, `(H, W)`; 0 for none."""
        index = self._checked(index)
        return self._renderer.labels(index, self.annotation(index))

    def annotation(self, index: int) -> Annotation:
        """Ground truth of one frame."""
        index = self._checked(index)
        number, place = divmod(index, _CHUNK)
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._compute(number)
            self._chunks[number] = chunk
            while len(self._chunks) > _CHUNKS_KEPT:
                self._chunks.popitem(last=False)
        return chunk[place]

    def time(self, index: int) -> float:
        """Seconds since the start at a frame."""
        return index / self.config.fps

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self.config, self.camera, self.actors, self.props, self.seed)

    def _checked(self, index: int) -> int:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"frame {index} of {count}")
        return index % count

    def _frame(self, index: int, image: Image | None, hidden: bool = False) -> Frame:
        annotation = self.annotation(index)
        poses = annotation.poses
        if not hidden:
            poses = poses[annotation.visible_fractions >= MIN_VISIBLE]
        return Frame(index, self.time(index), poses, image, f"{index:06d}.jpg")

    @cached_property
    def _masks(self) -> list[tuple[Prop, Image]]:
        return [(prop, prop.mask(self.camera)) for prop in self.props]

    def _compute(self, number: int) -> list[Annotation]:
        """Annotations of the frames of one chunk."""
        first = number * _CHUNK
        frames = np.arange(first, first + _CHUNK)
        times = frames / self.config.fps
        views = self.camera.views(times)
        present = [a for a in self.actors if a.begin < times[-1] and a.end > times[0]]
        shape = (len(present), _CHUNK, len(POINTS))
        world = np.zeros((*shape, 3))
        for k, actor in enumerate(present):
            world[k] = body_points(actor.body, actor.route, actor.manner, times)
        base, depths = self.camera.project(world)
        pixels = np.einsum("tij,atkj->atki", views[:, :, :2], base)
        pixels += views[None, :, None, :, 2]

        width, height = self.size
        heights = np.array([actor.body.height for actor in present])
        ids = np.array([actor.track_id for actor in present], np.int64)
        girths = np.array([actor.body.girth for actor in present])
        zoom = np.hypot(views[:, 0, 0], views[:, 1, 0])
        scale = self.camera.pixels * zoom[None, :, None] / np.maximum(depths, 0.1)
        reach = occlusion.point_radii() * heights[:, None, None] * scale
        low = (pixels - reach[..., None]).min(axis=2)
        high = (pixels + reach[..., None]).max(axis=2)
        boxes = np.concatenate([low, high], axis=2)
        begin = np.array([actor.begin for actor in present])[:, None]
        end = np.array([actor.end for actor in present])[:, None]
        on = (times >= begin) & (times <= end) & (depths.min(axis=2) > 0.5)
        inside = ((pixels >= 0).all(-1) & (pixels[..., 0] < width)) & (
            pixels[..., 1] < height
        )
        on &= inside.any(axis=2)

        distance = world[:, :, POINT["pelvis"], 2]
        occluders = np.zeros(shape, np.int64)
        radii = (occlusion.SEGMENT_RADIUS * (heights * girths)[:, None, None]) * scale[
            :, :, occlusion.SEGMENT_A
        ]
        a, t = np.nonzero(on)
        own = occlusion.hidden_by_self(pixels[a, t], depths[a, t], radii[a, t])
        occluders[a, t] = np.where(own, ids[a, None], 0)
        self._hide_by_others(occluders, pixels, distance, boxes, on, radii, ids)
        self._hide_by_props(occluders, base, world, on)
        people = {
            "pixels": pixels,
            "world": world,
            "occluders": occluders,
            "inside": inside,
            "boxes": boxes,
            "reach": reach,
        }
        return [
            self._annotate(
                {k: v[on[:, t], t] for k, v in people.items()}, ids[on[:, t]]
            )
            for t in range(_CHUNK)
        ]

    @staticmethod
    def _hide_by_others(
        occluders: Ints,
        pixels: Floats,
        distance: Floats,
        boxes: Floats,
        on: Bools,
        radii: Floats,
        ids: Ints,
    ) -> None:
        """Mark joints behind other people, with the id of the nearest to the camera."""
        meet = (
            (boxes[:, None, :, :2] < boxes[None, :, :, 2:]).all(-1)
            & (boxes[None, :, :, :2] < boxes[:, None, :, 2:]).all(-1)
            & (distance[:, None] > distance[None])
            & on[:, None]
            & on[None]
        )
        behind, front, t = np.nonzero(meet)
        if len(t) == 0:
            return
        covered = occlusion.hidden_by_other(
            pixels[behind, t], pixels[front, t], radii[front, t]
        )
        # Farthest first, so that the nearest person overwrites the others.
        for k in np.argsort(-distance[front, t], kind="stable"):
            occluders[behind[k], t[k], covered[k]] = ids[front[k]]

    def _hide_by_props(
        self,
        occluders: Ints,
        base: Floats,
        world: Floats,
        on: Bools,
    ) -> None:
        """Mark joints behind props."""
        mx, my = self.camera.margin
        z = world[:, :, POINT["pelvis"], 2]
        for prop, mask in self._masks:
            a, t = np.nonzero(on & (z > prop.z))
            if len(a) == 0:
                continue
            place = np.round(base[a, t] + [mx, my]).astype(int)
            x = np.clip(place[..., 0], 0, mask.shape[1] - 1)
            y = np.clip(place[..., 1], 0, mask.shape[0] - 1)
            occluders[a, t] = np.where(mask[y, x] > 127, PROP_OCCLUDER, occluders[a, t])

    def _annotate(self, people: dict[str, Any], ids: Ints) -> Annotation:
        """The annotation of one frame, from the arrays of its people."""
        count = len(ids)
        pixels, inside = people["pixels"], people["inside"]
        occluders = people["occluders"]
        known = np.array([j is not None for j in self._joints])
        joints = np.array([j or 0 for j in self._joints])
        seen = inside & (occluders == 0)
        visibility = np.where(inside, np.where(occluders == 0, 2, 1), 0)
        visibility = np.where(known, visibility[:, joints], OUTSIDE).astype(np.int8)
        scores = np.choose(visibility, [0.0, OCCLUDED_SCORE, 1.0])
        size = np.array([*self.size, *self.size], float)
        clipped = np.clip(people["boxes"], 0, size)
        poses = Poses(
            np.where(visibility[..., None] > 0, pixels[:, joints], 0),
            scores,
            clipped,
            np.ones(count),
            ids,
            self.skeleton,
        )
        foreign = (occluders != 0) & (occluders != ids[:, None])
        core = joints[known]
        fractions = (inside & ~foreign)[:, core].mean(axis=1)
        reach = people["reach"][..., None]
        low = np.where(seen[..., None], pixels - reach, np.inf).min(axis=1)
        high = np.where(seen[..., None], pixels + reach, -np.inf).max(axis=1)
        visible = np.clip(np.concatenate([low, high], axis=1), 0, size)
        visible[~seen.any(axis=1)] = 0
        head = [POINT["head"], POINT["head_top"], POINT["nose"]]
        head_low = (pixels - reach)[:, head].min(axis=1)
        head_high = (pixels + reach)[:, head].max(axis=1)
        return Annotation(
            poses,
            visibility,
            np.where(known, occluders[:, joints], NO_OCCLUDER),
            people["boxes"],
            visible,
            np.concatenate([head_low, head_high], axis=1),
            people["world"][:, POINT["pelvis"], 2],
            fractions,
            pixels,
            people["world"],
        )

    def __repr__(self) -> str:
        width, height = self.size
        return (
            f"<Scene {self.config.name!r} seed {self.seed}: {len(self)} frames of "
            f"{width} x {height} at {self.fps:g} fps, {len(self.actors)} people>"
        )


def make_scene(
    scene: str | SceneConfig = "street",
    *,
    seed: int = 0,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    people: int | None = None,
    skeleton: Skeleton | str = "coco17",
) -> Scene:
    """A scene by the name of its suite, or from a `SceneConfig`.

    Args:
        scene: One of `synthetic.PRESETS`, or a `SceneConfig`.
        seed: Seed of all random numbers.
        frames: Number of frames.
        size: Width and height in pixels.
        fps: Frames per second.
        people: Number of people at a time.
        skeleton: The joints of the ground truth.

    Raises:
        PoseFlowError: If there is no such suite or a value is out of range.

    Examples:
        >>> make_scene("wall", seed=3, frames=100)
        <Scene 'wall' seed 3: 100 frames of 1280 x 720 at 25 fps, ... people>
    """
    config = preset(scene) if isinstance(scene, str) else scene
    wanted = {"frames": frames, "size": size, "fps": fps, "people": people}
    changes: dict[str, Any] = {k: v for k, v in wanted.items() if v is not None}
    return Scene(replace(config, **changes), seed, skeleton)
