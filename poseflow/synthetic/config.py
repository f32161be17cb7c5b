"""`SceneConfig`: parameters of a synthetic scene, and the named suites."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from poseflow.errors import PoseFlowError
from poseflow.synthetic.camera import CameraPath
from poseflow.validation import check_options, option

PLOTS = ("street", "dance", "wall", "reenter")


@dataclass(frozen=True)
class SceneConfig:
    """Parameters of a scene; with a seed they give the scene.

    Attributes:
        name: Name in results.
        plot: Behaviour of the people: `street` (walk, cross, stop, in groups), `dance`,
            `wall` (pass behind a wall) or `reenter` (leave and come back with the same
            identity).
        frames: Number of frames, N.
        size: Width and height in pixels.
        fps: Frames per second; the motion does not depend on it.
        people: Number of people at a time, approximately; 0 is allowed.
        motion: Motion of the camera.
        noise: Preset of `NoiseModel` for the suite.
        hidden_frames: Shortest and longest time behind the wall (plot `wall`).
        motion_blur: Exposure as a fraction of the frame's duration.
        sensor_noise: Standard deviation in grey levels.
        exposure: Largest drift of brightness, as a fraction.
        props: Whether there are trees, lamp posts and cars, which occlude people.
        light: Colour of the light: gains of blue, green and red.
        camera_height: Metres above the ground.
        camera_pitch: Tilt of the camera in radians below the horizontal.
        focal: Focal length as a fraction of the image's width.
    """

    name: str = "street"
    plot: str = option("street", choices=PLOTS)
    frames: int = option(250, low=0)
    size: tuple[int, int] = option((1280, 720), low=32)
    fps: float = option(25.0, low=0.01)
    people: int = option(7, low=0)
    motion: CameraPath = field(default_factory=CameraPath)
    noise: str = "detector"
    hidden_frames: tuple[int, int] = option((20, 60), low=1)
    motion_blur: float = option(0.0, low=0)
    sensor_noise: float = option(2.0, low=0)
    exposure: float = option(0.03, low=0)
    props: bool = True
    light: tuple[float, float, float] = option((1.0, 1.0, 1.0), low=0)
    camera_height: float = option(2.25, low=0.3)
    camera_pitch: float = option(0.105, low=-0.2, high=0.8)
    focal: float = option(0.86, low=0.2)

    def __post_init__(self) -> None:
        """Check types and ranges."""
        check_options(self)
        low, high = self.hidden_frames
        if low > high:
            raise PoseFlowError(
                f"hidden_frames: expected shortest <= longest, got {(low, high)}"
            )


PRESETS = {
    config.name: config
    for config in (
        SceneConfig("street"),
        SceneConfig("crowd", people=24),
        SceneConfig("dance", plot="dance", people=6, props=False),
        SceneConfig(
            "camera_motion",
            motion=CameraPath(0.22, 0.03, 0.25, 0.02, 0.004, period=9.0),
            motion_blur=0.5,
            people=8,
        ),
        SceneConfig("wall", plot="wall", people=6, props=False),
        SceneConfig("low_fps", fps=5.0, frames=120),
        SceneConfig("noisy", noise="noisy", sensor_noise=6.0),
        SceneConfig("leave_and_reenter", plot="reenter", people=5, frames=400),
    )
}
"""The suites by name."""


def preset(name: str) -> SceneConfig:
    """The suite of that name.

    Raises:
        PoseFlowError: If there is none.
    """
    if name not in PRESETS:
        raise PoseFlowError(
            f"unknown scene {name!r}; there are {', '.join(PRESETS)}, or pass a "
            "SceneConfig"
        )
    return replace(PRESETS[name])


def random_config(
    seed: int, *, frames: int = 1, size: tuple[int, int] = (1280, 720)
) -> SceneConfig:
    """A random configuration, for training data.

    Plot, number of people, camera (height, pitch, focal length), light, sharpness and
    sensor noise vary with the seed.

    Examples:
        >>> random_config(1).name, random_config(1) == random_config(2)
        ('random', False)
    """
    rng = np.random.default_rng((seed, 61))
    plot = str(rng.choice(PLOTS, p=[0.6, 0.2, 0.1, 0.1]))
    motion = CameraPath()
    if rng.random() < 0.3:
        motion = CameraPath(0.15, 0.03, float(rng.uniform(0, 0.6)), 0.03, 0.004)
    bright = rng.uniform(0.55, 1.15)
    warm = rng.uniform(-0.12, 0.12)
    height = float(rng.choice([rng.uniform(1.1, 2.0), rng.uniform(2.0, 4.5)]))
    # Aim at the middle of people about eight metres away.
    pitch = float(np.arctan((height - 0.9) / 8) + rng.uniform(-0.06, 0.06))
    gains = bright * np.array([1 - warm, 1.0, 1 + warm])
    return SceneConfig(
        "random",
        plot,
        frames,
        size,
        people=int(np.round(rng.gamma(2.0, 3.5))),
        motion=motion,
        motion_blur=float(rng.choice([0.0, 0.5])),
        sensor_noise=float(rng.uniform(0, 8)),
        props=bool(rng.random() < 0.7) and plot != "dance",
        light=(float(gains[0]), float(gains[1]), float(gains[2])),
        camera_height=height,
        camera_pitch=pitch,
        focal=float(rng.uniform(0.65, 1.25)),
    )
