"""Synthetic animals seen from above: mice that touch and turn, fish that school.

Unlike the people of `poseflow.synthetic.scene` they have no upright direction, few
joints, and change direction within a few frames. Ground truth only, without images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeletons.skeleton import Skeleton
from poseflow.synthetic.annotation import OCCLUDED_SCORE
from poseflow.validation import check_options, option

STEPS_PER_SECOND = 60
"""Rate of the simulation; the motion does not depend on the frame rate."""

WALL_LENGTHS = 0.8
"""Distance from the wall, in body lengths, at which an animal turns back."""

OCCLUDING_WIDTH = 0.13
"""Half width of a body, in lengths: joints of lower animals within it are occluded."""


@dataclass(frozen=True)
class AnimalConfig:
    """Parameters of animals in an arena; with a seed they give the ground truth.

    Attributes:
        name: Name in results.
        animals: Number of animals; all are there in every frame.
        spine: Names of the joints along the body, head to tail.
        paired: Joint pairs `left_*` and `right_*` beside the second joint of the spine.
        frames: Number of frames.
        fps: Frames per second.
        size: Width and height of the arena in pixels.
        length: Body length in pixels.
        speed: Usual speed in lengths per second.
        turning: Standard deviation of the rate of turning, radians per second.
        pausing: Share of the time that an animal does not move on.
        contact: Share of the time that an animal seeks another one.
        distance: Distance that bodies keep, in lengths between their middles.
        schooling: How strongly animals align with their neighbours, in [0, 1].
    """

    name: str = "mice"
    animals: int = option(4, low=1)
    spine: tuple[str, ...] = ("nose", "neck", "tail_base")
    paired: tuple[str, ...] = ("ear",)
    frames: int = option(300, low=0)
    fps: float = option(25.0, low=0.01)
    size: tuple[int, int] = option((800, 600), low=32)
    length: float = option(90.0, low=1)
    speed: float = option(2.0, low=0)
    turning: float = option(2.5, low=0)
    pausing: float = option(0.35, low=0, high=1)
    contact: float = option(0.4, low=0, high=1)
    distance: float = option(0.35, low=0)
    schooling: float = option(0.0, low=0, high=1)

    def __post_init__(self) -> None:
        """Check types and ranges."""
        check_options(self)
        if len(self.spine) < 2:
            raise PoseFlowError(
                f"spine: expected at least two joints, got {len(self.spine)}"
            )

    @property
    def skeleton(self) -> Skeleton:
        """The joints of these animals."""
        sides = [f"{s}_{name}" for name in self.paired for s in ("left", "right")]
        limbs = list(zip(self.spine[:-1], self.spine[1:], strict=True))
        limbs += [(self.spine[1], side) for side in sides]
        return Skeleton(self.name, (*self.spine, *sides), tuple(limbs))


ANIMALS = {
    config.name: config
    for config in (
        AnimalConfig(),
        AnimalConfig(
            "fish",
            animals=8,
            spine=("snout", "gills", "back", "tail_base", "tail_fin"),
            paired=("eye", "fin"),
            size=(1280, 720),
            length=80.0,
            speed=3.0,
            turning=1.8,
            pausing=0.05,
            contact=0.15,
            distance=0.0,
            schooling=0.4,
        ),
    )
}
"""Animal suites by name."""


def make_animals(
    animals: str | AnimalConfig, seed: int = 0, frames: int | None = None
) -> PoseSequence:
    """Ground truth of animals in an arena, as seen from above.

    Args:
        animals: Name of a suite, or parameters.
        seed: Seed of all random numbers.
        frames: Number of frames; default that of the suite.

    Returns:
        The poses of all frames with ids from 1; joints below another animal have the
        score of occluded ones.

    Examples:
        >>> make_animals("fish", seed=1, frames=20)
        <PoseSequence 'fish-1': 20 frames, 160 poses, 8 ids, fish>
    """
    if isinstance(animals, str):
        if animals not in ANIMALS:
            raise PoseFlowError(
                f"unknown animals {animals!r}; there are {', '.join(ANIMALS)}, or pass "
                "an AnimalConfig"
            )
        animals = ANIMALS[animals]
    config = animals if frames is None else replace(animals, frames=frames)
    skeleton = config.skeleton
    points = _joints(config, *_routes(config, seed))
    shown = _visible(points, config)
    ids = np.arange(1, config.animals + 1)
    return PoseSequence(
        tuple(
            Frame(
                number,
                number / config.fps,
                Poses(
                    points[number],
                    np.where(shown[number], 1.0, OCCLUDED_SCORE),
                    track_ids=ids,
                    skeleton=skeleton,
                ),
                None,
                f"{number:06d}.jpg",
            )
            for number in range(config.frames)
        ),
        skeleton,
        f"{config.name}-{seed}",
        config.size,
        config.fps,
    )


def _routes(config: AnimalConfig, seed: int) -> tuple[Floats, Floats, Floats]:
    """Places, headings and bends of all animals at the frames.

    Returns:
        `(T, N, 2)` middles in pixels, `(T, N)` radians, and `(T, N)` radians between
        head and tail.
    """
    rng = np.random.default_rng((seed, 31))
    count, step = config.animals, 1 / STEPS_PER_SECOND
    size = np.array(config.size, np.float64)
    place: Floats = rng.uniform(0.2, 0.8, (count, 2)) * size
    heading = rng.uniform(-np.pi, np.pi, count)
    rate, bend = np.zeros(count), np.zeros(count)
    pace = np.full(count, config.speed)
    mode = np.zeros(count, np.int64)  # 0 wanders, 1 pauses, 2 seeks another animal
    partner = np.zeros(count, np.int64)
    left = np.zeros(count)  # seconds until the next mode
    wander = 1 - config.pausing - config.contact
    chances = np.maximum([wander, config.pausing, config.contact], 0)
    chances = chances / chances.sum()
    times = np.arange(config.frames) / config.fps
    steps = np.round(times * STEPS_PER_SECOND).astype(np.int64)
    out = []
    at = 0
    for wanted in steps.tolist():
        while at <= wanted:
            left -= step
            for k in np.flatnonzero(left <= 0).tolist():
                mode[k] = rng.choice(3, p=chances)
                partner[k] = rng.integers(count)
                left[k] = rng.exponential(1.5) + 0.2
                if mode[k] == 1 and rng.random() < 0.4:  # turn on the spot
                    rate[k] += rng.choice([-1, 1]) * 6.0
            target = np.where(mode == 1, 0.02, config.speed) * config.length
            pace += (target - pace) * min(4 * step, 1) + rng.normal(
                0, 0.6 * config.speed * config.length * np.sqrt(step), count
            ) * (mode != 1)
            pace = np.clip(pace, 0, 2.5 * config.speed * config.length)
            rate += -rate * 3 * step + rng.normal(
                0, config.turning * np.sqrt(6 * step), count
            )
            wish = _wishes(config, place, heading, mode, partner)
            heading = heading + (rate + wish) * step
            bend += (np.clip(0.18 * (rate + wish), -1.6, 1.6) - bend) * 8 * step
            ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
            place = place + ahead * (pace * step)[:, None]
            place = _apart(config, place, step)
            place = np.clip(place, 0.3 * config.length, size - 0.3 * config.length)
            at += 1
        out.append((place.copy(), heading.copy(), bend.copy()))
    if not out:
        return np.zeros((0, count, 2)), np.zeros((0, count)), np.zeros((0, count))
    places, headings, bends = (np.stack(part) for part in zip(*out, strict=True))
    return places, headings, bends


def _wishes(
    config: AnimalConfig, place: Floats, heading: Floats, mode: Ints, partner: Ints
) -> Floats:
    """Rate of turning towards walls' inside, partners and neighbours, `(N,)`."""
    size = np.array(config.size)
    margin = WALL_LENGTHS * config.length
    inward = (place < margin).astype(float) - (place > size - margin)
    wish = np.zeros(len(place))
    near_wall = inward.any(axis=1)
    wish += near_wall * 5 * _turn(heading, inward)
    seeking = (mode == 2) & ~near_wall
    wish += seeking * 4 * _turn(heading, place[partner] - place)
    if config.schooling:
        apart = np.linalg.norm(place[:, None] - place[None], axis=-1)
        near = apart < 3 * config.length
        mean = np.stack(
            [(near * np.cos(heading)).sum(1), (near * np.sin(heading)).sum(1)], axis=1
        )
        wish += config.schooling * 4 * _turn(heading, mean)
    return wish


