"""What a scene is made of, and the named suites."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from poseflow.errors import PoseFlowError
from poseflow.synthetic.camera import CameraPath

PLOTS = ("street", "dance", "wall", "reenter")


@dataclass(frozen=True)
class SceneConfig:
    """A scene without its seed.

    Attributes:
        name: What results call it.
        plot: What people do: `street` (walk, cross, stop, in groups), `dance`, `wall`
            (pass behind a wall) or `reenter` (leave and come back, same identity).
        frames: Number of frames, N.
        size: Width and height in pixels.
        fps: Frames per second; the motion does not depend on it.
        people: How many are on stage at a time, about; 0 is allowed.
        motion: How the camera moves.
        noise: Preset of `NoiseModel` that suits the suite.
        hidden_frames: Shortest and longest time behind the wall (plot `wall`).
        motion_blur: Exposure as a fraction of the frame's duration.
        sensor_noise: Standard deviation in grey levels.
        exposure: Brightness drifts by up to this fraction.
        props: Whether trees, lamp posts and cars stand about.
        light: Colour of the light: gains of blue, green and red.
        camera_height: Metres above the ground.
        camera_pitch: Radians below the horizontal that the camera looks.
        focal: Focal length as a fraction of the picture's width.
    """

    name: str = "street"
    plot: str = "street"
    frames: int = 250
    size: tuple[int, int] = (1280, 720)
    fps: float = 25.0
    people: int = 7
    motion: CameraPath = field(default_factory=CameraPath)
    noise: str = "detector"
    hidden_frames: tuple[int, int] = (20, 60)
    motion_blur: float = 0.0
    sensor_noise: float = 2.0
    exposure: float = 0.03
    props: bool = True
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    camera_height: float = 2.25
    camera_pitch: float = 0.105
    focal: float = 0.86

    def __post_init__(self) -> None:
        """Refuse what cannot be filmed."""
        if self.plot not in PLOTS:
            raise PoseFlowError(
                f"plot: expected one of {', '.join(PLOTS)}, got {self.plot!r}"
            )
        if self.frames < 0 or self.people < 0:
            raise PoseFlowError(
                "frames and people must be 0 or more, got "
                f"{self.frames} and {self.people}"
            )
        if min(self.size) < 32:
            raise PoseFlowError(
                f"size: expected at least 32 x 32 pixels, got {self.size}"
            )
        if not self.fps > 0:
            raise PoseFlowError(f"fps: expected more than 0, got {self.fps}")
        if not (self.camera_height > 0.3 and self.focal > 0.2):
            raise PoseFlowError(
                "camera_height and focal: expected more than 0.3 m and 0.2 widths, got "
                f"{self.camera_height} and {self.focal}"
            )
        if not -0.2 <= self.camera_pitch <= 0.8:
            raise PoseFlowError(
                f"camera_pitch: expected -0.2 to 0.8 radians, got {self.camera_pitch}"
            )
        if min(self.light) < 0:
            raise PoseFlowError(f"light: expected gains of 0 or more, got {self.light}")
        low, high = self.hidden_frames
        if not 0 < low <= high:
            raise PoseFlowError(
                f"hidden_frames: expected 0 < shortest <= longest, got {(low, high)}"
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
    """A scene unlike the others: for training, where variety counts.

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
    # Aim at people's middles, eight metres away, more or less.
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
