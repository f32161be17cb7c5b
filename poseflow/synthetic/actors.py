"""Actors of a scene: bodies, routes and times of its people, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from poseflow.synthetic.body import Body, sample_body
from poseflow.synthetic.camera import Camera
from poseflow.synthetic.config import SceneConfig
from poseflow.synthetic.gait import Manner
from poseflow.synthetic.routes import PADDING, Go, Route, Stay, plan

NEAR, FAR = 5.2, 12.5
"""Distances in metres from the camera between which people walk."""

WALL_Z = 4.8
"""Distance of the wall in the plot `wall`."""

TOO_CLOSE = 0.55
"""Distance in metres between two people below which planning avoids to go."""

Legs = list[Go | Stay]
Party = list[tuple[tuple[float, float], Legs, Body, Manner, float]]


@dataclass(frozen=True)
class Actor:
    """One person of a scene.

    Attributes:
        track_id: Identity from 1, in order of entry.
        body: Proportions.
        route: Path over the ground.
        manner: Gestures on the way.
        begin: Time of entry in seconds.
        end: Time of the final exit in seconds.
        appearance_seed: Seed of clothes, hair and face.
    """

    track_id: int
    body: Body
    route: Route
    manner: Manner
    begin: float
    end: float
    appearance_seed: int


def make_actors(config: SceneConfig, camera: Camera, seed: int) -> tuple[Actor, ...]:
    """All actors of a scene, ordered by track id."""
    rng = np.random.default_rng((seed, 1))
    duration = config.frames / config.fps
    if config.plot == "dance":
        people = [_stage(p, rng, 0.0) for p in _dancers(config, camera, rng)]
    elif config.plot == "reenter":
        people = []
        for k in range(config.people):
            propose = partial(_returning, camera, rng, duration, k)
            people += _best(rng, people, propose, 0.0)
    else:
        people = _passers_by(config, camera, rng, duration)
    people.sort(key=lambda p: (max(p.begin, 0.0), p.appearance_seed))
    return tuple(replace(p, track_id=k + 1) for k, p in enumerate(people))


def _passers_by(
    config: SceneConfig, camera: Camera, rng: np.random.Generator, duration: float
) -> list[Actor]:
    """People who cross the scene; a new person follows each that leaves."""
    people: list[Actor] = []
    places = [0.0] * config.people
    while places:
        places.sort()
        now = places[0]
        if now >= duration:
            break
        free = sum(place <= now for place in places)
        group = min(int(rng.choice([1, 2, 3], p=[0.7, 0.22, 0.08])), free)
        if config.plot == "wall":
            group = 1

        if config.plot == "wall":
            propose = partial(_behind_wall, config, camera, rng)
        else:
            propose = partial(_walkers, camera, rng, group)
        party = _best(rng, people, propose, now, early=now <= 0)
        people += party
        for k, person in enumerate(party):
            places[k] = person.end + rng.exponential(1.0)
    return people


def _best(
    rng: np.random.Generator,
    people: list[Actor],
    propose: Callable[[], Party],
    now: float,
    early: bool = False,
    tries: int = 10,
) -> list[Actor]:
    """The one of several proposals with the least contact with other people."""
    people = [person for person in people if person.end > now]
    best: list[Actor] = []
    least = np.inf
    for _ in range(tries):
        party = propose()
        # At the start people are already on their way.
        fraction = rng.uniform(0.05, 0.7) if early else 0.0
        staged = [_stage(member, rng, now, fraction) for member in party]
        cost = sum(_contact(member, other) for member in staged for other in people)
        if cost < least:
            best, least = staged, cost
        if cost == 0:
            break
    return best


def _stage(
    member: tuple[tuple[float, float], Legs, Body, Manner, float],
    rng: np.random.Generator,
    now: float,
    fraction: float = 0.0,
) -> Actor:
    """Give one member of a party its route; `fraction` of it lies before `now`."""
    start, legs, body, manner, tempo = member
    phase = float(rng.random())
    route = plan(start, legs, 0.0, body.height, tempo, phase)
    length = route.end - route.begin - 2 * PADDING
    begin = now - fraction * length
    route = replace(route, begin=route.begin + begin)
    appearance = int(rng.integers(2**31))
    return Actor(0, body, route, manner, begin, begin + length, appearance)


def _contact(a: Actor, b: Actor) -> float:
    """Seconds for which two people come too close to each other."""
    begin, end = max(a.begin, b.begin, 0.0), min(a.end, b.end)
    if begin >= end:
        return 0.0
    times = np.arange(begin, end, 0.2)
    dx = a.route.at(a.route.x, times) - b.route.at(b.route.x, times)
    dz = a.route.at(a.route.z, times) - b.route.at(b.route.z, times)
    return float((np.hypot(dx, dz) < TOO_CLOSE).sum() * 0.2)


def _manner(rng: np.random.Generator, **changes: float) -> Manner:
    """Random gestures of a person."""
    a, b, c = rng.uniform(0, 2 * np.pi, 3)
    phone = float(rng.random() < 0.08)
    wave = float(rng.random() < 0.06)
    side = 1 if rng.random() < 0.5 else -1
    base = Manner(0.0, wave, side, phone * (1 - wave), (a, b, c))
    return replace(base, **changes)  # type: ignore[arg-type]


def _depth(rng: np.random.Generator) -> float:
    """A distance from the camera; the nearer half of the street is busier."""
    return float(NEAR + (FAR - NEAR) * rng.beta(1.1, 1.5))


def _walkers(camera: Camera, rng: np.random.Generator, group: int) -> Party:
    """One to three people who walk together."""
    side = float(rng.choice([-1, 1]))
    z = _depth(rng)
    bodies = [sample_body(rng) for _ in range(group)]
    speed = min(body.walk_speed for body in bodies)
    start = (side * (camera.half_width(z) + 0.9), z)
    course = rng.random()
    legs: Legs
    if course < 0.5:
        # Straight across.
        z2 = float(np.clip(z + rng.normal(0, 0.7), NEAR, FAR))
        legs = [Go(-side * (camera.half_width(z2) + 0.9), z2, speed)]
    elif course < 0.75:
        # In from afar and towards the camera, or the other way round.
        z1, z2 = float(rng.uniform(10, FAR)), float(rng.uniform(NEAR, 7.2))
        if rng.random() < 0.5:
            z1, z2 = z2, z1
        edge1, edge2 = camera.half_width(z1), camera.half_width(z2)
        x1 = float(rng.uniform(-0.35, 0.75) * edge1)
        x2 = float(rng.uniform(-0.6, 0.5) * edge2)
        end = -1.0 if rng.random() < 0.7 else 1.0
        start = (side * (edge1 + 0.9), z1)
        legs = [
            Go(side * x1, z1, speed),
            Go(side * x2, z2, speed),
            Go(side * end * (edge2 + 0.9), z2, speed),
        ]
    elif course < 0.9:
        # Stop, glance around, then go on.
        x = float(rng.uniform(-0.6, 0.6) * camera.half_width(z))
        face = float(rng.choice([0.0, np.pi, side * 0.6, -side * 1.2]))
        stay = Stay(float(rng.uniform(1.5, 4.5)), face, float(rng.uniform(0, 0.25)))
        legs = [
            Go(x, z, speed),
            stay,
            Go(-side * (camera.half_width(z) + 0.9), z, speed),
        ]
    else:
        # Turn back half way.
        x = float(rng.uniform(-0.4, 0.4) * camera.half_width(z))
        z2 = float(np.clip(z + rng.choice([-0.9, 0.9]), NEAR, FAR))
        legs = [
            Go(x, z, speed),
            Go(x, z2, speed),
            Go(side * (camera.half_width(z2) + 0.9), z2, speed),
        ]
    party: Party = []
    for k, body in enumerate(bodies):
        dx, dz = (0.15 * k, 0.68 * k) if course < 0.5 else (0.68 * k, 0.3 * k)
        shifted: Legs = [
            replace(leg, x=leg.x + dx, z=leg.z + dz) if isinstance(leg, Go) else leg
            for leg in legs
        ]
        where = (start[0] + dx, start[1] + dz)
        party.append((where, shifted, body, _manner(rng), 0.0))
    return party


def wall_width(config: SceneConfig) -> float:
    """Width of the wall in metres: about 40 frames of a brisk walk, and a body."""
    seconds = float(np.mean(config.hidden_frames)) / config.fps
    return float(np.clip(0.85 * seconds, 0.4, 5.0)) + 0.45


def _behind_wall(
    config: SceneConfig, camera: Camera, rng: np.random.Generator
) -> Party:
    """A walk behind the wall, at a speed that gives the wanted time of occlusion."""
    side = float(rng.choice([-1, 1]))
    body = sample_body(rng)
    z = float(rng.uniform(WALL_Z + 1.2, WALL_Z + 4.5))
    # Along the line of sight the wall covers more ground farther away.
    hidden = wall_width(config) * z / WALL_Z - 0.55
    low, high = config.hidden_frames
    margin = (high - low) * 0.15
    seconds = rng.uniform(low, high - 2 * margin) / config.fps
    speed = float(np.clip(hidden / seconds, 0.6, 2.0))
    edge = camera.half_width(z) + 0.9
    legs: Legs = [Go(-side * edge, z, speed)]
    return [((side * edge, z), legs, body, _manner(rng, wave=0.0), 0.0)]


def _returning(
    camera: Camera, rng: np.random.Generator, duration: float, number: int
) -> Party:
    """In and out of the image, again and again, until the scene is over."""
    body = sample_body(rng)
    side = float(rng.choice([-1, 1]))
    z = NEAR + 0.4 + (number % 7) * 0.95 + float(rng.uniform(-0.2, 0.2))
    x = side * (camera.half_width(z) + 0.9 if rng.random() < 0.4 else 1.0)
    start = (float(x), z)
    legs: Legs = []
    total = 0.0
    while total < duration + 2:
        speed = body.walk_speed * float(rng.uniform(0.9, 1.1))
        inside = float(rng.uniform(-0.6, 0.6)) * camera.half_width(z)
        side = side if rng.random() < 0.4 else -side
        out = side * (camera.half_width(z) + 0.9)
        last = x
        if rng.random() < 0.5:
            legs.append(Go(inside, z, speed))
            total += abs(inside - last) / speed
            last = inside
        legs.append(Go(out, z, speed))
        pause = float(rng.uniform(0.6, 3.5))
        legs.append(Stay(pause))
        total += abs(out - last) / speed + pause
        x = out
    return [(start, legs, body, _manner(rng), 0.0)]


def _dancers(config: SceneConfig, camera: Camera, rng: np.random.Generator) -> Party:
    """Dancers in a formation, who dance on the spot and change places."""
    count = config.people
    rows = max(1, int(np.ceil(count / 5)))
    spots = []
    for k in range(count):
        row, column = k % rows, k // rows
        columns = int(np.ceil((count - row) / rows))
        z = 5.2 + 1.1 * row + float(rng.uniform(-0.2, 0.2))
        reach = min(camera.half_width(z) * 0.72, 0.55 * columns)
        x = 0.0 if columns == 1 else (2 * column / (columns - 1) - 1) * reach
        spots.append((x + 0.3 * (row % 2) + float(rng.uniform(-0.1, 0.1)), z))
    duration = config.frames / config.fps + 2
    programs: list[Legs] = [[] for _ in range(count)]
    order = list(range(count))
    tempo = float(rng.uniform(0.85, 1.1))
    time = 0.0
    while time < duration and count:
        hold = float(rng.uniform(2.0, 4.0))
        turn = float(rng.choice([0.0, 0.0, 0.5, -0.5, np.pi]))
        for k in range(count):
            programs[k].append(Stay(hold, turn + float(rng.normal(0, 0.15)), 0.3))
        time += hold
        a, b = rng.integers(count, size=2)
        order[a], order[b] = order[b], order[a]
        for k in range(count):
            x, z = spots[order[k]]
            swings = float(rng.uniform(-0.25, 0.25))
            programs[k].append(Go(x + swings, z + swings / 2, 1.2))
        time += 0.8
    party: Party = []
    for k in range(count):
        amount = float(rng.uniform(0.75, 1.0))
        manner = _manner(rng, dance=amount, wave=0.0, phone=0.0)
        party.append((spots[k], programs[k], sample_body(rng), manner, tempo))
    return party
