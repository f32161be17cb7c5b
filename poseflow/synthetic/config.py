"""What a scene is made of, and the named suites."""

from __future__ import annotations

from dataclasses import dataclass, replace

from poseflow.errors import PoseFlowError
from poseflow.synthetic.camera import CameraMotion

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
    """

    name: str = "street"
    plot: str = "street"
    frames: int = 250
    size: tuple[int, int] = (1280, 720)
    fps: float = 25.0
    people: int = 7
    motion: CameraMotion = CameraMotion()
    noise: str = "detector"
    hidden_frames: tuple[int, int] = (20, 60)
    motion_blur: float = 0.0
    sensor_noise: float = 2.0
    exposure: float = 0.03
    props: bool = True

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
            motion=CameraMotion(0.22, 0.03, 0.25, 0.02, 0.004, period=9.0),
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