def _turn(heading: Floats, towards: Floats) -> Floats:
    """Sine of half the angle from headings to directions, `(N,)`; 0 without one."""
    angle = np.arctan2(towards[:, 1], towards[:, 0]) - heading
    wrapped = (angle + np.pi) % (2 * np.pi) - np.pi
    turn: Floats = np.where(towards.any(axis=1), np.sin(wrapped / 2), 0.0)
    return turn


def _apart(config: AnimalConfig, place: Floats, step: float) -> Floats:
    """Push bodies apart that are nearer than `distance`."""
    if not config.distance:
        return place
    least = config.distance * config.length
    away = place[:, None] - place[None]
    apart = np.linalg.norm(away, axis=-1) + np.eye(len(place)) * 1e9
    push = np.maximum(least - apart, 0) / np.maximum(apart, 1e-6)
    moved: Floats = place + (away * push[..., None]).sum(axis=1) * min(6 * step, 1)
    return moved


def _joints(
    config: AnimalConfig, place: Floats, heading: Floats, bend: Floats
) -> Floats:
    """Joints of bodies that are arcs of a circle, `(T, N, K, 2)` pixels."""
    along = np.linspace(0.5, -0.5, len(config.spine))  # head first, in lengths
    arc = np.linspace(0.5, -0.5, 41)
    angle = heading[..., None] + bend[..., None] * arc
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    # Places along the arc by integration from the head backwards, middle at 0.
    steps = (unit[..., 1:, :] + unit[..., :-1, :]) / 2 * (-np.diff(arc))[:, None]
    back = np.concatenate(
        [np.zeros((*steps.shape[:-2], 1, 2)), np.cumsum(steps, axis=-2)], axis=-2
    )
    back -= back[..., 20:21, :]
    index = np.round((0.5 - along) * 40).astype(np.int64)
    points = [place[..., None, :] - config.length * back[..., index, :]]
    at = index[1]
    normal = np.stack([np.sin(angle[..., at]), -np.cos(angle[..., at])], axis=-1)
    for number, _ in enumerate(config.paired):
        shift = back[..., at, :] + unit[..., at, :] * (0.1 * number - 0.05)
        for side in (1, -1):
            offset = -shift + 0.12 * side * normal
            points.append((place + config.length * offset)[..., None, :])
    return np.concatenate(points, axis=-2)


def _visible(points: Floats, config: AnimalConfig) -> Bools:
    """Joints not below the body of an animal with a higher id, `(T, N, K)`."""
    count = points.shape[1]
    spine = points[:, :, : len(config.spine)]
    start, end = spine[:, :, :-1], spine[:, :, 1:]
    shown = np.ones(points.shape[:3], np.bool_)
    for lower in range(count):
        for upper in range(lower + 1, count):
            joint = points[:, lower, :, None]
            a, b = start[:, upper, None], end[:, upper, None]
            span = b - a
            share = ((joint - a) * span).sum(-1) / np.maximum((span**2).sum(-1), 1e-9)
            nearest = a + np.clip(share, 0, 1)[..., None] * span
            distance = np.linalg.norm(joint - nearest, axis=-1).min(axis=-1)
            shown[:, lower] &= distance > OCCLUDING_WIDTH * config.length
    return shown
